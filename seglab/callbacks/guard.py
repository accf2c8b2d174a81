"""A run that meets NaN or infinity stops with its weights as they were before."""

from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from seglab.errors import NonFiniteError


class NonFiniteGuard(Callback):
    """Stops the training at the first step whose loss or gradient is not finite, before it reaches the weights.

    On the CPU the step is not made. On an accelerator nothing waits for the device: where something is not finite the
    gradients are zeroed there, and the verdict is read one step later. With 16-mixed precision an infinite gradient is
    the gradient scaler's daily business; there only the loss is watched.
    """

    def __init__(self) -> None:
        self._loss: Tensor | None = None
        self._verdict: Tensor | None = None  # of the previous step
        self._names: list[str] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._names = list(batch["name"])

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        self._loss = loss.detach()

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        gradients = [
            parameter.grad
            for group in optimizer.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        ]
        assert self._loss is not None
        finite = torch.isfinite(self._loss)
        if trainer.precision not in ("16-mixed", "16"):
            finite = finite & torch.isfinite(torch.nn.utils.get_total_norm(gradients))
        if finite.device.type == "cpu":
            if not finite:
                raise self._error(trainer)
            return
        for gradient in gradients:
            gradient.masked_fill_(~finite, 0.0)
        if self._verdict is not None and not self._verdict:
            raise self._error(trainer)
        self._verdict = finite

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._verdict is not None and not self._verdict:
            raise self._error(trainer)

    def _error(self, trainer: Trainer) -> NonFiniteError:
        assert self._loss is not None
        rates = ", ".join(f"{group['lr']:.3g}" for optimizer in trainer.optimizers for group in optimizer.param_groups)
        return NonFiniteError(
            f"the loss ({float(self._loss):.4g}) or a gradient was not finite in epoch {trainer.current_epoch}, "
            f"step {trainer.global_step} (learning rate {rates}; images {', '.join(self._names[:4])}). "
            "The weights were not touched; last.ckpt is from before. Lower optimizer.lr, add scheduler.warmup_steps or "
            "trainer.gradient_clip_val=1, or use trainer.precision=32-true"
        )
