"""The Cityscapes reader, and every way in which its files can be wrong."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from seglab.data.cityscapes import Cityscapes
from seglab.data.image_files import read_image
from seglab.data.synthetic import write_scenes
from seglab.errors import SeglabError
from seglab.evaluation.data import has_official
from seglab.labels import IGNORE_INDEX

NAMES = ("aachen_000001_000019", "aachen_000000_000019", "ulm_000003_000019")
H, W = 16, 32


def image_path(root: Path, name: str) -> Path:
    return root / "leftImg8bit" / "train" / name.split("_")[0] / f"{name}_leftImg8bit.png"


def mask_path(root: Path, name: str) -> Path:
    return root / "gtFine" / "train" / name.split("_")[0] / f"{name}_gtFine_labelIds.png"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    for name in NAMES:
        for path in (image_path(tmp_path, name), mask_path(tmp_path, name)):
            path.parent.mkdir(parents=True, exist_ok=True)
        image = generator.integers(0, 256, (H, W, 3), dtype=np.uint8)
        Image.fromarray(image).save(image_path(tmp_path, name))
        Image.fromarray(generator.integers(0, 34, (H, W), dtype=np.uint8)).save(mask_path(tmp_path, name))
    return tmp_path


def reader(root: Path | None, split: str = "train") -> Cityscapes:
    return Cityscapes(root, split, labels="cityscapes_19")


def test_samples_are_sorted_named_and_grouped_by_city(root: Path) -> None:
    samples = reader(root).samples
    assert [sample.name for sample in samples] == sorted(NAMES)
    assert [sample.group for sample in samples] == ["aachen", "aachen", "ulm"]
    assert samples[0].mask == mask_path(root, samples[0].name)


def test_read_gives_rgb_and_train_ids(root: Path) -> None:
    image, mask = reader(root).read(1)
    np.testing.assert_array_equal(image, np.array(Image.open(image_path(root, NAMES[0]))))
    ids = np.array(Image.open(mask_path(root, NAMES[0])))
    assert image.dtype == mask.dtype == np.uint8
    assert mask.shape == (H, W)
    assert (mask[ids == 7] == 0).all()
    assert (mask[ids == 26] == 13).all()
    assert (mask[ids == 9] == IGNORE_INDEX).all()


def test_palette_mask_is_read_as_its_indices(root: Path) -> None:
    ids = np.full((H, W), 26, dtype=np.uint8)
    ids[:, :5] = 7
    palette_image = Image.fromarray(ids)
    palette_image.putpalette([value for index in range(256) for value in (255 - index, 0, index)])
    palette_image.save(mask_path(root, NAMES[0]))
    _, mask = reader(root).read(1)
    assert (mask[:, :5] == 0).all()
    assert (mask[:, 5:] == 13).all()


@pytest.mark.parametrize("mode", ["L", "P", "RGBA"])
def test_grey_palette_and_alpha_images_become_rgb(tmp_path: Path, mode: str) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)).convert(mode)
    picture.save(tmp_path / "image.png")
    expected = np.array(picture.convert("RGB"))
    np.testing.assert_array_equal(read_image(tmp_path / "image.png"), expected)


def test_missing_root_tells_layout_source_and_key(tmp_path: Path) -> None:
    for root in (None, tmp_path / "nowhere"):
        with pytest.raises(SeglabError, match=r"data\.root") as caught:
            reader(root)
        for part in ("leftImg8bit/{train,val,test}/<city>", "www.cityscapes-dataset.com", "set data.root=FOLDER"):
            assert part in str(caught.value)


def test_unknown_split_and_empty_folder_are_errors(root: Path) -> None:
    with pytest.raises(SeglabError, match=r"expected the folder '.*leftImg8bit/trian'"):
        reader(root, "trian")
    (root / "leftImg8bit" / "val").mkdir()
    with pytest.raises(SeglabError, match=r"expected files \*/\*_leftImg8bit.png .* none is there"):
        reader(root, "val")


def test_missing_mask_or_image_is_found_before_training(root: Path) -> None:
    mask_path(root, NAMES[2]).unlink()
    mask_path(root, NAMES[1]).unlink()
    with pytest.raises(SeglabError, match=rf"a mask for every image; 2 of 3 have none.*{NAMES[1]}_leftImg8bit"):
        reader(root)
    image_path(root, NAMES[1]).unlink()
    image_path(root, NAMES[2]).unlink()
    Image.fromarray(np.zeros((H, W), np.uint8)).save(mask_path(root, NAMES[1]))
    with pytest.raises(SeglabError, match="expected an image for every mask; 1 of 2 have none"):
        reader(root)


def write_mask(array: np.ndarray) -> Callable[[Path], None]:
    return lambda path: Image.fromarray(array).save(path)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def turn_one_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 30] ^= 1
    path.write_bytes(data)


def write_jpeg(path: Path) -> None:
    Image.new("L", (W, H)).save(path, format="JPEG")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (write_mask(np.full((H, W), 40, np.uint8)), r"holds 40 \(512 pixels\); expected 0..33, 255 \(raw values of"),
        (write_mask(np.arange(H * W, dtype=np.uint8).reshape(H, W)), r"and 216 more values; expected"),
        (write_mask(np.zeros((H, W + 1), np.uint8)), "image and mask of one size; .*16x32.*16x33"),
        (write_mask(np.zeros((H, W), np.uint16)), "is 16-bit grey - is it the colour or instance"),
        (write_mask(np.zeros((H, W, 3), np.uint8)), "is 8-bit RGB - is it the colour or instance"),
        (write_mask(np.zeros((H, W, 4), np.uint8)), "is 8-bit RGBA"),
        (write_mask(np.zeros((H, W), bool)), "is 1-bit grey"),
        (write_jpeg, "expected a mask as PNG"),
        (cut_off, "is cut off - copy or download it again"),
        (turn_one_bit, "is damaged - copy or download it again"),
        (lambda path: path.write_bytes(b""), r"\(0 bytes\) is neither"),
        (lambda path: path.unlink(), "No such file or directory"),
    ],
)
def test_a_damaged_mask_is_named(root: Path, damage: Callable[[Path], None], message: str) -> None:
    source = reader(root)
    damage(mask_path(root, NAMES[0]))
    with pytest.raises(SeglabError, match=message) as caught:
        source.read(1)
    assert str(mask_path(root, NAMES[0])) in str(caught.value)


def test_a_damaged_palette_mask_is_named(root: Path) -> None:
    Image.fromarray(np.zeros((H, W), np.uint8)).convert("P").save(mask_path(root, NAMES[0]))
    data = mask_path(root, NAMES[0]).read_bytes()
    start = data.index(b"IDAT")
    mask_path(root, NAMES[0]).write_bytes(data[: start + 6] + data[start + 12 :])
    with pytest.raises(SeglabError, match=f"{NAMES[0]}_gtFine_labelIds.png"):
        reader(root).read(1)


@pytest.mark.parametrize(("damage", "message"), [(cut_off, "is cut off"), (turn_one_bit, "is damaged")])
def test_a_damaged_image_is_named(root: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(image_path(root, NAMES[0]))
    with pytest.raises(SeglabError, match=message) as caught:
        reader(root).read(1)
    assert str(image_path(root, NAMES[0])) in str(caught.value)


def test_a_16_bit_image_keeps_its_depth_and_grey_is_refused_by_name(root: Path) -> None:
    cv2.imwrite(str(image_path(root, NAMES[0])), np.full((H, W, 3), 1000, np.uint16))
    image, _ = reader(root).read(1)
    assert image.dtype == np.uint16  # which a batch of others refuses: tests/data/test_channels.py
    assert (image == 1000).all()
    cv2.imwrite(str(image_path(root, NAMES[0])), np.zeros((H, W), np.uint16))
    with pytest.raises(SeglabError, match=rf"{NAMES[0]}_leftImg8bit.png' is uint16 {H} x {W} x 1 \(height x width"):
        reader(root).read(1)


def test_train_extra_has_coarse_masks(standins) -> None:
    source = Cityscapes(standins["cityscapes"].root, "train_extra", labels="cityscapes_19")
    assert [sample.mask.name for sample in source.samples] == [
        f"{sample.name}_gtCoarse_labelIds.png" for sample in source.samples
    ]
    assert (source.read(0)[1] != IGNORE_INDEX).any()


@pytest.fixture(scope="module")
def official_train(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As many images as Cityscapes has for training, all of them empty files."""
    root = tmp_path_factory.mktemp("official_train")
    for folder in (image_path(root, NAMES[0]).parent, mask_path(root, NAMES[0]).parent):
        folder.mkdir(parents=True)
    for number in range(2975):
        for path in (image_path(root, official_name(number)), mask_path(root, official_name(number))):
            path.touch()
    return root


def official_name(number: int) -> str:
    return f"aachen_{number:06d}_000019"


def test_the_published_random_split_of_train(official_train: Path) -> None:
    parts = (reader(official_train, split).samples for split in ("train_80", "train_20"))
    train, val = ([sample.name for sample in samples] for samples in parts)
    # indices printed by the published code
    assert val[:4] == [official_name(index) for index in (1505, 351, 2510, 1690)]
    assert train[:4] == [official_name(index) for index in (1356, 2933, 1728, 555)]
    assert (len(train), len(val)) == (2380, 595)
    assert not set(train) & set(val)


@pytest.mark.parametrize(("split", "leaking"), [("train_80_mirrored", 0), ("train_80_leaking", 465)])
def test_mirrored_copies_leak_only_where_it_is_asked_for(
    official_train: Path, caplog: pytest.LogCaptureFixture, split: str, leaking: int
) -> None:
    train, val = reader(official_train, "train_80").samples, reader(official_train, "train_20").samples
    caplog.clear()
    both = reader(official_train, split).samples
    assert both[:2380] == train
    copies = both[2380:]
    assert len(copies) == 2380
    assert all(copy.mirrored and copy.name.endswith("_mirrored") for copy in copies)
    assert len({copy.image for copy in copies} & {sample.image for sample in val}) == leaking
    if leaking:
        assert "train_80_leaking holds 465 of the 595 images of train_20, mirrored" in caplog.text
    else:
        assert {copy.image for copy in copies} == {sample.image for sample in train}
        assert not caplog.records


def test_a_mirrored_copy_is_read_from_right_to_left(standins) -> None:
    source = Cityscapes(standins["cityscapes"].root, "train_80_mirrored", labels="cityscapes_19")
    count = len(source.samples) // 2
    assert [sample.name for sample in source.samples[count:]] == [
        f"{sample.name}_mirrored" for sample in source.samples[:count]
    ]
    for index in range(count):
        for original, copy in zip(source.read(index), source.read(count + index), strict=True):
            np.testing.assert_array_equal(copy, original[:, ::-1])
            assert copy.flags.c_contiguous


def test_a_flip_brings_no_image_to_the_other_side(standins) -> None:
    """The published code flipped copies of a second draw: 78 % of its validation images were trained on mirrored."""
    root = standins["cityscapes"].root
    train, val = (Cityscapes(root, split, labels="cityscapes_19") for split in ("train_80", "train_20"))
    seen = [train.read(index)[0] for index in range(len(train.samples))]
    for index in range(len(val.samples)):
        image = val.read(index)[0]
        assert not any(np.array_equal(image, other) or np.array_equal(image[:, ::-1], other) for other in seen)


@pytest.mark.parametrize(("labels", "most"), [("cityscapes_34", 33), ("cityscapes_8", 7), ("cityscapes_21", 20)])
def test_the_same_masks_serve_every_label_space(standins, labels: str, most: int) -> None:
    _, mask = Cityscapes(standins["cityscapes"].root, "train", labels=labels).read(0)
    assert mask.max() <= most


def test_mirrored_copies_have_no_official_score(tmp_path: Path) -> None:
    """Its files of label ids and instance ids are not mirrored."""
    root = write_scenes(tmp_path, seed=1, train=5, val=1, test=1, height=32, width=64)
    plain, mirrored = (Cityscapes(root, split, labels="cityscapes_19") for split in ("train_80", "train_80_mirrored"))
    assert has_official("auto", plain)
    assert not has_official("auto", mirrored)
