"""A run that is continued: as it was begun, or for more epochs than it was begun with."""

from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from seglab import runs
from seglab.errors import SeglabError
from seglab.runs.class_names import lasting_name

_LENGTH = "trainer.max_epochs"
# Of those known, what each step does depends on the steps before it alone.
_SCHEDULES = frozenset(map(lasting_name, ("seglab.training.schedule.Constant", "seglab.training.schedule.Plateau")))
# They average a part of the training that is counted from its end.
_AVERAGES_BY_LENGTH = ("EpochAverage", "StochasticWeightAveraging")


class Continued(NamedTuple):
    """What a run is continued with."""

    cfg: DictConfig
    overrides: list[str]  # with which it would have been begun
    goes_further: bool


def continued_run(folder: Path, typed: list[str]) -> Continued:
    """The configuration and the overrides of the run in `folder`, with more epochs where they were asked for.

    Args:
        typed: resume=..., perhaps the output folder in which the run was looked for, perhaps trainer.max_epochs=N.

    Raises:
        SeglabError: there is no such run, something else was typed, or another length would be another training.
    """
    pairs = [(override, *override.lstrip("+").partition("=")[::2]) for override in typed]
    others = [override for override, key, _ in pairs if key not in ("resume", "output", _LENGTH)]
    if others:
        raise SeglabError(
            f"resume={folder} continues a run with its own configuration; expected no other override than "
            f"{_LENGTH}=N, came {', '.join(others)} - leave them out, or start a new run with them"
        )
    record = runs.read_record(folder)
    if record is None or not (folder / runs.CONFIG).is_file():
        raise SeglabError(
            f"resume={folder}: expected the folder of a run, with {runs.RECORD} and {runs.CONFIG} in it - "
            "python -m seglab.runs lists the runs"
        )
    cfg, overrides = runs.read_config(folder), list(record["overrides"])
    lengths = [value for _, key, value in pairs if key == _LENGTH]
    if not lengths or str(cfg.trainer.max_epochs) == lengths[-1]:
        return Continued(cfg, overrides, goes_further=False)
    _check(folder, record, cfg, asked=lengths[-1])
    OmegaConf.update(cfg, _LENGTH, int(lengths[-1]))
    kept = [override for override in overrides if override.lstrip("+").partition("=")[0] != _LENGTH]
    return Continued(cfg, [*kept, f"{_LENGTH}={lengths[-1]}"], goes_further=True)


def _check(folder: Path, record: runs.Record, cfg: DictConfig, *, asked: str) -> None:
    """Raises SeglabError where the run would not end as one that was asked for so many epochs from its start."""
    trainer, done = cfg.trainer, runs.state(folder).epoch or 0
    if not asked.isdecimal() or int(asked) <= done:
        reason = f"expected a whole number of epochs, more than the {done} that it has"
    elif trainer.max_steps not in (-1, None):
        reason = f"its length is trainer.max_steps={trainer.max_steps}"
    elif lasting_name(str(cfg.scheduler._target_)) not in _SCHEDULES:
        name = str(cfg.scheduler._target_).rpartition(".")[2]
        reason = f"its schedule, {name}, spread the learning rate over {trainer.max_epochs} epochs"
    elif record["status"] == "finished" and done < (trainer.max_epochs or 0):
        reason = f"it was stopped after epoch {done} of {trainer.max_epochs}, and would be again"
    elif cfg.model.get("masked_attention") == "annealed":
        reason = f"its network abandoned masked attention in the course of the {trainer.max_epochs} epochs"
    elif averaging := _averages_by_length(cfg):
        reason = f"callbacks.{averaging} averaged the last part of the {trainer.max_epochs} epochs"
    else:
        return
    new = f"train anew with {_LENGTH}={asked}, or from its weights: init_from={runs.shown(folder.absolute())}"
    raise SeglabError(f"resume={folder} {_LENGTH}={asked}: the run cannot go on so; {reason} - {new}")


def _averages_by_length(cfg: DictConfig) -> str | None:
    """The name of a callback that averages the weights of the last part of a training."""
    callbacks: dict[str, Any] = OmegaConf.to_container(cfg.callbacks) or {}  # type: ignore[assignment]
    targets = {name: str(node.get("_target_")) for name, node in callbacks.items() if node}
    return next((name for name, target in targets.items() if target.rpartition(".")[2] in _AVERAGES_BY_LENGTH), None)
