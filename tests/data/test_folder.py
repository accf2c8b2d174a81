"""Two folders of one's own, with labels described in the configuration."""

import numpy as np
import pytest
from PIL import Image

from seglab.data.folder import Folder
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
