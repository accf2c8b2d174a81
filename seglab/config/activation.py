"""Mistakes in the group `activation` of a configuration, found without importing torch."""

from collections.abc import Mapping
from typing import Any

from seglab.config.definitions import public_names
from seglab.config.signatures import find_definition
from seglab.errors import did_you_mean

_KEYS = ("factory", "scope")
_FROM = "torch.nn.modules.activation"  # the file that defines torch's activations
# Defined there as well, but they do not map one value to one value.
_OTHER = {"MultiheadAttention", "GLU", "Softmax", "Softmax2d", "Softmin", "LogSoftmax"}


def activation_problems(node: Mapping[str, Any], *, model: object) -> list[str]:
    """What is wrong with the keys of `node`, or with the class of torch.nn that it names; one line for each mistake.

    Classes outside torch are not judged: whoever allows one knows what it is. Of `model` only its own key `activation`.
    """
    factory = node.get("factory")
    factory = factory if isinstance(factory, dict) else {}
    target = factory.get("_target_")
    problems = [f"activation needs {key!r}" for key in _KEYS if key not in node]
    for key in node:
        if key == "name" and target != f"torch.nn.{node[key]}":
            problems.append(
                f"activation.name={node[key]} has no effect beside activation.factory._target_={target}; "
                f"write activation=any activation.name={node[key]}"
            )
        elif key not in (*_KEYS, "name"):
            problems.append(f"activation: no key {key!r}{did_you_mean(key, _KEYS)}")
    if isinstance(model, dict) and "activation" in model and model["activation"] != node.get("factory"):
        problems.append(
            f"model.activation is {model['activation']!r}, which would be passed over; choose by the group: "
            "activation=relu, or activation=any activation.name=Softplus"
        )
    return problems + (_class_problems(target, factory) if isinstance(target, str) else [])


def _class_problems(target: str, factory: Mapping[str, Any]) -> list[str]:
    package, _, name = target.rpartition(".")
    definition = find_definition(target)
    if package != "torch.nn" or definition is None:  # its name is judged where targets are
        return []
    if definition.module != _FROM or definition.name in _OTHER:
        near = did_you_mean(name, _activations())
        return [
            f"activation.factory: {target} is no activation, which maps each value to one; expected a class such as "
            f"Softplus, CELU or Hardtanh{near}"
        ]
    needed = [key for key, parameter in definition.parameters.items() if parameter.required and key not in factory]
    return [f"activation.factory: {target} needs {key!r}; add +activation.factory.{key}=VALUE" for key in needed]


def _activations() -> set[str]:
    names = public_names(_FROM) - _OTHER
    classes = {name: find_definition(f"torch.nn.{name}") for name in names if name[0].isupper()}
    return {name for name, definition in classes.items() if definition is not None and definition.module == _FROM}
