"""The LightningModule around any network: steps, logging, optimizer. It knows no config and no dataset."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import seglab.lean_imports  # noqa: F401

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from seglab.batch import Batch
from seglab.labels import IGNORE_INDEX
from seglab.losses import Loss
from seglab.metrics import ConfusionMatrix, readings
from seglab.schedule import Schedule


class SegmentationModule(LightningModule):
    """Trains and scores one network.

    Args:
        network: maps a normalised image (B, 3, H, W) to logits (B, K, h, w).
        loss: `loss(logits, mask) -> scalar`, given logits at the size of the mask.
        class_names: the K names, in the order of the train ids.
        optimizer: called with the parameters that need a gradient.
        schedule: called with the optimizer and the number of steps of the training.
        size_divisor: the network wants heights and widths that are multiples of it.
        mean, std: of the three channels, on the scale 0..1.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        loss: Loss,
        class_names: Sequence[str],
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        schedule: Schedule,
        size_divisor: int,
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.class_names = tuple(class_names)
        self._optimizer = optimizer
        self._schedule = schedule
        self.size_divisor = size_divisor
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1) * 255, persistent=False)
        self.train_loss = MeanLoss()
        # Saved with the weights: the mean of an epoch that was interrupted and continued is that of the whole epoch.
        self.train_loss.persistent(True)
        self.val_loss = MeanLoss()
        self.confusion = ConfusionMatrix(len(self.class_names))
        self.val_confusion: Tensor | None = None  # (K, K) of the newest validation

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, K, H, W) at the size of the image, a uint8 (B, 3, H, W) on the scale 0..255."""
        image = (image.float() - self.mean) / self.std
        return resize_logits(_padded_call(self.network, image, divisor=self.size_divisor), image.shape[-2:])

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        terms = self.loss.terms(self(batch["image"]), batch["mask"])
        loss = self.loss.combine(terms)
        self.train_loss.update(loss.detach())
        self.log("train/loss", self.train_loss, on_step=False, on_epoch=True)
        values = {"train/loss_step": loss.detach()}
        if len(terms) > 1:
            values |= {f"train/loss_step/{name}": value.detach() for name, value in terms.items()}
        self.log_dict(values, on_step=True, on_epoch=False)
        return loss

    def on_train_epoch_start(self) -> None:
        self.train_loss.reset()  # here: at the end of the epoch Lightning does it after the checkpoint

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """{"pred": label map uint8 (B, H, W)}, for the callbacks that draw."""
        mask = batch["mask"]
        logits = self(batch["image"])
        pred = logits.max(1).indices.to(torch.uint8)  # (B, H, W); 5 times faster than argmax(1) on the CPU
        # Weighted by the labelled pixels: the mean does not depend on how the images fall into batches.
        self.val_loss.update(self.loss(logits, mask), weight=(mask != IGNORE_INDEX).sum())
        self.confusion.update(pred, mask)
        return {"pred": pred}

    def on_validation_epoch_end(self) -> None:
        matrix = self.confusion.compute().cpu()
        self.val_confusion = matrix
        values = {"val/loss": float(self.val_loss.compute()), **named_readings(matrix, self.class_names, prefix="val")}
        self.log_dict(values, sync_dist=True)
        self.confusion.reset()
        self.val_loss.reset()

    def configure_optimizers(self) -> Any:
        optimizer = self._optimizer(parameter for parameter in self.parameters() if parameter.requires_grad)
        schedule = self._schedule(optimizer, total_steps=int(self.trainer.estimated_stepping_batches))
        return optimizer if schedule is None else {"optimizer": optimizer, "lr_scheduler": schedule}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["seglab"] = {"val_confusion": self.val_confusion, "class_names": list(self.class_names)}

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        self.val_confusion = checkpoint["seglab"]["val_confusion"]


class MeanLoss(Metric):
    """The weighted mean of scalar losses over batches and processes; never waits for the device."""

    full_state_update = False
    total: Tensor
    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("weight", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, loss: Tensor, weight: Tensor | float = 1.0) -> None:
        self.total += loss.float() * weight
        self.weight += weight

    def compute(self) -> Tensor:
        return self.total / self.weight


def named_readings(matrix: Tensor, class_names: Sequence[str], *, prefix: str) -> dict[str, float]:
    """{"val/miou": ..., "val/iou/road": ..., "val/dice/road": ...} of a confusion matrix (K, K)."""
    values = {f"{prefix}/{name}": value for name, value in readings.summary(matrix).items()}
    for class_name, scores in readings.per_class(matrix, class_names).items():
        values |= {f"{prefix}/{name}/{class_name}": scores[name] for name in ("iou", "dice")}
    return values


def resize_logits(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Logits (B, K, H, W) at `size`, bilinear; the corners of the corner pixels are aligned, not their centres."""
    if logits.shape[-2:] == tuple(size):
        return logits
    return nn.functional.interpolate(logits, size=tuple(size), mode="bilinear", align_corners=False)


def _padded_call(network: nn.Module, image: Tensor, *, divisor: int) -> Tensor:
    """The network's logits (B, K, h, w) for the image alone, though it saw one padded to multiples of `divisor`."""
    height, width = image.shape[-2:]
    below, right = -height % divisor, -width % divisor
    if not below and not right:
        return network(image)
    # Zero is the mean colour. Padding below and to the right keeps the sampling grid of the image.
    logits = network(nn.functional.pad(image, (0, right, 0, below)))
    logits = resize_logits(logits, (height + below, width + right))
    return logits[..., :height, :width]
