"""seglab: a laboratory for semantic-segmentation ablations."""

__version__ = "0.1.0"
