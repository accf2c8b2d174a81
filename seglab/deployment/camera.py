"""A trained module as one graph: the bytes of a camera in, label maps of the same size out."""

from collections.abc import Sequence

import seglab.lean_imports  # noqa: F401

import torch
from torch import Tensor, nn

from seglab.inference.predictor import Size
from seglab.labels import IGNORE_INDEX
from seglab.training.module import SegmentationModule

LAYOUTS = ("nhwc", "nchw")


class Camera(nn.Module):
    """What `seglab.inference.Predictor` does to an image, in operations that an exported program can hold.

    Args:
        module: of the run, in evaluation mode.
        size: (H, W) at which the network sees an image; None for the image's own.
        layout: nhwc for images uint8 (B, H, W, C), as a camera gives them; nchw for (B, C, H, W).
        half: the network computes in float16; logits come out as float32.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, module: SegmentationModule, *, size: Size | None, layout: str, half: bool = False) -> None:
        super().__init__()
        self._dtype = torch.float16 if half else torch.float32
        self.network = module.network.to(self._dtype)
        self.loss = module.loss
        self.calibration = module.calibration
        self.register_buffer("mean", module.mean.clone())
        self.register_buffer("std", module.std.clone())
        self._size = size
        self._layout = layout
        self._divisor = module.size_divisor
        self._num_classes = len(module.class_names)
        self._has_other_outputs = module.num_scores > self._num_classes

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Label maps uint8 (B, H, W) and logits float32 (B, K, H, W) of images uint8."""
        if self._layout == "nhwc":
            image = image.permute(0, 3, 1, 2)
        height, width = image.shape[-2:]
        seen = image.float()
        if self._size is not None:
            seen = resize_bytes(seen, self._size)
        logits = self._logits((seen - self.mean) / self.std)
        logits = _bilinear(logits, (height, width))
        return self._labels(logits), logits

    def _logits(self, image: Tensor) -> Tensor:
        """(B, K, h, w) of a normalised image (B, C, h, w), padded for the network as in training."""
        height, width = image.shape[-2:]
        below, right = -height % self._divisor, -width % self._divisor
        padded = nn.functional.pad(image, (0, right, 0, below))
        outputs = self.network(padded.to(self._dtype)).float()
        outputs = _bilinear(outputs, (height + below, width + right))[..., :height, :width]
        scores = self.loss.scores(outputs)
        return scores if self.calibration is None else self.calibration(scores)

    def _labels(self, logits: Tensor) -> Tensor:
        labels = logits.argmax(1)
        if self._has_other_outputs:
            labels = torch.where(labels < self._num_classes, labels, IGNORE_INDEX)
        return labels.to(torch.uint8)


def resize_bytes(image: Tensor, size: Size) -> Tensor:
    """(B, C, H, W) of values 0..255 at `size`, rounded to bytes as `seglab.data.transforms.resize` does.

    By area where the image shrinks and linearly where it grows. Both are products with a matrix for each axis, which
    every runtime computes alike; operators called Resize differ between runtimes, and none knows area.
    """
    height, width = image.shape[-2:]
    scales = height / size[0], width / size[1]
    rows = _weights(height, size[0], scales, like=image)  # (h, H)
    columns = _weights(width, size[1], scales[::-1], like=image)  # (w, W)
    resized = torch.matmul(torch.matmul(rows, image), columns.transpose(0, 1))
    return torch.floor(resized + 0.5)


def _weights(length: int, target: int, scales: tuple[float, float], *, like: Tensor) -> Tensor:
    """(target, length): the share of each old pixel in each new one.

    Args:
        scales: old pixels for each new one, along this axis and along the other.
    """
    scale, other = scales
    new = torch.arange(target, dtype=like.dtype, device=like.device)[:, None]
    old = torch.arange(length, dtype=like.dtype, device=like.device)[None]
    begin, end = new * scale, (new + 1) * scale
    covered = (torch.minimum(old + 1, end) - torch.maximum(old, begin)).clamp(min=0)
    centre = ((new + 0.5) * scale - 0.5).clamp(min=0).clamp(max=length - 1)
    # OpenCV's area, where one axis grows though there are fewer pixels in all: two neighbours, along both axes
    first = torch.floor(begin)
    share = (new + 1 - (first + 1) / scale).clamp(min=0)
    between = (first + share - torch.floor(share)).clamp(max=length - 1)
    shrinks = new * 0 + scale * other > 1
    both_shrink = torch.logical_and(new * 0 + scale >= 1, new * 0 + other >= 1)
    linear = (1 - (old - torch.where(shrinks, between, centre)).abs()).clamp(min=0)
    return torch.where(both_shrink, covered / scale, linear)


def _bilinear(maps: Tensor, size: Sequence[int]) -> Tensor:
    """As `seglab.training.outputs.resize_logits`, without asking whether the size is another: a graph cannot ask."""
    return nn.functional.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)
