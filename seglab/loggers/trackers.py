"""Weights & Biases and TensorBoard, for a run whose files lie in one folder. metrics.csv has a module of its own."""

import logging
import os
import re
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

import torch
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from omegaconf import OmegaConf

from seglab import PACKAGE, runs
from seglab.loggers import account
from seglab.runs import checkpoints, environment

log = logging.getLogger("seglab")

WANDB_ID = "wandb_id.txt"  # in the folder of the run: whoever continues the run continues this W&B run
_LONGEST_TAG = 64  # W&B refuses longer ones, and the job with them
_NO_TAG = re.compile(r"[+~]*(sweep|output|name|resume|retry_failed|logger|hydra)([./@][^=]*)?=")  # of no run's own
_FLUSH_SECONDS = 10  # until TensorBoard sees a value; its own default is two minutes, which a kill would lose
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)


def tensorboard_logger(folder: str | Path) -> TensorBoardLogger:
    """Event files directly in the run's folder: `tensorboard --logdir` of the folder above shows each run by name.

    Where a run is continued, what it logged behind the step of its last checkpoint is taken back.
    """
    logger = TensorBoardLogger(
        save_dir=str(folder), name="", version="", default_hp_metric=False,
        purge_step=_steps_done(Path(folder)), flush_secs=_FLUSH_SECONDS,
    )  # fmt: skip
    # Lightning writes this file where it is missing; config.yaml is there, an empty hparams.yaml would say nothing.
    logger.NAME_HPARAMS_FILE = runs.CONFIG
    return logger


def wandb_logger(
    folder: str | Path,
    *,
    project: str,
    entity: str | None,
    name: str | None,
    group: str | None,
    job_type: str,
    tags: Sequence[str],
    mode: str | None,
    save_code: bool,
) -> WandbLogger:
    """A W&B run for the run in `folder`: the same one when the run is continued, offline where there is no account.

    Args:
        folder: of the run; its record.json gives the overrides as tags, its config.yaml the configuration.
        name: of the run on W&B; the folder's name if None.
        group: the sweep's name if None and the folder is a job of one.
        mode: online, offline or disabled; if None, $WANDB_MODE decides, and without it whether there is a key.
        save_code: seglab's source and conf/ go with the run; see `seglab.callbacks.tracking`.
    """
    folder = Path(folder)
    record = runs.read_record(folder) or {}
    in_sweep = folder.parent.parent.name == "sweeps"
    # What wandb keeps of an artifact until it is uploaded lies with the run and goes when the run is deleted.
    os.environ.setdefault("WANDB_DATA_DIR", str(folder.absolute() / "wandb"))
    config, has_secrets = _configuration(folder, record)
    visible = partial(without_secrets, also=environment.names(config))
    if has_secrets:
        log.info("W&B: the run depends on a secret or the environment; its command line and output are not recorded")
    logger = WandbLogger(
        name=visible(name or folder.name),
        save_dir=str(folder),
        id=_kept_id(folder),
        project=project,
        entity=entity,
        group=visible(group or (folder.parent.name if in_sweep else None)),
        job_type=job_type,
        tags=_tags(visible([*tags, *record.get("overrides", [])])),
        mode=mode or _mode_without_asking(folder),
        config=config,
        settings={
            "quiet": True,  # the numbers are printed by seglab already
            # wandb's own way would save the program that was started, whatever it is, and uncommitted changes
            "save_code": False,
            "code_dir": str(PACKAGE) if save_code and not _is_code_disabled() else None,
            **({"x_disable_meta": True, "console": "off"} if has_secrets else {}),
        },
    )
    # Lightning passes this argument on, which wandb answers with a warning in every run (wandb >= 0.22).
    logger._wandb_init.pop("anonymous", None)
    return logger


def close(*, failed: bool) -> None:
    """Ends the W&B run of this process, if there is one. What goes wrong there is told and harms no result."""
    wandb = sys.modules.get("wandb")
    if wandb is None or wandb.run is None:
        return
    if wandb.run.url:
        log.info("W&B: %s", wandb.run.url)
    try:
        wandb.finish(exit_code=int(failed))
    except Exception as error:  # a lost connection, or a wandb-core that a scheduler's signal has killed
        log.warning("W&B did not end properly (%s: %s); the run itself is complete", type(error).__name__, error)


def without_secrets(config: Any, *, also: Iterable[str] = ()) -> Any:
    """The configuration with the values of secret environment variables named instead of shown: "${oc.env:API_KEY}".

    Args:
        also: names of variables that are to be kept out whatever they are called.
    """
    return _masked(config, [*(name for name in os.environ if _SECRET_NAME.search(name)), *also])


def _masked(node: Any, secrets: Sequence[str]) -> Any:
    if isinstance(node, Mapping):
        return {key: _masked(value, secrets) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_masked(value, secrets) for value in node]
    return environment.masked(node, secrets) if isinstance(node, str) else node


def _tags(texts: Iterable[str]) -> list[str]:
    """Those that tell one run from another, each once, as long as W&B lets them be."""
    telling = [text for text in texts if text and not _NO_TAG.match(text)]
    return list(dict.fromkeys(text[:_LONGEST_TAG] for text in telling))


def _configuration(folder: Path, record: Mapping[str, Any]) -> tuple[Any, bool]:
    """The run's configuration as plain data with, under `choices`, the option of each group that it is made of.

    And whether it, or the command that started the run, held a secret or a value of the environment.
    """
    path = folder / runs.CONFIG
    config = OmegaConf.to_container(OmegaConf.load(path)) if path.exists() else {}
    assert isinstance(config, dict)
    config |= {"choices": record.get("choices", {})}
    shown = without_secrets(config)
    depends = bool(environment.names(config))
    return shown, depends or shown != config or without_secrets(sys.argv) != sys.argv


def _is_code_disabled() -> bool:
    return os.environ.get("WANDB_DISABLE_CODE", "").lower() in ("1", "true", "yes")


def _steps_done(folder: Path) -> int | None:
    """The steps of the checkpoint that a run is continued from; None for a run that begins."""
    saved = checkpoints.saved(folder)
    if not saved:
        return None
    return int(torch.load(saved[0], map_location="cpu", mmap=True, weights_only=True)["global_step"])


def _kept_id(folder: Path) -> str:
    path = folder / WANDB_ID
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        runs.write_atomically(path, uuid.uuid4().hex[:12] + "\n")
    return path.read_text(encoding="utf-8").strip()


def _mode_without_asking(folder: Path) -> str | None:
    """'offline' where W&B would ask for a key, and one line that says so; None where it knows what to do."""
    if os.environ.get("WANDB_MODE") or account.has_account():
        return None
    log.info(
        "W&B: no account here, recording offline; to upload: `wandb login`, then `wandb sync %s/wandb/offline-*`",
        folder,
    )
    return "offline"
