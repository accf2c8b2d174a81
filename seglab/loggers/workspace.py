"""The sections and panels of the W&B workspace. Needs wandb-workspaces, seglab's extra `dashboard`.

Every panel names what a run logs, see `seglab.training.module` and `seglab.callbacks.tracking`; a test compares them.
"""

from collections.abc import Sequence
from typing import Any

import wandb
import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws
from wandb_workspaces import expr

from seglab.errors import SeglabError
from seglab.loggers.names import CLASS_TABLES, CONFUSION, CONFUSION_TABLE
from seglab.metrics.titles import FIRST, val_titles

_LOSSES = {"val/loss": "validation loss", "train/loss": "training loss"}
_BEST = "best/val/miou"
_RUNS_SHOWN = 30  # in one panel; W&B shows 10 if not asked for more
_WIDE = {"w": 24, "h": 12}  # the whole width of a section


def workspace(*, entity: str, project: str, name: str, classes: Sequence[str], group_by: str) -> ws.Workspace:
    """The workspace of a project whose runs have these classes.

    Args:
        group_by: key of the runs' configuration whose values the ablation compares.
    """
    ablation = _compared(wr.Config(group_by), group_by)
    return ws.Workspace(
        entity=entity,
        project=project,
        name=name,
        sections=[
            ws.Section(name=f"Ablation by {group_by}", is_open=True, panels=ablation),
            ws.Section(name="Curves", is_open=True, panels=_curves()),
            ws.Section(name="Pictures", is_open=True, panels=_pictures()),
            ws.Section(name="Classes", panels=_classes(classes)),
            ws.Section(name="Sweeps", panels=_compared(wr.Metric("Group"), "sweep")),
            ws.Section(name="Runs", panels=_runs()),
        ],
        settings=ws.WorkspaceSettings(max_runs=_RUNS_SHOWN),
        runset_settings=ws.RunsetSettings(
            order=[expr.Ordering(expr.Summary(_BEST), ascending=False)],
            pinned_columns=[f"summary:{_BEST}", "summary:best/epoch", "summary:last/val/miou", "config:seed"],
        ),
    )


def as_json(view: ws.Workspace) -> dict[str, Any]:
    """What `save` would send to W&B, as plain data."""
    # The library (0.4) has no public way to it.
    return view._to_model().model_dump(mode="json", by_alias=True, exclude_none=True)


def upload(view: ws.Workspace) -> None:
    """Saves the workspace as a new view of its project and prints its address."""
    try:
        if not view.entity:
            view.entity = wandb.Api().default_entity or ""
        view.save()
    except Exception as error:  # whatever wandb, its server and the network raise: that is no fault of ours
        raise SeglabError(
            f"upload=true: expected W&B to take the workspace for {view.entity or '(no entity)'}/{view.project}; "
            f"it did not ({type(error).__name__}: {' '.join(str(error).split())})"
            " - do entity and project exist? The first run that is uploaded makes the project"
        ) from error
    print(view.url)


def _compared(key: wr.Config | wr.Metric, title: str) -> list[Any]:
    """Runs with the same value as one: their mean, and how far they spread, over seeds for instance."""
    best = wr.BarPlot(
        title=f"best mIoU by {title}", metrics=[_BEST], groupby=key, groupby_aggfunc="mean", groupby_rangefunc="stddev",
        max_bars_to_show=_RUNS_SHOWN,
    )  # fmt: skip
    return [
        best,
        *(_line(metric, f"{name} by {title}", key) for metric, name in (val_titles(FIRST[:1]) | _LOSSES).items()),
    ]


def _curves() -> list[Any]:
    steps = wr.LinePlot(
        title="loss of single steps", x="trainer/global_step", y=["train/loss_step"], max_runs_to_show=_RUNS_SHOWN
    )
    rate = wr.LinePlot(  # the name ends in that of the optimizer
        title="learning rate", x="trainer/global_step", metric_regex="^lr-", max_runs_to_show=_RUNS_SHOWN
    )
    curves = val_titles(FIRST[:1]) | _LOSSES | val_titles(FIRST[1:])
    return [*(_line(metric, name) for metric, name in curves.items()), steps, rate]


def _pictures() -> list[Any]:
    masks = wr.MediaBrowser(
        title="validation images with both masks", media_keys=["val/pictures"], num_columns=4, layout=wr.Layout(**_WIDE)
    )
    confusion = wr.MediaBrowser(
        title="confusion matrix", media_keys=[CONFUSION], num_columns=2, layout=wr.Layout(**_WIDE)
    )
    return [masks, confusion, wr.WeavePanelSummaryTable(table_name=CONFUSION_TABLE)]


def _classes(names: Sequence[str]) -> list[Any]:
    bars = wr.BarPlot(
        title="IoU of each class, best checkpoint", metrics=[f"best/val/iou/{name}" for name in names],
        max_runs_to_show=_RUNS_SHOWN, max_bars_to_show=_RUNS_SHOWN * len(names), layout=wr.Layout(**_WIDE),
    )  # fmt: skip
    tables = [wr.WeavePanelSummaryTable(table_name=name) for name in CLASS_TABLES.values()]
    return [bars, *tables, *(_line(f"val/iou/{name}", f"IoU of {name}") for name in names)]


def _runs() -> list[Any]:
    """What differs between the runs, configuration and code, and what a score costs."""
    costs = wr.ScatterPlot(
        title="best mIoU against parameters", x=wr.SummaryMetric("parameters"), y=wr.SummaryMetric(_BEST), log_x=True
    )
    comparer = wr.RunComparer(diff_only="split", layout=wr.Layout(**_WIDE))
    return [comparer, costs, wr.CodeComparer(diff="split")]


def _line(metric: str, title: str, key: wr.Config | wr.Metric | None = None) -> wr.LinePlot:
    """A curve over the epochs, which runs with batches of different sizes share; with `key`, a mean and its spread."""
    return wr.LinePlot(
        title=title, x="epoch", y=[metric], max_runs_to_show=_RUNS_SHOWN, groupby=key,
        groupby_aggfunc=None if key is None else "mean", groupby_rangefunc=None if key is None else "minmax",
    )  # fmt: skip
