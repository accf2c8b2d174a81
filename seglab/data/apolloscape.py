"""ApolloScape, scene parsing: 3384x2710 frames of a car in Chinese cities (Huang et al., CVPR Workshops 2018)."""

from pathlib import Path

import numpy as np

from seglab.data.source import Labels, Sample, read_sample, require_root
from seglab.errors import SeglabError
from seglab.labels import label_space_of

_LAYOUT = """\
  <data.root>/public_image_lists/<road>_{train,val,test}.lst (or in <data.root> itself)
  <data.root>/<road>/ColorImage/<record>/<camera>/<time>_<camera>.jpg
  <data.root>/<road>/Label/<record>/<camera>/<time>_<camera>_bin.png
where <road> is road01_ins, road02_ins, ...; those that are there are read"""
_SOURCE = (
    "Get road01_ins.tar.gz, ... and image_lists.tar.gz as scene_parsing/README.md of "
    "github.com/ApolloScapeAuto/dataset-api tells, and unpack them."
)


class ApolloScape:
    """One split in the order of its lists: train, val, or test (whose labels are not public: all is ignored)."""

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        self.labels = label_space_of(labels, family="apolloscape")
        folder = require_root(root, layout=_LAYOUT, source=_SOURCE)
        self.samples = [sample for path in _lists(folder, split) for sample in _samples(folder, path, split)]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels)


def _lists(root: Path, split: str) -> list[Path]:
    """The lists of the roads that are there."""
    ending = f"_{split}.lst"
    paths = sorted((root / "public_image_lists").glob(f"*{ending}")) or sorted(root.glob(f"*{ending}"))
    here = [path for path in paths if (root / path.name.removesuffix(ending)).is_dir()]
    if not here:
        came = f"none is there in '{root}'" if not paths else f"there are {len(paths)}, but of roads that are not there"
        raise SeglabError(f"expected lists <road>{ending} and the folders of their roads; {came} - expected layout:\n"
                          f"{_LAYOUT}\n{_SOURCE}")  # fmt: skip
    return here


def _samples(root: Path, path: Path, split: str) -> list[Sample]:
    """Of the lines of a list: the paths of an image and its label, divided by a tabulator."""
    samples = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if not line.strip():
            continue
        image, _, mask = line.strip().partition("\t")
        files = [root / image] if split == "test" else [root / image, root / mask]
        absent = [file for file in files if not file.is_file()]
        if absent or not mask:
            what = f"'{absent[0]}' is not there" if absent else f"'{line.strip()}' has no tabulator"
            raise SeglabError(f"expected in each line of '{path}' an image and its label, which are there; {what} - "
                              f"unpack the road completely. Expected layout:\n{_LAYOUT}")  # fmt: skip
        road, record = Path(image).parts[0], Path(image).parts[-3]
        samples.append(
            Sample(
                image=files[0],
                mask=None if split == "test" else files[1],
                name=f"{road}_{record}_{files[0].stem}",
                group=f"{road}_{record}",
            )
        )
    return samples
