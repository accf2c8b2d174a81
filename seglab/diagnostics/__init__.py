"""What something costs, or what is wrong with it: networks, training steps, loaders, data sets.

May import training, data and all below; its results are tables and records, never a part of a run.
"""
