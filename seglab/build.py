"""From a configuration to a trainer, a module and data. The only caller of hydra's instantiate."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

import hydra.utils
import lightning
import torch
from torch import nn

from seglab import class_weights, runs, transfer
from seglab.callbacks.checkpoint import BEST, AtomicCheckpointIO, LastCheckpoint
from seglab.callbacks.data_identity import DataIdentity
from seglab.callbacks.exact import LoaderPosition, StepSeed, StopOnSignal
from seglab.callbacks.heartbeat import Heartbeat
from seglab.callbacks.throughput import Throughput
from seglab.data.module import DataModule
from seglab.data.statistics import ClassStatistics, class_statistics
from seglab.errors import SeglabError
from seglab.labels import label_space
from seglab.models import pretrained
from seglab.models.activation import build_with_activation
from seglab.module import SegmentationModule

log = logging.getLogger("seglab")

CLASS_WEIGHTS = "class_weights.json"  # in the run's folder: what names and files stood for


@dataclass(frozen=True)
class Run:
    trainer: lightning.Trainer
    module: SegmentationModule
    data: DataModule


def build(config: Mapping[str, Any], folder: Path) -> Run:
    """What a checked, resolved configuration describes, seeded, writing into `folder`."""
    config = with_class_weights(config, folder)
    lightning.seed_everything(config["seed"], workers=True, verbose=False)
    return Run(build_trainer(config, folder), build_module(config), instantiate(config["data"]))


def load(folder: Path, *, checkpoint: str = BEST) -> SegmentationModule:
    """The module of a trained run, ready to predict: its own configuration, the weights of one of its checkpoints.

    Raises:
        SeglabError: there is no such run, or it has no such checkpoint.
    """
    path = folder / "checkpoints" / checkpoint
    if not path.is_file() or not (folder / runs.CONFIG).is_file():
        raise SeglabError(
            f"{folder}: expected the folder of a trained run, with {runs.CONFIG} and checkpoints/{checkpoint} in it"
        )
    config = with_class_weights(runs.plain(runs.read_config(folder)), folder)
    module = build_module(without_weights(config))
    module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["state_dict"])
    return module.eval()


def with_class_weights(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The configuration with numbers for every `class_weights` of the loss that is a name or a file.

    They are kept in the run's folder: a run that is continued or loaded has the weights that it began with. Counting is
    of the training split; the counts are kept in `output`/statistics and serve every run with the same files.
    """
    path = folder / CLASS_WEIGHTS
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    labels = label_space(config["data"]["labels"])

    def count() -> ClassStatistics:
        data = instantiate(config["data"])
        data.prepare_data()
        return class_statistics(
            data.source("train"), folder=Path(config["output"]) / "statistics", title="counting labels"
        )

    def replaced(node: Any, where: str) -> Any:
        if isinstance(node, Mapping):
            return {key: replaced(value, f"{where}.{key}") for key, value in node.items()}
        if not (where.endswith(".class_weights") and isinstance(node, str)):
            return node
        if kept.get(where, {}).get("asked") != node:
            weights = class_weights.resolve(node, labels, count=count)
            kept[where] = {"asked": node, "weights": dict(zip(labels.names, weights, strict=True))}
            shown = ", ".join(f"{name} {weight:.3g}" for name, weight in kept[where]["weights"].items())
            log.info("%s=%s: %s", where, node, shown)
        return list(kept[where]["weights"].values())

    before = dict(kept)
    loss = replaced(config["loss"], "loss")
    if kept != before and runs.is_first_process():
        folder.mkdir(parents=True, exist_ok=True)
        runs.write_atomically(path, json.dumps(kept, indent=1) + "\n")
    return {**config, "loss": loss}


def build_module(config: Mapping[str, Any]) -> SegmentationModule:
    return instantiate(
        config["module"],
        network=build_network(config),
        loss=instantiate(config["loss"]),
        class_names=label_space(config["data"]["labels"]).names,
        optimizer=instantiate(config["optimizer"]),
        schedule=instantiate(config["scheduler"]),
        size_divisor=config["model"]["size_divisor"],
    )


def build_network(config: Mapping[str, Any]) -> nn.Module:
    """The network of `model` with `activation`: built in where the network takes one, replaced where it does not."""
    node = {key: value for key, value in config["model"].items() if key not in ("size_divisor", "activation")}
    activation = instantiate(config["activation"])
    with pretrained.explained(node):
        network, report = build_with_activation(
            instantiate(node | {"_partial_": True}),
            activation["factory"],
            scope=activation["scope"],
            has_argument="activation" in config["model"],
        )
    log.log(logging.WARNING if report.functional else logging.INFO, report.line())
    return network


def without_weights(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of the same network, built without pretrained weights: a checkpoint's are to replace them."""
    return {**config, "model": pretrained.without_weights(config["model"])}


def class_axes(config: Mapping[str, Any], network: nn.Module) -> dict[str, tuple[int, ...]]:
    """{tensor of `network` that depends on the number of classes: the axes that do}, by building one with one more."""
    model = config["model"]
    if "classes" not in model:
        raise SeglabError(
            "replace_head=true: expected model.classes, the number of outputs, to find the layers that depend on it; "
            f"came {', '.join(model)} - give the model's config that key, or leave replace_head out"
        )
    with torch.random.fork_rng(devices=[]):
        wider = build_network(without_weights({**config, "model": {**model, "classes": model["classes"] + 1}}))
    return transfer.class_axes(network, wider)


def build_trainer(config: Mapping[str, Any], folder: Path) -> lightning.Trainer:
    callbacks = [instantiate(node) for node in config["callbacks"].values() if node]
    last = next((callback for callback in callbacks if isinstance(callback, LastCheckpoint)), None)
    loggers = [instantiate(node, folder=str(folder)) for node in config["logger"].values() if node]
    return instantiate(
        config["trainer"],
        default_root_dir=str(folder),
        callbacks=[
            StepSeed(config["seed"]),
            LoaderPosition(),
            Throughput(),
            DataIdentity(config["output"]),
            *callbacks,
            Heartbeat(),
            StopOnSignal(last),
        ],
        logger=loggers,
        plugins=[AtomicCheckpointIO()],
        enable_checkpointing=last is not None,
        use_distributed_sampler=False,  # ours gives every process its share, and none twice
        enable_progress_bar=any(
            isinstance(callback, lightning.pytorch.callbacks.ProgressBar) for callback in callbacks
        ),
    )


def instantiate(node: Any, **given: Any) -> Any:
    """What `node` describes, with lists and dicts as Python's own: a ListConfig silently changes smp's losses."""
    return hydra.utils.instantiate(node, _convert_="all", **given)
