"""Averages of the weights over the steps of a training: what is validated and kept is the average.

Lightning's own (WeightAveraging) wait for the device at every step, and validate the untrained weights before their
first update.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from seglab.errors import SeglabError

_TRAINED = "trained_weights"  # a key of last.ckpt, whose "state_dict" holds the average


class _WeightAverage(Callback, ABC):
    """Exchanges the network's weights and their average around each validation; last.ckpt holds both.

    Buffers are averaged too, those of whole numbers taken over: BatchNorm's statistics are means as well, not measured
    anew. Before the first update nothing is exchanged.
    """

    def __init__(self) -> None:
        self._average: dict[str, Tensor] = {}  # by their names in the module
        self._updates = 0

    @abstractmethod
    def _is_due(self, trainer: Trainer, batch_idx: int) -> bool:
        """Whether the weights after this batch are taken into the average."""

    @abstractmethod
    def _share(self, updates: int) -> float:
        """Of the new weights in the average, after so many earlier ones."""

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not self._is_due(trainer, batch_idx):
            return
        weights = _weights(pl_module)
        if not self._updates:
            self._average = _copied(weights)
        names = [name for name in weights if weights[name].is_floating_point()]
        torch._foreach_lerp_(
            [self._average[name] for name in names], [weights[name] for name in names], self._share(self._updates)
        )
        for name in weights.keys() - set(names):
            self._average[name].copy_(weights[name])
        self._updates += 1

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._exchange(pl_module)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._exchange(pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._exchange(pl_module)

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self._updates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._updates = state_dict["updates"]

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if self._updates:
            weights = checkpoint["state_dict"]
            checkpoint[_TRAINED] = {name: weights[name] for name in self._average}
            checkpoint["state_dict"] = {**weights, **self._average}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if _TRAINED in checkpoint:  # the module has read "state_dict" by now
            self._average = _copied(_weights(pl_module))
            _write(checkpoint[_TRAINED], _weights(pl_module))

    def _exchange(self, module: LightningModule) -> None:
        if self._updates:
            weights = _weights(module)
            trained = _copied(weights)
            _write(self._average, weights)
            self._average = trained


class ExponentialAverage(_WeightAverage):
    """After each step: average = d * average + (1 - d) * weights, with d = min(decay, (1 + n) / (10 + n)) at update n.

    The rising d (that of TensorFlow's ExponentialMovingAverage) forgets the untrained weights within a short training.
    """

    def __init__(self, *, decay: float) -> None:
        super().__init__()
        self.decay = decay

    def _is_due(self, trainer: Trainer, batch_idx: int) -> bool:
        return (batch_idx + 1) % trainer.accumulate_grad_batches == 0 or trainer.is_last_batch

    def _share(self, updates: int) -> float:
        return 1 - min(self.decay, (1 + updates) / (10 + updates))


class EpochAverage(_WeightAverage):
    """The mean of the weights at the ends of epochs, of which the share `start` is left out (SWA, arXiv 1803.05407).

    The learning rate is the schedule's; that paper keeps it constant or cyclic meanwhile.
    """

    def __init__(self, *, start: float) -> None:
        super().__init__()
        self.start = start

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if not trainer.max_epochs or trainer.max_epochs < 1:
            raise SeglabError(
                f"callbacks.swa.start={self.start} is a share of the epochs: expected trainer.max_epochs >= 1, came "
                f"{trainer.max_epochs} - give their number, or use callbacks=ema"
            )

    def _is_due(self, trainer: Trainer, batch_idx: int) -> bool:
        epoch = trainer.fit_loop.epoch_progress.current.processed  # as in seglab.callbacks.freeze
        return trainer.is_last_batch and epoch >= int(self.start * (trainer.max_epochs or 0))

    def _share(self, updates: int) -> float:
        return 1 / (1 + updates)


def _weights(module: LightningModule) -> dict[str, Tensor]:
    """Those of the network, buffers included, as they lie in memory: what is written into them is in the network."""
    return {f"network.{name}": tensor for name, tensor in module.network.state_dict().items()}


def _copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tensors.items()}


@torch.no_grad()
def _write(values: dict[str, Tensor], into: dict[str, Tensor]) -> None:
    for name, tensor in into.items():
        tensor.copy_(values[name])
