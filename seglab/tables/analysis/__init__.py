"""What an ablation answers beyond the cells of its table: which factor matters, how sure a rank is, and so on.

May import the comparison and the plan.
"""
