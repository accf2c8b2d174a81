"""The comparison of a sweep as a user sees it, line by line."""

from seglab.display import comparison
from seglab.display.comparison import Outcome
from seglab.display.sheet import comma_separated, markdown, show
from tests.display.printed import NAN, printed, record

FAILED = "SeglabError: mask 'a.png' holds 34; expected 0..33\n - is it another dataset?"
JOBS = [
    Outcome(
        {"loss": "dice", "seed": "1"}, "finished", {"miou": 0.4312, "mdice": 0.55, "accuracy": 0.91}, 7, 71.2, None
    ),
    Outcome({"loss": "focal", "seed": "1"}, "failed", {}, None, None, FAILED),
    Outcome({"loss": "ce", "seed": "1"}, "finished", {"miou": 0.4512, "mdice": NAN, "accuracy": 0.91}, 8, 4000.0, None),
]


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
