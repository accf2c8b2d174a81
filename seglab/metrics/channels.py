"""Three pseudo-classes out of K classes: how one published evaluation of `loss=mse_rgb` came to its numbers."""

from collections.abc import Sequence

import torch
from torch import Tensor


def by_strongest_channel(matrix: Tensor, colors: Sequence[Sequence[int]]) -> Tensor:
    """int64 (3, 3) of a confusion matrix (K, K): classes whose colour is strongest in red, green, blue taken together.

    Read it with seglab.metrics.readings. The code of Gupta, "Train an Image Segmentation Model" (2025), takes the
    argmax over the colour channels of prediction and label image and calls the result IoU, Dice and accuracy: a mistake
    between two reddish classes is none. Three things differ there. The argmax is of the raw prediction, not of the
    nearest colour of the palette, so that in colours with two equal channels (road, or any grey) it is decided by
    noise; in the palette the first of equal channels counts. Void is black, hence red, and counted; here it is left
    out. And its label images are resized by interpolation, which mixes colours.
    """
    channel = torch.tensor(colors).argmax(1)  # (K,); the first of equal ones
    rows = torch.zeros(3, len(matrix), dtype=matrix.dtype).index_add_(0, channel, matrix.cpu())
    return torch.zeros(3, 3, dtype=matrix.dtype).index_add_(1, channel, rows)
