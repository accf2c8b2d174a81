"""The scores of a run as a user sees them, line by line."""

import csv
import io

from seglab.display import scores as display_scores
from seglab.display.sheet import comma_separated, markdown, show
from tests.display.printed import CLASSES, SUMMARY, printed, record


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


def test_print_run_says_what_the_numbers_are_and_where_the_run_lies(capsys, tmp_path):
    display_scores.print_run(record(), tmp_path)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "val, 64x128, dataset-level, void removed, best epoch 7"
    assert out[-1] == (f"mIoU 56.2 %, mean Dice 61.1 %, pixel accuracy 81.2 % at epoch 7, 1 min 11 s: {tmp_path}")


def test_print_run_without_a_validation(capsys, tmp_path):
    display_scores.print_run(record(best=None, seconds=7), tmp_path)
    assert capsys.readouterr().out == f"finished, nothing was validated, 7 s: {tmp_path}\n"


def test_images_of_their_own_size_are_called_so(capsys, tmp_path):
    display_scores.print_run(record(protocol={"split": "val", "size": None, "reading": "dataset"}), tmp_path)
    caption = capsys.readouterr().out.splitlines()[0]
    assert caption == "val, original size, dataset-level, void removed, best epoch 7"


def test_a_score_that_an_older_record_does_not_hold_is_left_out(capsys, tmp_path):
    older = record()
    metrics = {name: value for name, value in SUMMARY.items() if name not in ("fwiou", "accuracy")}
    older["best"] = {**older["best"], "metrics": metrics}
    display_scores.print_run(older, tmp_path)
    assert "mIoU 56.2 %, mean Dice 61.1 % at epoch 7" in capsys.readouterr().out.splitlines()[-1]
