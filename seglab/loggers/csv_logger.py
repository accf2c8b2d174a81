"""metrics.csv: every logged value of a run, in the run's folder, whole after any number of interruptions."""

import csv
import io
import logging
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from torch import Tensor

from seglab import runs
from seglab.runs.metrics_file import METRICS, whole_rows

log = logging.getLogger("seglab")


class RunCSVLogger(Logger):
    """Appends rows to the run's metrics.csv; a run that was killed and continued has the rows of a straight one.

    A row is {"epoch", "step", the values logged together}. When training goes on from an earlier step than the file's
    last, what lies behind that step is dropped. Lightning's CSVLogger deletes the file of a run that it continues.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        self.path = Path(folder) / METRICS
        self._rows: list[dict[str, str]] | None = None  # read when the first row is written
        self._columns: list[str] = []
        self._training_row_seen = False

    @property
    def name(self) -> str:
        return ""

    @property
    def version(self) -> str:
        return ""

    @property
    def save_dir(self) -> str:
        return str(self.path.parent)

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any) -> None:
        """Nothing: config.yaml lies beside."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float | Tensor], step: int | None = None) -> None:
        step = step or 0
        row = {"step": str(step)} | {key: _exact(value) for key, value in metrics.items()}
        opening = self._rows is None
        if self._rows is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._rows, lost = whole_rows(self.path)
            if lost:
                log.warning("%s; the file as it was: %s", lost, shutil.copy(self.path, f"{self.path}.damaged"))
            self._columns = list(self._rows[0]) if self._rows else []
        is_last = self._take(row, self._rows, step)
        if opening or not is_last or not row.keys() <= set(self._columns):  # opening: a kill may have left half a row
            self._columns = _ordered({*self._columns, *row})
            runs.write_atomically(self.path, ",".join(self._columns) + "\n" + _lines(self._rows, self._columns))
        else:
            with open(self.path, "a", encoding="utf-8", newline="") as file:
                file.write(_lines([row], self._columns))

    def _take(self, row: dict[str, str], rows: list[dict[str, str]], step: int) -> bool:
        """Puts the row where it belongs; False where earlier rows had to change for it."""
        begins = not self._training_row_seen and any(key.startswith("train/") for key in row)
        self._training_row_seen |= begins
        later = [old for old in rows if begins and int(old["step"]) > step]
        if later:
            rows[:] = [old for old in rows if int(old["step"]) <= step]
        for index in range(len(rows) - 1, -1, -1):
            if int(rows[index]["step"]) < step:
                break
            if int(rows[index]["step"]) == step and _filled(rows[index]) == row.keys():
                rows[index] = row
                return False
        rows.append(row)
        return not later


def _exact(value: float | Tensor) -> str:
    return repr(value.item() if isinstance(value, Tensor) else value)


def _filled(row: Mapping[str, str]) -> set[str]:
    return {key for key, text in row.items() if text}


def _ordered(columns: Iterable[str]) -> list[str]:
    """epoch, step, then the alphabet: the order must not depend on when the run was interrupted."""
    return sorted(columns, key=lambda name: (name != "epoch", name != "step", name))


def _lines(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.DictWriter(buffer, columns, restval="", lineterminator="\n").writerows(rows)
    return buffer.getvalue()
