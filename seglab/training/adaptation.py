"""Which weights of a network learn, where not all of them do: a linear probe, or LoRA."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import seglab.lean_imports  # noqa: F401

from lightning import Callback
from torch import nn

from seglab.callbacks.adapters import Adapters
from seglab.callbacks.freeze import FreezeEncoder
from seglab.models import lora
from seglab.models.parts import encoder_name

log = logging.getLogger("seglab")

_ADAPTERS = "adapters"  # a key of last.ckpt, whose "state_dict" holds the plain network


class Adaptation(ABC):
    """How a network is made ready for a training of a part of it. What it is saved as is the plain network."""

    @abstractmethod
    def apply(self, network: nn.Module) -> None:
        """Freezes and adds, in place, when the network has its first weights.

        Raises:
            SeglabError: the network has no encoder, or not the layers that were asked for.
        """

    @abstractmethod
    def callbacks(self) -> list[Callback]:
        """What keeps it so during the training."""

    def leave(self, network: nn.Module, checkpoint: dict[str, Any]) -> None:  # noqa: B027
        """Puts the tensors of the plain network into a checkpoint that is about to be written; `network` stays."""

    def enter(self, checkpoint: dict[str, Any]) -> None:  # noqa: B027
        """Puts the tensors of the network in training into a checkpoint that was read."""


class LinearProbe(Adaptation):
    """The encoder stays as it is, buffers included, and runs as in evaluation; only what is behind it learns."""

    def apply(self, network: nn.Module) -> None:
        name = encoder_name(network, setting="adapt=linear_probe", instead="use adapt=full")
        network.get_submodule(name).requires_grad_(False)

    def callbacks(self) -> list[Callback]:
        return [FreezeEncoder(until_epoch=None, batch_norm=True, eval_mode=True)]


class Lora(Adaptation):
    """Of the encoder only low-rank additions to some of its layers learn; what is behind it learns whole.

    Args:
        rank, alpha, dropout, modules: see seglab.models.lora.add_adapters.
    """

    def __init__(self, *, rank: int, alpha: float, dropout: float, modules: Sequence[str]) -> None:
        self.rank = rank
        self.alpha = alpha
        self.dropout = dropout
        self.modules = modules

    def apply(self, network: nn.Module) -> None:
        encoder = network.get_submodule(encoder_name(network, setting="adapt=lora", instead="use adapt=full"))
        names = lora.add_adapters(
            encoder, rank=self.rank, alpha=self.alpha, dropout=self.dropout, modules=self.modules
        )  # fmt: skip
        learning = sum(parameter.numel() for parameter in encoder.parameters() if parameter.requires_grad)
        log.info("LoRA of rank %d in %d layers of the encoder: %s weights", self.rank, len(names), f"{learning:,}")

    def callbacks(self) -> list[Callback]:
        return [Adapters()]

    def leave(self, network: nn.Module, checkpoint: dict[str, Any]) -> None:
        plain, adapters = lora.merged(network, checkpoint["state_dict"], prefix="network.")
        checkpoint["state_dict"] = plain
        if "optimizer_states" in checkpoint:  # a sum cannot be taken apart: what goes on needs its parts
            checkpoint[_ADAPTERS] = adapters

    def enter(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["state_dict"] = lora.unmerged(checkpoint["state_dict"], checkpoint[_ADAPTERS])
