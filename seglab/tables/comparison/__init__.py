"""What measurements say: rows and their seeds, differences with intervals, protocols that forbid a comparison.

May import the plan.
"""
