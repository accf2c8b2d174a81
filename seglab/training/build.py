"""From a checked configuration to a trainer, a module and data."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

import lightning
import torch
from lightning.pytorch.callbacks import ProgressBar
from torch import nn

from seglab import runs
from seglab.callbacks.checkpoint import AtomicCheckpointIO, BestCheckpoint, LastCheckpoint
from seglab.callbacks.data_identity import DataIdentity
from seglab.callbacks.data_words import DataWords
from seglab.callbacks.exact import EpochEnd, LoaderPosition, StepSeed, StopOnSignal, StoppedEarly
from seglab.callbacks.heartbeat import Heartbeat
from seglab.callbacks.processes import OtherProcesses
from seglab.callbacks.throughput import Throughput
from seglab.config.instantiate import instantiate
from seglab.config.of_run import of_run
from seglab.data.module import DataModule
from seglab.data.rare_classes import shares
from seglab.data.statistics import class_counts
from seglab.errors import SeglabError, listed
from seglab.labels import label_space
from seglab.models import bundled, encoder_file, pretrained
from seglab.models.activation import build_with_activation
from seglab.runs import checkpoints
from seglab.runs import teacher as teachers
from seglab.runs.files import BEST
from seglab.runs.find import require_run
from seglab.training.adaptation import Adaptation
from seglab.training.class_weights import for_outputs, with_class_weights
from seglab.training.distillation import Distillation
from seglab.training.module import SegmentationModule
from seglab.training.seeds import seeds_of, stated_seeds
from seglab.training.sharded import shard_when_set_up

log = logging.getLogger("seglab")


@dataclass(frozen=True)
class Run:
    """What is trained, on what, and by whom; of the trainer's callbacks those that are asked for their results."""

    trainer: lightning.Trainer
    module: SegmentationModule
    data: DataModule
    best: BestCheckpoint | None
    throughput: Throughput
    others: OtherProcesses


def build(config: Mapping[str, Any], folder: Path) -> Run:
    """What a checked, resolved configuration describes, seeded, writing into `folder`.

    What can be refused without reading, downloading or caching anything is refused first: the device, the data set's
    files, a batch that is larger than the training split.
    """
    _require_device(config["trainer"])
    seeds = seeds_of(config)
    lightning.seed_everything(config["seed"], workers=True, verbose=False)  # of it the trainer's processes know
    chosen = [instantiate(node) for node in config["callbacks"].values() if node]
    best = next((callback for callback in chosen if isinstance(callback, BestCheckpoint)), None)
    last = next((callback for callback in chosen if isinstance(callback, LastCheckpoint)), None)
    throughput, others = Throughput(), OtherProcesses()
    callbacks = [
        StepSeed(seeds.augment),
        EpochEnd(),
        LoaderPosition(),
        StoppedEarly(),
        throughput,
        DataWords(),
        DataIdentity(config["output"]),
        *chosen,
        *(adaptation.callbacks() if (adaptation := _adaptation(config)) else ()),
        Heartbeat(best),
        StopOnSignal(last),
        others,
    ]
    trainer = _trainer(config, folder, callbacks, saves=last is not None)
    data: DataModule = instantiate(config["data"])
    data.require_samples(devices=trainer.world_size)
    stated = stated_seeds(config)
    data.order_seed = stated.get("order", data.order_seed)
    data.augment_seed = stated.get("augment", data.augment_seed)
    _choose_samples(config, data)
    config = with_class_weights(config, folder)
    distillation = _distillation(config, folder)
    lightning.seed_everything(seeds.init, workers=True, verbose=False)
    module = build_module(config, distillation=distillation)
    shard_when_set_up(module, trainer)
    return Run(trainer, module, data, best, throughput, others)


def load(folder: Path, *, checkpoint: str = BEST) -> SegmentationModule:
    """The module of a trained run, ready to predict: its own configuration, the weights of one of its checkpoints.

    Raises:
        SeglabError: there is no such run, or it has no such checkpoint.
    """
    path = folder / "checkpoints" / checkpoint
    require_run(folder, runs.CONFIG, f"checkpoints/{checkpoint}")
    written = of_run(folder)
    checkpoints.require_sound(path)
    config = with_class_weights(written, folder)
    module = build_module(without_weights(config))
    module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["state_dict"])
    return module.eval()


def build_module(config: Mapping[str, Any], *, distillation: Distillation | None = None) -> SegmentationModule:
    labels = label_space(config["data"]["labels"])
    num_outputs = config["model"].get("classes", labels.num_classes)
    if bundled.is_asked(config["model"]):
        bundled.warn_of_other_statistics(config["module"])
    loss = for_outputs(config["loss"], num_classes=labels.num_classes, num_outputs=num_outputs)
    weights = {
        key: loss[key] for key in ("auxiliary", "boundary") if key in loss
    }  # of what a network may say beside its logits
    module: SegmentationModule = instantiate(
        config["module"],
        network=build_network(config),
        loss=instantiate({key: value for key, value in loss.items() if key not in (*weights, "distillation")}),
        class_names=labels.names,
        optimizer=instantiate(config["optimizer"]),
        schedule=instantiate(config["scheduler"]),
        size_divisor=config["model"]["size_divisor"],
        num_outputs=num_outputs,
        adaptation=_adaptation(config),
        compiled=config["trainer"].get("compile", False),
        distillation=distillation,
        **weights,
    )
    if module.num_scores > labels.num_classes:
        log.info(
            "model.classes=%d: %d outputs more than the %d classes of %s; what is given to one of them is wrong",
            module.num_scores, module.num_scores - labels.num_classes, labels.num_classes, labels.name,
        )  # fmt: skip
    return module


def build_network(config: Mapping[str, Any]) -> nn.Module:
    """The network of `model` with `activation`: built in where the network takes one, replaced where it does not."""
    node = {key: value for key, value in config["model"].items() if key not in ("size_divisor", "activation")}
    activation = instantiate(config["activation"])
    is_bundled, file = bundled.is_asked(node), node["encoder_weights"] if encoder_file.is_asked(node) else None
    if is_bundled or file:
        node = pretrained.without_weights(node)
    with pretrained.explained(node):
        build = instantiate(node | {"_partial_": True})
        if is_bundled:
            build = bundled.filled(build, node)
        elif file:
            build = encoder_file.filled(build, file)
        network, report = build_with_activation(
            build,
            activation["factory"],
            scope=activation["scope"],
            has_argument="activation" in config["model"],
        )
    log.log(logging.WARNING if report.functional else logging.INFO, report.line())
    return network


def without_weights(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of the same network, built without pretrained weights: a checkpoint's are to replace them."""
    return {**config, "model": pretrained.without_weights(config["model"])}


def _distillation(config: Mapping[str, Any], folder: Path) -> Distillation | None:
    """What `teacher` and `loss.distillation` say, which earlier configurations have not."""
    if config.get("teacher") is None:
        return None
    found = teachers.locate(config["teacher"], output=config["output"])
    teacher = load(found.folder, checkpoint=found.checkpoint)
    key = f"teacher={config['teacher']}"
    labels = label_space(config["data"]["labels"])
    outputs = config["model"].get("classes", labels.num_classes)
    channels = len(config["module"]["mean"])
    if (teacher.num_scores, teacher.channels) != (outputs, channels):
        raise SeglabError(
            f"{key}: expected a run of {outputs} outputs for images of {channels} channels, as the network to be "
            f"trained has them; came one of {teacher.num_scores} outputs and {teacher.channels} channels - give both "
            "the same model.classes and data.channels"
        )
    if runs.is_first_process() and runs.read_record(folder) is not None:
        runs.update_record(folder, teacher=teachers.record(found, config))
    log.info("teacher: %s", runs.shown(found.path))
    return Distillation(teacher, **config["loss"]["distillation"])


def _choose_samples(config: Mapping[str, Any], data: DataModule) -> None:
    """Lets training samples be drawn and mixed as `sampling` and `mix` say, which earlier configurations have not.

    Classes are counted at the first start and kept in `output`/statistics, which serves every run with these files.
    """
    if node := config.get("mix"):
        data.mixing = instantiate(node)
    if node := config.get("sampling"):
        folder = Path(config["output"]) / "statistics"
        counts = class_counts(data.source("train"), folder=folder, title="counting labels")
        data.draws = instantiate(node).draws(counts)
        log.info("sampling: classes are drawn by %s", listed(shares(data.draws, data.label_space.names)))


def _adaptation(config: Mapping[str, Any]) -> Adaptation | None:
    """None where every weight learns, as in configurations from before there was a choice."""
    node = config.get("adapt")
    return instantiate(node) if node else None


def _require_device(trainer: Mapping[str, Any]) -> None:
    if trainer["accelerator"] == "tpu" and find_spec("torch_xla") is None:
        raise SeglabError(
            "trainer.accelerator=tpu: expected a machine with TPUs and the package torch_xla, which is none of "
            "seglab's own; it is not installed - pip install torch_xla there, or choose trainer=gpu or trainer=cpu"
        )


def _trainer(
    config: Mapping[str, Any], folder: Path, callbacks: list[lightning.Callback], *, saves: bool
) -> lightning.Trainer:
    return instantiate(
        {key: value for key, value in config["trainer"].items() if key != "compile"},  # which is the module's
        default_root_dir=str(folder),
        callbacks=callbacks,
        logger=[instantiate(node, folder=str(folder)) for node in config["logger"].values() if node],
        plugins=[AtomicCheckpointIO()],
        enable_checkpointing=saves,
        use_distributed_sampler=False,  # ours gives every process its share, and none twice
        enable_progress_bar=any(isinstance(callback, ProgressBar) for callback in callbacks),
    )
