"""Which state of a run can be continued from."""

import logging

import pytest
import torch

from seglab.errors import SeglabError
from seglab.runs import checkpoints


def write(folder, *names):
    (folder / "checkpoints").mkdir(exist_ok=True)
    for name in names:
        torch.save({"name": name, "weights": torch.arange(1000.0)}, folder / "checkpoints" / f"{name}.ckpt")


def spoil(path, how):
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(
        {
            "empty": b"",
            "cut": whole[:middle],
            "garbage": b"x" * len(whole),
            "a hole": whole[:middle] + bytes(100) + whole[middle + 100 :],
        }[how]
    )


@pytest.mark.parametrize("how", ["empty", "cut", "garbage", "a hole"])
def test_the_one_before_stands_in_for_a_damaged_checkpoint(tmp_path, caplog, how):
    write(tmp_path, "last", "previous")
    last, previous = checkpoints.saved(tmp_path)
    assert checkpoints.newest_sound(tmp_path) == last
    spoil(last, how)
    with caplog.at_level(logging.WARNING):
        assert checkpoints.newest_sound(tmp_path) == previous
    assert "last.ckpt is damaged" in caplog.text
    assert not last.exists(), "it would become the one before"
    write(tmp_path, "last")
    spoil(last, how)
    with pytest.raises(SeglabError, match=r"last\.ckpt: expected a checkpoint; came a damaged file"):
        checkpoints.require_sound(last)


def test_a_kill_between_the_two_renames_leaves_the_one_before(tmp_path):
    assert checkpoints.newest_sound(tmp_path) is None
    write(tmp_path, "previous")
    assert checkpoints.newest_sound(tmp_path) == tmp_path / "checkpoints" / "previous.ckpt"


def test_where_none_can_be_read_all_are_named_and_kept(tmp_path):
    write(tmp_path, "last", "previous")
    for path in checkpoints.saved(tmp_path):
        spoil(path, "cut")
    with pytest.raises(SeglabError, match=r"last\.ckpt \(.* bytes, .*\) and previous\.ckpt .* restore one"):
        checkpoints.newest_sound(tmp_path)
    assert len(checkpoints.saved(tmp_path)) == 2
