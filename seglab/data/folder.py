"""Your own data: a folder of images and a folder of id masks for each split, matched by file name."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from seglab.data.colours import ColourTable
from seglab.data.image_files import RGB, SUFFIXES, exif_orientation, read_any_ids
from seglab.data.source import TURN_IT, Labels, Sample, files_by_stem, pair_files, read_sample, require_root
from seglab.errors import SeglabError
from seglab.labels import label_space

_IF_COLORED = (
    "where colours stand for classes, say which: 'data.source.colours={road: [128, 64, 128], ..., void: [0, 0, 0]}'"
)
_QUARTER_TURNS = range(5, 9)  # EXIF orientations that exchange height and width


class Folder:
    """One split, sorted by name: `a.jpg` belongs to `a.png`. Hidden files and files of other kinds are passed over.

    Args:
        labels: a label space of your own as a mapping, see seglab.labels.label_space.
        images: folder of the images (PNG, JPEG, TIFF, .npy) within the root; `{split}` stands for the split's name.
        masks: the same for the masks, PNG files of ids, see seglab.data.image_files.read_any_ids, or of colours.
        mask_suffix: what a mask has behind its image's name: `_mask` for `a.jpg` and `a_mask.png`. With one, both may
            lie in the same folder, and a file without it is no mask.
        recursive: subfolders are read as well; `x/a.jpg` belongs to `x/a.png`.
        channels: of the images, which are read as they are, see seglab.data.image_files.read_image.
        colours: of masks of colours, see seglab.data.colours; None for masks of ids.
    """

    def __init__(
        self,
        root: str | Path | None,
        split: str,
        *,
        labels: Labels,
        images: str,
        masks: str,
        mask_suffix: str = "",
        recursive: bool = False,
        channels: int = RGB,
        colours: Mapping[str, Any] | None = None,
    ) -> None:
        self._channels = channels
        self.labels = label_space(labels)
        self._read_mask: Callable[[Path], np.ndarray] = partial(read_any_ids, if_colored=_IF_COLORED)
        if colours is not None:
            table = ColourTable(colours, self.labels)
            self.labels, self._read_mask = table.labels, table.read
        layout = (
            f"  <data.root>/{images}/<name>.png (or .jpg, .tif, .npy)\n"
            f"  <data.root>/{masks}/<name>{mask_suffix}.png (not .jpg, which changes ids)\n"
            "Masks with another ending: data.source.mask_suffix=_mask; in subfolders: data.source.recursive=true"
        )
        source = "The folders are named by data.source.images and data.source.masks."
        folder = require_root(root, layout=layout, source=source)
        image_folder, mask_folder = folder / _filled(images, split), folder / _filled(masks, split)
        if image_folder == mask_folder and not mask_suffix:
            raise SeglabError(
                f"expected images and masks in two folders; data.source.images and .masks are both '{images}' - "
                "move the masks into a folder of their own, or name their ending by data.source.mask_suffix=_mask"
            )
        image_paths = files_by_stem(image_folder, suffixes=SUFFIXES, layout=layout, recursive=recursive)
        mask_paths = files_by_stem(mask_folder, suffixes=(".png",), layout=layout, recursive=recursive)
        if mask_suffix:
            if image_folder == mask_folder:
                image_paths = {name: path for name, path in image_paths.items() if not name.endswith(mask_suffix)}
            endings = {name for name in mask_paths if name.endswith(mask_suffix)}
            mask_paths = {name.removesuffix(mask_suffix): mask_paths[name] for name in endings}
        _require_no_other_suffix(image_paths, mask_paths, mask_folder)
        pair_files(image_paths, mask_paths)
        self.samples = [
            Sample(image=image_paths[name], mask=mask_paths[name], name=name, group=name)
            for name in sorted(image_paths)
        ]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image (H, W, channels) and mask uint8 (H, W) of train ids, at the size of the files.

        Raises SeglabError for an image with an EXIF rotation, where the sizes do not tell whether the mask is turned.
        """
        sample = self.samples[index]
        image, mask = read_sample(sample, self.labels, read_mask=self._read_mask, channels=self._channels)
        orientation = exif_orientation(sample.image)
        if orientation != 1 and (mask.shape[0] == mask.shape[1] or orientation not in _QUARTER_TURNS):
            raise SeglabError(
                f"expected an image that lies as its mask does; '{sample.image}' has the EXIF orientation "
                f"{orientation}, and its size does not tell whether '{sample.mask}' is turned with it - {TURN_IT}"
            )
        return image, mask


def _filled(pattern: str, split: str) -> str:
    return pattern.replace("{split}", split)  # not format(): a folder may have other braces in its name


def _require_no_other_suffix(images: Mapping[str, Path], masks: Mapping[str, Path], folder: Path) -> None:
    """Raises SeglabError with the `mask_suffix` that would give every image its mask, where there is one."""
    first = min(images, default="")
    if first in masks:
        return
    for ending in sorted(name.removeprefix(first) for name in masks if name.startswith(first)):
        if all(f"{name}{ending}" in masks for name in images):
            raise SeglabError(
                f"expected a mask {first}.png in '{folder}'; came {first}{ending}.png, and so for all "
                f"{len(images)} images - add data.source.mask_suffix={ending}"
            )
