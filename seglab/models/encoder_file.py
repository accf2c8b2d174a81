"""An encoder's weights from a file on disk: `encoder_weights: FILE.safetensors`, or the folder that holds it.

It is the file that the library publishes for that encoder (huggingface.co/timm/NAME, model.safetensors); nothing is
downloaded, and no pickle is read.
"""

import functools
import inspect
import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ParamSpec

from torch import Tensor, nn

from seglab.errors import SeglabError, listed

_NAMES = ("model.safetensors", "open_clip_model.safetensors")
_CLASSIFYING = ("head_", "fc_", "classifier_", "norm_weight", "norm_bias")  # how names of such tensors begin in timm
_PICKLES = (".pth", ".pt", ".bin", ".ckpt", ".pkl", ".npz")

P = ParamSpec("P")
log = logging.getLogger("seglab")


def is_asked(model: Mapping[str, Any]) -> bool:
    """Whether `encoder_weights` names a place on disk: a file of weights, or anything with a slash."""
    asked = model.get("encoder_weights")
    return isinstance(asked, str) and (Path(asked).suffix in (".safetensors", *_PICKLES) or "/" in asked)


def filled(build: Callable[P, nn.Module], weights: str) -> Callable[P, nn.Module]:
    """`build`, but the encoder of the network has the weights of the file, resampled where the library resamples.

    Raises:
        SeglabError: there is no such file, the network has no part `encoder`, or a tensor of its encoder is not in the
            file or has another shape there.
    """
    path = _file(weights)

    @functools.wraps(build)
    def build_and_fill(*args: P.args, **kwargs: P.kwargs) -> nn.Module:
        network = build(*args, **kwargs)
        encoder = dict(network.named_children()).get("encoder")
        if encoder is None:
            raise SeglabError(
                f"model.encoder_weights={weights}: expected {type(network).__name__} to have a part encoder; came "
                f"{', '.join(name for name, _ in network.named_children())} - init_from=FILE fills a whole network"
            )
        _fill(encoder, path, further=_further_arguments(build))
        return network

    return build_and_fill


def _file(weights: str) -> Path:
    path = Path(weights).expanduser()
    if path.suffix in _PICKLES:
        raise SeglabError(
            f"model.encoder_weights: expected FILE.safetensors; came {path} - pickled weights are not read: get the "
            "encoder's model.safetensors, or convert them where you trust them"
        )
    found = path if path.is_file() else next((path / name for name in _NAMES if (path / name).is_file()), None)
    if found is None:
        raise SeglabError(
            f"model.encoder_weights: expected a file of safetensors, or a folder with {' or '.join(_NAMES)}; came "
            f"{path}, where there is none (nothing is downloaded from an address)"
        )
    return found


def _fill(encoder: nn.Module, path: Path, *, further: Mapping[str, Any]) -> None:
    """Features of timm are flattened (layers.0 becomes layers_0): names are compared without their dots."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        read = load_file(path)
    except (SafetensorError, OSError) as error:
        raise SeglabError(
            f"model.encoder_weights: expected safetensors; {path} cannot be read: {error} - get the encoder's "
            "model.safetensors again: it is cut off, or another kind of file"
        ) from error
    theirs = {name.replace(".", "_"): tensor for name, tensor in _as_built(read, encoder, further).items()}
    own = encoder.state_dict()
    new = {}
    for name, tensor in own.items():
        key = name.removeprefix("model.").replace(".", "_")
        weight = theirs.pop(key, None)
        if weight is None or weight.shape != tensor.shape:
            came = "none of that name" if weight is None else f"one of {tuple(weight.shape)}"
            raise SeglabError(
                f"model.encoder_weights: expected {name} {tuple(tensor.shape)} in {path}; came {came} - it has to be "
                "the library's own file of model.encoder_name, and images of 3 channels"
            )
        new[name] = weight
    if strange := _of_another_network(theirs, encoder):
        raise SeglabError(
            f"model.encoder_weights: expected the tensors of {_architecture(encoder)} and its classifier; {path} holds "
            f"others as well: {listed(sorted(strange), most=4)} - it is the file of another network: name that one in "
            "model.encoder_name, or get this one's"
        )
    encoder.load_state_dict(new)
    unused = f"; not used: {', '.join(sorted(theirs))}" if theirs else ""
    log.info("encoder: %d tensors of %s%s", len(new), path, unused[:300])


def _as_built(read: dict[str, Tensor], encoder: nn.Module, further: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors as timm's own loading gives them to this network: renamed, positions and tables resampled."""
    network, name = _of_library(encoder), _architecture(encoder)
    if not name:
        return read  # of smp's own encoders, whose files are as they are
    import timm

    if "feature_info" in vars(network) and not isinstance(vars(network)["feature_info"], list):
        network = timm.create_model(name, num_classes=0, **further)  # the flattened one has no part of its own name
    rename = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    renamed: dict[str, Tensor] = rename(read, network) if rename else read
    return renamed


def _of_another_network(unused: Iterable[str], encoder: nn.Module) -> list[str]:
    """Those that timm's whole network of this name has not: a deeper one fits the blocks of a shallower one.

    Blocks that the encoder leaves out on purpose are not among them, nor what classifies images.
    """
    strange = [key for key in unused if not key.startswith(_CLASSIFYING)]
    if not strange or not _architecture(encoder):
        return []
    import timm

    known = {key.replace(".", "_") for key in timm.create_model(_architecture(encoder)).state_dict()}
    return [key for key in strange if key not in known]


def _of_library(encoder: nn.Module) -> nn.Module:
    """The network of timm in smp's encoder, or the encoder itself."""
    return dict(encoder.named_children()).get("model", encoder)


def _architecture(encoder: nn.Module) -> str:
    """What timm calls its network; empty for smp's own."""
    return str(getattr(_of_library(encoder), "pretrained_cfg", {}).get("architecture", ""))


def _further_arguments(build: Callable[..., nn.Module]) -> dict[str, Any]:
    """Those that smp's class hands on to timm: it does not name them itself."""
    given = getattr(build, "keywords", {})
    named = inspect.signature(getattr(build, "func", build)).parameters
    return {key: value for key, value in given.items() if key not in named}
