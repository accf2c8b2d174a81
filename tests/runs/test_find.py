"""Runs by what decides their result, wherever they lie."""

from seglab import runs
from seglab.runs.find import find_runs


def test_runs_of_one_fingerprint_come_in_the_order_of_their_start_and_damaged_ones_are_told_of(tmp_path, caplog):
    def leave(place: str, **record: str) -> None:
        (tmp_path / place).mkdir(parents=True)
        runs.write_record(tmp_path / place, {"status": "finished", **record})

    leave("runs/b", fingerprint="01", started="2026-01-03")
    leave("sweeps/t/job", fingerprint="01", started="2026-01-02")
    leave("runs/c", fingerprint="02")
    leave("runs/d", status="running")  # of a time before fingerprints
    leave("elsewhere/e", fingerprint="01")
    leave("runs/f")
    (tmp_path / "runs" / "f" / "record.json").write_text("{")
    places = {
        key: [str(run.folder.relative_to(tmp_path)) for run in group] for key, group in find_runs(tmp_path).items()
    }
    assert places == {"01": ["sweeps/t/job", "runs/b"], "02": ["runs/c"]}
    assert f"left out: {tmp_path / 'runs' / 'f' / 'record.json'} is not JSON" in caplog.text
