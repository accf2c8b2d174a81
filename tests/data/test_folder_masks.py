"""Masks and folders as people bring them: read where the meaning is sure, else refused with advice that fits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglab.data.folder import Folder
from seglab.errors import SeglabError

BINARY = {"name": "mine", "names": ["ground", "leaf"], "colors": None, "ignore_values": [], "mapping": None}
WITH_255 = {**BINARY, "mapping": {0: "ground", 255: "leaf"}}
PLACES = {"images": "{split}/images", "masks": "{split}/masks"}
IDS = np.zeros((48, 64), np.uint8)
IDS[10:20, 30:50] = 1


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """`write("train/masks/a.png", IDS)`: the root of a data set that has this file."""

    def save(name: str, picture: np.ndarray | Image.Image, **options: object) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(path, **options)
        return tmp_path

    return save


def photo(height: int = 48, width: int = 64) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize(
    ("mask", "labels"),
    [
        (Image.fromarray(IDS * 255).convert("1"), BINARY),
        (Image.fromarray(IDS.astype(np.uint16)), BINARY),
        (Image.fromarray(IDS).convert("LA"), BINARY),
        (Image.fromarray(IDS * 255).convert("RGB"), WITH_255),
        (Image.fromarray(IDS * 255).convert("RGBA"), WITH_255),
        (Image.fromarray(IDS * 255), WITH_255),
    ],
    ids=["1 bit", "16 bits", "alpha", "RGB", "RGBA", "0 and 255"],
)
def test_masks_whose_meaning_is_sure_are_read(write, mask: Image.Image, labels: dict) -> None:
    write("train/images/a.png", photo())
    root = write("train/masks/a.png", mask)
    _, read = Folder(root, "train", labels=labels, **PLACES).read(0)
    np.testing.assert_array_equal(read, IDS)
    assert read.dtype == np.uint8


def test_a_mask_of_two_and_of_four_bits_holds_what_was_written(write) -> None:
    write("train/images/a.png", photo())
    for bits in (2, 4):
        picture = Image.fromarray(IDS).convert("P")
        root = write("train/masks/a.png", picture, bits=bits)
        _, read = Folder(root, "train", labels=BINARY, **PLACES).read(0)
        np.testing.assert_array_equal(read, IDS)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.full((48, 64), 1000, np.uint16), r"16-bit grey and holds 1000 - is it the instance version of the mask"),
        (np.dstack([IDS, IDS, IDS + 1]), r"8-bit RGB - where colours stand for classes"),
        (np.dstack([IDS, np.full_like(IDS, 9)]), r"grey with alpha, and some of its pixels are transparent - save it"),
    ],
    ids=["16 bits", "colours", "transparent"],
)
def test_others_are_refused_with_advice(write, mask: np.ndarray, message: str) -> None:
    write("train/images/a.png", photo())
    root = write("train/masks/a.png", mask)
    with pytest.raises(SeglabError, match=message):
        Folder(root, "train", labels=BINARY, **PLACES).read(0)


def test_masks_of_another_kind_are_named(write) -> None:
    write("train/images/a.png", photo())
    root = write("train/masks/a.jpg", IDS)
    with pytest.raises(SeglabError, match=r"masks'; it holds 1 .jpg(?s:.*)not .jpg, which changes ids"):
        Folder(root, "train", labels=BINARY, **PLACES)


def test_masks_with_a_suffix_are_named_and_then_read(write) -> None:
    for name in ("a", "b"):
        write(f"train/images/{name}.jpg", photo())
        root = write(f"train/masks/{name}_mask.png", IDS)
    with pytest.raises(SeglabError, match=r"came a_mask.png, and so for all 2 images - add data.source.mask_suffix=_m"):
        Folder(root, "train", labels=BINARY, **PLACES)
    source = Folder(root, "train", labels=BINARY, **PLACES, mask_suffix="_mask")
    assert [sample.name for sample in source.samples] == ["a", "b"]


def test_with_a_suffix_both_lie_in_one_folder(write) -> None:
    write("train/a.png", photo())
    root = write("train/a_mask.png", IDS)
    source = Folder(root, "train", labels=BINARY, images="{split}", masks="{split}", mask_suffix="_mask")
    np.testing.assert_array_equal(source.read(0)[1], IDS)


def test_subfolders_are_named_and_then_read(write) -> None:
    for name in ("x/a", "y/a", "b"):
        write(f"train/images/{name}.jpg", photo())
        root = write(f"train/masks/{name}.png", IDS)
    (root / "train/images/b.jpg").unlink()
    (root / "train/masks/b.png").unlink()
    with pytest.raises(SeglabError, match=r"it holds 2 folders(?s:.*)in subfolders: data.source.recursive=true"):
        Folder(root, "train", labels=BINARY, **PLACES)
    source = Folder(root, "train", labels=BINARY, **PLACES, recursive=True)
    assert [sample.name for sample in source.samples] == ["x__a", "y__a"]


def test_hidden_files_and_those_of_other_programs_are_passed_over(write) -> None:
    write("train/images/a.png", photo())
    root = write("train/masks/a.png", IDS)
    for name in ("Thumbs.db", "._a.png", ".DS_Store", ".trash/b.png"):
        path = root / "train/images" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\0\5\x16\7")
    for recursive in (False, True):
        assert len(Folder(root, "train", labels=BINARY, **PLACES, recursive=recursive).samples) == 1


def test_an_exif_rotation_beside_a_turned_mask_is_named(write) -> None:
    write("train/images/a.jpg", photo(), exif=turned(6))
    root = write("train/masks/a.png", np.rot90(IDS, -1).copy())
    with pytest.raises(SeglabError, match=r"48x64 and mask .* 64x48 .*viewers turn this image by its EXIF rotation"):
        Folder(root, "train", labels=BINARY, **PLACES).read(0)


@pytest.mark.parametrize(("orientation", "side"), [(6, 48), (3, 64)])
def test_an_exif_rotation_that_no_size_gives_away_is_refused(write, orientation: int, side: int) -> None:
    write("train/images/a.jpg", photo(48, side), exif=turned(orientation))
    root = write("train/masks/a.png", IDS[:, :side])
    with pytest.raises(SeglabError, match=rf"has the EXIF orientation {orientation}, and its size does not tell"):
        Folder(root, "train", labels=BINARY, **PLACES).read(0)


def test_a_mask_that_lies_as_the_file_does_fits_a_turned_image(write) -> None:
    write("train/images/a.jpg", photo(), exif=turned(6))
    root = write("train/masks/a.png", IDS)
    np.testing.assert_array_equal(Folder(root, "train", labels=BINARY, **PLACES).read(0)[1], IDS)
