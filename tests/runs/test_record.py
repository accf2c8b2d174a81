"""record.json."""

import pytest

from seglab import runs
from seglab.errors import SeglabError


def test_record_grows_and_is_never_half_written(tmp_path):
    assert runs.read_record(tmp_path) is None
    runs.update_record(tmp_path, status="running", seed=1)
    runs.update_record(tmp_path, status="finished")
    assert runs.read_record(tmp_path) == {"status": "finished", "seed": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_a_broken_record_is_named(tmp_path):
    (tmp_path / "record.json").write_text('{"status": ')
    with pytest.raises(SeglabError, match=r"record\.json is not JSON"):
        runs.read_record(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '"x"', "{}", '{"status": 3}', '{"status": "failed", "ended": "x"}'])
def test_a_record_of_another_shape_is_named(tmp_path, text):
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(
        SeglabError, match=r"record\.json.*expected the record of a run.*delete it to run the job again"
    ):
        runs.state(tmp_path)


def test_record_says_where_it_comes_from(tmp_path):
    record = runs.start_record(tmp_path, config={"seed": 3}, overrides=["seed=3"])
    assert record["versions"]["torch"]
    assert record["pid"]
    assert (record["seed"], record["attempts"], record["status"]) == (3, 1, "running")
    assert runs.start_record(tmp_path, config={"seed": 3}, overrides=["seed=3"])["attempts"] == 2
