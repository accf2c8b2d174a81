"""One reader for all small files: whole and of the right shape, or refused with the file's name and a cure."""

from datetime import datetime

import pytest

from seglab.errors import SeglabError
from seglab.runs.json_file import read_object


def read(path, **shape):
    return read_object(path, what="a thing", cure="delete it", **shape)


def test_no_file_is_nothing_and_a_good_one_is_read(tmp_path):
    path = tmp_path / "thing.json"
    assert read(path) is read(path / "below a file") is None
    path.write_text('{"a": 1, "b": null, "t": "2026-01-01T00:00:00+01:00"}')
    assert read(path / "below") is None
    assert read(path, required={"a": float}, optional={"b": str, "t": datetime, "c": list})["a"] == 1


@pytest.mark.parametrize(
    ("content", "came"),
    [
        (b"", "came an empty file"),
        (b"\0\0\0", "came a file that is damaged"),
        (b'{"a": 1, ', "came a file that is damaged"),
        (b"\xff\xfe", "came a file that is damaged"),
        (b"[" * 100_000, "came a file that is damaged"),
        (b"[1]", r"as an object; came \[1\]"),
        (b"{}", "with a as a whole number; came nothing"),
        (b'{"a": "x"}', 'with a as a whole number; came "x"'),
        (b'{"a": 1, "t": "yesterday"}', 'with t as a time like .*; came "yesterday"'),
        (b'{"a": 1, "t": "2026-01-01T00:00:00"}', "with t as a time like"),
    ],
)
def test_what_is_damaged_is_named_with_what_came(tmp_path, content, came):
    path = tmp_path / "thing.json"
    path.write_bytes(content)
    with pytest.raises(SeglabError, match=rf"thing\.json.*expected a thing.*{came}.* - delete it$"):
        read(path, required={"a": int}, optional={"t": datetime})


def test_all_values_have_one_type_where_the_keys_are_not_known(tmp_path):
    path = tmp_path / "thing.json"
    path.write_text('{"a": 1, "b": "x"}')
    with pytest.raises(SeglabError, match='with b as a whole number; came "x"'):
        read(path, values=int)
