"""Tiny stand-ins of the data sets that are larger than a street of Cityscapes, in their own layouts.

Each mask holds raw values of its data set: three in stripes, and what is to be ignored in its first row. `MARKS` says
which they are, by the name of the YAML.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

H, W = 32, 64
COUNTS = {"train": 4, "val": 4, "test": 4}


class Marks(NamedTuple):
    """What the stripes of a mask mean."""

    raw: tuple[int, int, int]  # values in the files
    ids: tuple[int, int, int]  # train ids of the default label space
    ignored: int  # raw value of the first row
    to_19: dict[str, tuple[int, int, int]]  # {label space of 19 classes: train ids}


MARKS = {
    "acdc": Marks((7, 13, 33), (0, 4, 18), 9, {"cityscapes_19": (0, 4, 18)}),
    "mapillary": Marks((13, 24, 50), (13, 24, 50), 65, {"mapillary_19": (0, 0, 7)}),
    "mapillary_v2": Marks((21, 46, 101), (21, 46, 101), 123, {"mapillary2_19": (0, 0, 7)}),
    "ade20k": Marks((1, 3, 150), (0, 2, 149), 0, {}),
    "voc": Marks((0, 15, 20), (0, 15, 20), 255, {}),
    "cocostuff": Marks((0, 26, 181), (0, 24, 170), 255, {}),
    "idd": Marks((0, 3, 25), (0, 3, 25), 255, {"idd_19": (0, 9, 10)}),
    "apolloscape": Marks((49, 161, 66), (9, 1, 12), 98, {"apolloscape_19": (0, 13, 0)}),
    "wilddash": Marks((7, 35, 58), (2, 30, 53), 2, {"wilddash_19": (0, 13, 17)}),
}


def stripes(values: tuple[int, int, int], *, void: int) -> np.ndarray:
    """uint8 (H, W): three stripes of `values` below a row of `void`."""
    mask = np.repeat(np.array(values, np.uint8), [22, 21, 21])[None].repeat(H, axis=0)
    mask[0] = void
    return mask


def save(path: Path, array: np.ndarray, *, palette: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(array)
    if palette:
        picture.putpalette(np.arange(768, dtype=np.uint8).tolist())
    picture.save(path)


def pairs(name: str, part: str) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """(number, image, mask) of a part; the masks are turned by the number."""
    generator = np.random.default_rng(sum(map(ord, name + part)))
    mask = stripes(MARKS[name].raw, void=MARKS[name].ignored)
    for number in range(COUNTS[part]):
        yield number, generator.integers(0, 256, (H, W, 3), dtype=np.uint8), np.roll(mask, number, axis=1)


def make_acdc(root: Path) -> None:
    for part in COUNTS:
        for number, image, mask in pairs("acdc", part):
            condition = ("fog", "night", "rain", "snow")[number]
            name = f"GOPR000{number}/GOPR000{number}_frame_000019"
            save(root / "rgb_anon" / condition / part / f"{name}_rgb_anon.png", image)
            save(root / "rgb_anon" / condition / f"{part}_ref" / f"{name}_rgb_ref_anon.png", image)
            if part != "test":
                save(root / "gt" / condition / part / f"{name}_gt_labelIds.png", mask)
                save(root / "gt" / condition / part / f"{name}_gt_labelColor.png", image)


def make_mapillary(root: Path) -> None:
    for part, split in (("train", "training"), ("val", "validation"), ("test", "testing")):
        for (number, image, mask), (_, _, mask_2) in zip(
            pairs("mapillary", part), pairs("mapillary_v2", part), strict=True
        ):
            save(root / split / "images" / f"key{number}.jpg", image)
            if part != "test":
                save(root / split / "v1.2" / "labels" / f"key{number}.png", mask, palette=True)
                save(root / split / "v2.0" / "labels" / f"key{number}.png", mask_2, palette=True)


def make_ade20k(root: Path) -> None:
    for part, split in (("train", "training"), ("val", "validation")):
        for number, image, mask in pairs("ade20k", part):
            save(root / "images" / split / f"ADE_{part}_{number:08d}.jpg", image)
            save(root / "annotations" / split / f"ADE_{part}_{number:08d}.png", mask)


def make_voc(root: Path) -> None:
    names: dict[str, list[str]] = {}
    for part in ("train", "val"):
        for number, image, mask in pairs("voc", part):
            name = f"{2007 + (part == 'val')}_{number:06d}"
            names.setdefault(part, []).append(name)
            save(root / "JPEGImages" / f"{name}.jpg", image)
            if part == "val" or number > 1:
                save(root / "SegmentationClass" / f"{name}.png", mask, palette=True)
            if part == "train":
                save(root / "SegmentationClassAug" / f"{name}.png", mask)
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("\n".join(names["train"][2:]) + "\n")
    (lists / "val.txt").write_text("\n".join(names["val"]) + "\n")
    (lists / "trainaug.txt").write_text("\n".join(names["train"]) + "\n")


def make_cocostuff(root: Path) -> None:
    for part in ("train", "val"):
        for number, image, mask in pairs("cocostuff", part):
            save(root / "images" / f"{part}2017" / f"{number:012d}.jpg", image)
            save(root / "annotations" / f"{part}2017" / f"{number:012d}.png", mask)


def make_idd(root: Path) -> None:
    for part in COUNTS:
        for number, image, mask in pairs("idd", part):
            suffix = "png" if number % 2 else "jpg"  # of part I and of part II
            save(root / "leftImg8bit" / part / str(number) / f"frame0029_leftImg8bit.{suffix}", image)
            if part == "test":
                continue
            folder = root / "gtFine" / part / str(number)
            save(folder / "frame0029_gtFine_labellevel3Ids.png", mask)
            of_city = np.roll(stripes(MARKS["idd"].to_19["idd_19"], void=255), number, axis=1)
            save(folder / "frame0029_gtFine_labelcsTrainIds.png", of_city)


def make_apolloscape(root: Path) -> None:
    for part in COUNTS:
        lines = []
        for number, image, mask in pairs("apolloscape", part):
            place = f"Record00{number}/Camera 5/17090{number}_06150240{len(part)}_Camera_5"
            files = f"road01_ins/ColorImage/{place}.jpg", f"road01_ins/Label/{place}_bin.png"
            save(root / files[0], image)
            save(root / files[1], mask if part != "test" else np.full_like(mask, 255))
            lines.append("\t".join(files) + "\n")
        (root / "public_image_lists").mkdir(exist_ok=True)
        (root / "public_image_lists" / f"road01_ins_{part}.lst").write_text("".join(lines))
        (root / "public_image_lists" / f"road02_ins_{part}.lst").write_text("road02_ins/a.jpg\troad02_ins/a_bin.png\n")


def make_wilddash(root: Path) -> None:
    """20 images, of which the random fifth is the validation split."""
    mask, annotations = stripes((1, 2, 3), void=4), []
    numbers = np.array([0, 70000, 300, 5, 17])  # of segments 1 to 4
    colours = np.stack([numbers % 256, numbers // 256 % 256, numbers // 65536], axis=1).astype(np.uint8)
    categories = (*MARKS["wilddash"].raw, MARKS["wilddash"].ignored)
    segments = [{"id": int(number), "category_id": id} for number, id in zip(numbers[1:], categories, strict=True)]
    for number, image in enumerate(np.random.default_rng(0).integers(0, 256, (20, H, W, 3), dtype=np.uint8)):
        name = f"wd{number:04d}"
        save(root / "images" / f"{name}.jpg", image)
        save(root / "panoptic" / f"{name}.png", colours[mask])
        annotations.append({"file_name": f"{name}.png", "image_id": number, "segments_info": segments})
    (root / "panoptic.json").write_text(json.dumps({"annotations": annotations}))


MORE: dict[str, Callable[[Path], None]] = {
    "acdc": make_acdc,
    "mapillary": make_mapillary,
    "mapillary_v2": make_mapillary,
    "ade20k": make_ade20k,
    "voc": make_voc,
    "cocostuff": make_cocostuff,
    "idd": make_idd,
    "apolloscape": make_apolloscape,
    "wilddash": make_wilddash,
}
