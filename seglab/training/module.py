"""The LightningModule around any network: steps, logging, optimizer. It knows no config and no dataset."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import seglab.lean_imports  # noqa: F401

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from seglab.batch import Batch
from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX
from seglab.losses import Loss, MatchingLoss
from seglab.losses.auxiliary import loss_and_terms
from seglab.metrics import ConfusionMatrix, readings
from seglab.models.auxiliary import WithAuxiliary
from seglab.models.queries import Queries
from seglab.models.scheduled import Scheduled
from seglab.training.adaptation import Adaptation
from seglab.training.distillation import Distillation
from seglab.training.mean_loss import MeanLoss, own_part
from seglab.training.optimizer import OptimizerFactory, build_optimizer
from seglab.training.outputs import checked, label_maps, mapped, per_pixel, resize_logits
from seglab.training.schedule import Schedule

_NEVER = sys.maxsize  # epochs between two steps that Lightning makes of a schedule


class SegmentationModule(LightningModule):
    """Trains and scores one network.

    Args:
        network: maps a normalised image (B, 3, H, W) to logits (B, K, h, w); with others than RGB, (B, C, H, W). In
            training mode it may return them in a WithAuxiliary, or Queries.
        loss: `loss(logits, mask) -> scalar`, given logits at the size of the mask.
        class_names: the K names, in the order of the train ids.
        optimizer: called with the parameters, or with groups of them.
        schedule: called with the optimizer and the number of steps of the training.
        size_divisor: the network wants heights and widths that are multiples of it.
        channels_last: keep maps with the channels innermost, which most convolutions are faster with.
        mean, std: of each channel, on the scale 0..1.
        encoder_lr, layer_decay, decay_norm_and_bias: see `seglab.training.optimizer`; the defaults treat all parameters
            alike.
        auxiliary, boundary: weights of the outputs that a network has in training alone, see seglab.losses.auxiliary.
        num_outputs: K of the network; None for one a class. Of more outputs than classes the first are the classes, and
            a pixel for which another is the strongest counts as missed.
        adaptation: what of the network learns; None for all of it.
        compiled: train by what torch.compile makes of the network. Names of weights and validation, whose scores are
            those of an evaluation to the bit, stay those of the network itself.
        distillation: what it learns from beside the labels; None for nothing.

    Raises:
        SeglabError: the network has fewer outputs than there are classes.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        loss: Loss,
        class_names: Sequence[str],
        optimizer: OptimizerFactory,
        schedule: Schedule,
        size_divisor: int,
        channels_last: bool,
        mean: Sequence[float],
        std: Sequence[float],
        encoder_lr: float = 1.0,
        layer_decay: float = 1.0,
        decay_norm_and_bias: bool = True,
        auxiliary: float = 0.4,
        boundary: float = 20.0,
        num_outputs: int | None = None,
        adaptation: Adaptation | None = None,
        compiled: bool = False,
        distillation: Distillation | None = None,
    ) -> None:
        super().__init__()
        self._memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.network = network.to(memory_format=self._memory_format)
        self.loss = loss
        self.class_names = tuple(class_names)
        self._optimizer = optimizer
        self._schedule = schedule
        self._encoder_lr = encoder_lr
        self._layer_decay = layer_decay
        self._decay_norm_and_bias = decay_norm_and_bias
        self._adaptation = adaptation
        self._compiled = compiled
        self._in_training: Callable[[Tensor], Any] | None = None  # the network compiled, in a training alone
        self._is_adapted = False
        self._distillation = distillation
        self._auxiliary, self._boundary = auxiliary, boundary
        self.size_divisor = size_divisor
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1) * 255, persistent=False)
        self.train_loss = MeanLoss()
        # Saved with the weights: the mean of an epoch that was interrupted and continued is that of the whole epoch.
        self.train_loss.persistent(True)
        self.val_loss = MeanLoss()
        self.calibration: nn.Module | None = None  # of logits (B, K, H, W) in `forward`; a training has none
        self.num_outputs = len(self.class_names) if num_outputs is None else num_outputs
        if self.num_scores < len(self.class_names):
            raise SeglabError(
                f"model.classes={num_outputs}: expected an output for each of the {len(self.class_names)} classes of "
                "data.labels - leave model.classes out"
            )
        self.confusion = ConfusionMatrix(len(self.class_names), misses=self.num_scores > len(self.class_names))
        # The newest: {"confusion": (K, K) int64, "loss": float, "step": int}
        self.validation: dict[str, Any] = {}

    @property
    def num_scores(self) -> int:
        """Channels of `forward`: those of the network, or what the loss makes of them."""
        return self.loss.scores(torch.zeros(1, self.num_outputs, 1, 1, device=self.device)).shape[1]

    @property
    def channels(self) -> int:
        """C of the images."""
        return self.mean.shape[1]

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, K, H, W) at the size of the image, uint8 (B, C, H, W), or uint16 of 257 times the values."""
        scores = self.loss.scores(self.outputs(image))
        return scores if self.calibration is None else self.calibration(scores)

    def outputs(self, image: Tensor) -> Tensor:
        """What the loss is computed of: the network's outputs at the size of the image, logits in all but mse_rgb."""
        return self._on_image(self._answer(image), image.shape[-2:]).logits

    def _answer(self, image: Tensor) -> WithAuxiliary | Queries:
        """The same, and what the network says beside it in training, of the image padded as `_padding` says."""
        image = ((on_scale_of_bytes(image).float() - self.mean) / self.std).contiguous(
            memory_format=self._memory_format
        )
        padding = self._padding(image.shape[-2:])
        if any(padding):
            image = nn.functional.pad(image, padding)  # zero is the mean colour
        network = self._in_training if self._in_training and self.training else self.network
        try:
            answer = network(image)
        except ValueError as error:
            if not str(error).startswith("Expected more than 1 value per channel"):
                raise
            raise SeglabError(
                f"{type(self.network).__name__} has BatchNorm on a map of a single pixel: expected two images or more "
                f"in a batch; came {len(image)} - set data.batch_size=2 or more"
            ) from error
        return checked(answer, num_outputs=self.num_outputs, of=type(self.network).__name__)

    def _padding(self, size: Sequence[int]) -> tuple[int, int, int, int]:
        """Below and to the right, which keeps the sampling grid of the image."""
        height, width = size
        return 0, -width % self.size_divisor, 0, -height % self.size_divisor

    def _on_image(self, answer: WithAuxiliary | Queries, size: Sequence[int]) -> WithAuxiliary:
        """The answer of the padded image, of pixels, for the image alone and at its `size`."""
        (height, width), (_, right, _, below) = size, self._padding(size)
        padded = (height + below, width + right)
        return mapped(per_pixel(answer, size=padded), lambda maps: resize_logits(maps, padded)[..., :height, :width])

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        if isinstance(self.network, Scheduled):
            self.network.set_progress(self.trainer.global_step / self._steps_of_all())

    def _steps_of_all(self) -> int:
        return int(self.trainer.estimated_stepping_batches)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        answer, mask = self._answer(batch["image"]), batch["mask"]
        loss, terms = self._loss_and_terms(answer, mask)
        if self._distillation is not None:
            scores = self.loss.scores(self._on_image(answer, mask.shape[-2:]).logits)
            terms["distillation"] = self._distillation.loss(scores, batch["image"], mask)
            loss = loss + self._distillation.weight * terms["distillation"]
        self.train_loss.update(loss.detach())
        if self._is_logged(batch_idx):
            values = {"train/loss_step": loss.item()}
            if len(terms) > 1:
                values |= {f"train/loss_step/{name}": value.item() for name, value in terms.items()}
            self._log_now(values, step=self.trainer.global_step)
        return loss

    def _loss_and_terms(self, answer: WithAuxiliary | Queries, mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        if isinstance(self.loss, MatchingLoss):
            mask = nn.functional.pad(mask, self._padding(mask.shape[-2:]), value=IGNORE_INDEX)
            terms = self.loss.terms_of_answer(answer, mask)
            return self.loss.combine(terms), terms
        outputs = self._on_image(answer, mask.shape[-2:])
        return loss_and_terms(self.loss, outputs, mask, auxiliary=self._auxiliary, boundary=self._boundary)

    def on_train_epoch_end(self) -> None:
        value = float(self.train_loss.compute())
        self.train_loss.reset()
        self.log("train/loss", value, logger=False, sync_dist=True)  # for callbacks
        self._log_now({"train/loss": value}, step=self.trainer.global_step - 1)

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """{"pred": label maps uint8 (B, H, W)}, for the callbacks that draw."""
        mask = batch["mask"]
        outputs = self.outputs(batch["image"])
        scores = self.loss.scores(outputs)
        pred = label_maps(scores, num_classes=len(self.class_names))  # (B, H, W)
        self._add_losses(outputs, mask)
        self.confusion.update(pred, mask)
        return {"pred": pred}

    def _add_losses(self, outputs: Tensor, mask: Tensor) -> None:
        """Image by image: a Dice of two images is not the mean of theirs, and val/loss would depend on the batches.

        An image weighs as much as its labelled pixels, with class weights as much as theirs. So val/loss is the
        cross-entropy over all pixels of the split, weighted or not, and of other losses the mean over the images.
        """
        images = zip(outputs.split(1), mask.split(1), strict=True)
        losses = [self.loss(one_output, one_mask) for one_output, one_mask in images]
        weight = (mask != IGNORE_INDEX).float()  # (B, H, W)
        if self.loss.class_weights is not None:
            weight = weight * self.loss.class_weights[torch.where(mask == IGNORE_INDEX, 0, mask).long()]
        for loss, one_weight in zip(losses, weight.sum((1, 2)), strict=True):
            self.val_loss.update(loss, weight=one_weight)

    def on_validation_epoch_end(self) -> None:
        matrix = self.confusion.compute().cpu()
        self.validation = {
            "confusion": matrix,
            "loss": float(self.val_loss.compute()),
            "step": self.trainer.global_step,
        }
        readings_of_all = readings.named(matrix, self.class_names, prefix="val")
        self.log_dict({"val/loss": self.validation["loss"], **readings_of_all}, sync_dist=True)
        self.confusion.reset()
        self.val_loss.reset()

    def on_validation_end(self) -> None:
        """Steps a schedule that waits for a score.

        Lightning steps it after the hook in which last.ckpt is saved, and not at all in an epoch that is continued; it
        counts epochs, and asks for the score in epochs without a validation.
        """
        if self.trainer.sanity_checking or self.trainer.state.fn != "fit":
            return
        logged = self.trainer.callback_metrics
        for schedule in self.trainer.lr_scheduler_configs:
            if schedule.reduce_on_plateau and schedule.monitor not in logged:
                raise SeglabError(f"scheduler.monitor is {schedule.monitor!r}; expected one of {', '.join(logged)}")
            if schedule.reduce_on_plateau:
                schedule.scheduler.step(float(logged[schedule.monitor]))

    def _is_logged(self, batch_idx: int) -> bool:
        trainer = self.trainer
        closes_step = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        return closes_step and (trainer.global_step + 1) % trainer.log_every_n_steps == 0

    def _log_now(self, values: dict[str, float], *, step: int) -> None:
        """Lightning's own `log` writes after the hooks in which checkpoints are saved: a kill would lose the row."""
        for logger in self.loggers:
            logger.log_metrics({"epoch": self.current_epoch, **values}, step=step)

    def setup(self, stage: str) -> None:
        # Not in configure_model, of which Lightning's own averages of weights warn.
        if stage == "fit":
            self.adapt()
        if stage == "fit" and self._compiled:
            # A function: the network would else be a submodule twice. Each size is compiled for itself: otherwise what
            # is compiled depends on the sizes before, and so the numbers of a run on whether it was interrupted.
            self._in_training = torch.compile(self.network.__call__, dynamic=False)

    def adapt(self) -> None:
        """Makes the network ready for a training of a part of it, once; until then it is the plain one."""
        if self._adaptation is not None and not self._is_adapted:
            self._adaptation.apply(self.network)
            self._is_adapted = True

    def configure_optimizers(self) -> Any:
        optimizer = build_optimizer(
            self._optimizer,
            self,
            network=self.network,
            encoder_lr=self._encoder_lr,
            layer_decay=self._layer_decay,
            decay_norm_and_bias=self._decay_norm_and_bias,
        )
        schedule = self._schedule(optimizer, total_steps=self._steps_of_all())
        if schedule is None:
            return optimizer
        if isinstance(schedule["scheduler"], ReduceLROnPlateau):
            schedule = {**schedule, "interval": "epoch", "frequency": _NEVER}  # stepped in `on_validation_end`
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["seglab"] = {
            "validation": self.validation,
            "class_names": list(self.class_names),
            "train_loss": self.train_loss.of_processes(self.all_gather),
        }
        if self._adaptation is not None:
            self._adaptation.leave(self.network, checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self._adaptation is not None:
            self._adaptation.enter(checkpoint)
        state = checkpoint["seglab"]
        self.validation = dict(state["validation"])
        if "train_loss" in state:  # among the weights stands what the first process had
            total, weight = own_part(state["train_loss"], rank=self.trainer.global_rank, of=self.trainer.world_size)
            own = {"train_loss.total": torch.tensor(total), "train_loss.weight": torch.tensor(weight)}
            if "state_dict" in checkpoint:
                checkpoint["state_dict"].update(own)
            else:  # trainer=fsdp has read the weights by now
                self.load_state_dict(own, strict=False)


def on_scale_of_bytes(image: Tensor) -> Tensor:
    """0..255: a uint16 image as float, any other as it is. Few operations of torch know uint16."""
    return image.float() / 257 if image.dtype == torch.uint16 else image  # 65535 becomes 255
