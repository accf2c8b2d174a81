"""The data on which a run is scored: its own or another set with the same classes, one split, at original size."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

from seglab.config.instantiate import instantiate
from seglab.data.anomalies import AnomalySource
from seglab.data.source import Source
from seglab.errors import SeglabError, listed
from seglab.labels import CITYSCAPES_LABELS, LabelSpace
from seglab.runs import archive

_LABEL_IDS, _INSTANCE_IDS = "_gtFine_labelIds.png", "_gtFine_instanceIds.png"
_PARTS = ("train", "val", "test")


def trained_on(settings: Mapping[str, Any], of_run: Mapping[str, Any]) -> dict[str, Any]:
    """The run's own data set, at `root` where that says that it has moved."""
    return dict(of_run) if settings["root"] is None else {**of_run, "root": settings["root"]}


def data_config(settings: Mapping[str, Any], of_run: Mapping[str, Any]) -> dict[str, Any]:
    """Another data set where one is named, else the run's own; the wanted split stands at `test_split`."""
    data = dict(settings["data"] or trained_on(settings, of_run))
    split = settings["split"]
    data["test_split"] = data[f"{split}_split"] if split in _PARTS else split
    # a limit draws its images by the seed of the evaluation: by that of the run, the seeds of a table would see others
    data |= {"seed": settings["seed"], "limit": settings["limit"]}
    return {**data, "augmentation": None, "cache": None, "num_workers": 0}


def open_source(data: Mapping[str, Any], *, own: bool) -> Source:
    """The split at `test_split`.

    Args:
        own: it is the run's own data set, whose folder is given by `root`; of another one it is by `data.root`.
    """
    module = instantiate(data)
    try:
        module.prepare_data()
        return module.source("test")
    except SeglabError as error:
        if not own:
            raise
        raise SeglabError(str(error).replace("data.root", "root")) from error


def check_same_classes(trained: LabelSpace, scored: LabelSpace) -> None:
    if trained.names == scored.names:
        return
    only_run = [name for name in trained.names if name not in scored.names]
    only_data = [name for name in scored.names if name not in trained.names]
    difference = "; ".join(
        f"only in {whose}: {listed(names)}"
        for whose, names in ((f"the run ({trained.name})", only_run), (f"the data ({scored.name})", only_data))
        if names
    )
    raise SeglabError(
        "expected a data set with the classes of the run, in their order; "
        f"{difference or f'{scored.name} has another order than {trained.name}'} - choose data.labels accordingly"
    )


def has_official(asked: Any, source: Source) -> bool:
    """Whether the official Cityscapes scores are computed. Raises SeglabError when they are asked for and cannot be."""
    if asked is False:
        return False
    evaluated = tuple(label.name for label in CITYSCAPES_LABELS if not label.ignore_in_eval)
    paths = [sample.mask for sample in source.samples]
    possible = source.labels.names == evaluated and all(
        path is not None and path.name.endswith(_LABEL_IDS) and archive.is_file(instances_of(path)) for path in paths
    )
    possible &= not any(sample.mirrored for sample in source.samples)  # the files are not
    possible &= not isinstance(source, AnomalySource)  # whose label ids are more than those of Cityscapes
    if asked is True and not possible:
        raise SeglabError(
            f"official=true: expected the 19 classes of Cityscapes and *{_LABEL_IDS} beside *{_INSTANCE_IDS}; "
            f"the first of {len(paths)} masks is '{paths[0]}' ({source.labels.name}) - complete it, or official=auto"
        )
    return possible


def instances_of(mask: Path) -> Path:
    return mask.with_name(mask.name.replace(_LABEL_IDS, _INSTANCE_IDS))
