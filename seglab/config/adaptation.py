"""Mistakes in the group `adapt` of a configuration, and in what stands beside it, found without importing torch."""

from collections.abc import Mapping
from typing import Any


def adaptation_problems(values: Mapping[str, Any]) -> list[str]:
    """What does not fit `adapt`, which may be absent or empty, in a configuration in plain values."""
    node = values.get("adapt")
    if not node:
        return []
    if not isinstance(node, dict) or "_target_" not in node:
        return [f"adapt names no class; expected adapt=full, adapt=linear_probe or adapt=lora, came {node!r}"]
    problems = []
    if frozen := [f"callbacks.{name}" for name, target in _callbacks(values) if target.endswith(".FreezeEncoder")]:
        problems.append(
            f"{frozen[0]} freezes the encoder, of which adapt says what learns; expected one of them - leave the "
            "callback out (callbacks=default), or use adapt=full"
        )
    module, is_probe = values.get("module"), str(node["_target_"]).endswith(".LinearProbe")
    if is_probe and isinstance(module, dict) and module.get("layer_decay", 1) != 1:
        problems.append(
            f"module.layer_decay={module['layer_decay']} has no effect on an encoder that is held still by "
            "adapt=linear_probe; expected 1.0 - leave one of them out"
        )
    if node.get("modules") == []:
        problems.append(
            "adapt.modules is empty; expected names of layers of the encoder, such as attn.qkv - name some, or use "
            "adapt=linear_probe, which changes none"
        )
    return problems


def _callbacks(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, class) of each."""
    nodes = values.get("callbacks")
    nodes = nodes if isinstance(nodes, dict) else {}
    return [(name, str(node.get("_target_"))) for name, node in nodes.items() if isinstance(node, dict)]
