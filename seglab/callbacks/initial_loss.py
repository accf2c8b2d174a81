"""The first check of any new network or loss."""

import logging
import math
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

from seglab.losses import CrossEntropy

log = logging.getLogger("seglab")


class InitialLoss(Callback):
    """Compares the cross-entropy of the untrained network on its first batch with that of a uniform guess, ln K.

    Far above: the last layer starts with large logits, or the input is not normalised. Far below: the labels leak into
    the input, or the weights are trained ones.
    """

    TOLERANCE = 0.5  # of ln K; a fresh head rarely strays further

    @torch.no_grad()
    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.global_step > 0:
            return
        logits = pl_module(batch["image"])  # (B, K, H, W)
        expected = math.log(logits.shape[1])
        measured = float(CrossEntropy()(logits, batch["mask"]))
        is_near = abs(measured - expected) < self.TOLERANCE * expected
        verdict = "as expected" if is_near else "NOT as expected: look at the last layer and the input"
        log.info("initial cross-entropy %.3f; a uniform guess over %d outputs has %.3f: %s",
                 measured, logits.shape[1], expected, verdict)  # fmt: skip
