"""A small sweep and an interrupted run with every logger, read back: W&B's file, TensorBoard's and metrics.csv."""

import json
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from wandb.proto import wandb_internal_pb2

from seglab import PACKAGE, config
from seglab.callbacks import tracking
from seglab.labels import label_space
from seglab.runs.metrics_file import read_history
from tests.forked import Forked
from tests.waiting import PATIENCE, wait_for

SECRET = "hunter2-hunter2"
LOGGERS = "logger=[csv,tensorboard,wandb]"
NAMES = label_space("cityscapes_19").names
TINY = """# @package _global_
data:
  prepare: {train: 8, val: 4, test: 2, height: 64, width: 128}
  size: [32, 64]
  batch_size: 2
  num_workers: 0
model: {base: 4, depth: 2, size_divisor: 4}
trainer: {accelerator: cpu, max_epochs: 2, log_every_n_steps: 1}
"""


class Recorded(NamedTuple):
    """What one process wrote into one W&B run, in its own words."""

    run: Any
    config: dict[str, Any]
    summary: dict[str, Any]
    first_summary: dict[str, Any]  # before the first row
    history: list[dict[str, Any]]
    artifacts: list[Any]
    folder: Path

    def media(self, name: str, key: str) -> Any:
        """What the newest row with `name` says of it."""
        return next(row[f"{name}/{key}"] for row in reversed(self.history) if f"{name}/{key}" in row)

    def table(self, name: str) -> dict[str, list[Any]]:
        return json.loads((self.folder / "files" / self.media(name, "path")).read_text())


def recorded(file: Path) -> Recorded:
    run, artifacts, history = None, [], []
    values: dict[str, dict[str, Any]] = {"config": {}, "summary": {}}
    first: dict[str, Any] | None = None
    for record in records(file):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run = record.run
            values["config"] |= decoded(record.run.config.update)
        elif kind in values:
            values[kind] |= decoded(getattr(record, kind).update)
        elif kind == "history":
            first = dict(values["summary"]) if first is None else first
            history.append(decoded(record.history.item))
        elif kind == "artifact":
            artifacts.append(record.artifact)
    return Recorded(run, values["config"], values["summary"], first or {}, history, artifacts, file.parent)


def records(file: Path) -> Iterator[wandb_internal_pb2.Record]:
    """The format of LevelDB's log behind a header of 7 bytes: blocks of 32 KiB, a record in one or several parts."""
    data, block, header = file.read_bytes(), 32768, 7
    assert data[:4] == b":W&B"
    position, parts = header, b""
    while position + header <= len(data):
        left = block - position % block
        _, length, kind = struct.unpack("<IHB", data[position : position + header])
        if left < header or (kind, length) == (0, 0):
            position += left
            continue
        parts += data[position + header : position + header + length]
        position += header + length
        if kind in (1, 4):  # the whole, or the last part
            yield wandb_internal_pb2.Record.FromString(parts)
            parts = b""


def decoded(items: Any) -> dict[str, Any]:
    return {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


Curves = dict[str, dict[int, float]]  # {name: {step: value}}


def wandb_curves(parts: list[Recorded]) -> Curves:
    """Of the later part, where two have the same step: a continued run repeats what its checkpoint did not hold."""
    curves: Curves = {}
    for row in (row for part in parts for row in part.history):
        media = tuple(key.removesuffix("_type") for key in row if key.endswith("/_type"))
        for name, value in row.items():
            if not name.startswith(("_", "trainer/", *media)):
                curves.setdefault(name, {})[row["trainer/global_step"]] = value
    return curves


def csv_curves(folder: Path) -> Curves:
    curves: Curves = {}
    for row in read_history(folder / "metrics.csv"):
        for name, value in row.items():
            curves.setdefault(name, {})[int(row["step"])] = value
    return {name: curve for name, curve in curves.items() if name != "step"}


def tensorboard_curves(folder: Path) -> Curves:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {name: {event.step: event.value for event in events.Scalars(name)} for name in events.Tags()["scalars"]}


def assert_same(one: Curves, other: Curves) -> None:
    assert one.keys() == other.keys()
    for name, curve in one.items():
        assert curve.keys() == other[name].keys(), name
        values = [[curve[step] for step in sorted(curve)] for curve in (curve, other[name])]
        assert np.array_equal(*np.array(values, dtype=np.float32), equal_nan=True), name


@pytest.fixture(scope="module")
def start(command_server, environment) -> Callable[..., Forked]:
    """`start(folder, "loss=dice")`: `python -m seglab.train loss=dice` with TINY in `folder`, begun."""

    def begin(folder: Path, *arguments: str) -> Forked:
        experiment = folder / "my_conf" / "experiment" / "tiny.yaml"
        experiment.parent.mkdir(parents=True, exist_ok=True)
        experiment.write_text(TINY)
        kept = {key: value for key, value in environment.items() if key != "WANDB_DATA_DIR"}
        typed = [sys.executable, "-m", "seglab.train", *arguments]
        return Forked(command_server, typed, folder=folder, environment={**kept, "MY_TOKEN": SECRET})

    return begin


EXPERIMENT = ("--config-dir", "my_conf", "experiment=tiny")


@pytest.fixture(scope="module")
def jobs(start, tmp_path_factory) -> dict[str, Path]:
    """{loss: folder of the job} of a finished sweep."""
    folder = tmp_path_factory.mktemp("sweep")
    cache = folder / SECRET  # typed by a shell in which it was a variable
    process = start(
        folder, "-m", *EXPERIMENT, "loss=ce,ce_dice", LOGGERS, "sweep=losses", f"data.cache={cache}",
        "callbacks.pictures.every_n_epochs=1", "callbacks.pictures.samples=2",
    )  # fmt: skip
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    found = {path.name: path for path in (folder / "outputs" / "sweeps" / "losses").iterdir() if path.is_dir()}
    return {name.partition("loss-")[2]: path for name, path in found.items()}


@pytest.fixture(scope="module")
def continued(start, tmp_path_factory) -> Path:
    """The folder of a run that was interrupted, continued, and came to its end."""
    folder = tmp_path_factory.mktemp("interrupted")
    few = ("trainer.max_epochs=8", "callbacks.last.every_n_steps=3", "callbacks.pictures=null")
    process = start(folder, *EXPERIMENT, *few, LOGGERS)
    wait_for(lambda: list(folder.glob("outputs/runs/*/checkpoints/best.ckpt")), process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, output
    (run,) = (folder / "outputs" / "runs").iterdir()
    process = start(folder, f"resume={run}")
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    return run


def parts_of(folder: Path) -> list[Recorded]:
    return [recorded(file) for file in sorted(folder.glob("wandb/offline-run-*/*.wandb"))]


@pytest.mark.slow
def test_all_loggers_have_the_same_names_and_values(jobs):
    for folder in jobs.values():
        curves = csv_curves(folder)
        assert {"epoch", "train/loss", "train/loss_step", "val/loss", "val/miou", "val/iou/road"} <= curves.keys()
        assert_same(curves, wandb_curves(parts_of(folder)))
        assert_same(curves, tensorboard_curves(folder))
        assert len(list(folder.glob("events.out.*"))) == 1
        assert not (folder / "hparams.yaml").exists()
    assert "train/loss_step/dice" in wandb_curves(parts_of(jobs["ce_dice"]))


@pytest.mark.slow
def test_tensorboard_has_a_page_of_charts_and_pictures_where_the_scores_are(jobs):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(jobs["ce"]))
    events.Reload()
    assert "custom_scalars__config__" in events.Tags()["tensors"]
    last = max(csv_curves(jobs["ce"])["val/miou"])
    assert {name: events.Images(name)[-1].step for name in events.Tags()["images"]} == {
        "val/pictures": last, "val/confusion": last,
    }  # fmt: skip


@pytest.mark.slow
def test_the_jobs_of_a_sweep_are_one_group_with_tags_and_a_plain_configuration(jobs):
    for loss, folder in jobs.items():
        (part,) = parts_of(folder)
        assert (part.run.run_group, part.run.job_type, part.run.display_name) == ("losses", "train", folder.name)
        assert part.run.run_id == (folder / "wandb_id.txt").read_text().strip()
        assert {"experiment=tiny", f"loss={loss}", "callbacks.pictures.samples=2"} <= set(part.run.tags)
        assert not [tag for tag in part.run.tags if tag.startswith(("sweep", "logger")) or len(tag) > 64]
        assert part.config["choices"]["loss"] == loss
        assert part.config["choices"]["model"] == "unet"
        assert part.config["trainer"]["max_epochs"] == 2
        assert part.config["data"]["cache"].endswith("/${oc.env:MY_TOKEN}")


@pytest.mark.slow
def test_no_secret_reaches_a_file_of_wandb(jobs):
    assert SECRET in (jobs["ce"] / "config.yaml").read_text()
    files = [path for folder in jobs.values() for path in (folder / "wandb").rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


@pytest.mark.slow
def test_the_summary_holds_the_best_and_the_last_scores_and_what_the_run_was(jobs):
    for folder in jobs.values():
        (part,) = parts_of(folder)
        record = json.loads((folder / "record.json").read_text())
        for which in ("best", "last"):
            score = record[which]
            expected = {f"{which}/val/{name}": value for name, value in score["metrics"].items()}
            expected |= {f"{which}/val/iou/{name}": each["iou"] for name, each in score["classes"].items()}
            expected |= {f"{which}/epoch": score["epoch"], f"{which}/step": score["step"]}
            found = {name: part.summary[name] for name in expected}
            assert found == {name: None if value != value else value for name, value in expected.items()}
        for name in ("parameters", "flops", "seed", "fingerprint"):
            assert part.summary[name] == part.first_summary[name] == record[name]
        assert "best/val/miou" not in part.first_summary
        assert part.summary["val/miou"] == pytest.approx(record["last"]["metrics"]["miou"])


@pytest.mark.slow
def test_tables_of_the_classes_and_of_the_confusion(jobs):
    (part,) = parts_of(jobs["ce"])
    record = json.loads((jobs["ce"] / "record.json").read_text())
    for which in ("best", "last"):
        table = part.table(f"{which}/classes")
        assert table["columns"] == ["class", "IoU", "Dice", "accuracy", "precision", "pixels"]
        scores = record[which]["classes"]
        keys = ("iou", "dice", "accuracy", "precision", "pixels")
        rows = [[name, *(scores[name][key] for key in keys)] for name in NAMES]
        assert table["data"] == [[None if value != value else value for value in row] for row in rows]
    pixels = {name: 0 for name in NAMES}
    for truth, _, count in part.table("val/confusion_table")["data"]:
        pixels[truth] += count
    assert pixels == {name: scores["pixels"] for name, scores in record["last"]["classes"].items()}
    (picture,) = part.media("val/confusion", "filenames")
    assert cv2.imread(str(part.folder / "files" / picture)).shape[0] > 300


@pytest.mark.slow
def test_pictures_have_both_masks_and_the_names_of_the_classes(jobs):
    (part,) = parts_of(jobs["ce"])
    masks = part.media("val/pictures", "all_masks")
    assert len(masks) == len(part.media("val/pictures", "filenames")) == 2
    for name in ("prediction", "ground_truth"):
        mask = cv2.imread(str(part.folder / "files" / masks[0][name]["path"]), cv2.IMREAD_UNCHANGED)
        assert set(np.unique(mask)) <= {*range(19), 255}
        labels = part.config["_wandb"]["mask/class_labels"][f"val/pictures_wandb_delimeter_{name}"]["value"]
        assert labels == {**{str(index): name for index, name in enumerate(NAMES)}, "255": "void"}
    steps = {row["trainer/global_step"] for row in part.history if "val/pictures/count" in row}
    assert steps == set(csv_curves(jobs["ce"])["val/miou"])


@pytest.mark.slow
def test_the_code_of_a_run_is_seglab_and_its_configuration_alone(jobs):
    (part,) = parts_of(jobs["ce"])
    (code,) = [artifact for artifact in part.artifacts if artifact.type == "code"]
    package = PACKAGE
    expected = {f"seglab/{path.relative_to(package)}": path for path in package.rglob("*.py")}
    expected |= {f"conf/{path.relative_to(config.FOLDER)}": path for path in config.FOLDER.rglob("*.yaml")}
    contents = {entry.path: Path(entry.local_path) for entry in code.manifest.contents}
    assert contents.keys() == expected.keys()
    assert all(path.is_relative_to(jobs["ce"] / "wandb") for path in contents.values())
    sample = "seglab/callbacks/tracking.py"
    assert contents[sample].read_bytes() == expected[sample].read_bytes()
    assert sum(path.stat().st_size for path in contents.values()) < 4e6
    files = {path.name for path in (part.folder / "files").iterdir()}
    assert files <= {"media", "output.log", "requirements.txt", "config.yaml", "wandb-summary.json"}


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_continued_run_is_the_same_one_with_its_best_score_from_the_beginning(continued):
    before, after = parts_of(continued)
    assert before.run.run_id == after.run.run_id
    record = json.loads((continued / "record.json").read_text())
    assert before.summary["best/val/miou"] == after.first_summary["best/val/miou"]
    assert after.summary["best/val/miou"] == record["best"]["metrics"]["miou"]
    assert after.first_summary["last/step"] < after.summary["last/step"] == record["steps"]
    assert "best/classes/path" not in before.history[-1]
    assert after.table("best/classes")["data"]


@pytest.mark.slow
def test_the_loggers_of_a_continued_run_agree(continued):
    curves = csv_curves(continued)
    assert set(range(32)) == set(curves["train/loss_step"])
    assert_same(curves, wandb_curves(parts_of(continued)))
    assert_same(curves, tensorboard_curves(continued))


@pytest.mark.slow
def test_every_panel_of_the_dashboard_shows_what_a_run_logs(jobs):
    pytest.importorskip("wandb_workspaces")
    from seglab.loggers.workspace import as_json, workspace

    (part,) = parts_of(jobs["ce"])
    logged = set(wandb_curves([part])) | {"trainer/global_step"}
    media = {key.removesuffix("/_type") for row in part.history for key in row if key.endswith("/_type")}
    view = as_json(workspace(entity="me", project="p", name="n", classes=NAMES, group_by="choices.loss"))
    panels = [panel for section in sections(view) for panel in section["panels"]]
    assert len(panels) > 30
    for panel in panels:
        kind, settings = panel["viewType"], panel["config"]
        if kind == "Run History Line Plot":
            assert {settings["xAxis"], *settings.get("metrics", [])} <= logged
            assert settings.get("metrics") or settings["metricRegex"] == "^lr-"
        elif kind == "Bar Chart":
            assert set(settings["metrics"]) <= part.summary.keys()
        elif kind == "Scatter Plot":
            axes = {settings["xAxis"], settings["yAxis"]}
            assert axes <= {f"summary:{name}" for name in part.summary}
        elif kind == "Media Browser":
            assert set(settings["mediaKeys"]) <= media
        elif kind == "Weave":
            (name,) = {name for name in media if f'"{name}"' in json.dumps(settings)}
            assert part.table(name)["data"]
        else:
            assert kind in ("Run Comparer", "Code Comparer")
    assert any(name.startswith("lr-") for name in logged)


def sections(view: dict[str, Any]) -> list[dict[str, Any]]:
    return view["spec"]["section"]["panelBankConfig"]["sections"]


def test_the_summary_of_a_checkpoint_without_a_validation_has_no_scores():
    assert tracking.scored({}, NAMES) == {}
    assert tracking.summary({"last": {"epoch": 0, "step": 3}}) == {"last/epoch": 0, "last/step": 3}


@pytest.mark.parametrize(("disabled", "is_first", "count"), [(False, True, 1), (True, True, 0), (False, False, 0)])
def test_nothing_is_told_to_a_disabled_run_or_by_a_further_process(monkeypatch, disabled, is_first, count):
    logger = SimpleNamespace(experiment=SimpleNamespace(disabled=disabled))
    monkeypatch.setattr(tracking, "WandbLogger", SimpleNamespace)
    trainer = SimpleNamespace(loggers=[logger], is_global_zero=is_first)
    assert len(tracking._wandb_runs(trainer)) == count
