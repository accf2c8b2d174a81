"""The columns of a table whose plan says iou/*: all classes, in the order of the label space."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from omegaconf import DictConfig

from seglab.evaluation.columns import ALL_CLASSES, CLASS_IOU, class_of
from seglab.labels import label_space
from seglab.tables.plan.model import Measurement, Plan


def expanded(plan: Plan, classes: Iterable[str]) -> Plan:
    """The plan with a column for each class in the place of iou/*, besides those that it names itself."""
    new = [CLASS_IOU + name for name in dict.fromkeys(classes) if CLASS_IOU + name not in plan.columns]
    columns = (name for column in plan.columns for name in (new if column == ALL_CLASSES else [column]))
    return replace(plan, columns=tuple(columns))


def classes_of(configurations: Mapping[Any, DictConfig]) -> list[str]:
    """The classes of the rows' label spaces, each once."""
    spaces = [label_space(cfg.data.labels) for cfg in configurations.values()]
    return list(dict.fromkeys(name for space in spaces for name in space.names))


def known_classes(plan: Plan, measurements: Iterable[Measurement]) -> list[str]:
    """The classes that were measured; before anything is, those that were published."""
    measured = list(dict.fromkeys(name for measurement in measurements for name in measurement.class_iou))
    published = dict.fromkeys(class_of(column) for row in plan.published for column in row.values)
    return measured or [name for name in published if name is not None and name not in plan.groups]
