"""Down-sampled ground truth is scored where a table misses it, once."""

from dataclasses import replace
from pathlib import Path

import pytest

from seglab import runs
from seglab.tables.comparison.comparison import compare
from seglab.tables.launch import downsampled
from seglab.tables.plan.model import Plan
from seglab.tables.render import csv_file, latex, page, sheets
from seglab.tables.survey.configurations import configurations, evaluation_settings
from seglab.tables.survey.measurements import read_csv, to_csv, write_csv
from seglab.tables.survey.survey import lines
from seglab.tables.survey.wanted import fingerprints
from tests.tables.controls import measure, surveyed


@pytest.mark.slow
def test_it_is_measured_once_kept_and_shown(controls: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picked = measure(controls, tmp_path, rows={"by 16"})
    assert [state.status for state in picked.states] == ["missing", "measured"]
    assert measure(controls, tmp_path).is_complete()
    monkeypatch.setattr(downsampled, "measure", None)
    done = measure(controls, tmp_path)  # nothing is left
    for each in done.measurements():
        assert (tmp_path / each.folder / "measurement.json").is_file()
        assert (each.parameters, each.flops, each.seconds, each.curve) == (0, None, 0.0, ())
        assert each.command == "python -m seglab.table table=controls run=true"
    assert "\n".join(lines(done)) == "controls: 2 runs: 2 measured here"

    settings = runs.plain(evaluation_settings(controls))
    planned = fingerprints(controls, configurations(controls, overrides=["output=there"]), settings=settings)
    assert planned == {each.fingerprint for each in done.measurements()}

    comparison = compare(controls, done.measurements(), done.images())
    assert len(comparison.blocks) == 1
    assert (comparison.missing, comparison.warnings) == ((), ())
    for text in (sheets.markdown(comparison), latex.latex(comparison), csv_file.to_csv(comparison)):
        assert "by 16" in text
    page.write_page(comparison, tmp_path / "page.html", pictures=done.pictures())

    write_csv(tmp_path / "t.csv", done.measurements())
    committed = read_csv(tmp_path / "t.csv")
    assert to_csv(committed) == to_csv(done.measurements())  # to the last digit; NaN is not equal to itself
    elsewhere = surveyed(controls, tmp_path / "nothing", committed=committed)
    assert {state.status for state in elsewhere.states} == {"committed"}


def test_what_cannot_be_scored_is_told(controls: Plan, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plan = replace(controls, rows=controls.rows[:1])
    for path in Path(plan.common[1].removeprefix("data.root=")).rglob("*_instanceIds.png"):
        path.unlink()
    assert not measure(plan, tmp_path / "out").measurements()
    assert "by 2: NOT MEASURED: official=true: expected the 19 classes of Cityscapes and" in caplog.text
    assert measure(replace(plan, columns=("miou",)), tmp_path / "out").is_complete()
    assert not surveyed(plan, tmp_path / "out").measurements()  # what is kept has not the scores that are wanted
