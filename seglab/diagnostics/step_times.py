"""`python -m seglab.diagnostics.step_times`: how long a training step and a validation step take here.

`python -m seglab.table` starts it, in a process of its own.
"""

import contextlib
import copy
import math
import tempfile
import time
import warnings
from collections.abc import Mapping
from typing import Any

import seglab.lean_imports  # noqa: F401

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

from seglab.batch import Batch
from seglab.config.instantiate import instantiate
from seglab.data import counts
from seglab.diagnostics.served import serve
from seglab.errors import SeglabError
from seglab.labels import label_space
from seglab.training.build import build_module, without_weights
from seglab.training.class_weights import with_names
from seglab.training.device import device_name, wait_for

_ENOUGH = 3.0  # seconds of training: no more than the two steps that have to be made
_TOO_LONG = 20.0  # seconds: a first step that takes so long is the measurement, allocations and all
_PIXELS_OF_CPU = 4 * 64 * 128  # of a batch on the CPU, beyond which a part of it is measured
_LEAST_SIDE, _SIDES = 64, 32  # of a reduced image: its least side, and what its sides are multiples of
_USUAL_SIZE = (512, 1024)  # where images keep their own size


def main() -> None:
    lightning.pytorch.utilities.rank_zero.rank_zero_module.log.setLevel("ERROR")
    serve(measure)


def measure(config: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds of a training step and of a validation step, and how many images there are.

    The network, the loss and the optimizer are those of the configuration, the images are noise. On the CPU of a batch
    that is large a part is measured, and the time grown with the pixels.

    Returns:
        {"train_step": seconds, "val_step": seconds, "batch_size": images of a training step, "images": {"train": ...,
        "val": ...} or None where nobody knows, "measured_on": [images, height, width] in training and validation,
        "whole": the same of a training step, "device": its name}.
    """
    timer = _Timer()
    trainer = _trainer(config, timer)
    data = config["data"]
    val_height, val_width = data["size"] or _USUAL_SIZE
    height, width = _training_size(config)
    batch_size = data["batch_size"]
    on_cpu = trainer.strategy.root_device.type == "cpu"
    count, *size = _part(batch_size, height, width) if on_cpu else (batch_size, height, width)
    config = {**config, "trainer": {**config["trainer"], "compile": False}}  # its first step alone would take longer
    module = build_module(without_weights({**config, "loss": _plain_weights(config), "scheduler": _CONSTANT}))
    batch = _noise(count, size, classes=label_space(data["labels"]).num_classes, channels=module.channels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a training that is none
        trainer.fit(module, train_dataloaders=_loader(batch, steps=1 + 3))
        val_steps = 1 if timer.best("train") > _ENOUGH else 2
        trainer.validate(module, dataloaders=_loader(batch, steps=val_steps), verbose=False)
    pixels, val_batch = count * size[0] * size[1], data["eval_batch_size"] or batch_size
    return {
        "train_step": timer.best("train") * batch_size * height * width / pixels,
        "val_step": timer.best("val") * val_batch * val_height * val_width / pixels,
        "batch_size": batch_size,
        "images": {part: _images(data, part) for part in ("train", "val")},
        "measured_on": [count, *size],
        "whole": [batch_size, height, width],
        "device": _device(trainer.strategy.root_device),
    }


def _training_size(config: Mapping[str, Any]) -> tuple[int, int]:
    """(height, width) of what is trained on: of the crops where augment=crop cuts them, else of the images."""
    crop = (config.get("augment") or {}).get("crop")
    height, width = (crop["size"] if crop else config["data"]["size"]) or _USUAL_SIZE
    return height, width


_CONSTANT = {"_target_": "seglab.training.schedule.Constant"}  # a warm-up may be longer than the few steps


class _Timer(Callback):
    """Seconds of each step; the first of several is not counted. Slow ones end the training."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {"train": [], "val": []}
        self._started = 0.0

    def best(self, kind: str) -> float:
        """The fastest behind the first, as what else runs on the machine only delays; of a single one, that one's."""
        return min(self._seconds[kind][1:] or self._seconds[kind])

    def on_train_batch_start(self, trainer: lightning.Trainer, *unused: Any) -> None:
        self._start(trainer)

    def on_train_batch_end(self, trainer: lightning.Trainer, *unused: Any) -> None:
        self._stop(trainer, "train")
        steps = self._seconds["train"]
        trainer.should_stop = steps[0] > _TOO_LONG or (len(steps) > 1 and sum(steps) > _ENOUGH)

    def on_validation_batch_start(self, trainer: lightning.Trainer, *unused: Any) -> None:
        self._start(trainer)

    def on_validation_batch_end(self, trainer: lightning.Trainer, *unused: Any) -> None:
        self._stop(trainer, "val")

    def _start(self, trainer: lightning.Trainer) -> None:
        wait_for(trainer.strategy.root_device)
        self._started = time.perf_counter()

    def _stop(self, trainer: lightning.Trainer, kind: str) -> None:
        wait_for(trainer.strategy.root_device)
        self._seconds[kind].append(time.perf_counter() - self._started)


def _trainer(config: Mapping[str, Any], timer: _Timer) -> lightning.Trainer:
    """That of the configuration on one device, for one epoch, writing nothing."""
    node = {key: config["trainer"][key] for key in ("_target_", "accelerator", "precision", "deterministic",
                                                    "gradient_clip_val", "accumulate_grad_batches")}  # fmt: skip
    return instantiate(
        node, devices=1, max_epochs=1, num_sanity_val_steps=0, logger=False, callbacks=[timer],
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=tempfile.gettempdir(), log_every_n_steps=1,
    )  # fmt: skip


def _part(batch_size: int, height: int, width: int) -> tuple[int, int, int]:
    """(images, height, width) of about the pixels that are measured on the CPU. Two images, where there are two:
    BatchNorm needs more than one value."""
    count = min(batch_size, max(2, _PIXELS_OF_CPU // (height * width)))
    scale = math.sqrt(min(1.0, _PIXELS_OF_CPU / (count * height * width)))
    if scale == 1.0:
        return count, height, width
    return count, *(max(_LEAST_SIDE, round(side * scale / _SIDES) * _SIDES) for side in (height, width))  # type: ignore[return-value]


def _noise(count: int, size: list[int], *, classes: int, channels: int) -> Batch:
    return {
        "image": torch.randint(0, 256, (count, channels, *size), dtype=torch.uint8),
        "mask": torch.randint(0, classes, (count, *size), dtype=torch.uint8),
        "name": [str(index) for index in range(count)],
    }


def _loader(batch: Batch, *, steps: int) -> DataLoader[Batch]:
    return DataLoader([batch] * steps, batch_size=None)  # type: ignore[arg-type]  # a list will do for a Dataset


def _plain_weights(config: Mapping[str, Any]) -> dict[str, Any]:
    """The loss with ones for class weights that have still to be counted: they cost the same."""
    loss = copy.deepcopy(config["loss"])
    for _, node in with_names(loss):
        node["class_weights"] = [1.0] * label_space(config["data"]["labels"]).num_classes
    return loss


def _images(data: Mapping[str, Any], part: str) -> int | None:
    """As the data set lists them where it lies on the disk, else as published; a generated one is not written."""
    if not data.get("prepare"):
        with contextlib.suppress(SeglabError, OSError, TypeError):
            return len(instantiate({**data, "augmentation": None}).source(part).samples)
    return counts.images(data, part)


def _device(device: torch.device) -> str:
    threads = torch.get_num_threads()
    return device_name(device) + (f" ({threads} thread{'s' if threads > 1 else ''})" if device.type == "cpu" else "")


if __name__ == "__main__":
    main()
