"""`python -m seglab.runs`: the runs on records made by hand, filtered, shown, removed where they hold nothing."""

import importlib
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

SCORES = {"miou": 0.4321, "mdice": 0.5, "accuracy": 0.9, "mean_accuracy": 0.5, "loss": 1.0}


def leave(folder: Path, status: str, *files: str, **record) -> Path:
    for file in ("record.json", *files):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"x" * 100_000)
    now = datetime.now().astimezone().isoformat()
    choices = {"data": "synthetic", "model": "unet", "loss": "ce", **record.pop("choices", {})}
    record = {"status": status, "attempts": 1, "started": now, "attempted": now, "ended": now, "choices": choices,
              "overrides": [], **record}  # fmt: skip
    (folder / "record.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    folder = tmp_path / "outputs"
    classes = {"road": {"iou": 0.4, "dice": 0.5, "accuracy": 0.6, "pixels": 10}}
    best = {"epoch": 1, "metrics": SCORES, "classes": classes}
    finished = {"epochs": 2, "monitor": {"name": "val/miou", "mode": "max", "value": 0.4321}, "best": best,
                "command": "python -m seglab.train name=exp1", "seconds": 3.0,
                "protocol": {"split": "val", "size": [32, 64], "reading": "dataset"}}  # fmt: skip
    leave(folder / "runs" / "exp1", "finished", "checkpoints/best.ckpt", **finished)
    leave(folder / "runs" / "exp2", "failed", "traceback.txt", ".lock", error="SeglabError: no\ndata")
    leave(folder / "runs" / "exp3", "failed", "heartbeat.json", error="ValueError: NaN", choices={"model": "fcn8s"})
    leave(folder / "runs" / "exp4", "failed", "notes.txt", error="ValueError: x")
    leave(folder / "sweeps" / "losses" / "loss-dice", "failed", error="x", choices={"loss": "dice"})
    return folder


@pytest.fixture
def listed(outputs, monkeypatch, capsys):
    """`listed("model=unet")`: exit code, output and errors of the command, typed beside outputs/."""
    module = importlib.import_module("seglab.runs.__main__")
    monkeypatch.chdir(outputs.parent)

    def run(*overrides: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["seglab-runs", *overrides])
        try:
            module.main()
        except SystemExit as end:
            return int(end.code or 0), *capsys.readouterr()
        return 0, *capsys.readouterr()

    return run


def test_all_of_them_some_of_them_and_one(listed) -> None:
    code, shown, errors = listed()
    assert (code, errors) == (0, "")
    assert "5 runs in outputs" in shown
    for part in ("exp1", "synthetic, unet, ce", "43.2 %", "finished", "losses/loss-dice", "0.1 MB", "s ago"):
        assert part in shown
    assert "1 ended before the first step: clean=true shows them" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
    _, some, _ = listed("model=fcn8s")
    assert "1 of 5 runs in outputs" in some
    assert "exp3" in some
    assert "exp1" not in some
    assert "1 of 5 runs" in listed("status=finished")[1]
    code, one, errors = listed("run=exp1")
    assert (code, errors) == (0, "")
    for part in ("status        finished", "command       python -m seglab.train name=exp1", "data=synthetic", "road"):
        assert part in one


def test_clean_shows_first_and_removes_only_what_holds_nothing(listed, outputs) -> None:
    shown = "exp2  failed: SeglabError: no data\n1 to remove: add sure=true\n"
    assert listed("clean=true") == (0, shown, "")
    assert (outputs / "runs" / "exp2").is_dir()
    assert "1 removed" in listed("clean=true", "sure=true")[1]
    assert sorted(path.name for path in (outputs / "runs").iterdir()) == ["exp1", "exp3", "exp4"]
    assert (outputs / "sweeps" / "losses" / "loss-dice").is_dir()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("run=epx1", "run=epx1: expected a run - its name"),
        ("run=exp", "4 begin so: exp1, exp2, exp3, exp4"),
        ("model=UNet", "did you mean 'unet'?"),
        ("status=done", "status is 'done'; expected one of finished"),
        ("output=elsewhere", "no runs yet: expected folders in elsewhere/runs"),
        ("rnu=exp1", "did you mean 'run'?"),
    ],
)
def test_mistakes(listed, override, message) -> None:
    code, _, errors = listed(override)
    assert code == 2
    assert message in errors
    assert "Traceback" not in errors


def test_nothing_heavy_is_imported(environment, outputs) -> None:
    code = """
import sys, runpy
sys.argv = ["seglab-runs"]
runpy.run_module("seglab.runs", run_name="__main__")
print([name for name in ("torch", "lightning", "numpy", "pandas") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=outputs.parent, env=environment, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
