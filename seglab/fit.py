"""One training from a configuration: built, fitted or continued, and what its checkpoints measured."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

import torch

from seglab.build import Run, build
from seglab.callbacks.checkpoint import BEST, LAST, BestCheckpoint
from seglab.metrics import readings

log = logging.getLogger("seglab")


def fit(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What goes into the record: {"device", "threads", "parameters", "best", "last", "classes", "protocol"}.

    A folder with a last.ckpt is continued from it, and ends with the weights of a run that was never interrupted.
    """
    run = build(config, folder)
    parameters = sum(parameter.numel() for parameter in run.module.network.parameters())
    log.info(
        "%s, %s parameters, %s, in %s", type(run.module.network).__name__, f"{parameters:,}", _device_name(run), folder
    )
    last = folder / "checkpoints" / LAST
    if last.exists():
        log.info("continuing from %s", last)
    run.trainer.fit(run.module, datamodule=run.data, ckpt_path=str(last) if last.exists() else None, weights_only=True)
    return {
        "device": _device_name(run),
        "devices": run.trainer.world_size,
        "threads": torch.get_num_threads(),
        "parameters": parameters,
        "epochs": run.trainer.current_epoch,
        "steps": run.trainer.global_step,
        **scores(folder),
        "monitor": next(
            (callback.result() for callback in run.trainer.callbacks if isinstance(callback, BestCheckpoint)), {}
        ),
        "protocol": {
            "split": config["data"]["val_split"],
            "size": list(config["data"]["size"] or []),
            "reading": "dataset",
            "labels": config["data"]["labels"],
        },
    }


def scores(folder: Path) -> dict[str, Any]:
    """{"best": ..., "last": ...}, each {"epoch", "step", "metrics", "classes"}, read from the run's checkpoints."""
    found = {}
    for name, file in (("best", BEST), ("last", LAST)):
        path = folder / "checkpoints" / file
        if path.exists():
            found[name] = _score(torch.load(path, map_location="cpu", weights_only=True))
    return found


def _score(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    state = checkpoint["seglab"]
    score: dict[str, Any] = {"epoch": checkpoint["epoch"], "step": checkpoint["global_step"]}
    if state["val_confusion"] is not None:
        matrix = state["val_confusion"]
        score |= {"metrics": readings.summary(matrix), "classes": readings.per_class(matrix, state["class_names"])}
    return score


def _device_name(run: Run) -> str:
    device = run.trainer.strategy.root_device
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
