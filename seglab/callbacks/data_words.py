"""What is odd about the data is said, or refused, before the first step: classes that are not there, common images."""

import logging

import seglab.lean_imports  # noqa: F401

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from seglab.data import presence
from seglab.data.module import DataModule
from seglab.errors import SeglabError, listed
from seglab.labels import IGNORE_INDEX

log = logging.getLogger("seglab")


class DataWords(Callback):
    """Names, at the start of every run, classes without a pixel in the training split and images of both splits.

    Which classes a split holds is known from its cache; without a cache the first epoch tells.

    Raises:
        SeglabError: a split holds nothing but void, or masks of 0 and 255 that are read as one class and void.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage != "fit":
            return
        data: DataModule = trainer.datamodule
        for part in ("train", "val"):
            held = data.held(part)
            if held is not None:
                presence.require_classes(held, data.label_space, data.source(part).samples, split=data.split(part))
        train = data.held("train")
        if train is not None:
            _judge(train, data, is_told=trainer.is_global_zero)
        if trainer.is_global_zero:
            _name_common(data)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data: DataModule = trainer.datamodule
        if trainer.global_step == 0 and trainer.world_size == 1 and data.held("train") is None:
            data.passing = presence.Presence()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data: DataModule = trainer.datamodule
        if data.passing is not None:
            held, data.passing = data.passing.ids(), None
            presence.require_classes(held, data.label_space, data.source("train").samples, split=data.split("train"))
            _judge(held, data, is_told=True)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data: DataModule = trainer.datamodule
        whole = trainer.limit_val_batches in (None, 1.0) and not trainer.sanity_checking
        if whole and data.held("val") is None and not pl_module.validation["confusion"].any():
            presence.require_classes(
                frozenset({IGNORE_INDEX}), data.label_space, data.source("val").samples, split=data.split("val")
            )


def _judge(held: frozenset[int], data: DataModule, *, is_told: bool) -> None:
    labels, split = data.label_space, data.split("train")
    trap = presence.foreground_as_void(held, labels)
    if trap is not None and labels.num_classes == 2:  # one class is left: there is nothing to learn
        raise SeglabError(f"the training split '{split}' cannot be learned from: {trap}")
    absent = presence.absent(held, labels)
    if absent and is_told:
        log.warning(
            "no mask of the training split '%s' holds, at the working size, a pixel of %s%s",
            split, listed(absent), "" if trap is None else f"; {trap}",
        )  # fmt: skip


def _name_common(data: DataModule) -> None:
    train, val = ({sample.image for sample in data.source(part).samples} for part in ("train", "val"))
    common = train & val
    if common:
        log.warning(
            "%d of the %d validation images are trained on as well (training split '%s', validation split '%s'), such "
            "as '%s': their scores say nothing of unseen images - choose data.train_split and data.val_split without "
            "common images",
            len(common), len(val), data.split("train"), data.split("val"), min(common),
        )  # fmt: skip
