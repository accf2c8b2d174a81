"""What lies in a run's folder, read for its page: all that can be read, and a line for what cannot.

The folder may be a stranger's, or that of a run that is being written, died, or was damaged: no value is taken for what
it should be. Nothing of it is built or resolved.
"""

import math
import pickle
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import OmegaConf

from seglab import runs
from seglab.display import confusion
from seglab.display.confusion import Confusion
from seglab.errors import SeglabError
from seglab.labels import label_space
from seglab.pages.evaluation_files import EvaluationFiles, evaluation_folders, read_evaluation
from seglab.pages.values import Score, mapping, score_of
from seglab.runs import environment
from seglab.runs.files import BEST
from seglab.runs.metrics_file import METRICS, numbers, whole_rows

_SHEET = re.compile(r"epoch_(\d{1,9})\.png")
_MOST_TRACEBACK = 20_000  # characters

T = TypeVar("T")


@dataclass(frozen=True)
class RunFiles:
    """What a page tells of one run."""

    folder: Path
    record: Mapping[str, Any]  # of the right types at its top level; empty where there is none
    state: runs.State
    config: Mapping[str, Any]  # what comes from the environment as the text of its interpolation
    history: Sequence[Mapping[str, float]]  # the rows of metrics.csv
    matrix: Confusion | None  # of the best checkpoint
    sheets: Mapping[int, Path]  # {epoch, from 1: picture}, in their order
    evaluations: Sequence[EvaluationFiles]
    colours: Mapping[str, str]  # {class: "#rrggbb"} of the data set
    traceback: str | None
    problems: Sequence[str]  # what could not be read
    hidden: Set[str]  # environment variables that the configuration reads; their values stand nowhere here

    @property
    def name(self) -> str:
        """'exp1', or 'losses/loss-dice' of a job of a sweep."""
        parts = self.folder.absolute().parts
        name = "/".join(parts[-2:]) if parts[-3:-2] == ("sweeps",) else parts[-1]
        return environment.masked(name, self.hidden)

    @property
    def best(self) -> Score:
        """Of the best checkpoint; before the record has it, of the best validation in metrics.csv."""
        recorded = score_of(self.record.get("best"))
        return recorded if recorded.metrics else _best_so_far(self.history, self.config)


def read_run(folder: Path) -> RunFiles:
    """All that can be read of the run in `folder`."""
    problems: list[str] = []
    record: Mapping[str, Any] = _tried(lambda: runs.read_record(folder) or {}, {}, problems)
    config: Mapping[str, Any] = _tried(partial(_config, folder), {}, problems)
    hidden = environment.names(config)
    record = _masked(record, hidden)
    pending = runs.State(status="pending")
    state = _tried(partial(runs.state, folder), pending, problems) if record else pending
    evaluations = [
        _tried(partial(read_evaluation, path), None, problems) for path in evaluation_folders(folder, record)
    ]
    return RunFiles(
        folder=folder,
        record=record,
        state=replace(state, error=_masked(state.error, hidden)),
        config=config,
        history=_tried(partial(_history, folder, problems), [], problems),
        matrix=_tried(partial(_matrix, folder, record), None, problems),
        sheets=dict(sorted(_sheets(folder))),
        evaluations=[evaluation for evaluation in evaluations if evaluation is not None],
        colours=_colours(config),
        traceback=_masked(_tried(partial(_traceback, folder, record), None, problems), hidden),
        problems=_masked(problems, hidden),
        hidden=hidden,
    )


def _masked(node: T, hidden: Set[str]) -> T:
    """The values with the names of these environment variables in place of what they hold."""
    if not hidden:
        return node
    if isinstance(node, str):
        return environment.masked(node, hidden)  # type: ignore[return-value]
    if isinstance(node, Mapping):
        return {key: _masked(value, hidden) for key, value in node.items()}  # type: ignore[return-value]
    return [_masked(value, hidden) for value in node] if isinstance(node, list) else node  # type: ignore[return-value]


def _tried(read: Callable[[], T], otherwise: T, problems: list[str]) -> T:
    """What `read` returns; where that cannot be read `otherwise`, and a line in `problems`."""
    try:
        return read()
    except (SeglabError, OSError, RecursionError) as error:  # the last: of values nested without end
        problems.append(str(error))
        return otherwise


def _best_so_far(history: Sequence[Mapping[str, float]], config: Mapping[str, Any]) -> Score:
    """By the monitor of the run, as far as its configuration tells of one."""
    best = mapping(mapping(config.get("callbacks")).get("best"))
    monitor = str(best.get("monitor", "val/miou"))
    choose = min if best.get("mode") == "min" else max
    rows = [row for row in history if all(math.isfinite(row.get(key, math.nan)) for key in (monitor, "epoch"))]
    if not rows:
        return Score()
    row = choose(rows, key=lambda row: row[monitor])
    values = {key.removeprefix("val/"): value for key, value in row.items() if key.startswith("val/")}
    names = [key.removeprefix("iou/") for key in values if key.startswith("iou/")]
    return Score(
        epoch=int(row["epoch"]) + 1,
        metrics={key: value for key, value in values.items() if "/" not in key},
        classes={name: {kind: values.get(f"{kind}/{name}", math.nan) for kind in ("iou", "dice")} for name in names},
    )


def _config(folder: Path) -> Mapping[str, Any]:
    """Not resolved: interpolations are all that config.yaml says of the environment."""
    if not (folder / runs.CONFIG).exists():
        return {}
    return mapping(OmegaConf.to_container(runs.read_config(folder), resolve=False))


def _history(folder: Path, problems: list[str]) -> Sequence[Mapping[str, float]]:
    """The whole rows of metrics.csv; what is lost of it is one of the problems."""
    rows, lost = whole_rows(folder / METRICS)
    problems += [lost] if lost else []
    return numbers(rows)


def _matrix(folder: Path, record: Mapping[str, Any]) -> Confusion | None:
    """From the table that the end of a training leaves; before there is one, from the checkpoint."""
    path, checkpoint = folder / confusion.NAME, folder / "checkpoints" / BEST
    if path.exists() and (record.get("status") == "finished" or not checkpoint.exists()):
        return confusion.read_confusion(path)
    return _in_checkpoint(checkpoint) if checkpoint.exists() and checkpoint.stat().st_size else None


def _in_checkpoint(path: Path) -> Confusion | None:
    import torch  # for this alone: the other files need seconds less

    try:
        state = torch.load(path, map_location="cpu", mmap=True, weights_only=True)["seglab"]
        counts = tuple(map(tuple, state["validation"]["confusion"].tolist()))
        return Confusion(tuple(map(str, state["class_names"])), counts) if counts else None
    except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError, ValueError, AttributeError, EOFError) as error:
        raise SeglabError(f"{path}: expected the best checkpoint of a run; it cannot be read ({error})") from error


def _sheets(folder: Path) -> Iterator[tuple[int, Path]]:
    for path in (folder / "pictures").glob("epoch_*.png"):
        if match := _SHEET.fullmatch(path.name):
            yield int(match[1]), path


def _colours(config: Mapping[str, Any]) -> Mapping[str, str]:
    labels = mapping(config.get("data")).get("labels")
    try:
        space = label_space(labels)  # type: ignore[arg-type] # what is none is refused
        return {
            name: "#{:02x}{:02x}{:02x}".format(*colour) for name, colour in zip(space.names, space.colors, strict=True)
        }
    except (SeglabError, TypeError, ValueError, AttributeError, KeyError):
        return {}


def _traceback(folder: Path, record: Mapping[str, Any]) -> str | None:
    path = folder / runs.TRACEBACK
    if not record.get("traceback") or not path.is_file():
        return None
    return path.read_text(encoding="utf-8", errors="replace")[-_MOST_TRACEBACK:]
