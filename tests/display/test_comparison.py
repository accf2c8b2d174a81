"""The tables as a user sees them, line by line."""

import csv
import io
import math

import pytest

from seglab.display import comparison
from seglab.display import scores as display_scores
from seglab.display.comparison import Outcome
from seglab.display.sheet import comma_separated, markdown, show

NAN = math.nan
CLASSES = {
    "road": {"iou": 1.0, "dice": 1.0, "accuracy": 1.0, "pixels": 750},
    "traffic light": {"iou": 0.125, "dice": 2 / 9, "accuracy": 0.25, "pixels": 250},
    "train": {"iou": NAN, "dice": NAN, "accuracy": NAN, "pixels": 0},
}
SUMMARY = {"miou": 0.5625, "mdice": 0.6111, "mean_accuracy": 0.625, "accuracy": 0.8125, "fwiou": 0.78125}
FAILED = "SeglabError: mask 'a.png' holds 34; expected 0..33\n - is it another dataset?"
JOBS = [
    Outcome(
        {"loss": "dice", "seed": "1"}, "finished", {"miou": 0.4312, "mdice": 0.55, "accuracy": 0.91}, 7, 71.2, None
    ),
    Outcome({"loss": "focal", "seed": "1"}, "failed", {}, None, None, FAILED),
    Outcome({"loss": "ce", "seed": "1"}, "finished", {"miou": 0.4512, "mdice": NAN, "accuracy": 0.91}, 8, 4000.0, None),
]


@pytest.fixture(autouse=True)
def _narrow_file(monkeypatch):
    """As in a pipe or a log file, whatever terminal the tests run in."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def printed(capsys) -> list[str]:
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert all(len(line) <= 80 for line in out.splitlines())
    return [line.strip() for line in out.splitlines() if line.strip(" ─")]


def test_class_table_line_by_line(capsys):
    show(display_scores.class_sheet(CLASSES, SUMMARY, caption="val, 64x128, dataset-level, void removed"))
    assert printed(capsys) == [
        "val, 64x128, dataset-level, void removed",
        "class          IoU %  Dice %  accuracy %  pixels %",
        "road           100.0   100.0       100.0      75.0  ████████████",
        "traffic light   12.5    22.2        25.0      25.0  █▌",
        "train              –       –           –       0.0",
        "mean            56.2    61.1        62.5",
        "pixel accuracy 81.2 %, frequency-weighted IoU 78.1 %",
        "– absent: the class has no such pixel and is left out of the mean",
    ]


def test_class_table_of_present_classes_has_no_footnote(capsys):
    classes = {name: scores for name, scores in CLASSES.items() if name != "train"}
    show(display_scores.class_sheet(classes, SUMMARY, caption="c"))
    assert "absent" not in capsys.readouterr().out


def test_class_table_as_markdown_and_csv():
    sheet = display_scores.class_sheet(CLASSES, SUMMARY, caption="c")
    assert markdown(sheet).splitlines()[:6] == [
        "c",
        "",
        "| class | IoU % | Dice % | accuracy % | pixels % |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| road | 100.0 | 100.0 | 100.0 | 75.0 |",
        "| traffic light | 12.5 | 22.2 | 25.0 | 25.0 |",
    ]
    rows = list(csv.DictReader(io.StringIO(comma_separated(sheet))))
    assert rows[1] == {
        "class": "traffic light",
        "IoU": "0.125",
        "Dice": repr(2 / 9),
        "accuracy": "0.25",
        "pixels": "0.25",
    }
    assert rows[2]["IoU"] == ""
    assert rows[3]["class"] == "mean"


def test_a_terminal_that_knows_only_ascii_is_not_an_error(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", out)
    show(display_scores.class_sheet(CLASSES, SUMMARY, caption="c"))
    out.flush()
    text = out.buffer.getvalue().decode("ascii")
    assert "############" in text
    assert "?" not in text


def test_comparison_line_by_line(capsys):
    show(comparison.comparison_sheet(JOBS, caption="val, 64x128, dataset-level, void removed"))
    assert printed(capsys) == [
        "val, 64x128, dataset-level, void removed",
        "loss   status    mIoU %  mDice %  accuracy %  epoch        time",
        "dice   finished    43.1     55.0       91.0*      7  1 min 11 s",
        "focal  failed         –        –           –      –           –",
        "ce     finished   45.1*        –       91.0*      8  1 h 06 min",
        "best of its column: *",
        "failed: loss=focal: SeglabError: mask 'a.png' holds 34; expected 0..33 - is it",
        "another dataset?",
    ]


def test_comparison_as_markdown_and_csv():
    sheet = comparison.comparison_sheet(JOBS, caption="c")
    assert markdown(sheet).splitlines()[2:] == [
        "| loss | status | mIoU % | mDice % | accuracy % | epoch | time |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
        "| dice | finished | 43.1 | 55.0 | **91.0** \\* | 7 | 1 min 11 s |",
        "| focal | failed | – | – | – | – | – |",
        "| ce | finished | **45.1** \\* | – | **91.0** \\* | 8 | 1 h 06 min |",
        "",
        "- best of its column: *",
        "- failed: loss=focal: SeglabError: mask 'a.png' holds 34; expected 0..33 - is it another dataset?",
    ]
    assert comma_separated(sheet).splitlines() == [
        "loss,status,mIoU,mDice,accuracy,epoch,time",
        "dice,finished,0.4312,0.55,0.91,7,71.2",
        "focal,failed,,,,,",
        "ce,finished,0.4512,,0.91,8,4000.0",
    ]


def test_val_loss_is_marked_only_among_jobs_of_one_loss():
    def jobs(key):
        return [Outcome({key: str(value)}, "finished", {"loss": value}, 1, 1.0, None) for value in (0.5, 0.25)]

    assert "**0.250** \\*" in markdown(comparison.comparison_sheet(jobs("optimizer.lr"), caption="c"))
    by_loss = markdown(comparison.comparison_sheet(jobs("loss.gamma"), caption="c"))
    assert "| 0.250 |" in by_loss
    assert "val loss is not marked: the jobs have different losses" in by_loss


def test_an_interrupted_job_does_not_win():
    jobs = [
        Outcome({"seed": "1"}, "interrupted", {"miou": 0.9}, 1, None, None),
        Outcome({"seed": "2"}, "finished", {"miou": 0.2}, 1, 1.0, None),
        Outcome({}, "finished", {"miou": 0.1}, 1, 1.0, None),
    ]
    text = markdown(comparison.comparison_sheet(jobs, caption="c"))
    assert "| 1 | interrupted | 90.0 |" in text
    assert "**20.0** \\*" in text
    assert "| (default) | finished | 10.0 |" in text


def record(**changes):
    best = {"epoch": 6, "metrics": SUMMARY, "classes": CLASSES}
    protocol = {"split": "val", "size": [64, 128], "reading": "dataset", "labels": "cityscapes_19"}
    return {
        "status": "finished",
        "seconds": 71.2,
        "error": None,
        "overrides": [],
        "best": best,
        "protocol": protocol,
        **changes,
    }


def test_print_run_says_what_the_numbers_are_and_where_the_run_lies(capsys, tmp_path):
    display_scores.print_run(record(), tmp_path)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "val, 64x128, dataset-level, void removed, best epoch 7"
    assert out[-1] == (f"mIoU 56.2 %, mean Dice 61.1 %, pixel accuracy 81.2 % at epoch 7, 1 min 11 s: {tmp_path}")


def test_print_run_without_a_validation(capsys, tmp_path):
    display_scores.print_run(record(best=None, seconds=7), tmp_path)
    assert capsys.readouterr().out == f"finished, nothing was validated, 7 s: {tmp_path}\n"


def test_print_comparison_writes_both_files(capsys, tmp_path):
    records = [
        record(overrides=["loss=dice", "sweep=x"]),
        {"status": "failed", "overrides": ["+loss=ce", "sweep=x"], "error": "boom"},
    ]
    comparison.print_comparison(records, tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "val, 64x128, dataset-level, void removed, best epoch of each run"
    assert lines[-1] == f"{tmp_path}/comparison.md, comparison.csv"
    assert "failed: loss=ce: boom" in lines
    assert (tmp_path / "comparison.csv").read_text().startswith("loss,status,mIoU")
    assert "| ce | failed |" in (tmp_path / "comparison.md").read_text()


def test_the_sweep_that_a_job_belongs_to_is_no_difference():
    """Jobs begun by earlier code quoted its name."""
    records = [{"status": "finished", "overrides": [f"loss={loss}", f"sweep={sweep}"]}
               for loss, sweep in (("ce", '"old"'), ("dice", "old"))]  # fmt: skip
    sheet = comparison.comparison_sheet([comparison.job_of(record) for record in records], caption="")
    assert list(sheet.header[:2]) == ["loss", "mIoU %"]
