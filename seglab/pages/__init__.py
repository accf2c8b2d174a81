"""Pages for a browser that need no network: their frame, style and script, charts and pictures, and the page of a run.

May import display, metrics, config, labels and runs; no torch, unless a confusion matrix lies in a checkpoint alone.
"""
