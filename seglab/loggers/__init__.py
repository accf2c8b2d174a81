"""Where a run is logged to: metrics.csv, TensorBoard, Weights & Biases, by the same names.

May import runs, labels, errors and the titles of seglab.metrics.
"""
