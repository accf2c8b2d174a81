"""Two folders of one's own, with labels described in the configuration."""

import shlex

import numpy as np
import pytest
from PIL import Image

from seglab import compose, runs
from seglab.data.folder import Folder
from seglab.data.statistics import class_statistics
from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX

ROAD = {"name": "mine", "names": ["other", "road"], "colors": None, "ignore_values": [255], "mapping": None}
PLACES = {"images": "{split}/images", "masks": "{split}/masks"}


def test_images_and_masks_are_matched_by_name(standins) -> None:
    root = standins["folder"].root
    source = Folder(root, "train", labels=ROAD, **PLACES)
    assert [sample.name for sample in source.samples] == ["0", "1", "2", "3", "4"]
    image, mask = source.read(1)
    assert image.shape == (32, 64, 3)
    assert (mask[0] == IGNORE_INDEX).all()
    np.testing.assert_array_equal(mask, np.array(Image.open(root / "train" / "masks" / "1.png")))


def test_values_are_mapped_and_others_refused(standin) -> None:
    root = standin("folder")
    labels = {**ROAD, "mapping": {0: "road", 1: "other"}}
    _, mask = Folder(root, "train", labels=labels, **PLACES).read(1)
    raw = np.array(Image.open(root / "train" / "masks" / "1.png"))
    assert (mask[raw == 0] == 1).all()
    assert (mask[raw == 1] == 0).all()
    Image.fromarray(np.full((32, 64), 9, np.uint8)).save(root / "train" / "masks" / "1.png")
    with pytest.raises(SeglabError, match=r"holds 9 \(2048 pixels\); expected 0..1, 255 \(raw values of mine\)"):
        Folder(root, "train", labels=ROAD, **PLACES).read(1)


def test_mistakes_are_named(standin) -> None:
    root = standin("folder")
    (root / "val" / "masks" / "1.png").unlink()
    with pytest.raises(SeglabError, match=r"a mask for every image; 1 of 2 have none.*images/1.jpg"):
        Folder(root, "val", labels=ROAD, **PLACES)
    with pytest.raises(SeglabError, match=r"two folders; data.source.images and .masks are both '\{split\}/images'"):
        Folder(root, "val", labels=ROAD, images="{split}/images", masks="{split}/images")
    with pytest.raises(SeglabError, match=r"(?s)expected the folder '.*extra/images'.*<data.root>/\{split\}/masks"):
        Folder(root, "extra", labels=ROAD, **PLACES)
    Image.new("RGB", (64, 32)).save(root / "train" / "images" / "1.png")
    with pytest.raises(SeglabError, match=r"one file a frame; got .*1.jpg' and .*1.png'"):
        Folder(root, "train", labels=ROAD, **PLACES)


def write_split(root, mask: np.ndarray, split: str = "train") -> None:
    for part, pixels in (("images", np.zeros((*mask.shape[:2], 3), np.uint8)), ("masks", mask)):
        (root / split / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / split / part / "a.png")


def test_black_and_white_masks_are_a_label_space_that_is_built_in(tmp_path) -> None:
    write_split(tmp_path, np.array([[0, 255], [255, 255]], np.uint8))
    source = Folder(tmp_path, "train", labels="binary_255", **PLACES)
    assert source.labels.names == ("background", "foreground")
    assert source.read(0)[1].tolist() == [[0, 1], [1, 1]]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"names": ["crack"]}, [[0, 1], [1, 255]]),
        ({"names": ["crack"], "mapping": {1: "crack", 255: "crack"}, "ignore_values": []}, [[0, 1], [1, 1]]),
        ({"names": ["crack"], "mapping": {255: "crack"}, "ignore_values": [1]}, [[0, 255], [255, 1]]),
    ],
)
def test_a_single_class_is_told_from_a_background(tmp_path, labels, expected) -> None:
    write_split(tmp_path, np.array([[0, 1], [1, 255]], np.uint8))
    source = Folder(tmp_path, "train", labels={**ROAD, **labels, "colors": [[1, 2, 3]]}, **PLACES)
    assert source.labels.names == ("background", "crack")
    assert source.labels.colors == ((0, 0, 0), (1, 2, 3))
    assert source.read(0)[1].tolist() == expected


@pytest.mark.parametrize(
    ("values", "labels", "line"),
    [
        ([0, 255], {"ignore_values": []}, "'data.labels.mapping={0: other, 255: road}'"),
        ([0, 1, 9], {}, "'data.labels.mapping={0: other, 1: road, 9: CLASS}' - or that they are not counted: "
                        "data.labels.ignore_values=[9,255]"),
        ([0, 3], {"names": ["a, b", "road"]}, "'data.labels.mapping={0: \"a, b\", 1: road, 3: CLASS}'"),
        ([0, 99], {"names": [f"class {k}" for k in range(40)]},
         "data.labels.mapping in the YAML - or that they are not counted: data.labels.ignore_values=[99,255]"),
    ],
)  # fmt: skip
def test_values_outside_are_answered_with_the_line_to_write(tmp_path, values, labels, line) -> None:
    write_split(tmp_path, np.array([values], np.uint8))
    with pytest.raises(SeglabError) as error:
        Folder(tmp_path, "train", labels={**ROAD, **labels}, **PLACES).read(0)
    assert line in str(error.value)


def test_the_line_to_write_is_read_as_it_stands(tmp_path) -> None:
    write_split(tmp_path, np.array([[0, 255]], np.uint8))
    labels = {**ROAD, "ignore_values": []}
    with pytest.raises(SeglabError) as error:
        Folder(tmp_path, "train", labels=labels, **PLACES).read(0)
    (line,) = [word for word in shlex.split(str(error.value)) if word.startswith("data.labels.mapping")]
    described = compose(["data=folder", "data.labels.names=[other,road]", "data.labels.ignore_values=[]", line])
    labels = runs.plain(described)["data"]["labels"]
    assert Folder(tmp_path, "train", labels=labels, **PLACES).read(0)[1].tolist() == [[0, 1]]
    assert compose(["data=folder", "data.labels=binary_255"]).data.labels == "binary_255"
    assert compose(["data=folder", "data.labels.names=[crack]"]).model.classes == 2


COLOURS = {"other": [10, 20, 30], "road": [[128, 64, 128], [128, 64, 129]], "void": [0, 0, 0]}


def test_colours_stand_for_classes_exactly(tmp_path) -> None:
    mask = np.array([[[10, 20, 30], [128, 64, 128]], [[128, 64, 129], [0, 0, 0]]], np.uint8)
    write_split(tmp_path, mask)
    source = Folder(tmp_path, "train", labels=ROAD, colours=COLOURS, **PLACES)
    assert source.read(0)[1].tolist() == [[0, 1], [1, IGNORE_INDEX]]
    swapped = {"other": COLOURS["road"], "road": COLOURS["other"]}
    statistics = [
        class_statistics(
            Folder(tmp_path, "train", labels=ROAD, colours=COLOURS | change, **PLACES), folder=tmp_path, title="t"
        )
        for change in ({}, swapped)
    ]
    assert [counted.pixels for counted in statistics] == [(1, 2), (2, 1)]  # the first was not taken for the second
    mask[0, 0] = (10, 20, 31)
    write_split(tmp_path, mask)
    with pytest.raises(SeglabError, match=r"a.png' holds 1 colours of no class, such as \[10, 20, 31\] \(1 pixels\)"):
        source.read(0)
    with pytest.raises(SeglabError, match=r"is 8-bit RGB - where colours stand for classes.*data.source.colours="):
        Folder(tmp_path, "train", labels=ROAD, **PLACES).read(0)


@pytest.mark.parametrize(
    ("colours", "message"),
    [
        ({"road": [1, 2, 3]}, "classes without a colour: other; colours of no class: none"),
        ({**COLOURS, "roads": [1, 2, 3]}, "colours of no class: roads - did you mean 'road'"),
        ({**COLOURS, "road": [0, 0, 0]}, "each colour once"),
        ({**COLOURS, "road": [0, 0, 256]}, r"colours.road: expected \[red, green, blue\] of 0..255.*256"),
    ],
)
def test_colours_that_are_not_those_of_the_classes_are_refused(tmp_path, colours, message) -> None:
    write_split(tmp_path, np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(SeglabError, match=message):
        Folder(tmp_path, "train", labels=ROAD, colours=colours, **PLACES)
