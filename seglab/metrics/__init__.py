"""Scores: one confusion matrix is counted, every number is a reading of it."""

from seglab.metrics.confusion import ConfusionMatrix, count_pixels

__all__ = ["ConfusionMatrix", "count_pixels"]
