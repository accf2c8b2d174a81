"""Tiny stand-ins of every data set, in its own layout, made of our own street scenes."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from PIL import Image

from seglab.data.scenes import Scene
from seglab.data.synthetic import CITIES, scene_at
from seglab.labels import CITYSCAPES_LABELS, label_space
from tests.more_standins import MORE

H, W = 32, 64
COUNTS = {"train": 5, "val": 2, "test": 2}
COLORS = np.zeros((256, 3), np.uint8)
for _label in CITYSCAPES_LABELS:
    if _label.id >= 0:
        COLORS[_label.id] = _label.color


class StandIn(NamedTuple):
    """`data.root` and the overrides that a command needs to train on it: `[*stand_in.overrides, "trainer=..."]`."""

    root: Path
    overrides: tuple[str, ...]


def scenes(split: str) -> list[Scene]:
    return [scene_at(seed=7, split=split, index=index, height=H, width=W) for index in range(COUNTS[split])]


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **({"quality": 95} if path.suffix == ".jpg" else {}))


def make_cityscapes(root: Path) -> None:
    for split in COUNTS:
        for index, scene in enumerate(scenes(split)):
            city = CITIES[split][index % 2]
            name = f"{city}_{index:06d}_000019"
            save(root / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png", scene.image)
            save(root / "gtFine" / split / city / f"{name}_gtFine_labelIds.png", scene.label_ids)
            if split == "train":
                save(root / "leftImg8bit" / "train_extra" / city / f"{name}_leftImg8bit.png", scene.image)
                save(root / "gtCoarse" / "train_extra" / city / f"{name}_gtCoarse_labelIds.png", scene.label_ids)


def make_camvid(root: Path) -> None:
    names = label_space("cityscapes_19").names
    same = {"road": 3, "sidewalk": 4, "building": 1, "sky": 0, "vegetation": 5, "car": 8, "person": 9, "pole": 2}
    table = np.full(256, 11, np.uint8)
    for label in CITYSCAPES_LABELS:
        if label.name in names:
            table[label.id] = same.get(label.name, 11)
    for split in COUNTS:
        for index, scene in enumerate(scenes(split)):
            save(root / split / f"0001TP_{index:06d}.png", scene.image)
            save(root / f"{split}annot" / f"0001TP_{index:06d}.png", table[scene.label_ids])


def make_image_pairs(root: Path) -> None:
    for split in ("train", "val"):
        for index, scene in enumerate(scenes(split)):
            halves = [cv2.resize(half, (64, 64), interpolation=cv2.INTER_NEAREST_EXACT)
                      for half in (scene.image, COLORS[scene.label_ids])]  # fmt: skip
            save(root / split / f"{index + 1}.jpg", np.hstack(halves))
            save(root / "cityscapes_data" / split / f"{index + 1}.jpg", np.hstack(halves))  # the nested duplicate


def make_bdd(root: Path) -> None:
    to_train = label_space("cityscapes_19").lookup
    names, table = label_space("bdd_41").names, np.zeros(256, np.uint8)
    for label in CITYSCAPES_LABELS:
        table[label.id % 256] = names.index(label.name) if label.name in names else 0
    for split in ("train", "val"):
        for index, scene in enumerate(scenes(split)):
            name = f"{split}{index // 2:03d}-0000{index}"
            save(root / "images" / "10k" / split / f"{name}.jpg", scene.image)
            save(root / "labels" / "sem_seg" / "masks" / split / f"{name}.png", to_train[scene.label_ids])
            instances = np.zeros_like(scene.label_ids)
            bitmask = np.stack([table[scene.label_ids], instances, instances, instances + 1 + index], axis=2)
            save(root / "labels" / "pan_seg" / "bitmasks" / split / f"{name}.png", bitmask)
    for index, scene in enumerate(scenes("test")):
        save(root / "images" / "10k" / "test" / f"test-{index}.jpg", scene.image)


def make_gta5(root: Path) -> None:
    for index in range(5):
        scene = scene_at(seed=7, split="train", index=index, height=H, width=W)
        save(root / "images" / f"{index + 1:05d}.png", scene.image)
        picture = Image.fromarray(scene.label_ids)
        picture.putpalette(COLORS.ravel().tolist())
        (root / "labels").mkdir(exist_ok=True)
        picture.save(root / "labels" / f"{index + 1:05d}.png")


def make_kitti(root: Path) -> None:
    for index in range(5):
        scene = scene_at(seed=7, split="train", index=index, height=H, width=W)
        save(root / "training" / "image_2" / f"{index:06d}_10.png", scene.image)
        save(root / "training" / "semantic" / f"{index:06d}_10.png", scene.label_ids)
        save(root / "testing" / "image_2" / f"{index:06d}_10.png", scene.image)


def make_folder(root: Path) -> None:
    for split in COUNTS:
        for index, scene in enumerate(scenes(split)):
            save(root / split / "images" / f"{index}.jpg", scene.image)
            mask = (scene.label_ids == 7).astype(np.uint8)
            mask[0] = 255
            save(root / split / "masks" / f"{index}.png", mask)


MAKERS: dict[str, Callable[[Path], None]] = {
    "cityscapes": make_cityscapes,
    "camvid": make_camvid,
    "camvid_unknown": make_camvid,
    "image_pairs": make_image_pairs,
    "bdd": make_bdd,
    "gta5": make_gta5,
    "kitti": make_kitti,
    "folder": make_folder,
    **MORE,
}


@pytest.fixture(scope="session")
def standins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, StandIn]:
    """By the name of its YAML in conf/data, every data set that is not generated by seglab itself. Read-only."""
    made = {}
    for name, make in MAKERS.items():
        root = tmp_path_factory.mktemp(name)
        make(root)
        small = (f"data={name}", f"data.root={root}", "data.size=[32,64]", "data.batch_size=2", "data.num_workers=0")
        made[name] = StandIn(root, small)
    return made


@pytest.fixture
def standin(tmp_path: Path) -> Callable[[str], Path]:
    """`standin("bdd")`: the root of a stand-in of your own, which a test may damage."""

    def make(name: str) -> Path:
        MAKERS[name](tmp_path)
        return tmp_path

    return make
