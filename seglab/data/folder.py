"""Your own data: a folder of images and a folder of id masks for each split, matched by file name."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from seglab.data.colours import ColourTable
from seglab.data.source import (
    RGB,
    SUFFIXES,
    Labels,
    Sample,
    files_by_stem,
    pair_files,
    read_ids,
    read_sample,
    require_root,
)
from seglab.errors import SeglabError
from seglab.labels import label_space

_IF_COLORED = (
    "where colours stand for classes, say which: 'data.source.colours={road: [128, 64, 128], ..., void: [0, 0, 0]}'"
)


class Folder:
    """One split, sorted by name: `a.jpg` belongs to `a.png`; subfolders are not read.

    Args:
        labels: a label space of your own as a mapping, see seglab.labels.label_space.
        images: folder of the images (PNG, JPEG, TIFF, .npy) within the root; `{split}` stands for the split's name.
        masks: the same for the masks, PNG files of ids (8-bit grey or palette), or of colours.
        channels: of the images, which are read as they are, see seglab.data.source.read_image.
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
        channels: int = RGB,
        colours: Mapping[str, Any] | None = None,
    ) -> None:
        self._channels = channels
        self.labels = label_space(labels)
        self._read_mask: Callable[[Path], np.ndarray] = partial(read_ids, if_colored=_IF_COLORED)
        if colours is not None:
            table = ColourTable(colours, self.labels)
            self.labels, self._read_mask = table.labels, table.read
        layout = f"  <data.root>/{images}/<name>.png (or .jpg, .tif, .npy)\n  <data.root>/{masks}/<name>.png"
        source = "The folders are named by data.source.images and data.source.masks."
        folder = require_root(root, layout=layout, source=source)
        image_folder, mask_folder = folder / _filled(images, split), folder / _filled(masks, split)
        if image_folder == mask_folder:
            raise SeglabError(
                f"expected images and masks in two folders; data.source.images and .masks are both '{images}' - "
                "move the masks into a folder of their own"
            )
        image_paths = files_by_stem(image_folder, suffixes=SUFFIXES, layout=layout)
        mask_paths = files_by_stem(mask_folder, suffixes=(".png",), layout=layout)
        pair_files(image_paths, mask_paths)
        self.samples = [
            Sample(image=image_paths[name], mask=mask_paths[name], name=name, group=name)
            for name in sorted(image_paths)
        ]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image (H, W, channels) and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels, read_mask=self._read_mask, channels=self._channels)


def _filled(pattern: str, split: str) -> str:
    return pattern.replace("{split}", split)  # not format(): a folder may have other braces in its name
