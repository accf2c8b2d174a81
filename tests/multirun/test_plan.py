"""sweep.json: what has been asked for, merged over launches."""

import pytest

from seglab import runs
from seglab.errors import SeglabError
from seglab.multirun import plan as sweep_plan


def test_launches_are_merged_in_their_order(tmp_path):
    folder = tmp_path / "losses"
    assert sweep_plan.read(folder).jobs == {}
    sweep_plan.write(folder, {"loss-dice": ("loss=dice",), "loss-ce": ("loss=ce",)}, command="a")
    sweep_plan.write(folder, {"loss-focal": ("loss=focal",), "loss-ce": ("loss=ce",)}, command="b")
    plan = sweep_plan.read(folder)
    assert list(plan.jobs.items()) == [
        ("loss-dice", ("loss=dice",)), ("loss-ce", ("loss=ce",)), ("loss-focal", ("loss=focal",)),
    ]  # fmt: skip
    assert [launch["command"] for launch in plan.launches] == ["a", "b"]
    assert plan.launches[0]["pid"]


def test_refused_jobs_are_taken_back_and_begun_ones_stay(tmp_path):
    sweep_plan.write(tmp_path, {"a": ("x=1",)}, command="1")
    assert sweep_plan.write(tmp_path, {"a": ("x=1",), "b": ("x=2",), "c": ("x=3",)}, command="2") == ["b", "c"]
    (tmp_path / "b").mkdir()
    runs.update_record(tmp_path / "b", status="failed")
    sweep_plan.withdraw(tmp_path, ["b", "c"])
    assert list(sweep_plan.read(tmp_path).jobs) == ["a", "b"]


def test_jobs_that_no_plan_knows_follow_in_the_order_of_their_start(tmp_path):
    sweep_plan.write(tmp_path, {"z": (), "never started": ()}, command="a")
    for name, started in (("b", "2"), ("c", "1"), ("z", "3")):
        (tmp_path / name).mkdir()
        runs.update_record(tmp_path / name, status="finished", started=started)
    (tmp_path / "no job").mkdir()
    assert [path.name for path in sweep_plan.job_folders(tmp_path)] == ["z", "never started", "c", "b"]


@pytest.mark.parametrize(
    "text",
    ["", '{"jobs": {', "[]", '{"jobs": []}', '{"jobs": {"a": 1}, "launches": []}', '{"jobs": {}, "launches": [1]}'],
)
def test_a_broken_plan_is_named_and_makes_room_for_the_next(tmp_path, text, caplog):
    path = tmp_path / "sweep.json"
    path.write_text(text)
    with pytest.raises(SeglabError, match=r"sweep\.json.*expected the plan of a sweep"):
        sweep_plan.read(tmp_path)
    assert sweep_plan.write(tmp_path, {"a": ("x=1",)}, command="1") == ["a"]
    assert list(sweep_plan.read(tmp_path).jobs) == ["a"]
    assert "a new plan begins" in caplog.text
    assert (tmp_path / "sweep.json.damaged").read_text() == text


def test_a_damaged_record_keeps_its_place_among_the_jobs(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "record.json").touch()
    sweep_plan.write(tmp_path, {"a": ("x=1",)}, command="1")
    sweep_plan.withdraw(tmp_path, ["a"])
    assert list(sweep_plan.read(tmp_path).jobs) == ["a"]
    (tmp_path / "sweep.json").unlink()
    assert sweep_plan.job_folders(tmp_path) == [tmp_path / "a"]
