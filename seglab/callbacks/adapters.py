"""Training of the low-rank additions to an encoder: what else of it stays still, and whether they take part at all."""

from typing import Any

from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from seglab.callbacks.freeze import encoder_of, hold_statistics
from seglab.errors import SeglabError, listed
from seglab.models.lora import adapted_layers


class Adapters(Callback):
    """Keeps the statistics of the encoder's BatchNorm layers, and refuses additions that the network never asks.

    A layer may be passed over, or its weights read by the code around it: its addition would learn nothing then, and
    be merged all the same.
    """

    def __init__(self) -> None:
        self._called: set[str] = set()
        self._hooks: list[RemovableHandle] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Lightning does not call the hook below for the epoch in which a run is continued.
        self._hold(pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._hold(pl_module)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *unused: Any) -> None:
        if self._hooks is None:
            layers = adapted_layers(pl_module.network)
            self._hooks = [layer.register_forward_pre_hook(self._note(name)) for name, layer in layers.items()]

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        if not self._hooks:
            return
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        silent = [name for name in adapted_layers(pl_module.network) if name not in self._called]
        if silent:
            raise SeglabError(
                f"adapt.modules: expected layers that the network calls; came {len(silent)} that it passes over, or "
                f"whose weights it reads by itself: {listed(silent, most=8)} - name others, such as mlp.fc1 and mlp.fc2"
            )

    def _note(self, name: str) -> Any:
        return lambda *unused: self._called.add(name)

    def _hold(self, module: LightningModule) -> None:
        hold_statistics(encoder_of(module, setting="adapt=lora", instead="use adapt=full"), still=True)
