"""Where a run is logged to: metrics.csv, TensorBoard, Weights & Biases, by the same names.

May import runs, labels and errors.
"""
