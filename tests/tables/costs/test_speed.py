"""How fast a table's networks are: kept with the configuration that was measured, shown with the machine."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seglab.display.sheet import markdown
from seglab.errors import SeglabError
from seglab.tables.costs import speed
from seglab.tables.plan.model import Plan

CONDITIONS = "batch of 1, 32-true, AMD EPYC, 2 threads"


def of_network(**changes: Any) -> dict[str, Any]:
    return {
        "parameters": 1_942_883, "flops": 5_610_000_000, "size": [128, 256], "images_per_second": 12.34,
        "milliseconds": 81.0, "conditions": CONDITIONS, **changes,
    }  # fmt: skip


@pytest.fixture
def configs(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """The configurations that rows of the table compose to."""
    configs = {"ce": {"model": {"base": 4}}, "half": {}}
    monkeypatch.setattr(speed, "configs_of_rows", lambda composed: configs)
    return configs


def test_a_row_that_is_configured_anew_is_measured_anew(
    plan: Plan, configs: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(speed, "timed", lambda rows, program: asked.append(rows) or {row: of_network() for row in rows})
    composed: Any = SimpleNamespace()
    speed.write(speed.here(plan, tmp_path), speed.measure(plan, composed))
    assert asked == [{"ce": configs["ce"]}]  # `half` trains no network
    known = speed.known(plan, composed, home=tmp_path, output=tmp_path)
    assert known["ce"]["images_per_second"] == 12.34
    configs["ce"] = {"model": {"base": 8}}
    assert speed.known(plan, composed, home=tmp_path, output=tmp_path) == {}


def test_what_was_measured_here_goes_before_what_is_committed(
    plan: Plan, configs: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "timed", lambda rows, program: {row: of_network() for row in rows})
    composed: Any = SimpleNamespace()
    speeds = speed.measure(plan, composed)
    speed.write(speed.committed(plan, tmp_path), speeds)
    assert speed.known(plan, composed, home=tmp_path, output=tmp_path / "outputs") == speeds
    other = {"ce": {**speeds["ce"], "conditions": "batch of 1, NVIDIA H100"}}
    speed.write(speed.here(plan, tmp_path / "outputs"), other)
    assert speed.known(plan, composed, home=tmp_path, output=tmp_path / "outputs") == other


@pytest.mark.parametrize(
    ("damaged", "came"),
    [
        ({}, "ce has fingerprint=None"),
        ({"fingerprint": "abc", "error": 3}, "ce has error=3"),
        ({"fingerprint": "abc", **of_network(parameters="many")}, "ce has parameters='many'"),
        ({"fingerprint": "abc", **of_network(size=None)}, "ce has size=None"),
    ],
)
def test_a_damaged_file_is_named(
    plan: Plan, configs: dict[str, dict[str, Any]], tmp_path: Path, damaged: dict[str, Any], came: str
) -> None:
    speed.write(speed.here(plan, tmp_path), {"ce": damaged})
    expected = rf"speed\.json: expected the speed of networks; {came} - speed=true measures it again"
    with pytest.raises(SeglabError, match=expected):
        speed.known(plan, SimpleNamespace(), home=tmp_path, output=tmp_path)  # type: ignore[arg-type]


def test_the_sheet_names_the_machine_and_what_is_not_measured(plan: Plan) -> None:
    shown = markdown(speed.speed_sheet(plan, {"ce": of_network()}))
    assert f"T, speed: 128x256, {CONDITIONS}" in shown
    assert "| ce | 1.94 | 5.61 | 12.3 | 81 |" in shown
    failed = markdown(speed.speed_sheet(plan, {"ce": {"error": "out of memory: 3 GiB"}}))
    assert "ce: out of memory: 3 GiB" in failed
    assert "not measured as it is configured now: ce - speed=true" in markdown(speed.speed_sheet(plan, {}))


def test_speeds_of_two_conditions_say_so_in_their_lines(plan: Plan) -> None:
    rows = (*plan.rows[:1], SimpleNamespace(label="dice", downsample=None))
    two: Any = SimpleNamespace(title="T", rows=rows)
    shown = markdown(speed.speed_sheet(two, {"ce": of_network(), "dice": of_network(size=[64, 128])}))
    assert f"| ce | 128x256, {CONDITIONS} |" in shown
    assert f"| dice | 64x128, {CONDITIONS} |" in shown
