"""One training from a configuration: built, fitted or continued, and what its checkpoints measured."""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

import torch

from seglab import runs
from seglab.callbacks import tracking
from seglab.display.confusion import NAME as CONFUSION
from seglab.display.confusion import confusion_csv
from seglab.display.sheet import show
from seglab.errors import Interrupted
from seglab.loggers import trackers
from seglab.runs import checkpoints, identity
from seglab.runs.files import BEST, LAST, PREVIOUS
from seglab.training.build import Run, build, without_weights
from seglab.training.device import device_name
from seglab.training.outputs import checked
from seglab.training.summary import Complexity, complexity, headline, summary_sheet, trainable_parameters
from seglab.training.transfer import build_from

log = logging.getLogger("seglab")

_USUAL_SIZE = (512, 1024)  # for counting operations where images keep their own size


def fit(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What the record says of a training that came to its end.

    A folder with a last.ckpt is continued from it, and ends with the weights of a run that was never interrupted. Where
    it is damaged, the one before serves.
    """
    _quieten_lightning(nodes=config["trainer"].get("num_nodes", 1))
    checkpoint = checkpoints.newest_sound(folder)
    best = folder / "checkpoints" / BEST
    if checkpoint is not None and best.exists():  # or a run without better epochs would end without its best
        checkpoints.require_sound(best)
    run = _built(config, folder, is_continued=checkpoint is not None)
    network = complexity(
        run.module.network,
        size=config["data"]["size"] or _USUAL_SIZE,
        divisor=config["model"]["size_divisor"],
        channels=run.module.channels,
    )
    if network.outputs is not None:  # else its first call is checked
        checked(network.outputs, num_outputs=run.module.num_outputs, of=network.name)
    run.module.adapt()
    network = replace(network, trainable=trainable_parameters(run.module.network))
    _announce(config, run, network, folder, checkpoint)
    costs = {"parameters": network.parameters, "flops": network.flops}  # of the network that is kept
    if network.trainable != network.parameters:
        costs["trainable"] = network.trainable
    facts = {**costs, "seed": config["seed"], "fingerprint": identity.fingerprint(config)}
    run.trainer.callbacks.append(tracking.Tracking(facts, best=run.best, read_scores=partial(scores, folder)))
    _train(run, checkpoint)
    measured = scores(folder)
    if runs.is_first_process():
        (folder / "checkpoints" / PREVIOUS).unlink(missing_ok=True)  # last.ckpt has just been read
        _write_confusion(folder)
    return {
        "device": device_name(run.trainer.strategy.root_device),
        "devices": run.trainer.world_size,
        "threads": torch.get_num_threads(),
        **costs,
        "images_per_second": run.throughput.images_per_second,
        "epochs": run.trainer.current_epoch,
        "steps": run.trainer.global_step,
        "monitor": run.best.result() if run.best else {},
        "protocol": _protocol(config),
        **measured,
    }


def scores(folder: Path) -> dict[str, Any]:
    """{"best": ..., "last": ...}, each {"epoch", "step", "metrics", "classes"}, read from the run's checkpoints.

    Without "metrics" and "classes" where the weights of the last one were not validated.
    """
    paths = {"best": folder / "checkpoints" / BEST, "last": folder / "checkpoints" / LAST}
    return {name: _score(path) for name, path in paths.items() if path.exists()}


def _built(config: Mapping[str, Any], folder: Path, *, is_continued: bool) -> Run:
    if is_continued:
        return build(without_weights(config), folder)
    return build(config, folder) if config["init_from"] is None else build_from(config, folder)


def _announce(config: Mapping[str, Any], run: Run, network: Complexity, folder: Path, checkpoint: Path | None) -> None:
    """Says what is trained and where, and from which checkpoint it goes on."""
    if runs.is_first_process() and checkpoint is None:
        show(summary_sheet(network))
    log.info(
        "%s, %s, %s, in %s",
        network.name,
        headline(network),
        device_name(run.trainer.strategy.root_device),
        runs.shown(folder),
    )
    if checkpoint is not None:
        log.info("continuing from %s", runs.shown(checkpoint))
    elif config["init_from"] is None and without_weights(config) == config:
        if config.get("adapt"):
            log.warning(
                "adapt: the encoder is held at its random start; model.encoder_weights or init_from give it weights"
            )
        if run.trainer.max_epochs == 0:
            log.warning(
                "trainer.max_epochs=0: the network is scored at its random start; model.weights or init_from give it "
                "weights"
            )


def _train(run: Run, checkpoint: Path | None) -> None:
    failed = stopped = False
    try:
        if run.trainer.max_epochs == 0:  # pretrained weights are scored as they are, and kept as best.ckpt
            run.trainer.validate(run.module, datamodule=run.data, verbose=False)
        else:
            run.trainer.fit(run.module, datamodule=run.data, ckpt_path=checkpoint, weights_only=True)
    except BaseException as error:
        failed, stopped = True, isinstance(error, Interrupted)
        if isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None  # Lightning ends with code 1 after Ctrl-C
        if isinstance(error, Exception) and run.trainer.world_size > 1:
            run.others.refuse_loss(error)
        raise
    finally:
        run.others.end(orderly=stopped)
        trackers.close(failed=failed)


def _score(path: Path) -> dict[str, Any]:
    # mapped: of a file with all the weights, a few numbers are read
    checkpoint = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    state, step = checkpoint["seglab"], checkpoint["global_step"]
    # The newest validation may be older than the weights of last.ckpt: its scores are not theirs.
    is_of_these_weights = state["validation"].get("step", step) == step
    measured = tracking.scored(state["validation"], state["class_names"]) if is_of_these_weights else {}
    return {"epoch": checkpoint["epoch"], "step": step, **measured}


def _write_confusion(folder: Path) -> None:
    """The matrix that best.ckpt was scored by, as a table: who reads it needs no torch."""
    path = folder / "checkpoints" / BEST
    state = torch.load(path, map_location="cpu", mmap=True, weights_only=True)["seglab"] if path.exists() else {}
    if validation := state.get("validation"):
        text = confusion_csv(validation["confusion"].tolist(), state["class_names"])
        runs.write_atomically(folder / CONFUSION, text)


def _protocol(config: Mapping[str, Any]) -> dict[str, Any]:
    """How the scores of the record were measured; scores of another protocol are not comparable."""
    data = config["data"]
    return {**{key: data[key] for key in ("size", "labels", "limit")}, "split": data["val_split"], "reading": "dataset"}


def _quieten_lightning(*, nodes: int) -> None:
    """Leaves of its messages those that call for something to be done."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)  # Lightning 2.6 with torch 2.15
    warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")  # metrics.csv has the epochs
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")  # data.num_workers is chosen by seglab
    if nodes == 1:  # only a training over several nodes would hang without it
        warnings.filterwarnings("ignore", message="The `srun` command is available.*")
