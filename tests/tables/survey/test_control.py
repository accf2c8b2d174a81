"""Ground truth at a lower resolution: voted for by hand, scored as the official program scores it, kept and found."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglab import runs
from seglab.data.source import read_ids
from seglab.errors import SeglabError
from seglab.labels import CITYSCAPES_LABELS
from seglab.tables.comparison.comparison import compare
from seglab.tables.launch import downsampled, launch
from seglab.tables.plan.model import Plan, Row
from seglab.tables.render import csv_file, latex, page, sheets
from seglab.tables.survey import control
from seglab.tables.survey.configurations import configurations, evaluation_settings
from seglab.tables.survey.measurements import read_csv, to_csv, write_csv
from seglab.tables.survey.survey import Survey, lines, survey
from seglab.tables.survey.wanted import fingerprints

OFFICIAL = {
    "official_iou": "averageScoreClasses", "official_iiou": "averageScoreInstClasses",
    "official_category_iou": "averageScoreCategories", "official_category_iiou": "averageScoreInstCategories",
}  # fmt: skip
ORDER = tuple(range(34))


def test_the_majority_of_a_square_wins_and_the_first_of_a_draw() -> None:
    ids = np.array([[1, 1, 2, 3, 9],
                    [1, 5, 3, 2, 9],
                    [7, 0, 4, 4, 8]], dtype=np.uint8)  # fmt: skip
    assert downsampled.lowered(ids, factor=2, order=ORDER).tolist() == [
        [1, 1, 2, 2, 9],
        [1, 1, 2, 2, 9],
        [0, 0, 4, 4, 8],
    ]
    void_last = (*range(1, 34), 0)
    assert downsampled.lowered(ids, factor=2, order=void_last)[2].tolist() == [7, 7, 4, 4, 8]


@pytest.mark.parametrize("factor", [2, 3, 8, 64])
def test_as_counted_square_by_square(factor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downsampled, "_STRIP", 1000)  # several strips
    ids = np.random.default_rng(factor).choice([0, 7, 11, 26, 255], size=(21, 50)).astype(np.uint8)
    found = downsampled.lowered(ids, factor=factor, order=(26, 7, 0, 11, 255))
    for top in range(0, 21, factor):
        for left in range(0, 50, factor):
            square = (slice(top, top + factor), slice(left, left + factor))
            votes = Counter(ids[square].ravel().tolist())
            winner = max((26, 7, 0, 11, 255), key=lambda label: votes[label])  # max takes the first
            assert (found[square] == winner).all()


@pytest.fixture
def plan(city: tuple[Path, Path]) -> Plan:
    """A table of the four images of `city`, which are given images."""
    root = city[1].parent.parent
    for mask in city[1].rglob("*_gtFine_labelIds.png"):
        image = root / "leftImg8bit" / "val" / mask.parent.name / mask.name.replace("gtFine_labelIds", "leftImg8bit")
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 32)).save(image)
    return Plan(
        name="controls",
        title="Controls",
        source="Cordts et al.",
        rows=(Row(label="by 2", downsample=2), Row(label="by 16", downsample=16)),
        columns=("miou", "parameters", "seconds", *OFFICIAL),
        seeds=(1,),
        common=("data=cityscapes", f"data.root={root}"),
        evaluation={"split": "val"},
    )


def surveyed(plan: Plan, output: Path, **changes) -> Survey:
    given = {"committed": [], "outdated_too": True}
    settings = runs.plain(evaluation_settings(plan))
    return survey(plan, configurations(plan), settings=settings, output=output, **{**given, **changes})


def measure(plan: Plan, output: Path, **changes) -> Survey:
    launch.train_missing(
        surveyed(plan, output), output=output, overrides=[], search_path=[], retry_failed=False, **changes
    )
    return surveyed(plan, output)


def test_all_four_scores_are_those_of_the_official_program(plan: Plan, city, official, tmp_path: Path) -> None:
    first, second = measure(plan, tmp_path / "out").measurements()
    evaluated_first = sorted(
        (label for label in CITYSCAPES_LABELS if label.id >= 0), key=lambda one: one.ignore_in_eval
    )
    order = [label.id for label in evaluated_first]
    for factor, measured in ((2, first), (16, second)):
        predictions = tmp_path / f"by {factor}"
        predictions.mkdir()
        for mask in city[1].rglob("*_gtFine_labelIds.png"):
            ids = read_ids(mask)
            Image.fromarray(downsampled.lowered(ids, factor=factor, order=order)).save(predictions / mask.name)
        theirs = official(predictions, city[1])
        assert {name: measured.metrics[name] for name in OFFICIAL} == {
            name: theirs[key] for name, key in OFFICIAL.items()
        }
        assert measured.metrics["miou"] == pytest.approx(theirs["averageScoreClasses"], abs=1e-12)
        assert measured.class_iou["car"] == pytest.approx(theirs["classScores"]["car"], abs=1e-12)
    assert 0 < second.metrics["official_iiou"] < first.metrics["official_iiou"] < 1
    assert measured.protocol["images"] == 4


def test_the_ground_truth_itself_is_perfect(plan: Plan, tmp_path: Path) -> None:
    perfect = replace(plan, rows=(Row(label="by 1", downsample=1),))
    (measured,) = measure(perfect, tmp_path).measurements()
    assert {measured.metrics[name] for name in ("miou", "accuracy", "fwiou", *OFFICIAL)} == {1.0}


def test_it_is_measured_once_kept_and_shown(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picked = measure(plan, tmp_path, rows={"by 16"})
    assert [state.status for state in picked.states] == ["missing", "measured"]
    assert measure(plan, tmp_path).is_complete()
    monkeypatch.setattr(downsampled, "measure", None)
    done = measure(plan, tmp_path)  # nothing is left
    for each in done.measurements():
        assert (tmp_path / each.folder / "measurement.json").is_file()
        assert (each.parameters, each.flops, each.seconds, each.curve) == (0, None, 0.0, ())
        assert each.command == "python -m seglab.table table=controls run=true"
    assert "\n".join(lines(done)) == "controls: 2 runs: 2 measured here"

    settings = runs.plain(evaluation_settings(plan))
    planned = fingerprints(plan, configurations(plan, overrides=["output=there"]), settings=settings)
    assert planned == {each.fingerprint for each in done.measurements()}

    comparison = compare(plan, done.measurements(), done.images())
    assert len(comparison.blocks) == 1
    assert (comparison.missing, comparison.warnings) == ((), ())
    for text in (sheets.markdown(comparison), latex.latex(comparison), csv_file.to_csv(comparison)):
        assert "by 16" in text
    page.write_page(comparison, tmp_path / "page.html", pictures=done.pictures())

    write_csv(tmp_path / "t.csv", done.measurements())
    committed = read_csv(tmp_path / "t.csv")
    assert to_csv(committed) == to_csv(done.measurements())  # to the last digit; NaN is not equal to itself
    elsewhere = surveyed(plan, tmp_path / "nothing", committed=committed)
    assert {state.status for state in elsewhere.states} == {"committed"}


def test_other_images_are_another_measurement(plan: Plan, tmp_path: Path) -> None:
    plan = replace(plan, rows=plan.rows[:1])
    (whole,) = measure(plan, tmp_path).measurements()
    (limited,) = measure(replace(plan, evaluation={"split": "val", "limit": 2}), tmp_path).measurements()
    assert (whole.protocol["images"], limited.protocol["images"]) == (4, 2)
    other = replace(plan, common=(*plan.common, "data.labels=cityscapes_8"), columns=("miou",))
    (categories,) = measure(other, tmp_path).measurements()  # without the official scores, which are of 19 classes
    assert "official_iou" not in categories.metrics
    assert 0 < categories.metrics["miou"] < 1
    assert len({each.folder for each in (whole, limited, categories)}) == 3


def test_what_cannot_be_scored_is_told(plan: Plan, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plan = replace(plan, rows=plan.rows[:1])
    for path in Path(plan.common[1].removeprefix("data.root=")).rglob("*_instanceIds.png"):
        path.unlink()
    assert not measure(plan, tmp_path / "out").measurements()
    assert "by 2: NOT MEASURED: official=true: expected the 19 classes of Cityscapes and" in caplog.text
    assert measure(replace(plan, columns=("miou",)), tmp_path / "out").is_complete()
    assert not surveyed(plan, tmp_path / "out").measurements()  # what is kept has not the scores that are wanted


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / control.RESULT).write_text("{")
    with pytest.raises(SeglabError, match=r"expected the scores of a control as JSON.*delete it"):
        control.read(tmp_path, official=False)
