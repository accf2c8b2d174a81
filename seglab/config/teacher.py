"""Mistakes in `teacher` and `loss.distillation`, found without importing torch."""

from collections.abc import Iterator, Mapping
from typing import Any

from seglab.config.defaults import content
from seglab.config.of_run import of_run
from seglab.errors import SeglabError, listed
from seglab.labels import label_space
from seglab.runs.teacher import locate


def teacher_problems(values: Mapping[str, Any]) -> list[str]:
    """What does not fit in a configuration in plain values, in which both may be absent."""
    loss, teacher = values.get("loss"), values.get("teacher")
    problems = list(_weight_problems(loss, teacher)) if isinstance(loss, dict) else []
    if isinstance(teacher, str) and isinstance(values.get("teacher_run"), str):  # else it was not found, and is told
        problems += _class_problems(teacher, values)
    return problems


def _weight_problems(loss: Mapping[str, Any], teacher: Any) -> Iterator[str]:
    usual, own = content("train.yaml")["loss"]["distillation"], loss.get("distillation", {})
    if not isinstance(own, dict) or own.keys() - usual.keys():
        yield f"loss.distillation is {own!r}; expected {' and '.join(usual)} - leave the rest out"
        return
    changed = [key for key, value in own.items() if value != usual[key]]
    if teacher is None and changed:
        yield (
            f"loss.distillation.{changed[0]}={own[changed[0]]} has no effect without a teacher; expected teacher=RUN "
            "beside it, a finished run - name one, or choose another loss than distill"
        )
    if teacher is not None and str(loss.get("_target_")).endswith(".MseRgb"):
        yield "teacher has no classes to teach with loss=mse_rgb, whose outputs are colours; expected another loss"
    if teacher is not None and own.get("weight", usual["weight"]) == 0:
        yield "teacher has no effect with loss.distillation.weight=0; expected a weight > 0 - leave teacher out"


def _class_problems(teacher: str, values: Mapping[str, Any]) -> list[str]:
    """Of a run that is there; one that is not trained yet is told of when its student begins."""
    try:
        folder = locate(teacher, output=values.get("output") or "").folder
        own = label_space(values["data"]["labels"]).names
    except (SeglabError, KeyError, TypeError, AttributeError):
        return []
    try:
        taught = label_space(of_run(folder)["data"]["labels"]).names
    except SeglabError as error:
        return [f"teacher={teacher}: {error}"]
    if taught == own:
        return []
    order = " in another order" if sorted(taught) == sorted(own) else ""
    return [
        f"teacher={teacher}: expected a run of the classes of data.labels, in their order: {len(own)}, {listed(own)}; "
        f"came one of {len(taught)}{order}, {listed(taught)} - train a teacher with the same data.labels"
    ]
