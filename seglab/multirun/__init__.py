"""The jobs of a sweep: planned, claimed, started as processes of their own, continued, compared.

The parent imports no torch. May import config, display, runs and all below; the training only by its command.
"""
