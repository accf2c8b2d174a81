"""What decides the result of a run, and a fingerprint of it: two runs with equal ones must give equal numbers."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from seglab.runs.class_names import lasting_name

# What does not decide a result: two configurations that differ only here are the same experiment.
NOT_IDENTITY = (
    "output", "sweep", "resume", "name", "retry_failed", "logger",
    "data.root", "data.source.root", "data.prepare.root", "data.num_workers", "data.cache",
    "trainer.accelerator", "trainer.devices", "trainer.log_every_n_steps", "trainer.enable_progress_bar",
    "callbacks.progress", "callbacks.pictures", "callbacks.last",
)  # fmt: skip

# Where the teacher lies, which names a job; which run it is says teacher_run.
_SAID_BY_ANOTHER = ("teacher",)

# Keys that came after the first runs, each with the value that means what was done before: left out where they have it.
CAME_LATER = {
    "data.source.colours": None, "data.channels": 3, "data.source.mask_suffix": "", "data.source.recursive": False,
    "loss.auxiliary": 0.4, "loss.boundary": 20.0, "model.auxiliary": False,
    "adapt": None, "module.layer_decay": 1.0, "callbacks.freeze.eval_mode": False, "trainer.compile": False,
    "sampling": None, "mix": None, "scheduler.lowest": 0.0,
    "seeds": None, "seeds.init": None, "seeds.order": None, "seeds.augment": None, "seeds.repeat": None,
    "teacher_run": None, "loss.distillation.weight": 1.0, "loss.distillation.temperature": 1.0,
}  # fmt: skip


def fingerprint(config: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that are equal for configurations whose results must be equal."""
    return hashlib.sha256(json.dumps(identity(config), sort_keys=True).encode()).hexdigest()[:16]


def identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """The flat {dotted key: value} of what decides the result of a run; classes by their lasting names."""
    return {
        key: lasting_name(value) if key.endswith("_target_") and isinstance(value, str) else value
        for key, value in _flat(config)
        if decides(key) and key not in _SAID_BY_ANOTHER and (key not in CAME_LATER or value != CAME_LATER[key])
    }


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Lines such as "loss.gamma: 2.0 -> 3.0" for everything that decides a result and differs."""
    before, after = identity(old), identity(new)
    return [
        f"{key}: {before.get(key, '(absent)')} -> {after.get(key, '(absent)')}"
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]


def decides(key: str) -> bool:
    """Whether a key of a configuration, such as "optimizer.lr", decides the result of a run."""
    return not _is_under(key, NOT_IDENTITY)


def _flat(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, node


def _is_under(key: str, prefixes: tuple[str, ...]) -> bool:
    return any(key == prefix or key.startswith(prefix + ".") for prefix in prefixes)
