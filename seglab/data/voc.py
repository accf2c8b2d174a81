"""Pascal VOC 2012, 20 classes and the background, with the further masks of SBD.

Everingham et al., IJCV 2015; Hariharan et al., Semantic Contours from Inverse Detectors, ICCV 2011.
"""

from pathlib import Path

import numpy as np

from seglab.data.source import Labels, Sample, read_sample, require_root
from seglab.errors import SeglabError, did_you_mean
from seglab.labels import label_space_of

_LAYOUT = """\
  <data.root>/JPEGImages/<name>.jpg
  <data.root>/SegmentationClass/<name>.png
  <data.root>/ImageSets/Segmentation/{train,val,trainval}.txt
  <data.root>/SegmentationClassAug/<name>.png (for split train_aug)
  <data.root>/ImageSets/Segmentation/trainaug.txt, or ImageSets/SegmentationAug/train_aug.txt (for split train_aug)"""
_SOURCE = (
    "Get VOCtrainval_11-May-2012.tar at host.robots.ox.ac.uk/pascal/VOC/voc2012; data.root is the folder VOC2012 in "
    "it. For train_aug, SegmentationClassAug.zip and the list of its 10582 images are handed on by repositories of "
    "DeepLab (such as github.com/DrSleep/tensorflow-deeplab-resnet, github.com/kazuto1011/deeplab-pytorch)."
)
_LISTS: dict[str, tuple[str, ...]] = {split: (f"Segmentation/{split}.txt",) for split in ("train", "val", "trainval")}
_LISTS["train_aug"] = ("Segmentation/trainaug.txt", "SegmentationAug/train_aug.txt")  # both names are in use


class VOC2012:
    """One split in the order of its list: train, val, trainval, or train_aug.

    train_aug is train and those images of SBD that are not in val: 10582 in all. A mask of SegmentationClassAug goes
    before one of SegmentationClass there.
    """

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        self.labels = label_space_of(labels, family="voc")
        if split not in _LISTS:
            raise SeglabError(
                f"expected a split of VOC 2012 ({', '.join(_LISTS)}); got {split!r}{did_you_mean(split, _LISTS)}"
            )
        folder = require_root(root, layout=_LAYOUT, source=_SOURCE)
        masks = ["SegmentationClassAug", "SegmentationClass"] if split == "train_aug" else ["SegmentationClass"]
        self.samples = [_sample(folder, name, masks) for name in _names(folder, split)]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels)


def _names(root: Path, split: str) -> list[str]:
    """A line of the lists is a name, or the paths of image and mask."""
    paths = [root / "ImageSets" / name for name in _LISTS[split]]
    path = next((path for path in paths if path.is_file()), None)
    lines = [] if path is None else path.read_text(encoding="utf-8").split("\n")
    names = [Path(line.split()[0]).stem for line in lines if line.strip()]
    if not names:
        wanted = " or ".join(f"'{path}'" for path in paths)
        raise SeglabError(f"expected the list of the split {split}, {wanted}; it is missing or empty - expected "
                          f"layout:\n{_LAYOUT}\n{_SOURCE}")  # fmt: skip
    return names


def _sample(root: Path, name: str, folders: list[str]) -> Sample:
    image = root / "JPEGImages" / f"{name}.jpg"
    candidates = [root / folder / f"{name}.png" for folder in folders]
    mask = next((path for path in candidates if path.is_file()), None)
    if mask is None or not image.is_file():
        absent = image if mask is not None else candidates[0]
        raise SeglabError(f"expected the image and the mask of '{name}', which the list names; '{absent}' is not there "
                          f"- complete the data set. Expected layout:\n{_LAYOUT}\n{_SOURCE}")  # fmt: skip
    return Sample(image=image, mask=mask, name=name, group=name)
