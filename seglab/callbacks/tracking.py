"""What W&B and TensorBoard hold of a run besides its curves: best and last scores, classes, confusion, code, a layout.

The scalars themselves are logged by the module, to every logger by the same names.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import seglab.lean_imports  # noqa: F401

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from torch import Tensor

from seglab import PACKAGE, config
from seglab.callbacks.checkpoint import BestCheckpoint
from seglab.display import draw
from seglab.loggers.names import CLASS_TABLES, COLUMNS, CONFUSION, CONFUSION_TABLE, class_rows, tensorboard_layout
from seglab.metrics import readings

if TYPE_CHECKING:
    from wandb.sdk.wandb_run import Run

Score = dict[str, Any]  # {"epoch", "step", "metrics": {"miou", ..., "loss"}, "classes": {name: {"iou", ...}}}

_SOURCES = (("seglab", PACKAGE, "*.py"), ("conf", config.FOLDER, "*.yaml"))


class Tracking(Callback):
    """Keeps the summary of the W&B run true from its first validation on, and logs tables and confusion at its end.

    Does nothing where neither W&B nor TensorBoard is used.

    Args:
        facts: what the summary holds from the beginning, such as {"parameters": 1234, "seed": 1}.
        best: of the same trainer, which calls it first: its choice is read.
        read_scores: {"best": Score, "last": Score} of the run's checkpoints as far as there are any.
    """

    def __init__(
        self,
        facts: Mapping[str, Any],
        *,
        best: BestCheckpoint | None,
        read_scores: Callable[[], Mapping[str, Score]],
    ) -> None:
        self._facts = facts
        self._best = best
        self._read_scores = read_scores

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for run in _wandb_runs(trainer):
            # An axis or a note beside other values, not a curve to look at.
            run.define_metric("epoch", hidden=True)
            run.summary.update({**self._facts, **summary(self._read_scores())})
            if run.settings.code_dir:  # set by `wandb_logger`
                _save_code(run)
        for logger in _tensorboards(trainer):
            logger.experiment.add_custom_scalars(tensorboard_layout(pl_module.class_names))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        wandb_runs = _wandb_runs(trainer)
        if not wandb_runs or trainer.sanity_checking or trainer.state.fn != "fit":
            return
        measured = scored(pl_module.validation, pl_module.class_names)
        score = {"epoch": trainer.current_epoch, "step": trainer.global_step, **measured}
        is_best = self._best is not None and self._best.best.get("step") == trainer.global_step
        for run in wandb_runs:
            run.summary.update(summary({"last": score} | ({"best": score} if is_best else {})))

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Before the loggers are closed. Not reached by a run that fails or is interrupted."""
        tensorboards, wandb_runs = _tensorboards(trainer), _wandb_runs(trainer)
        if not pl_module.validation or not (tensorboards or wandb_runs):
            return
        matrix, names = pl_module.validation["confusion"], pl_module.class_names
        step = max(trainer.global_step - 1, 0)  # of the newest validation, as its scores were logged
        picture = draw.rendered(draw.confusion_figure(matrix.cpu().numpy(), names))
        for logger in tensorboards:
            logger.experiment.add_image(CONFUSION, picture, step, dataformats="HWC")
        for run in wandb_runs:
            scores = self._read_scores()
            run.summary.update(summary(scores))
            log_tables(run, scores, matrix, names, picture=picture, step=step)


def scored(validation: Mapping[str, Any], class_names: Sequence[str]) -> Score:
    """{"metrics", "classes"} of what a module keeps of a validation; nothing where there was none."""
    if not validation:
        return {}
    matrix = validation["confusion"]
    return {
        "metrics": {**readings.summary(matrix), "loss": validation["loss"]},
        "classes": readings.per_class(matrix, class_names),
    }


def summary(scores: Mapping[str, Score]) -> dict[str, Any]:
    """{"best/epoch": 2, "best/val/miou": ..., "best/val/iou/road": ..., "last/val/miou": ...}; epochs count from 0."""
    values: dict[str, Any] = {}
    for which, score in scores.items():
        values |= {f"{which}/{name}": score[name] for name in ("epoch", "step")}
        values |= {f"{which}/val/{name}": value for name, value in score.get("metrics", {}).items()}
        values |= {f"{which}/val/iou/{name}": ratings["iou"] for name, ratings in score.get("classes", {}).items()}
    return values


def log_tables(
    run: "Run", scores: Mapping[str, Score], matrix: Tensor, names: Sequence[str], *, picture: Any, step: int
) -> None:
    """Logs, in one row: the classes of the best and the last checkpoint, the confusion matrix as picture and table."""
    import wandb

    tables = {
        CLASS_TABLES[which]: wandb.Table(columns=list(COLUMNS), data=class_rows(score["classes"]))
        for which, score in scores.items()
        if "classes" in score
    }
    pairs = [
        [truth, prediction, int(matrix[row, column])]
        for row, truth in enumerate(names)
        for column, prediction in enumerate(names)
        if matrix[row, column]
    ]
    confusion = wandb.Table(columns=["truth", "prediction", "pixels"], data=pairs)
    images = [wandb.Image(picture)]
    run.log({**tables, CONFUSION: images, CONFUSION_TABLE: confusion, "trainer/global_step": step})


def _save_code(run: "Run") -> None:
    """Makes seglab's own source and configuration the code of the W&B run; nothing of the folder it is started in."""
    with tempfile.TemporaryDirectory() as folder:
        for name, source, pattern in _SOURCES:
            for path in source.rglob(pattern):
                copy = Path(folder) / name / path.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
        run.log_code(folder, name=f"source-{run.project}", include_fn=lambda path: True)


def _wandb_runs(trainer: Trainer) -> list["Run"]:
    """Those that record; none in the further processes of a training on several devices."""
    runs = [logger.experiment for logger in trainer.loggers if isinstance(logger, WandbLogger)]
    return [run for run in runs if trainer.is_global_zero and not run.disabled]


def _tensorboards(trainer: Trainer) -> list[TensorBoardLogger]:
    return [logger for logger in trainer.loggers if trainer.is_global_zero and isinstance(logger, TensorBoardLogger)]
