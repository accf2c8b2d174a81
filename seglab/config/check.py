"""`check` finds every mistake in a configuration before anything heavy is imported."""

import re
from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from omegaconf import DictConfig

from seglab.config.activation import activation_problems
from seglab.config.adaptation import adaptation_problems
from seglab.config.annotations import expected_instead
from seglab.config.channels import channel_problems
from seglab.config.mixing import mixing_problems
from seglab.config.monitors import mode_problems
from seglab.config.pairs import pair_problems
from seglab.config.ranges import RANGES, problem
from seglab.config.resolve import Resolved, Unusable, resolve
from seglab.config.schemas import TrainConfig
from seglab.config.signatures import Definition, find_definition
from seglab.config.targets import refusal, refusal_of_arguments
from seglab.config.teacher import teacher_problems
from seglab.config.unsupported import UNSUPPORTED
from seglab.errors import SeglabError, did_you_mean

_NEED_TARGET = ("data", "model", "loss", "optimizer", "scheduler", "trainer", "module")
_CAME_LATER = (
    "adapt",
    "sampling",
    "mix",
    "teacher",
    "teacher_run",
    "seeds",
)  # configurations that were written before do not have it
_HOLD_TARGETS = ("callbacks", "logger")  # {name: class, or null to leave one out}
_OF_HYDRA = frozenset({"_target_", "_partial_", "_convert_"})
# read by build, not passed to the class
_OF_SEGLAB = {
    "model": frozenset({"size_divisor"}),
    "loss": frozenset({"auxiliary", "boundary", "distillation"}),
    "trainer": frozenset({"compile"}),
}

_LIST_OR_NAME = re.compile(r"loss(\.\w+)*\.class_weights")  # seglab.training puts numbers in place of a name or a file

# What seglab.training.build passes besides the configuration's own arguments; a test compares them.
SUPPLIED = {
    "module": frozenset(
        {"network", "loss", "class_names", "optimizer", "schedule", "size_divisor", "num_outputs", "adaptation"}
        | {"auxiliary", "boundary", "compiled", "distillation"}
    ),
    "trainer": frozenset(
        {"default_root_dir", "callbacks", "logger", "plugins", "enable_checkpointing", "use_distributed_sampler"}
        | {"enable_progress_bar"}
    ),
    "logger.*": frozenset({"folder"}),
}


def check(cfg: DictConfig, schema: type = TrainConfig) -> None:
    """Nothing, if every key, argument, type and range of the configuration is right; imports none of what it names.

    Args:
        schema: dataclass of the root keys. A group that it sets to None may be left empty.

    Raises:
        SeglabError: lists all mistakes, one line each.
    """
    resolved = resolve(cfg)
    problems = [*_root_problems(resolved, schema), *resolved.problems, *_shape_problems(resolved, schema)]
    for path, node in resolved.targets():
        problems += [f"{path}: {problem}" for problem in _node_problems(path, node)]
    problems += [*channel_problems(resolved.values), *adaptation_problems(resolved.values)]
    problems += [*mixing_problems(resolved.values), *teacher_problems(resolved.values)]
    problems += [*_range_problems(resolved), *mode_problems(resolved), *pair_problems(resolved.values)]
    if problems:
        raise SeglabError(
            problems[0] if len(problems) == 1 else f"{len(problems)} mistakes:\n  " + "\n  ".join(problems)
        )


def _root_problems(resolved: Resolved, schema: type) -> list[str]:
    """The schema refuses a wrong key, but not one that is added with a plus sign, nor one in a stored configuration."""
    keys = [field.name for field in fields(schema)]
    unknown = [f"{key!r} in the configuration{did_you_mean(key, keys)}" for key in resolved.values if key not in keys]
    absent = [
        f"{key!r} in the configuration; expected one"
        for key in keys
        if key not in resolved.values and key not in _CAME_LATER
    ]
    return [f"no key {mistake}" for mistake in unknown + absent]


def _shape_problems(resolved: Resolved, schema: type) -> list[str]:
    """Groups whose option is not the kind of mapping that seglab.training.build reads."""
    problems = []
    may_be_empty = {field.name for field in fields(schema) if field.default is None}
    for path, value in resolved.everything():
        group, _, entry = path.partition(".")
        is_entry = group in _HOLD_TARGETS and entry and "." not in entry
        if isinstance(value, Unusable) or (value is None and (is_entry or path in may_be_empty)):
            continue
        if (path in _NEED_TARGET or is_entry) and not (isinstance(value, dict) and "_target_" in value):
            problems.append(f"{path} names no class; expected a _target_, came {value!r}")
    model, activation = resolved.values.get("model"), resolved.values.get("activation")
    if isinstance(model, dict) and model.get("aux_params") is not None:
        problems.append(
            "model.aux_params adds a second output, a label of the whole image, which no loss of seglab is for; "
            "expected null - leave it out"
        )
    if isinstance(model, dict) and "size_divisor" not in model:
        problems.append("model needs 'size_divisor': heights and widths are padded to a multiple of it; 1 for any size")
    if isinstance(activation, dict):
        problems += activation_problems(activation, model=model)
    return problems


def _node_problems(path: str, node: Mapping[str, Any]) -> list[str]:
    """Mistakes in one node with a `_target_`."""
    target = node["_target_"]
    if isinstance(target, Unusable):
        return []
    if not isinstance(target, str):
        return [f"_target_ is {target!r}; expected the full name of a class"]
    definition = find_definition(target)
    refused = refusal(target, definition, group=path.split(".")[0]) or refusal_of_arguments(node)
    if refused is not None:
        return [refused]
    if "_args_" in node:
        return [f"_args_ is not supported; expected the arguments of {target} by name"]
    if definition is None:  # allowed by the user's own list, but written in no Python file
        return []
    if definition.defined_in in UNSUPPORTED:
        return [f"{target} is not supported: {UNSUPPORTED[definition.defined_in]}"]
    ours = _OF_HYDRA | _OF_SEGLAB.get(path, frozenset())
    arguments = {key: value for key, value in node.items() if key not in ours}
    supplied = SUPPLIED.get("logger.*" if path.startswith("logger.") else path, frozenset())
    problems = [
        problem
        for key, value in arguments.items()
        for problem in _argument_problems(f"{path}.{key}", key, value, target=target, definition=definition)
        if key not in supplied
    ]
    problems += [f"{key!r} is set by seglab itself - leave it out" for key in arguments if key in supplied]
    if not node.get("_partial_"):
        needed = [key for key, parameter in definition.parameters.items() if parameter.required]
        problems += [f"{target} needs {key!r}" for key in needed if key not in arguments and key not in supplied]
    return problems


def _argument_problems(where: str, key: str, value: Any, *, target: str, definition: Definition) -> list[str]:
    """Mistakes in one argument: its name, or its type."""
    parameters = definition.parameters
    if key not in parameters:
        # **kwargs takes any name, yet one letter away from a declared argument it is a slip of the hand
        accepted = definition.accepts_any and not get_close_matches(key, parameters, cutoff=0.8)
        takes = f"; it takes {', '.join(parameters) or 'none'}" if len(parameters) <= 12 else ""
        return [] if accepted else [f"{target} has no argument {key!r}{did_you_mean(key, parameters) or takes}"]
    parameter = parameters[key]
    is_object = isinstance(value, dict) and "_target_" in value
    if is_object or isinstance(value, Unusable) or where in RANGES:
        return []
    if value is None and parameter.default == "None":  # annotated `int = None`
        return []
    annotation = parameter.full_annotation() or "Any"
    if _LIST_OR_NAME.fullmatch(where):
        if isinstance(value, list) and not all(map(_is_weight, value)):
            return [
                f"{key} is {value!r}; expected numbers >= 0, one for each class, or a name or a file in their place"
            ]
        annotation = annotation.removesuffix(" | None") + " | str | None"
    expected = expected_instead(value, annotation)
    return [] if expected is None else [f"{key} is {value!r}; expected {expected}"]


def _is_weight(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _range_problems(resolved: Resolved) -> list[str]:
    flat = dict(resolved.everything())
    usable = [(path, rule) for path, rule in RANGES.items() if path in flat and not isinstance(flat[path], Unusable)]
    return [wrong for path, rule in usable if (wrong := problem(path, flat[path], rule)) is not None]
