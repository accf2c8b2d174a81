"""Training with the encoder held still, to the end or for the first epochs."""

import logging

from lightning import Callback, LightningModule, Trainer
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from seglab.errors import SeglabError
from seglab.models.parts import encoder_name

log = logging.getLogger("seglab")


class FreezeEncoder(Callback):
    """Keeps the weights of the network's encoder as they are before epoch `until_epoch`; for ever if that is None.

    Whether it is frozen depends on the epoch alone: an interrupted run continues exactly. The optimizer holds the
    encoder's parameters from the start; without gradients it passes them over, weight decay included.

    Args:
        until_epoch: the first epoch, counted from 0, that trains the encoder.
        batch_norm: keep the statistics of its BatchNorm layers still as well, by running them in eval mode.
        eval_mode: run all of the encoder in eval mode meanwhile, without dropout and drop path.
    """

    def __init__(self, *, until_epoch: int | None, batch_norm: bool, eval_mode: bool = False) -> None:
        self.until_epoch = until_epoch
        self.batch_norm = batch_norm
        self.eval_mode = eval_mode
        self._trainable: list[nn.Parameter] = []  # without those that the network itself holds still

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if self.until_epoch is not None and trainer.world_size > 1:
            raise SeglabError(
                f"callbacks.freeze.until_epoch={self.until_epoch}: expected one device, came {trainer.world_size}, "
                "where parameters freed later would never get gradients - train twice: with until_epoch=null, then "
                "without this callback and with init_from=FIRST_RUN"
            )
        self._trainable = [parameter for parameter in _encoder(pl_module).parameters() if parameter.requires_grad]
        # Here already: what has no gradient when the network is distributed is left out there.
        self._set_gradients(frozen=self._is_frozen(trainer))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Lightning does not call the hook below for the epoch in which a run is continued.
        self._apply(trainer, pl_module)
        if self._is_frozen(trainer):
            end = "the end" if self.until_epoch is None else f"epoch {self.until_epoch}"
            log.info("encoder: %s tensors frozen until %s", len(self._trainable), end)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._apply(trainer, pl_module)

    def _is_frozen(self, trainer: Trainer) -> bool:
        # Not trainer.current_epoch, which is one behind where a run is continued from the end of an epoch.
        epoch = trainer.fit_loop.epoch_progress.current.processed
        return self.until_epoch is None or epoch < self.until_epoch

    def _apply(self, trainer: Trainer, pl_module: LightningModule) -> None:
        frozen = self._is_frozen(trainer)
        self._set_gradients(frozen=frozen)
        if self.eval_mode:
            _encoder(pl_module).train(not frozen)
        if self.batch_norm:
            hold_statistics(_encoder(pl_module), still=frozen)

    def _set_gradients(self, *, frozen: bool) -> None:
        for parameter in self._trainable:
            parameter.requires_grad_(not frozen)


def hold_statistics(encoder: nn.Module, *, still: bool) -> None:
    """Keeps those of BatchNorm layers as they are, by running these in eval mode; or lets them follow the batches."""
    for module in encoder.modules():
        if isinstance(module, _BatchNorm):  # SyncBatchNorm is one
            module.train(not still)


def encoder_of(module: LightningModule, *, setting: str, instead: str) -> nn.Module:
    """The encoder of the module's network; arguments and errors are those of seglab.models.parts.encoder_name."""
    return module.network.get_submodule(encoder_name(module.network, setting=setting, instead=instead))


def _encoder(module: LightningModule) -> nn.Module:
    return encoder_of(module, setting="callbacks=freeze_encoder", instead="leave the callback out")
