"""Choose the activation of any network: by its constructor where it has an argument for it, else by replacing modules.

Only hidden activations are meant. Sigmoid, Tanh and Softmax are gates or outputs in the networks at hand and are never
replaced, nor is what smp's `Activation` wraps at the end of a head. The ReLU inside a squeeze-and-excitation block is.
"""

import ast
import inspect
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from seglab.errors import SeglabError
from seglab.models.parts import ENCODERS

ActivationFactory = Callable[[], nn.Module]
Scope = Literal["all", "encoder", "decoder"]

_RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.RReLU, nn.PReLU, nn.ELU, nn.CELU, nn.SELU)
_REPLACEABLE = (*_RECTIFIERS, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish)
_LIKE_RELU = (nn.ReLU, nn.ReLU6, nn.RReLU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish)
_TIMM_GATES = ("Sigmoid", "Tanh", "HardSigmoid", "HardSigmoidMe")  # timm has copies of torch's classes: these are gates
_FUNCTIONS = {"relu", "relu_", "relu6", "leaky_relu", "leaky_relu_", "rrelu", "prelu", "elu", "elu_", "celu", "selu"}
_FUNCTIONS |= {"gelu", "silu", "mish", "hardswish"}


@dataclass(frozen=True, kw_only=True)
class ActivationReport:
    """What became of a network's activations; counts are of modules, by class name.

    `built` were made by the network's own constructor, `replaced` were swapped for `activation`, `kept` are the
    network's own. `functional` names the modules (dotted paths) whose code calls an activation as a function, where
    no replacement reaches.
    """

    activation: str
    scope: Scope
    built: Mapping[str, int] = field(default_factory=dict)
    replaced: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)
    functional: tuple[str, ...] = ()

    def line(self) -> str:
        """One line for the log; the caller raises its level to a warning where `functional` is not empty."""
        parts = [
            f"{verb} {', '.join(f'{count} {name}' for name, count in sorted(counts.items()))}"
            for verb, counts in (("built with", self.built), ("replaced", self.replaced), ("kept", self.kept))
            if counts
        ]
        if self.functional:
            shown = ", ".join(self.functional[:3]) + (", ..." if len(self.functional) > 3 else "")
            parts.append(f"NOT replaced in {len(self.functional)} modules that call it as a function ({shown})")
        return f"activation {self.activation} (scope {self.scope}): {'; '.join(parts)}"


def build_with_activation(
    build: Callable[..., nn.Module], factory: ActivationFactory | None, *, scope: Scope, has_argument: bool
) -> tuple[nn.Module, ActivationReport]:
    """The network of `build()` with `factory`'s activation in `scope`, and what was done; None keeps the network's own.

    `has_argument` says that `build` takes a keyword `activation` for all hidden places. It is used for scope `all`;
    for a part of the network, the constructor's default (None) is built and that part replaced.

    Raises:
        SeglabError: see `replace_activations`; or the keyword `activation` means something else, as in smp.
    """
    if factory is not None and has_argument and scope == "all":
        network, activation = build(activation=factory), type(factory())
        built = _count(module for _, module in _activations(network, activation))
        if activation.__name__ not in built:
            raise SeglabError(
                f"expected {type(network).__name__} to use {activation.__name__} in its hidden places; came "
                f"{', '.join(built) or 'none'}. Its argument `activation` means something else (in smp, the output): "
                "take the key `activation` out of the model's config"
            )
        return network, ActivationReport(activation=activation.__name__, scope=scope, built=built)
    network = build(activation=None) if has_argument else build()
    if factory is None:
        own = _count(module for _, module in _activations(network))
        return network, ActivationReport(activation="native", scope="all", kept=own)
    return network, replace_activations(network, factory, scope=scope)


def replace_activations(network: nn.Module, factory: ActivationFactory, *, scope: Scope) -> ActivationReport:
    """Swap the hidden activations of `network`, in place, for modules of `factory`, a new module for each old one.

    Call it before the network moves to a device: PReLU brings a parameter, one for each module. Where the network
    uses one module several times (torchvision's residual blocks), the new one is used as often. A new module works in
    place only where the old one did as well, since elsewhere its input may still be needed. Weights are not drawn
    again: libraries draw theirs with ReLU's gain, which also serves SiLU, GELU and Mish. Pretrained weights expect the
    activation they were trained with; there, scope `decoder` leaves the encoder intact.

    Raises:
        SeglabError: the scope is unknown, the network has no encoder to tell apart, or nothing in the scope could be
            replaced (an ablation would then compare a network with itself).
    """
    _check_scope(network, scope)
    new_of: dict[nn.Module, nn.Module] = {}
    kept: set[nn.Module] = set()
    for path, old in list(_activations(network)):
        if not _in_scope(path, scope):
            kept.add(old)
            continue
        if old not in new_of:
            new_of[old] = _successor(old, factory)
        network.set_submodule(path, new_of[old])
    functional = tuple(path for path in _functional(network) if _in_scope(path, scope))
    if not new_of:
        where = f" (it calls functions in {', '.join(functional[:3])})" if functional else ""
        raise SeglabError(
            f"expected activation modules in {type(network).__name__}, scope {scope}; came none{where}. "
            "Choose another activation.scope, or activation=native to leave the network as it is"
        )
    return ActivationReport(
        activation=type(factory()).__name__,
        scope=scope,
        replaced=_count(new_of),
        kept=_count(kept),
        functional=functional,
    )


def kaiming_gain(factory: ActivationFactory) -> float:
    """The gain of Kaiming initialisation for layers around this activation (He et al., arXiv 1502.01852, section 2.2).

    A leaky slope a gives sqrt(2 / (1 + a^2)). ReLU's sqrt(2) also serves its smooth relatives, as is the custom. For
    any other f it is 1 / sqrt(E[f(z)^2]), z normal, which keeps the mean square of the values from layer to layer as
    He's does: 1 for SELU, which was made for it, 1.25 for ELU, 1.59 for tanh.
    """
    activation = factory()
    if isinstance(activation, nn.LeakyReLU):
        return nn.init.calculate_gain("leaky_relu", activation.negative_slope)
    if isinstance(activation, nn.PReLU):
        return nn.init.calculate_gain("leaky_relu", activation.init)
    if isinstance(activation, _LIKE_RELU):
        return nn.init.calculate_gain("relu")
    return _gain_by_quadrature(activation.eval())


def _gain_by_quadrature(activation: nn.Module) -> float:
    z = torch.linspace(-8, 8, 2001, dtype=torch.float64, device="cpu")
    density = torch.exp(-(z**2) / 2)
    with torch.no_grad():
        square = (activation(z.clone()) ** 2 * density).sum() / density.sum()  # clone: it may work in place
    # a function that is (nearly) zero everywhere, a huge threshold for one, has no such gain
    return float(square.rsqrt()) if square > 1e-3 else 1.0


def _activations(network: nn.Module, *more: type[nn.Module]) -> Iterator[tuple[str, nn.Module]]:
    """(path, module) of every hidden activation and of the classes in `more`; a shared module has several paths."""
    outputs = {path for path, module in network.named_modules(remove_duplicate=False) if _is_output(module)}
    for path, module in network.named_modules(remove_duplicate=False):
        if path.rpartition(".")[0] not in outputs and (_is_activation(module) or isinstance(module, more)):
            yield path, module


def _is_activation(module: nn.Module) -> bool:
    kind = type(module)
    is_timm_copy = kind.__module__.startswith("timm.layers.activations") and kind.__name__ not in _TIMM_GATES
    is_of_transformers = kind.__module__ == "transformers.activations" and kind.__name__ != "LinearActivation"
    return is_timm_copy or is_of_transformers or isinstance(module, _REPLACEABLE)


def _is_output(module: nn.Module) -> bool:
    # By name: importing smp to ask for its class would cost seconds for every other network.
    kind = type(module)
    return kind.__name__ == "Activation" and kind.__module__.startswith("segmentation_models_pytorch.")


def _successor(old: nn.Module, factory: ActivationFactory) -> nn.Module:
    new = factory()
    if getattr(new, "inplace", False) and not getattr(old, "inplace", False):
        new.inplace = False  # type: ignore[assignment]  # torch declares every attribute of a Module a tensor or Module
    return new.train(old.training)


def _check_scope(network: nn.Module, scope: Scope) -> None:
    if scope not in ("all", "encoder", "decoder"):
        raise SeglabError(f"activation.scope: expected all, encoder or decoder; came {scope!r}; choose one of these")
    children = [name for name, _ in network.named_children()]
    if scope != "all" and not any(name in ENCODERS for name in children):
        raise SeglabError(
            f"activation.scope={scope}: expected {type(network).__name__} to have a part {' or '.join(ENCODERS)}; "
            f"came {', '.join(children) or 'none'}; use activation.scope=all"
        )


def _in_scope(path: str, scope: Scope) -> bool:
    return scope == "all" or (path.partition(".")[0] in ENCODERS) == (scope == "encoder")


def _count(modules: Iterable[nn.Module]) -> Counter[str]:
    return Counter(type(module).__name__ for module in set(modules))


def _functional(network: nn.Module) -> Iterator[str]:
    """Paths of the modules whose own code calls an activation function, or which hold one as an attribute."""
    functions = {getattr(F, name) for name in _FUNCTIONS} | {torch.relu, torch.selu, torch.celu, torch.prelu}
    calls: dict[type, bool] = {}
    for path, module in network.named_modules():
        kind = type(module)
        if kind not in calls:
            calls[kind] = not _is_activation(module) and _class_calls_function(kind)
        if calls[kind] or any(callable(value) and value in functions for value in vars(module).values()):
            yield path


def _class_calls_function(kind: type[nn.Module]) -> bool:
    methods: dict[str, object] = {}
    for base in reversed(kind.__mro__):  # a subclass's method takes the place of its parent's
        if not base.__module__.startswith(("torch.", "builtins")):
            methods.update(vars(base))
    return any(
        inspect.isfunction(method) and name != "__init__" and _calls_function(method)
        for name, method in methods.items()
    )


def _calls_function(method: Callable[..., object]) -> bool:
    """Whether its source holds `F.relu(x)`, `torch.relu(x)`, `relu(x)` or `x.relu()`; `self.relu(x)` is a module."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(method)))
    except (OSError, SyntaxError):  # made at run time (a generated or exported class): there is no source to read
        return False
    for called in (node.func for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if isinstance(called, ast.Name) and called.id in _FUNCTIONS:
            return True
        if isinstance(called, ast.Attribute) and called.attr in _FUNCTIONS:
            root = called.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if not (isinstance(root, ast.Name) and root.id == "self"):
                return True
    return False
