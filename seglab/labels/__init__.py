"""Label spaces: which classes a data set has, and how the values in its mask files become train ids.

A mask file holds raw values. Training, losses and metrics see train ids 0..K-1 and IGNORE_INDEX, nothing else.
Every data set with classes of its own has a file here, whose SPACES are known by their names.
"""

from seglab.labels.choose import label_space, label_space_of
from seglab.labels.cityscapes import CITYSCAPES_LABELS, Label
from seglab.labels.space import IGNORE_INDEX, INVALID, LabelSpace

__all__ = ["CITYSCAPES_LABELS", "IGNORE_INDEX", "INVALID", "Label", "LabelSpace", "label_space", "label_space_of"]
