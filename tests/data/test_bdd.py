"""BDD100K: train ids, bitmasks, splits by video, and the colour masks that nobody can decode."""

import numpy as np
import pytest
from PIL import Image

from seglab.data.bdd import BDD100K
from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX, label_space


def masks_of(root, kind: str):
    return sorted((root / "labels" / kind / "train").iterdir())


def test_train_ids_are_read_as_they_are(standins) -> None:
    root = standins["bdd"].root
    source = BDD100K(root, "train", labels="bdd_19")
    assert [sample.group for sample in source.samples] == ["train000", "train000", "train001", "train001", "train002"]
    image, mask = source.read(0)
    assert image.shape == (32, 64, 3)
    np.testing.assert_array_equal(mask, np.array(Image.open(masks_of(root, "sem_seg/masks")[0])))


def test_41_classes_come_from_the_red_channel(standins) -> None:
    root = standins["bdd"].root
    _, mask = BDD100K(root, "train", labels="bdd_41").read(0)
    np.testing.assert_array_equal(mask, np.array(Image.open(masks_of(root, "pan_seg/bitmasks")[0]))[..., 0])
    _, train_ids = BDD100K(root, "train", labels="bdd_19").read(0)
    road = label_space("bdd_41").names.index("road")
    assert (mask == road).any()
    assert ((mask == road) == (train_ids == 0)).all()


def test_the_official_test_split_has_no_labels(standins) -> None:
    source = BDD100K(standins["bdd"].root, "test", labels="bdd_19")
    assert len(source.samples) == 2
    assert (source.read(0)[1] == IGNORE_INDEX).all()


def test_no_video_stands_on_two_sides(standins) -> None:
    parts = [BDD100K(standins["bdd"].root, split, labels="bdd_19") for split in ("train_70", "val_15", "test_15")]
    groups = [{sample.group for sample in part.samples} for part in parts]
    assert sum(len(group) for group in groups) == len(set.union(*groups)) == 4
    assert sum(len(part.samples) for part in parts) == 7


@pytest.mark.parametrize(("labels", "kind"), [("bdd_19", "sem_seg/masks"), ("bdd_41", "pan_seg/bitmasks")])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("color", [(220, 20, 60), (0, 0, 142)])
def test_colour_masks_are_refused_with_the_reason(standin, labels, kind, mode, color) -> None:
    root = standin("bdd")
    path = masks_of(root, kind)[0]
    Image.new("RGB", (64, 32), color).convert(mode).save(path)
    with pytest.raises(SeglabError, match=r"is it a colour mask\?.*person and parking sign") as caught:
        BDD100K(root, "train", labels=labels).read(0)
    assert str(path) in str(caught.value)


def test_bitmasks_that_are_no_png_or_hold_another_id_are_refused(standin) -> None:
    root = standin("bdd")
    path = masks_of(root, "pan_seg/bitmasks")[0]
    Image.new("RGB", (64, 32)).save(path, format="JPEG")
    with pytest.raises(SeglabError, match=r"8-bit RGBA PNG; '.*' is no PNG"):
        BDD100K(root, "train", labels="bdd_41").read(0)
    Image.new("RGBA", (64, 32), (41, 0, 0, 1)).save(path)
    with pytest.raises(SeglabError, match=r"class ids 0..40 in its red channel; '.*' holds 41 there and alpha 1..1"):
        BDD100K(root, "train", labels="bdd_41").read(0)


def test_missing_masks_and_folders_are_named(standin) -> None:
    root = standin("bdd")
    masks_of(root, "sem_seg/masks")[0].unlink()
    with pytest.raises(SeglabError, match="a mask for every image; 1 of 5 have none"):
        BDD100K(root, "train", labels="bdd_19")
    with pytest.raises(SeglabError, match=r"expected the folder '.*images/10k/trian'"):
        BDD100K(root, "trian", labels="bdd_19")
    with pytest.raises(SeglabError, match=r"(?s)bitmasks.*bdd-data.berkeley.edu.*data.root=FOLDER"):
        BDD100K(None, "train", labels="bdd_41")
