"""What is known of a table's runs: composed configurations, finished runs, committed measurements, what is missing.

May import the comparison and the plan.
"""
