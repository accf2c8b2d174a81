"""Takes a trained network out of the laboratory: programs and weights for others, measured beside the run.

It may import whatever trains, predicts and scores; the commands alone stand above it.
"""
