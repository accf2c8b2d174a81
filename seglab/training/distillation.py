"""Learning from the predictions of a trained run, beside the labels."""

import seglab.lean_imports  # noqa: F401

import torch
from torch import Tensor, nn

from seglab.losses.distillation import distillation


class Distillation:
    """A teacher, and what its predictions weigh. No part of the student: no checkpoint and no optimizer knows of it.

    Args:
        teacher: maps the student's images, uint8 (B, C, H, W), to logits (B, K, H, W).
        weight: of the divergence, beside the loss on the labels.
        temperature: > 0, of both softmaxes.
    """

    def __init__(self, teacher: nn.Module, *, weight: float, temperature: float) -> None:
        self._teacher = teacher.eval().requires_grad_(False)
        self.weight = weight
        self._temperature = temperature
        self._device: torch.device | None = None  # of the teacher's weights, as far as it is known

    def loss(self, logits: Tensor, image: Tensor, mask: Tensor) -> Tensor:
        """The divergence, unweighted, of the student's logits (B, K, H, W) for `image`."""
        if self._device != image.device:
            self._teacher.to(image.device)
            self._device = image.device
        with torch.no_grad():
            target = self._teacher(image)
        return distillation(logits, target, mask, temperature=self._temperature)
