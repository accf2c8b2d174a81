"""The label spaces against the official table and against each other."""

import subprocess
import sys

import numpy as np
import pytest

from seglab.errors import SeglabError
from seglab.labels import CITYSCAPES_LABELS, IGNORE_INDEX, INVALID, label_space


def test_cityscapes_table_is_the_official_one() -> None:
    official = pytest.importorskip("cityscapesscripts.helpers.labels", reason="needs cityscapesscripts").labels
    ours = [tuple(label) for label in CITYSCAPES_LABELS]
    theirs = [
        (row.name, row.id, row.trainId, row.category, row.categoryId, row.hasInstances, row.ignoreInEval, row.color)
        for row in official
    ]
    assert ours == theirs


def test_cityscapes_19_keeps_the_classes_that_are_evaluated() -> None:
    space = label_space("cityscapes_19")
    assert space.num_classes == 19
    assert (space.names[0], space.names[13], space.names[18]) == ("road", "car", "bicycle")
    assert space.colors[1] == (244, 35, 232)
    assert space.lookup[[7, 26, 33]].tolist() == [0, 13, 18]
    assert space.lookup[[0, 9, 29, 255]].tolist() == [IGNORE_INDEX] * 4  # void, parking, caravan, license plate
    assert (space.lookup[34:255] == INVALID).all()
    assert sorted(set(space.to_train.values())) == [*range(19), IGNORE_INDEX]


def test_camvid_11_has_void_as_its_twelfth_value() -> None:
    space = label_space("camvid_11")
    assert space.num_classes == 11
    assert (space.names[3], space.colors[3]) == ("road", (128, 64, 128))
    assert space.lookup[:12].tolist() == [*range(11), IGNORE_INDEX]
    assert (space.lookup[12:] == INVALID).all()


@pytest.mark.parametrize("key", ["cityscapes_19", "camvid_11"])
def test_names_and_colors_are_distinct_and_as_many_as_classes(key: str) -> None:
    space = label_space(key)
    assert space.name == key
    assert len(set(space.names)) == len(set(space.colors)) == space.num_classes
    assert space.lookup.dtype == np.uint8
    assert space.lookup.shape == (256,)


def test_unknown_key_is_answered_with_the_nearest_one() -> None:
    message = r"a label space \(camvid_11, cityscapes_19\); got 'cityscape_19' - did you mean 'cityscapes_19'"
    with pytest.raises(SeglabError, match=message):
        label_space("cityscape_19")


def test_labels_are_read_without_numpy_and_torch() -> None:
    code = "import sys, seglab.labels; sys.exit(bool({'numpy', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
