"""What a table's rows cost: measured in finished runs, or estimated from a few steps.

May import the survey and below.
"""
