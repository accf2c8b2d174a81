"""Weights of another training, or of a file, as the start of a new one; and an account of what became of each tensor.

Only tensors are read (weights_only=True, safetensors): a file of unknown origin runs no code.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from seglab import runs
from seglab.errors import SeglabError, listed
from seglab.runs import init_from
from seglab.training.build import Run, build, build_network, without_weights

log = logging.getLogger("seglab")

_PREFIXES = ("", "network.", "module.", "model.")  # plain; of a LightningModule (seglab's, others'); of a wrapper
_OWN_PREFIX = "network."
_SHOWN = 6  # names in a line of the log or of an error; the record has them all


@dataclass(frozen=True)
class Weights:
    """The tensors of a file; `class_names` are known of seglab's own checkpoints."""

    path: Path
    sha256: str
    tensors: Mapping[str, Tensor]
    class_names: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class Report:
    """Names of tensors: taken over; in the file alone; in the network alone; left at the network's own fresh start.

    `share` is the part of the network's parameters and statistics that was taken over.
    """

    path: str
    sha256: str
    loaded: tuple[str, ...]
    skipped: tuple[str, ...]
    missing: tuple[str, ...]
    reinitialised: tuple[str, ...]
    share: float

    def record(self) -> dict[str, Any]:
        return asdict(self)

    def level(self) -> int:
        """A warning where most of the network did not come from the file: it is probably the wrong one."""
        return logging.WARNING if self.share < 0.5 else logging.INFO

    def lines(self) -> list[str]:
        count = len(self.loaded) + len(self.missing) + len(self.reinitialised)
        head = f"init_from {self.path} (sha256 {self.sha256[:12]}): "
        head += f"loaded {len(self.loaded)} of {count} tensors, {100 * self.share:.1f} % of the network"
        rest = {
            "skipped, in the file alone": self.skipped,
            "missing in the file, keeps its fresh start": self.missing,
            "re-initialised (replace_head)": self.reinitialised,
        }
        return [head, *(f"  {what}: {len(names)} ({_shortened(names)})" for what, names in rest.items() if names)]


def build_from(config: Mapping[str, Any], folder: Path) -> Run:
    """The run with the weights of `init_from` in its network; log and record say what became of each tensor."""
    # before building, which may count or prepare data
    weights = read(init_from.locate(config["init_from"], output=Path(config["output"])))
    run = build(config, folder)
    network = run.module.network
    head = head_axes(config, network) if config["replace_head"] else None
    report = load(weights, network, class_names=run.module.class_names, head=head)
    for line in report.lines():
        log.log(report.level(), line)
    if runs.is_first_process():
        runs.update_record(folder, init_from=report.record())
    return run


def read(path: Path) -> Weights:
    """The tensors in a checkpoint of Lightning, a state dict saved by torch, or a .safetensors file.

    Raises:
        SeglabError: the file is damaged, or holds no tensors by name.
    """
    content = _open(path)
    state = content.get("state_dict", content)
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)} if _is_dict(state) else {}
    if not tensors:
        raise SeglabError(
            f"init_from={path}: expected tensors by name, plain or under 'state_dict'; came a dict with the keys "
            f"{_shortened(list(map(str, content)))} - save the network's state_dict() alone"
        )
    if "seglab" not in content:
        return Weights(path, init_from.sha256(path), tensors, None)
    # One of ours: besides the network it has the state of loss and metrics, which nobody misses.
    network = {name: value for name, value in tensors.items() if name.startswith(_OWN_PREFIX)}
    return Weights(path, init_from.sha256(path), network, tuple(content["seglab"]["class_names"]))


def load(
    weights: Weights, network: nn.Module, *, class_names: Sequence[str], head: Mapping[str, tuple[int, ...]] | None
) -> Report:
    """Copies the weights into `network`, in place, by name; BatchNorm's statistics are among them.

    Args:
        class_names: of the network's outputs.
        head: the tensors that keep their fresh start, with those of their axes whose length is a number of classes;
            None to keep the file's, which are then of the same classes.

    Raises:
        SeglabError: the file is of other classes, a shape differs, or no name is common to both. Nothing was copied.
    """
    if head is None:
        _check_classes(weights, class_names)
    own = network.state_dict()  # the network's own tensors, not copies
    given = _by_network_name(weights.tensors, own)
    common = [name for name in own if name in given]
    _check_shapes(weights.path, given, own, common, head=head)
    loaded = [name for name in common if head is None or name not in head]
    if not loaded:
        raise SeglabError(
            f"init_from={weights.path}: expected tensors named as in {type(network).__name__} ({_shortened([*own])}); "
            f"came {_shortened([*weights.tensors])} - it is the file of another network"
        )
    with torch.no_grad():
        for name in loaded:
            own[name].copy_(given[name])
    return Report(
        path=str(weights.path),
        sha256=weights.sha256,
        loaded=tuple(loaded),
        skipped=tuple(name for name in given if name not in own),
        missing=tuple(name for name in own if name not in given and name not in (head or ())),
        reinitialised=tuple(name for name in own if name in (head or ())),
        share=sum(own[name].numel() for name in loaded) / sum(tensor.numel() for tensor in own.values()),
    )


def class_axes(network: nn.Module, wider: nn.Module) -> dict[str, tuple[int, ...]]:
    """{tensor: its axes that a class more makes longer}; `wider` is the same network with one class more."""
    wide = wider.state_dict()
    axes = {name: _differing(tensor, wide[name]) for name, tensor in network.state_dict().items()}
    return {name: differing for name, differing in axes.items() if differing}


def head_axes(config: Mapping[str, Any], network: nn.Module) -> dict[str, tuple[int, ...]]:
    """{tensor of `network` that depends on the number of classes: the axes that do}, by building one with one more."""
    model = config["model"]
    if "classes" not in model:
        raise SeglabError(
            "replace_head=true: expected model.classes, the number of outputs, to find the layers that depend on it; "
            f"came {', '.join(model)} - give the model's config that key, or leave replace_head out"
        )
    with torch.random.fork_rng(devices=[]):
        wider = build_network(without_weights({**config, "model": {**model, "classes": model["classes"] + 1}}))
    return class_axes(network, wider)


def _open(path: Path) -> Mapping[str, Any]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (Exception, SafetensorError) as error:  # what torch raises for a damaged file is any exception
        raise SeglabError(
            f"init_from={path}: expected a checkpoint or a state dict; came a file that is damaged, is none, or holds "
            f"more than tensors and plain data, which would run code ({type(error).__name__}) - save state_dict() alone"
        ) from error
    if not _is_dict(content):
        raise SeglabError(
            f"init_from={path}: expected a checkpoint or a state dict; came a {type(content).__name__} - "
            "save the network's state_dict()"
        )
    return content


def _is_dict(content: object) -> bool:
    return isinstance(content, Mapping)


def _by_network_name(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The file's tensors without the prefix that hides most of the network's names; others keep their whole name."""

    def matches(prefix: str) -> int:
        return sum(name.startswith(prefix) and name.removeprefix(prefix) in own for name in tensors)

    prefix = max(_PREFIXES, key=matches)  # the first of several
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}


def _check_classes(weights: Weights, class_names: Sequence[str]) -> None:
    if weights.class_names is None or weights.class_names == tuple(class_names):
        return
    raise SeglabError(
        f"init_from={weights.path}: expected weights for the classes of data.labels, in their order: "
        f"{len(class_names)}, {listed(class_names)}; came weights for {len(weights.class_names)}, "
        f"{listed(weights.class_names)} - replace_head=true starts the layers that depend on the classes afresh"
    )


def _check_shapes(
    path: Path,
    given: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
    common: Sequence[str],
    *,
    head: Mapping[str, tuple[int, ...]] | None,
) -> None:
    """Refuses tensors of another shape, save where the number of classes alone differs and the head is replaced."""
    wrong = []
    for name in common:
        replaceable = () if head is None else head.get(name, ())
        same_rank = given[name].ndim == own[name].ndim
        if not same_rank or not set(_differing(given[name], own[name])) <= set(replaceable):
            wrong.append(f"{name} {tuple(given[name].shape)} for {tuple(own[name].shape)}")
    if not wrong:
        return
    hint = "give the model the file's widths and depth"
    if head is None:
        hint = f"another number of classes needs replace_head=true; for all else {hint}"
    raise SeglabError(
        f"init_from={path}: expected tensors of the network's shapes; came {len(wrong)} others: "
        f"{_shortened(wrong)} - {hint}"
    )


def _differing(first: Tensor, second: Tensor) -> tuple[int, ...]:
    """Axes along which two tensors of one rank have different lengths."""
    return tuple(axis for axis in range(first.ndim) if first.shape[axis] != second.shape[axis])


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
