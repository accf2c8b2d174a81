"""KITTI semantics: 200 frames, our own split, and a test split without labels."""

import numpy as np
import pytest
from PIL import Image

from seglab.data.kitti import KITTI
from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX


def names(root, split: str) -> list[str]:
    return [sample.name for sample in KITTI(root, split, labels="cityscapes_19").samples]


def test_the_parts_divide_the_labelled_frames(standins) -> None:
    root = standins["kitti"].root
    assert names(root, "train") == [f"{number:06d}_10" for number in range(5)]
    assert sorted(names(root, "train_80") + names(root, "train_20")) == names(root, "train")
    assert len(names(root, "train_80")) == 4


def test_label_ids_become_train_ids(standins) -> None:
    root = standins["kitti"].root
    _, mask = KITTI(root, "train", labels="cityscapes_19").read(2)
    ids = np.array(Image.open(root / "training" / "semantic" / "000002_10.png"))
    assert ((mask == 0) == (ids == 7)).all()
    assert (mask[ids == 0] == IGNORE_INDEX).all()


def test_the_test_split_has_no_labels(standins) -> None:
    image, mask = KITTI(standins["kitti"].root, "test", labels="cityscapes_19").read(0)
    assert image.shape == (32, 64, 3)
    assert (mask == IGNORE_INDEX).all()


def test_mistakes_are_named(standin) -> None:
    root = standin("kitti")
    with pytest.raises(SeglabError, match="the split train, train_80, train_20 or test of KITTI; got 'val'"):
        names(root, "val")
    (root / "training" / "semantic" / "000002_10.png").unlink()
    with pytest.raises(SeglabError, match=r"a mask for every image; 1 of 5 have none.*000002_10.png"):
        names(root, "train")
    with pytest.raises(SeglabError, match=r"(?s)training/semantic.*data_semantics.zip.*data.root=FOLDER"):
        names(None, "train")
