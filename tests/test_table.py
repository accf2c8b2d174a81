"""`python -m seglab.table`: what is missing is trained and evaluated, the table is shown, written and recorded."""

import csv
import json
import math
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from seglab.errors import SeglabError
from seglab.table import check
from seglab.tables.comparison.comparison import compare
from seglab.tables.comparison.sequential import decided
from seglab.tables.plan.budgets import reduced
from seglab.tables.plan.model import Measurement, Until
from seglab.tables.plan.read import FOLDER, names, read_plan
from seglab.tables.render import csv_file, latex, page, readme, sheets
from seglab.tables.survey.measurements import read_csv, write_csv
from tests.conftest import Held
from tests.standins import StandIn
from tests.waiting import wait_for

README = Path(__file__).resolve().parent.parent / "README.md"
MINE = """
title: Mine
source: measured here
common: [experiment=tiny]
seeds: [1, 2]
baseline: ce
rows:
  - {label: ce, overrides: [loss=ce]}
  - {label: broken, overrides: [data.batch_size=100]}
columns: [miou, iou/small, parameters]
groups: {small: [pole, traffic sign]}
evaluation: {split: test}
published:
  - {label: Theirs, values: {miou: 0.463}, source: arXiv, split: test}
"""


@pytest.fixture
def mine(tiny: list[str], tmp_path: Path) -> list[str]:
    """A table of the user's own: its arguments."""
    folder = tmp_path / "my_conf" / "table"
    folder.mkdir()
    (folder / "mine.yaml").write_text(MINE)
    return ["--config-dir", "my_conf", "table=mine"]


@pytest.mark.slow
def test_from_nothing_to_a_recorded_table(command: Callable, mine: list[str], tmp_path: Path) -> None:
    before = command("table", *mine, small=False, fresh=True)
    assert before.returncode == 0, before.stderr
    assert "mine: 4 runs: 4 missing" in before.stdout
    assert "an unknown time" in before.stdout

    done = command("table", *mine, "run=true", "record=true", small=False)
    assert done.returncode == 1  # broken
    assert "Traceback" not in done.stderr
    assert "$ python -m seglab.train -m --config-dir" in done.stderr
    assert "mine: 4 runs: 2 measured here, 2 failed" in done.stdout
    assert "failed: broken seed 1: SeglabError: expected at least one full batch of 100" in done.stdout
    assert "Theirs [1]" in done.stdout
    folder = tmp_path / "outputs" / "tables" / "mine"
    written = sorted(path.name for path in folder.iterdir())
    assert written == ["costs.json", "mine.csv", "mine.html", "mine.md", "mine.tex"]
    record = json.loads((tmp_path / "outputs/sweeps/mine/experiment-tiny_loss-ce_seed-1/record.json").read_text())
    (evaluation,) = record["evaluations"].values()
    assert evaluation["protocol"]["split"] == "test"
    table = list(csv.DictReader((folder / "mine.csv").read_text().splitlines()))
    assert table[0]["row"] == "ce"

    again = command("table", *mine, "run=true", "write=[csv]", small=False)
    assert again.returncode == 1
    assert "seglab.train" not in again.stderr  # failed ones are left alone, finished ones are not evaluated twice
    assert "seglab.evaluate" not in again.stderr

    recorded = tmp_path / "my_conf" / "table" / "mine.csv"
    assert str(tmp_path) not in recorded.read_text()
    whole = (folder / "mine.csv").read_text()
    shutil.rmtree(tmp_path / "outputs")
    committed = command("table", *mine, small=False)
    assert committed.returncode == 0, committed.stderr
    assert "mine: 4 runs: 2 committed, 2 missing" in committed.stdout
    assert (folder / "mine.csv").read_text() == whole  # to the last digit, from the record alone

    recorded.write_text(recorded.read_text().replace(read_csv(recorded)[0].fingerprint, "0" * 16))
    changed = command("table", *mine, "write=[]", small=False)
    assert "1 committed, 3 missing" in changed.stdout
    assert "of a configuration that has changed since: ce seed 1" in changed.stdout
    other = command("table", *mine, "write=[]", "overrides=['optimizer.lr=0.5']", small=False)
    assert "4 runs: 4 missing" in other.stdout
    assert "nothing is measured yet" in other.stdout


OF_FACTORS = """
title: Factors
source: measured here
common: [experiment=tiny, callbacks.last.every_n_steps=1, callbacks.pictures=null]
seeds: [1]
factors:
  loss: [ce, dice]
  augment: [none, flip]
columns: [miou, mdice]
evaluation: {split: test}
"""


@pytest.fixture
def of_factors(mine: list[str], tmp_path: Path) -> list[str]:
    (tmp_path / "my_conf" / "table" / "mine.yaml").write_text(OF_FACTORS)
    return [*mine, "run=true", "write=[csv]"]


@pytest.mark.slow
def test_a_table_of_factors_trains_its_rows(command: Callable, of_factors: list[str], tmp_path: Path) -> None:
    done = command("table", *of_factors, "budget=smoke", "rows=[dice / flip]", small=False)
    assert done.returncode == 0, done.stderr
    assert "mine.smoke: 4 runs: 1 measured here, 3 missing" in done.stdout
    (record,) = (tmp_path / "outputs" / "sweeps" / "mine_smoke").glob("*/record.json")
    assert {"loss=dice", "augment=flip"} < set(json.loads(record.read_text())["command"].split())
    header, *_ = (tmp_path / "outputs/tables/mine.smoke/mine.smoke.csv").read_text().splitlines()
    assert header.startswith("block,row")


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_table_of_factors_that_is_killed_twice_and_typed_again_ends_in_the_same_digits(
    command: Callable, started: Callable, held: Held, of_factors: list[str], tmp_path: Path
) -> None:
    typed = [*of_factors, "rows=[ce / none, dice / flip]"]
    held.go()
    whole = command("table", *typed, "output=whole", small=False)
    assert whole.returncode == 0, whole.stderr
    assert "4 runs: 2 measured here, 2 missing" in whole.stdout
    assert "one seed: whether another training would differ alike is not known" in whole.stdout
    held.stop()
    written = 0
    for attempt in (1, 2):  # each is held after one step, of which it has left a checkpoint
        process = started("table", *typed, "output=killed", small=False)
        wait_for(lambda attempt=attempt, written=written: last_step(tmp_path / "killed", attempt) > written, process)
        written = last_step(tmp_path / "killed", attempt)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        (job,) = records_of(tmp_path / "killed")
        wait_for(lambda job=job: not Path(f"/proc/{job['pid']}").exists())  # it follows the table by itself
    held.go()
    again = command("table", *typed, "output=killed", small=False)
    assert again.returncode == 0, again.stderr
    digits = [(tmp_path / output / "tables" / "mine" / "mine.csv").read_text() for output in ("whole", "killed")]
    assert digits[0] == digits[1]
    assert [line.split(",")[1] for line in digits[0].splitlines()] == ["row", "ce / none", "dice / flip"]
    assert sorted(record["attempts"] for record in records_of(tmp_path / "killed")) == [1, 3]


def records_of(output: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in output.glob("sweeps/mine/*/record.json")]


def last_step(output: Path, attempt: int) -> int:
    """When the job of this attempt wrote its last checkpoint, in nanoseconds; 0 before it has."""
    if [record["attempts"] for record in records_of(output)] != [attempt]:
        return 0
    return max((path.stat().st_mtime_ns for path in output.rglob("last.ckpt")), default=0)


UNTIL = """
title: Until it is settled
source: measured here
common: [experiment=tiny, trainer.max_epochs=1, trainer.limit_train_batches=2]
seeds: {until: {half_width: 0.5}, first: 2, at_most: 3}
baseline: ce
rows:
  - {label: ce, overrides: [loss=ce]}
  - {label: dice, overrides: [loss=dice]}
columns: [miou]
evaluation: {split: test}
"""


RULE = Until(column="miou", half_width=0.5, or_differs=True, first=2, step=1, at_most=3)  # of UNTIL


@pytest.mark.slow
def test_seeds_are_added_until_it_is_settled_and_an_interrupted_table_makes_the_same_looks(
    command: Callable, tiny: list[str], tmp_path: Path
) -> None:
    (tmp_path / "my_conf" / "table").mkdir()
    yaml = tmp_path / "my_conf" / "table" / "mine.yaml"
    yaml.write_text(UNTIL)
    arguments = ["--config-dir", "my_conf", "table=mine"]
    some = command("table", *arguments, "run=true", "rows=[ce]", "write=[]", small=False)  # as if it was interrupted
    assert some.returncode == 0, some.stderr
    assert "mine: 4 runs: 2 measured here, 2 missing" in some.stdout  # the baseline has the seeds of the first look
    assert not (tmp_path / "outputs/tables/mine/looks.json").exists()

    done = command("table", *arguments, "run=true", "record=true", "write=[csv,markdown]", small=False)
    assert done.returncode == 0, done.stderr
    measurements = read_csv(yaml.with_suffix(".csv"))
    decision = decided(read_plan(yaml), measurements)["dice"]
    looks = tmp_path / "outputs/tables/mine/looks.json"
    made = {"looks": decision.looks, "seeds": decision.seeds, "settled": decision.settled}
    assert json.loads(looks.read_text()) == {"planned": [[2, 3]], "made": {"dice": made}}
    assert sorted(each.seed for each in measurements if each.row == "dice") == list(range(1, decision.seeds + 1))
    assert decision.looks == 2
    assert f"dice: {decision.words(RULE)}" in (tmp_path / "outputs/tables/mine/mine.md").read_text()
    assert "mine: 6 runs: 4 measured here, 2 missing" in done.stdout  # after the first look
    assert "mine: 6 runs: 6 measured here" in done.stdout

    table, kept = (tmp_path / "outputs/tables/mine/mine.csv").read_text(), looks.read_text()
    looks.unlink()
    again = command("table", *arguments, "run=true", "write=[csv]", small=False)
    assert again.returncode == 0, again.stderr
    assert "seglab.train" not in again.stderr
    assert (tmp_path / "outputs/tables/mine/mine.csv").read_text() == table
    assert looks.read_text() == kept == (tmp_path / "my_conf/table/mine.looks.json").read_text()


LEAVES = """
defaults: [folder]
labels:
  name: leaves
  names: [ground, leaf]
  ignore_values: [255]
  mapping: {0: ground, 1: leaf}
size: [32, 64]
batch_size: 2
num_workers: 0
"""
OF_LEAVES = """
title: Leaves
source: measured here
common: [data=leaves, data.root=ROOT, model.base=4, model.depth=2, model.size_divisor=4, trainer=cpu,
         trainer.max_epochs=1]
seeds: [1]
baseline: ce
rows:
  - {label: ce, overrides: [loss=ce]}
columns: [miou, iou/*]
evaluation: {split: test}
"""


@pytest.mark.slow
def test_a_table_of_a_data_set_of_ones_own_from_a_folder_elsewhere(
    command: Callable, standins: dict[str, StandIn], tmp_path: Path
) -> None:
    own = tmp_path / "my_conf"
    for group, name, text in (("data", "leaves", LEAVES), ("table", "mine", OF_LEAVES)):
        (own / group).mkdir(exist_ok=True)
        (own / group / f"{name}.yaml").write_text(text.replace("ROOT", str(standins["folder"].root)))

    done = command("table", "--config-dir", str(own), "table=mine", "run=true", "record=true", small=False)
    assert done.returncode == 0, done.stderr
    assert "mine: 1 runs: 1 measured here" in done.stdout
    (header, *_) = (tmp_path / "outputs/tables/mine/mine.csv").read_text().splitlines()
    assert "iou/ground" in header
    assert "iou/leaf" in header
    assert [measurement.row for measurement in read_csv(own / "table" / "mine.csv")] == ["ce"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["table=synthetic_loses"], "no option 'synthetic_loses' for 'table' - did you mean 'synthetic_losses'?"),
        (["table=synthetic_losses", "write=[latx]"], "write holds 'latx'; expected some of markdown, latex, csv, html"),
        (["run=true"], "run=true is for one table; expected table=NAME and no readme=... - name the table"),
        (["readme=nothing.md"], "readme=nothing.md: expected a Markdown file; nothing is there"),
        (["rows=[ce]"], "rows=[...] picks what is trained; expected run=true with it - add it"),
        (["table=synthetic_losses", "budget=short"], "has no form 'short'; expected one of full, smoke - or state"),
        (["table=synthetic_losses", "run=true", "rows=[cee]"], "rows='cee': expected labels of rows"),
        (
            ["table=synthetic_losses", "record=true", "budget=smoke"],
            "budget=smoke makes none - take budget=short",
        ),
        (["tabel=x"], "no key 'tabel' in the configuration - did you mean 'table'?"),
        (["table=synthetic_losses", "table.baseline=nothing"], "table synthetic_losses: baseline: expected the label"),
        (["table=synthetic_losses", "overrides=['loss=ce']"], "'ce' and 'dice' compose to the same configuration"),
    ],
)
def test_mistakes_are_told(command: Callable, arguments: list[str], message: str) -> None:
    done = command("table", *arguments, small=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"table": None}, "power=true is for one table; expected table=NAME"),
        ({"run": True}, "power=true trains and keeps nothing; expected it without run=true"),
        ({"record": True}, "expected it without record=true - type one after the other"),
        ({"difference": 0.0}, "difference=0: expected percentage points > 0, such as 0.5"),
        ({"difference": math.inf}, "difference=inf: expected percentage points > 0"),
        ({"pilot": []}, r"pilot=[]: expected names of tables, pilot=[NAME, ...] - name one or more"),
        ({"pilot": 3}, "pilot=3: expected names of tables"),
        ({"power": False, "difference": 0.5}, "difference=0.5 is for power=true; came without it - add it, or leave"),
        ({"power": False, "column": "miou"}, "column=miou is for power=true"),
        ({"power": False, "pilot": ["synthetic_skips"]}, "pilot=['synthetic_skips'] is for power=true"),
    ],
)
def test_mistakes_about_power_are_told(typed: dict, message: str) -> None:
    settings = {
        "table": {}, "budget": "full", "cost": False, "speed": False, "run": False, "record": False, "rows": None,
        "write": [], "readme": None, "power": True, "difference": None, "column": None, "pilot": None,
    }  # fmt: skip
    check(settings)
    with pytest.raises(SeglabError, match=re.escape(message)):
        check({**settings, **typed})


@pytest.mark.slow
def test_a_table_says_how_many_seeds_it_takes(command: Callable, tmp_path: Path) -> None:
    asked = ["table=synthetic_losses", "power=true", "difference=1", "folder=here", "write=[markdown]"]
    own = command("table", *asked, small=False)
    assert own.returncode == 0, own.stderr
    assert "1 point in one of 3 rows (Holm): 5 seeds" in own.stdout.replace("\n", " ")
    assert "all rows take: baseline and rows from the start" in own.stdout
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == [
        "synthetic_losses.power.md",
        "synthetic_losses.power.png",
    ]
    other = command("table", *asked, "pilot=synthetic_skips", "column=iou/road", small=False)
    assert other.returncode == 0, other.stderr
    text = (tmp_path / "here" / "synthetic_losses.power.md").read_text()
    assert "| synthetic_skips | add minus concat | 3 |" in text
    assert "the smallest difference in IoU road that n seeds show" in text


@pytest.mark.slow
def test_without_a_name_all_tables_are_listed(command: Callable, mine: list[str], tmp_path: Path) -> None:
    tables = tmp_path / "my_conf" / "table"
    (tables / "broken.yaml").write_text(MINE.replace("title: Mine", "titel: Mine"))
    (tables / "mine.yaml").write_text(MINE + "budgets: {short: {overrides: [], seeds: [1]}}\n")
    done = command("table", *mine[:2], small=False)
    assert done.returncode == 0, done.stderr
    for name in [*names(), "mine"]:
        assert f"{name}: " in done.stdout
    assert "mine: Mine\n    4 runs: 4 missing\n    short: 2 runs: 2 missing" in done.stdout
    assert "broken\n    cannot be used: table broken: no key 'titel' - did you mean 'title'?" in done.stdout


@pytest.mark.slow
def test_a_table_says_what_it_costs_and_trains_a_picked_row_of_its_smoke_form(
    command: Callable, mine: list[str], tmp_path: Path
) -> None:
    told = command("table", *mine, "cost=true", small=False)
    assert told.returncode == 0, told.stderr
    assert re.search(r"Mine: .* on the CPU \(estimated from a few steps of each row on cpu", told.stdout)
    costs = tmp_path / "outputs/tables/mine/costs.json"
    kept = json.loads(costs.read_text())
    assert {estimate["batch_size"] for estimate in kept.values()} == {2, 100}
    assert all(estimate[step] > 0 for estimate in kept.values() for step in ("train_step", "val_step"))

    # what is timed depends on the machine: from here on a step takes a second, one of validation half of one
    costs.write_text(json.dumps({key: {**times, "train_step": 1.0, "val_step": 0.5} for key, times in kept.items()}))
    again = command("table", *mine, "cost=true", small=False)
    # two seeds of ce, each of 2 epochs of 4 steps and 2 of validation; `broken` has not one full batch
    assert "Mine: 20 s on the CPU (estimated from a few steps" in again.stdout  # nothing is timed again

    done = command("table", *mine, "budget=smoke", "run=true", "rows=[ce]", small=False)
    assert done.returncode == 0, done.stderr
    assert "mine.smoke: 2 runs: 1 measured here, 1 missing" in done.stdout
    assert "Mine (smoke)" in done.stdout
    assert "timing a few steps" not in done.stderr
    (record,) = (tmp_path / "outputs/sweeps/mine_smoke").glob("*/record.json")
    assert json.loads(record.read_text())["steps"] == 2
    assert (tmp_path / "outputs/tables/mine.smoke/mine.smoke.csv").is_file()
    full = command("table", *mine, "speed=true", "record=true", "write=[markdown]", small=False)
    assert "mine: 4 runs: 4 missing" in full.stdout  # a smoke run is none of the table's
    assert "estimated from a few steps (cost=true shows it)" in full.stdout
    assert "Mine, speed: 32x64, batch of 1, 32-true, " in (tmp_path / "outputs/tables/mine/mine.md").read_text()
    assert "mine.speed.json: the speed of 2 networks, to be committed" in full.stdout
    assert set(json.loads((tmp_path / "my_conf/table/mine.speed.json").read_text())) == {"ce", "broken"}


@pytest.mark.slow
def test_the_help_shows_how(command: Callable) -> None:
    done = command("table", "--help", small=False)
    assert done.returncode == 0
    assert "python -m seglab.table table=synthetic_losses run=true" in done.stdout


def measured(row: str, seed: int) -> Measurement:
    miou = 0.4 + 0.01 * seed + 0.001 * len(row)
    return Measurement(
        row=row, seed=seed, metrics={"miou": miou, "mdice": miou, "accuracy": miou},
        class_iou={name: miou for name in ("pole", "traffic light", "traffic sign")},
        protocol={"dataset": "synthetic", "split": "test", "resolution": "original", "size": [64, 128]},
        curve=(0.1, 0.2), fingerprint="0", folder="runs/x", commit="abc", command="python -m seglab.train",
        parameters=7, flops=1.5, seconds=60.0, threads=1, device="cpu",
    )  # fmt: skip


def test_every_format_is_rendered_from_a_record(tmp_path: Path) -> None:
    plan = read_plan("synthetic_losses")
    write_csv(tmp_path / "t.csv", [measured(row.label, seed) for row in plan.rows for seed in plan.seeds])
    comparison = compare(plan, read_csv(tmp_path / "t.csv"))
    assert "**" in sheets.markdown(comparison)
    assert r"\toprule" in latex.latex(comparison)
    assert "difference p_holm" in csv_file.to_csv(comparison)
    page.write_page(comparison, tmp_path / "t.html")


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.csv")))
def test_a_committed_record_is_of_the_rows_and_seeds_of_its_plan(name: str) -> None:
    table, _, budget = name.partition(".")
    plan, lines = reduced(read_plan(table), budget or "full"), read_csv(FOLDER / f"{name}.csv")
    planned = [(row.label, seed) for row in plan.rows for seed in plan.seeds]
    assert {(each.row, each.seed) for each in lines} <= set(planned)
    assert len({(each.row, each.seed, each.protocol["split"]) for each in lines}) == len(lines)
    assert compare(plan, lines).blocks


def test_a_markdown_file_shows_a_reduced_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yaml = tmp_path / "mine.yaml"
    yaml.write_text(MINE + "budgets: {short: {overrides: [trainer.max_epochs=1], seeds: [1]}}\n")
    write_csv(tmp_path / "mine.short.csv", [measured("ce (short)", 1)])
    monkeypatch.setattr(readme, "FOLDER", tmp_path)
    monkeypatch.setattr(readme, "read_plan", lambda name: read_plan(tmp_path / f"{name}.yaml"))
    text = "<!-- table mine budget=short -->\nold\n<!-- end table -->\n<!-- table mine -->\nkept\n<!-- end table -->\n"
    new = readme.rendered(text)
    assert new.startswith("<!-- table mine budget=short -->\n\n")
    assert "| ce (short) |" in new
    assert "old" not in new
    assert new.endswith("<!-- table mine -->\nkept\n<!-- end table -->\n")  # nothing is measured of the full form
    assert readme.rendered(new) == new
    assert readme.table_names(text) == ["mine", "mine"]


@pytest.mark.parametrize("path", [README, README.parent / "notebooks" / "tables.md"], ids=lambda path: path.name)
def test_the_tables_that_are_shown_are_up_to_date(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert readme.table_names(text)
    assert readme.rendered(text) == text, "expected the tables of conf/table/*.csv; type make tables"
