"""The file of a training's first weights: found by path, by folder and by fingerprint, and the same one again."""

from pathlib import Path

import pytest

from seglab import runs
from seglab.errors import SeglabError
from seglab.runs import init_from
from seglab.runs.files import BEST, LAST


def test_places_without_weights_are_told(tmp_path):
    with pytest.raises(SeglabError, match=r"init_from=/nowhere: expected a run .*; there is none"):
        init_from.locate("/nowhere", output=tmp_path)
    with pytest.raises(SeglabError, match="came a folder without"):
        init_from.locate(str(tmp_path), output=tmp_path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / LAST).touch()
    assert init_from.locate(str(tmp_path), output=tmp_path).name == LAST
    (tmp_path / "checkpoints" / BEST).touch()
    assert init_from.locate(str(tmp_path), output=tmp_path).name == BEST


def test_a_run_is_found_by_its_fingerprint_wherever_it_lies(tmp_path):
    def leave(place: str, **record) -> Path:
        folder = tmp_path / place
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "checkpoints" / BEST).touch()
        runs.write_record(folder, {"fingerprint": "0123", "status": "finished", **record})
        return folder / "checkpoints" / BEST

    with pytest.raises(SeglabError, match=r"init_from=run:0123: expected a finished run .*; there is none - train it"):
        init_from.locate("run:0123", output=tmp_path)
    leave("runs/a", status="interrupted", started="2026-01-01")
    leave("runs/b", fingerprint="4567")
    with pytest.raises(SeglabError, match="came one that is interrupted - train it first"):
        init_from.locate("run:0123", output=tmp_path)
    later = leave("runs/c", started="2026-01-03")
    assert init_from.locate("run:0123", output=tmp_path) == later
    earlier = leave("sweeps/t/job", started="2026-01-02")
    assert init_from.locate("run:0123", output=tmp_path) == earlier


def test_a_changed_file_is_noticed(tmp_path, caplog):
    file, run = tmp_path / "w.pt", tmp_path / "run"
    file.write_text("new")
    config = {"init_from": str(file), "output": str(tmp_path)}
    init_from.check(run, config)  # no run yet
    (run / "checkpoints").mkdir(parents=True)
    runs.write_record(run, {"status": "finished", "init_from": {"sha256": "0" * 64}})
    with pytest.raises(SeglabError, match=r"began with .*000000000000.*; came others .* - choose another name"):
        init_from.check(run, config)
    runs.write_record(run, {"status": "interrupted", "init_from": {"sha256": "0" * 64}})
    (run / "checkpoints" / LAST).touch()
    init_from.check(run, config)
    assert "continues from its own checkpoint" in caplog.text
    runs.write_record(run, {"status": "finished", "init_from": {"sha256": init_from.sha256(file)}})
    init_from.check(run, config)
    file.unlink()
    init_from.check(run, config)  # gone: what was begun with it stands
    with pytest.raises(SeglabError, match="nothing is there"):
        init_from.check(tmp_path / "another", config)
