"""The pairs of photo and colour mask: decoding after JPEG, and what is refused."""

import cv2
import numpy as np
import pytest
from PIL import Image

from seglab.data.image_pairs import ImagePairs
from seglab.data.synthetic import scene_at
from seglab.errors import SeglabError
from seglab.labels import CITYSCAPES_LABELS, IGNORE_INDEX, label_space

COLORS = np.array([label.color for label in CITYSCAPES_LABELS], np.uint8)  # by id; the last is the license plate


def reader(root, split="train", *, labels="cityscapes_19", palette=20, distance=None) -> ImagePairs:
    return ImagePairs(root, split, labels=labels, palette=palette, distance=distance)


def save_pair(folder, mask: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pair = np.hstack([np.full_like(mask, 90), mask])
    Image.fromarray(pair).save(folder / "1.jpg", quality=95, subsampling=0)


def test_files_of_subfolders_are_not_read(standins) -> None:
    root = standins["image_pairs"].root
    assert [sample.name for sample in reader(root).samples] == ["1", "2", "3", "4", "5"]
    assert len(reader(root, "val").samples) == 2
    image, mask = reader(root).read(0)
    assert image.shape == (64, 64, 3)
    assert mask.shape == (64, 64)


@pytest.mark.parametrize(
    ("labels", "palette"), [("cityscapes_19", 35), ("cityscapes_20", 20), ("cityscapes_8", 8), ("cityscapes_8", 20)]
)
@pytest.mark.parametrize("quality", [75, 95])
def test_nearly_every_pixel_survives_jpeg(tmp_path, labels: str, palette: int, quality: int) -> None:
    scene = scene_at(seed=1, split="train", index=0, height=256, width=512)
    ids = cv2.resize(scene.label_ids, (256, 256), interpolation=cv2.INTER_NEAREST_EXACT)
    (tmp_path / "train").mkdir()
    pair = np.hstack([cv2.resize(scene.image, (256, 256)), COLORS[ids]])
    Image.fromarray(pair).save(tmp_path / "train" / "1.jpg", quality=quality)
    _, mask = reader(tmp_path, labels=labels, palette=palette).read(0)
    truth = label_space(labels).lookup[ids]
    assert (mask == truth).mean() > 0.9


def test_every_palette_decodes_the_class_of_its_own_colours(tmp_path) -> None:
    for label in CITYSCAPES_LABELS[:-1]:
        save_pair(tmp_path / "train", np.full((16, 16, 3), label.color, np.uint8))
        _, mask = reader(tmp_path, labels="cityscapes_8", palette=8).read(0)
        assert (mask == label.category_id).all(), label.name
        if not label.ignore_in_eval:
            assert (reader(tmp_path).read(0)[1] == label.train_id).all(), label.name


def test_of_equally_near_colours_the_first_wins(tmp_path) -> None:
    save_pair(tmp_path / "train", np.full((16, 16, 3), (153, 153, 153), np.uint8))  # pole and polegroup
    assert (reader(tmp_path, palette=35).read(0)[1] == 5).all()
    save_pair(tmp_path / "train", np.full((16, 16, 3), (0, 0, 142), np.uint8))  # car and license plate
    assert (reader(tmp_path, palette=35).read(0)[1] == 13).all()


def test_pixels_far_from_every_colour_are_ignored_on_demand(tmp_path) -> None:
    mask = np.full((32, 32, 3), (128, 64, 128), np.uint8)
    mask[:8] = (0, 255, 0)
    save_pair(tmp_path / "train", mask)
    assert (reader(tmp_path).read(0)[1][:6] != IGNORE_INDEX).all()
    _, kept = reader(tmp_path, distance=30).read(0)
    assert (kept[:6] == IGNORE_INDEX).all()
    assert (kept[16:] == 0).all()


def test_two_photos_are_no_pair(tmp_path) -> None:
    save_pair(tmp_path / "train", np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))
    with pytest.raises(SeglabError, match=r"colour mask in the right half; '.*1.jpg' holds mostly other colours"):
        reader(tmp_path).read(0)


def test_a_mask_full_of_a_void_colour_is_a_mask_for_a_small_palette_too(tmp_path) -> None:
    save_pair(tmp_path / "train", np.full((16, 16, 3), (81, 0, 81), np.uint8))  # ground
    assert reader(tmp_path, palette=20).read(0)[1].shape == (16, 16)


def test_an_odd_width_is_refused(tmp_path) -> None:
    (tmp_path / "train").mkdir()
    Image.new("RGB", (33, 16)).save(tmp_path / "train" / "1.jpg")
    with pytest.raises(SeglabError, match=r"two equally wide halves; '.*1.jpg' is 33 pixels wide - remove it"):
        reader(tmp_path).read(0)


def test_palette_and_labels_must_fit(standins) -> None:
    root = standins["image_pairs"].root
    with pytest.raises(SeglabError, match=r"data.labels=cityscapes_8 with the palette of 8; got cityscapes_19"):
        reader(root, palette=8)
    with pytest.raises(SeglabError, match=r"palette of 35, 20 or 8 colours; got 19"):
        reader(root, palette=19)


def test_missing_root_tells_where_to_get_it() -> None:
    with pytest.raises(SeglabError, match=r"(?s)subfolders are not read.*Kaggle.*data.root=FOLDER"):
        reader(None)
