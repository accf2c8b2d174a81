"""GTA5: palette masks, splits, and frames whose image and label differ in size."""

import logging

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from seglab.data.gta5 import GTA5
from seglab.errors import SeglabError


def names(root, split: str) -> list[str]:
    return [sample.name for sample in GTA5(root, split, labels="cityscapes_19").samples]


def test_palette_indices_become_train_ids(standins) -> None:
    root = standins["gta5"].root
    _, mask = GTA5(root, "all", labels="cityscapes_19").read(0)
    ids = np.array(Image.open(root / "labels" / "00001.png"))
    assert (ids == 7).any()
    assert ((mask == 0) == (ids == 7)).all()


def test_a_license_plate_is_ignored_under_its_number_in_this_data_set(standin) -> None:
    root = standin("gta5")
    Image.fromarray(np.full((32, 64), 34, np.uint8)).save(root / "labels" / "00001.png")
    assert (GTA5(root, "all", labels="cityscapes_19").read(0)[1] == 255).all()


def test_the_random_split_divides_all_frames(standins) -> None:
    root = standins["gta5"].root
    train, val = names(root, "all_80"), names(root, "all_20")
    assert (len(train), len(val)) == (4, 1)
    assert sorted(train + val) == names(root, "all") == [f"{number:05d}" for number in range(1, 6)]


def test_the_official_split_is_read_from_its_file(standin) -> None:
    root = standin("gta5")
    with pytest.raises(SeglabError, match=r"official split in '.*split.mat', with the array trainIds.*all_80"):
        names(root, "train")
    savemat(root / "split.mat", {"trainIds": [[4], [1]], "valIds": [[2]], "testIds": [[9]]})
    assert names(root, "train") == ["00001", "00004"]
    assert names(root, "val") == ["00002"]
    with pytest.raises(SeglabError, match=r"1 are not in '.*images', the first is 00009.png"):
        names(root, "test")
    (root / "split.mat").write_bytes(b"nothing")
    with pytest.raises(SeglabError, match=r"official split in '.*split.mat'"):
        names(root, "val")


def test_a_frame_of_two_sizes_is_left_out_and_named(standin, caplog: pytest.LogCaptureFixture) -> None:
    root = standin("gta5")
    Image.fromarray(np.zeros((32, 63), np.uint8)).save(root / "labels" / "00003.png")
    with caplog.at_level(logging.WARNING, logger="seglab"):
        left = names(root, "all")
    assert left == ["00001", "00002", "00004", "00005"]
    assert "00003.png' is 32x64 and its label 32x63 (height x width)" in caplog.text


def test_mistakes_are_named(standin) -> None:
    root = standin("gta5")
    with pytest.raises(SeglabError, match="the split all, all_80, all_20, train, val, test of GTA5; got 'training'"):
        names(root, "training")
    (root / "labels" / "00002.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(SeglabError, match=r"expected a PNG; '.*labels/00002.png' is none or is cut off"):
        names(root, "all")
    (root / "labels" / "00002.png").unlink()
    with pytest.raises(SeglabError, match="a mask for every image; 1 of 5 have none"):
        names(root, "all")
    with pytest.raises(SeglabError, match=r"(?s)labels/00001.png.*read_mapping.zip.*data.root=FOLDER"):
        names(None, "all")
