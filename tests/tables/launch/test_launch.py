"""What a table has trained and evaluated, and that a signal or a failure loses nothing."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from seglab import PACKAGE, runs
from seglab.multirun.process import LIFELINE
from seglab.tables.launch import launch
from seglab.tables.plan.model import Plan, Row
from seglab.tables.plan.noise import SeedDesign
from seglab.tables.survey.survey import State, Survey
from tests.waiting import PATIENCE, wait_for

PLAN = Plan(
    name="t",
    title="T",
    source="s",
    rows=(Row(label="ce", overrides=("loss=ce",)), Row(label="dice", overrides=("loss=dice",))),
    columns=("miou",),
    seeds=(1, 2),
    common=("data.size=[32,64]",),
    evaluation={"split": "test", "data": "my set", "tile": [32, 64]},
)
Calls = list[tuple[str, list[str]]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The commands that would be run; each ends with exit code 1."""
    found: Calls = []

    def call(module: str, arguments: list[str]) -> int:
        found.append((module, list(arguments)))
        return 1

    monkeypatch.setattr(launch, "_call", call)
    return found


def survey(*statuses: str, plan: Plan = PLAN, splits: tuple[str, ...] = ("test",)) -> Survey:
    planned = [(row, seed) for row in plan.rows for seed in plan.seeds]
    states = [State(row=row.label, seed=seed, status=status, folder=Path("outputs/runs") / f"{row.label} {seed}",
                    unscored=splits if status == "trained" else (),
                    init_from=None if row.needs is None else f"run:{row.needs}-{seed}")
              for (row, seed), status in zip(planned, statuses, strict=True)]  # type: ignore[arg-type]  # fmt: skip
    return Survey(plan=plan, states=tuple(states))


def test_a_row_is_a_sweep_over_its_missing_seeds(calls: Calls) -> None:
    launch.train_missing(
        survey("missing", "measured", "interrupted", "stale"),
        output=Path("outputs"), overrides=["trainer=gpu"], search_path=[], retry_failed=False,
    )  # fmt: skip
    assert calls == [
        ("seglab.train", ["-m", "data.size=[32,64]", "loss=ce", "trainer=gpu", "seed=1", "sweep=t"]),
        ("seglab.train", ["-m", "data.size=[32,64]", "loss=dice", "trainer=gpu", "seed=1,2", "sweep=t"]),
    ]


def test_seeds_of_sources_are_a_command_for_each_run(calls: Calls) -> None:
    design = SeedDesign(values={"init": (1, 2), "order": (5,)}, crossed=True, repeat=True)
    plan = replace(PLAN, rows=PLAN.rows[:1], seeds=design.numbers, noise=design)
    states = survey("missing", "measured", "missing", plan=plan)
    launch.train_missing(states, output=Path("outputs"), overrides=[], search_path=[], retry_failed=False)
    assert calls == [
        ("seglab.train", ["-m", "data.size=[32,64]", "loss=ce", *seeds, "sweep=t"])
        for seeds in (["seeds.init=1", "seeds.order=5"], ["seeds.init=1", "seeds.order=5", "seeds.repeat=1"])
    ]


def test_finished_running_and_failed_ones_are_left_alone_unless_asked(calls: Calls) -> None:
    one = survey("committed", "running", "failed", "trained")
    launch.train_missing(one, output=Path("outputs"), overrides=[], search_path=[], retry_failed=False)
    assert calls == []
    launch.train_missing(one, output=Path("my out"), overrides=[], search_path=["/conf"], retry_failed=True)
    assert calls == [
        (
            "seglab.train",
            ["-m", "--config-dir", "/conf", "data.size=[32,64]", "loss=dice", "seed=1", "sweep=t", 'output="my out"',
             "retry_failed=true"],
        )
    ]  # fmt: skip


def test_a_failed_evaluation_does_not_keep_the_others(calls: Calls, caplog: pytest.LogCaptureFixture) -> None:
    trained = survey("trained", "trained", "measured", "missing").to_evaluate()
    launch.evaluate_trained(trained, PLAN, search_path=[])
    assert calls == [
        ("seglab.evaluate", [f'run="outputs/runs/ce {seed}"', "split=test", 'data="my set"', "tile=[32, 64]"])
        for seed in (1, 2)
    ]
    assert "ce seed 1: the evaluation on test FAILED, exit code 1" in caplog.text


def test_a_run_is_evaluated_once_on_each_split_that_is_left(calls: Calls) -> None:
    plan = replace(PLAN, evaluation={"split": ["train", "val", "test"], "flip": True})
    trained = survey("measured", "trained", "missing", "missing", plan=plan, splits=("train", "test")).to_evaluate()
    launch.evaluate_trained(trained, plan, search_path=[])
    assert [call[1][1:] for call in calls] == [["split=train", "flip=true"], ["split=test", "flip=true"]]


# "second" stands before the row that it starts from, which depends on a third one.
CHAIN = replace(
    PLAN,
    common=(),
    rows=(
        Row(label="second", overrides=("replace_head=true",), starts_from="first"),
        Row(label="alone", overrides=("loss=ce",)),
        Row(label="first", overrides=("data=gta5",)),
    ),
)


@pytest.fixture
def trains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Calls:
    """The commands that would be run; a training leaves finished runs, that with seed 2 of "first" a failed one."""
    found: Calls = []

    def call(module: str, arguments: list[str]) -> int:
        found.append((module, list(arguments)))
        (seeds,) = [each.removeprefix("seed=") for each in arguments if each.startswith("seed=")]
        for seed in seeds.split(",") if "data=gta5" in arguments else ():
            leave(tmp_path, seed, "failed" if seed == "2" else "finished")
        return 0

    monkeypatch.setattr(launch, "_call", call)
    return found


def leave(output: Path, seed: str, status: str) -> None:
    folder = output / "sweeps" / "t" / f"first-{seed}"
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "checkpoints" / "best.ckpt").touch()
    runs.write_record(folder, {"fingerprint": f"first-{seed}", "status": status})


def train(found: Survey, output: Path, **changes) -> None:
    given = {"overrides": ["trainer=gpu"], "search_path": [], "retry_failed": False}
    launch.train_missing(found, output=output, **{**given, **changes})


def test_a_row_comes_behind_the_one_that_it_starts_from_and_after_a_failure_not_at_all(
    trains: Calls, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(survey(*["missing"] * 6, plan=CHAIN), tmp_path)
    output = f"output={tmp_path}"
    assert [call[1] for call in trains] == [
        ["-m", "data=gta5", "trainer=gpu", "seed=1,2", "sweep=t", output],
        ["-m", "replace_head=true", "trainer=gpu", "init_from=run:first-1", "seed=1", "sweep=t", output],
        ["-m", "loss=ce", "trainer=gpu", "seed=1,2", "sweep=t", output],
    ]
    assert "t, second seed 2: NOT TRAINED, as it starts from first: init_from=run:first-2: expected a" in caplog.text
    assert "came one that is failed" in caplog.text


def test_a_row_learns_from_the_run_of_another_one(trains: Calls, tmp_path: Path) -> None:
    rows = (Row(label="student", overrides=("loss=distill",), learns_from="first"), CHAIN.rows[2])
    train(survey(*["missing"] * 4, plan=replace(CHAIN, rows=rows)), tmp_path)
    assert [call[1][1] for call in trains] == ["data=gta5", "loss=distill"]  # seed 2 of the first failed
    assert trains[1][1][3:5] == ["teacher=run:first-1", "seed=1"]


def test_weights_that_only_their_scores_are_committed_of_are_trained_again(trains: Calls, tmp_path: Path) -> None:
    train(survey("missing", "committed", *["committed"] * 4, plan=CHAIN), tmp_path)
    assert [call[1][1:3] for call in trains] == [["data=gta5", "trainer=gpu"], ["replace_head=true", "trainer=gpu"]]
    assert [each for each in trains[0][1] if each.startswith("seed=")] == ["seed=1"]


def test_rows_that_are_not_picked_are_left_alone(
    trains: Calls, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(survey(*["missing"] * 6, plan=CHAIN), tmp_path, rows={"alone", "second"})
    assert [call[1][1] for call in trains] == ["loss=ce"]
    assert caplog.text.count("NOT TRAINED, as it starts from first") == 2
    assert "there is none - train it first" in caplog.text


def test_a_reduced_form_has_a_sweep_of_its_own(calls: Calls) -> None:
    row = PLAN.rows[0]
    short = launch.train_arguments(replace(PLAN, budget="short"), row, [1], output=Path("outputs"), overrides=[])
    assert short[-1] == "sweep=t_short"


def test_a_folder_of_any_name_is_handed_on(calls: Calls) -> None:
    output = Path("é ü = , (x)")
    arguments = launch.train_arguments(PLAN, PLAN.rows[0], [1], output=output, overrides=[])
    assert OverridesParser.create().parse_override(arguments[-1]).value() == str(output)


CHILD = """
import pathlib, signal, sys, threading, time
from seglab.multirun import process as jobs
jobs.watch_lifeline()
def stop(number, frame):
    pathlib.Path("saved").touch()
    sys.exit(3)
signal.signal(signal.SIGTERM, stop)
pathlib.Path("ready").write_text(str(__import__("os").getpid()))
time.sleep(900)
"""
PARENT = """
from seglab.multirun.process import LIFELINE
from seglab.tables.launch import launch
try:
    launch._call("child", [])
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.fixture
def parent(tmp_path: Path) -> subprocess.Popen:
    """A process that waits for a command of its own, which is ready."""
    (tmp_path / "child.py").write_text(CHILD)
    path = os.pathsep.join([str(tmp_path), str(PACKAGE.parent)])
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    wait_for(lambda: (tmp_path / "ready").exists() and (tmp_path / "ready").read_text() != "")
    return process


@pytest.mark.slow
def test_sigterm_reaches_the_command_which_saves_its_state(parent: subprocess.Popen, tmp_path: Path) -> None:
    parent.send_signal(signal.SIGTERM)
    assert parent.communicate(timeout=PATIENCE)[0] == "interrupted\n"
    assert (tmp_path / "saved").exists()


@pytest.mark.slow
def test_the_command_dies_with_us(parent: subprocess.Popen, tmp_path: Path) -> None:
    child = int((tmp_path / "ready").read_text())
    assert is_alive(child)
    parent.kill()
    parent.communicate()
    wait_for(lambda: not is_alive(child))


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


AT_WORK = """
import importlib, sys, time
command = importlib.import_module(sys.argv[1])
command.command.run = lambda *unused, **also: (print("at work", flush=True), time.sleep(900))
command.main()
"""


@pytest.mark.parametrize("module", ["seglab.train", "seglab.evaluate"])
def test_every_command_that_a_table_starts_dies_with_it(module: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", AT_WORK, module],
        env={**os.environ, LIFELINE: "1", "PYTHONPATH": str(PACKAGE.parent)}, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"at work\n"
        process.stdin.close()
        assert process.wait(PATIENCE) == -signal.SIGKILL


def test_a_run_that_serves_two_rows_is_trained_once_and_evaluated_for_each(calls: Calls) -> None:
    rows = (PLAN.rows[0], Row(label="mirrored", overrides=("loss=ce",), evaluation={"flip": True}))
    plan = replace(PLAN, rows=rows)
    missing = survey(*["missing"] * 4, plan=plan)
    alike = replace(missing, states=tuple(replace(one, fingerprint=f"ce{one.seed}") for one in missing.states))
    launch.train_missing(alike, output=Path("outputs"), overrides=[], search_path=[], retry_failed=False)
    assert [arguments[-2] for _, arguments in calls] == ["seed=1,2"]
    calls.clear()
    trained = survey("trained", "measured", "trained", "measured", plan=plan).to_evaluate()
    launch.evaluate_trained(trained, plan, search_path=[])
    assert ["flip=true" in arguments for _, arguments in calls] == [False, True]


def test_rows_that_are_tuned_to_one_configuration_are_evaluated_once(calls: Calls) -> None:
    trained = survey("trained", "measured", "trained", "measured").to_evaluate()
    alike = [replace(state, folder=trained[0].folder) for state in trained]
    launch.evaluate_trained(alike, PLAN, search_path=[])
    assert [arguments[0] for _, arguments in calls] == ['run="outputs/runs/ce 1"']
