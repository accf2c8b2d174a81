"""Mistakes in the groups `sampling` and `mix` of a configuration, found without importing numpy."""

from collections.abc import Mapping
from typing import Any

from seglab.errors import SeglabError, did_you_mean
from seglab.labels import label_space


def mixing_problems(values: Mapping[str, Any]) -> list[str]:
    """What does not fit `sampling` and `mix`, which may be absent or empty, in a configuration in plain values."""
    problems = []
    for group, usual in (("sampling", "sampling=uniform or rare_classes"), ("mix", "mix=none, classmix or copy_paste")):
        node = values.get(group)
        if node and not (isinstance(node, dict) and "_target_" in node):
            problems.append(f"{group} names no class; expected {usual}, came {node!r}")
    mix, trainer = values.get("mix"), values.get("trainer")
    if isinstance(mix, dict) and "classes" in mix:
        problems += _class_problems(mix["classes"], values.get("data"))
    overfits = isinstance(trainer, dict) and trainer.get("overfit_batches", 0)
    if overfits and (chosen := [group for group in ("sampling", "mix") if values.get(group)]):
        problems.append(
            f"{chosen[0]} has no effect with trainer.overfit_batches, which repeats the same samples unchanged; "
            "expected one of them - leave one out"
        )
    return problems


def _class_problems(classes: Any, data: Any) -> list[str]:
    try:
        labels = label_space(data["labels"])
    except (SeglabError, TypeError, KeyError, AttributeError):  # told at its own place
        return []
    known = f"names of classes of {labels.name} ({', '.join(labels.names)})"
    if not isinstance(classes, list) or not classes:
        return [
            f"mix.classes is {classes!r}; expected {known}, whose things are pasted - for example "
            f"'mix.classes=[{','.join(labels.names[-2:])}]'"
        ]
    wrong = [name for name in classes if name not in labels.names]
    return [
        f"mix.classes holds {name!r}; expected {known}{did_you_mean(str(name), labels.names)}" for name in wrong[:1]
    ]
