"""Weights & Biases and TensorBoard, for a run whose files lie in one folder. metrics.csv has a module of its own."""

import logging
import netrc
import os
import re
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from omegaconf import OmegaConf
from torch import Tensor

from seglab import draw, runs

log = logging.getLogger("seglab")

WANDB_ID = "wandb_id.txt"  # in the folder of the run: whoever continues the run continues this W&B run
_LONGEST_TAG = 64  # W&B refuses longer ones, and the job with them
_KNOWS_WHAT_TO_DO = ("WANDB_MODE", "WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE")
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
_SECRET_LENGTH = 8  # a shorter value is no secret, and would be found in harmless text


def tensorboard_logger(folder: str | Path) -> TensorBoardLogger:
    """Event files directly in the run's folder: `tensorboard --logdir` of the folder above shows each run by name."""
    return TensorBoardLogger(save_dir=str(folder), name="", version="", default_hp_metric=False)


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
) -> WandbLogger:
    """A W&B run for the run in `folder`: the same one when the run is continued, offline where there is no account.

    Args:
        folder: of the run; its record.json gives the overrides as tags, its config.yaml the configuration.
        name: of the run on W&B; the folder's name if None.
        group: the sweep's name if None and the folder is a job of one.
        mode: online, offline or disabled; if None, $WANDB_MODE decides, and without it whether there is a key.
    """
    folder = Path(folder)
    record = runs.read_record(folder) or {}
    in_sweep = folder.parent.parent.name == "sweeps"
    logger = WandbLogger(
        name=name or folder.name,
        save_dir=str(folder),
        id=_kept_id(folder),
        project=project,
        entity=entity,
        group=group or (folder.parent.name if in_sweep else None),
        job_type=job_type,
        tags=[tag[:_LONGEST_TAG] for tag in [*tags, *record.get("overrides", [])] if tag],
        mode=mode or _mode_without_asking(folder),
        config=_configuration(folder),
        settings={"quiet": True},  # the numbers are printed by seglab already
    )
    # Lightning passes this argument on, which wandb answers with a warning in every run (wandb >= 0.22).
    logger._wandb_init.pop("anonymous", None)
    return logger


def log_confusion(loggers: Iterable[Logger], matrix: Tensor, names: Sequence[str], *, step: int) -> None:
    """Hands a confusion matrix (K, K) [truth, prediction] to W&B (picture and table) and TensorBoard (picture)."""
    wanted = [logger for logger in loggers if isinstance(logger, WandbLogger | TensorBoardLogger)]
    if not wanted or rank_zero_only.rank != 0:
        return
    figure = draw.confusion_figure(matrix.cpu().numpy(), names)
    for logger in wanted:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_figure("val/confusion", figure, step, close=False)
        else:
            pairs = [
                [truth, prediction, int(matrix[row, column])]
                for row, truth in enumerate(names)
                for column, prediction in enumerate(names)
                if matrix[row, column]
            ]
            logger.log_image("val/confusion", [draw.rendered(figure)], step=step)
            logger.log_table("val/confusion_table", columns=["truth", "prediction", "pixels"], data=pairs, step=step)


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


def without_secrets(config: Any) -> Any:
    """The configuration with the values of secret environment variables named instead of shown: "${oc.env:API_KEY}"."""
    named = {name: value for name, value in os.environ.items() if _SECRET_NAME.search(name)}
    return _masked(config, {name: value for name, value in named.items() if len(value) >= _SECRET_LENGTH})


def _masked(node: Any, secrets: Mapping[str, str]) -> Any:
    if isinstance(node, Mapping):
        return {key: _masked(value, secrets) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_masked(value, secrets) for value in node]
    if isinstance(node, str):
        for name, value in secrets.items():
            node = node.replace(value, f"${{oc.env:{name}}}")
    return node


def _configuration(folder: Path) -> Any:
    path = folder / runs.CONFIG
    return without_secrets(OmegaConf.to_container(OmegaConf.load(path))) if path.exists() else None


def _kept_id(folder: Path) -> str:
    path = folder / WANDB_ID
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        runs.write_atomically(path, uuid.uuid4().hex[:12] + "\n")
    return path.read_text(encoding="utf-8").strip()


def _mode_without_asking(folder: Path) -> str | None:
    """'offline' where W&B would ask for a key, and one line that says so; None where it knows what to do."""
    if any(os.environ.get(name) for name in _KNOWS_WHAT_TO_DO) or _has_netrc_entry():
        return None
    log.info(
        "W&B: no account here, recording offline; to upload: `wandb login`, then `wandb sync %s/wandb/offline-*`",
        folder,
    )
    return "offline"


def _has_netrc_entry() -> bool:
    host = re.sub(r"^https?://|[:/].*$", "", os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai"))
    for path in (os.environ.get("NETRC"), "~/.netrc", "~/_netrc"):
        try:
            if path and netrc.netrc(os.path.expanduser(path)).authenticators(host):
                return True
        except (OSError, netrc.NetrcParseError):
            continue
    return False
