"""How many channels images have: reader, normalisation and network have to agree, before anything heavy is imported."""

from collections.abc import Mapping
from typing import Any

from seglab.config.signatures import find_definition

_RGB = 3


def channel_problems(values: Mapping[str, Any]) -> list[str]:
    """What does not fit `data.channels` (3 where it is not given) in a configuration in plain values."""
    data, model, module = (values.get(group) for group in ("data", "model", "module"))
    if not isinstance(data, dict):
        return []
    channels = data.get("channels", _RGB)
    if not isinstance(channels, int) or channels < 1:  # told by its range
        return []
    problems = []
    if channels != _RGB and (reader := _rgb_reader(data.get("source"))):
        problems.append(
            f"data.channels is {channels}; expected {_RGB}, as {reader} reads RGB - data=folder reads others"
        )
    if isinstance(model, dict) and model.get("in_channels", channels) != channels:
        problems.append(
            f"model.in_channels is {model['in_channels']!r}; expected {channels}, which is data.channels - "
            f"write in_channels: ${{oc.select:data.channels,{_RGB}}} in the model's YAML"
        )
    if isinstance(module, dict):
        lengths = {key: len(module[key]) for key in ("mean", "std") if isinstance(module.get(key), list)}
        if any(length != channels for length in lengths.values()):
            came = ", ".join(f"module.{key} has {length} numbers" for key, length in lengths.items())
            lists = (
                f"module.{key}=[{','.join([value] * channels)}]" for key, value in (("mean", "0.5"), ("std", "0.25"))
            )
            problems.append(
                f"{came}; expected {channels}, one for each of data.channels, on the scale 0..1 - for example "
                f"{' '.join(lists)}"
            )
    return problems


def _rgb_reader(source: Any) -> str | None:
    """The name of a reader that takes no `channels`."""
    target = source.get("_target_") if isinstance(source, dict) else None
    definition = find_definition(target) if isinstance(target, str) else None
    if definition is None or definition.accepts_any or "channels" in definition.parameters:
        return None
    return target
