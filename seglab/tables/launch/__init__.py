"""Trains, scores and measures what a table misses, each in a process of its own.

May import the survey and below.
"""
