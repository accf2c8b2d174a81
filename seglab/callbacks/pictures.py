"""Pictures of what the network predicts, while it learns."""

from pathlib import Path

import numpy as np
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from torch import Tensor

from seglab.batch import Batch
from seglab.display import draw
from seglab.display.rgb import as_rgb
from seglab.labels import IGNORE_INDEX, LabelSpace
from seglab.runs.png import write_png


class Pictures(Callback):
    """Draws the first validation samples as one sheet, `<run>/pictures/epoch_003.png`, every so many epochs.

    The sheet of the last validation is always drawn. W&B gets the images with both masks, TensorBoard the sheet.

    Args:
        every_n_epochs: 1 for a sheet after each epoch; 0 for one at the end of the training alone.
        samples: rows of the sheet; in several processes, the first samples of process zero.
    """

    def __init__(self, *, every_n_epochs: int, samples: int) -> None:
        self.every_n_epochs = every_n_epochs
        self.samples = samples
        self._collected: list[draw.Sample] = []
        self._is_drawn = True
        self._epoch = 0  # of the collected samples, counted from 1
        self._step = 0

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._collected = []

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: dict[str, Tensor], batch: Batch, *unused: int
    ) -> None:
        missing = self.samples - len(self._collected)
        if missing < 1 or trainer.sanity_checking or not trainer.is_global_zero:
            return
        # Only what will be drawn leaves the device.
        images = batch["image"][:missing].permute(0, 2, 3, 1).cpu().numpy()  # (B, H, W, C)
        truths = batch["mask"][:missing].cpu().numpy().astype(np.uint8)
        predictions = outputs["pred"][:missing].cpu().numpy().astype(np.uint8)
        names = batch["name"][:missing]
        self._collected += map(draw.Sample, names, map(as_rgb, images), truths, predictions)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._collected or trainer.state.fn != "fit":
            return
        self._epoch = trainer.current_epoch + 1
        self._step = max(trainer.global_step - 1, 0)  # where the scores of this validation are logged
        self._is_drawn = False
        if self.every_n_epochs and self._epoch % self.every_n_epochs == 0:
            self._draw(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Here and not in the last epoch: early stopping decides only after a validation that it was the last.
        if not self._is_drawn:
            self._draw(trainer)

    def _draw(self, trainer: Trainer) -> None:
        label_space = trainer.datamodule.label_space
        sheet = draw.stack(self._collected, label_space)
        write_png(Path(trainer.default_root_dir) / "pictures" / f"epoch_{self._epoch:03d}.png", sheet)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                _to_wandb(logger, self._collected, label_space, step=self._step)
            elif isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("val/pictures", sheet, self._step, dataformats="HWC")
        self._is_drawn = True


def _to_wandb(logger: WandbLogger, samples: list[draw.Sample], label_space: LabelSpace, *, step: int) -> None:
    """Images whose masks can be switched on and off on W&B, with the names of the classes."""
    class_labels = {**dict(enumerate(label_space.names)), IGNORE_INDEX: "void"}
    masks = [
        {
            "prediction": {"mask_data": sample.prediction, "class_labels": class_labels},
            "ground_truth": {"mask_data": sample.truth, "class_labels": class_labels},
        }
        for sample in samples
    ]
    images = [sample.image for sample in samples]
    logger.log_image("val/pictures", images, step=step, caption=[sample.name for sample in samples], masks=masks)
