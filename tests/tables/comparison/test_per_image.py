"""The counts of each image: read, put in one order, and scored as the confusion matrix is."""

import math

import numpy as np
import pytest
import torch

from seglab.errors import SeglabError
from seglab.evaluation.per_image import PER_IMAGE
from seglab.evaluation.per_image import rows as lines_of
from seglab.metrics import readings
from seglab.tables.comparison.per_image import HEADER, PerImage, aligned, class_iou, read_per_image, scores

CLASSES = ("road", "pole", "sky")


def written(path, *lines):
    path.write_text("\n".join([",".join(HEADER), *lines]) + "\n", encoding="utf-8")
    return path


def test_the_header_is_that_which_evaluate_writes():
    assert HEADER == PER_IMAGE


def test_counts_of_one_resolution(tmp_path):
    path = written(
        tmp_path / "per_image.csv",
        "b,original,road,5,6,7",
        "b,network,road,1,1,1",
        '"a, left",original,sky,0,2,0',
        '"a, left",original,road,3,3,5',
    )
    found = read_per_image(path, resolution="original", classes=CLASSES)
    assert found.names == ("b", "a, left")
    assert found.counts.tolist() == [[[5, 6, 7], [0, 0, 0], [0, 0, 0]], [[3, 3, 5], [0, 0, 0], [0, 2, 0]]]


def test_what_evaluate_writes_gives_the_scores_of_its_matrix(tmp_path):
    """A class is absent, and one is predicted where it never is."""
    generator = torch.Generator().manual_seed(0)
    matrices = torch.randint(0, 50, (4, 5, 5), generator=generator)
    matrices[:, 3] = 0
    matrices[:, 4] = 0
    matrices[:, :, 4] = 0
    names = ("road", "pole", "sky", "car", "bus")
    path = tmp_path / "per_image.csv"
    lines = [line for index, matrix in enumerate(matrices) for line in lines_of(f"{index}", "original", matrix, names)]
    path.write_text(",".join(PER_IMAGE) + "\n" + "".join(lines))
    sums = read_per_image(path, resolution="original", classes=names).counts.sum(0)
    whole = matrices.sum(0)
    expected = readings.summary(whole)
    assert {name: float(value) for name, value in scores(sums).items()} == pytest.approx(expected)
    assert class_iou(sums).tolist() == pytest.approx(readings.iou(whole).tolist(), nan_ok=True)
    assert math.isnan(class_iou(sums)[4])
    assert class_iou(sums)[3] == 0


def test_a_name_like_a_formula_is_none_in_the_file_and_comes_back(tmp_path):
    path = tmp_path / "per_image.csv"
    rows = lines_of("=cmd|' /C calc'!A0", "original", torch.tensor([[3]]), ("-road",))
    path.write_text(",".join(PER_IMAGE) + "\n" + "".join(rows))
    assert path.read_text().splitlines()[1] == "'=cmd|' /C calc'!A0,original,'-road,3,3,3"
    found = read_per_image(path, resolution="original", classes=("-road",))
    assert found.names == ("=cmd|' /C calc'!A0",)


def test_scores_of_many_sums_at_once():
    sums = np.random.default_rng(0).integers(1, 50, (6, 3, 3))
    sums[..., 1:] += sums[..., :1]
    together = scores(sums)
    for index in range(6):
        alone = {name: float(value) for name, value in scores(sums[index]).items()}
        assert {name: float(values[index]) for name, values in together.items()} == pytest.approx(alone)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a,original,road,5,6"], r"per_image.csv:2: expected 6 values; came 5"),
        (["a,original,road,5,6,x"], r":2: expected whole numbers of pixels.*came 5, 6, x"),
        (["a,original,road,7,6,9"], r"intersection <= truth.*came 7, 6, 9"),
        (["a,original,raod,5,6,7"], r"expected one of the classes road, pole, sky; came 'raod'"),
        (["a,original,road,5,6,7"] * 2, r":3: expected each class of an image once; came 'a', 'road' again"),
        (["a,network,road,5,6,7"], r"expected counts at resolution original; came network"),
        ([], r"came none"),
    ],
)
def test_broken_files_are_refused(tmp_path, lines, message):
    path = written(tmp_path / "per_image.csv", *lines)
    with pytest.raises(SeglabError, match=message):
        read_per_image(path, resolution="original", classes=CLASSES)


def test_no_file_and_other_columns_are_refused(tmp_path):
    with pytest.raises(SeglabError, match="there is none - evaluate the run"):
        read_per_image(tmp_path / "per_image.csv", resolution="original", classes=CLASSES)
    (tmp_path / "other.csv").write_text("name,iou\na,0.5\n")
    with pytest.raises(SeglabError, match=r"expected the columns name,resolution,.*came name,iou"):
        read_per_image(tmp_path / "other.csv", resolution="original", classes=CLASSES)


def of(*names, classes=CLASSES):
    counts = np.array([[[ord(name), ord(name), ord(name)]] * len(classes) for name in names])
    return PerImage(names=names, classes=classes, counts=counts)


def test_images_are_aligned_by_name():
    found = aligned({"one": of("a", "b", "c"), "two": of("c", "a", "b")})
    assert found["two"].names == ("a", "b", "c")
    assert (found["two"].counts == found["one"].counts).all()


def test_other_images_and_classes_are_refused():
    with pytest.raises(
        SeglabError, match=r"images of one in two as well; came others \(only in one: b; only in two: d\)"
    ):
        aligned({"one": of("a", "b"), "two": of("a", "d")})
    with pytest.raises(SeglabError, match=r"only in two: b, c, d and 1 more"):
        aligned({"one": of("a"), "two": of("a", "b", "c", "d", "e")})
    with pytest.raises(SeglabError, match=r"classes of one \(road, pole, sky\) in two; came road, pole"):
        aligned({"one": of("a"), "two": of("a", classes=("road", "pole"))})
