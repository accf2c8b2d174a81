"""Sheets of validation samples: when, where, with what in them."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from seglab.callbacks.pictures import Pictures
from seglab.labels import label_space
from seglab.loggers.trackers import tensorboard_logger

pytestmark = pytest.mark.filterwarnings("ignore:.*num_workers.*", "ignore:.*LeafSpec.*:FutureWarning")
SPACE = label_space("cityscapes_19")
ROAD, SKY, VOID = 0, 10, 255


class Scenes(LightningDataModule):
    label_space = SPACE

    def _loader(self):
        image = torch.full((3, 64, 64), 90, dtype=torch.uint8)
        mask = torch.full((64, 64), ROAD, dtype=torch.uint8)
        mask[:8] = VOID
        return DataLoader([{"image": image, "mask": mask, "name": f"scene {k}"} for k in range(5)], batch_size=2)

    train_dataloader = val_dataloader = _loader


class SaysSky(LightningModule):
    """Predicts sky everywhere; stops after epoch `last`, counted from 0."""

    def __init__(self, last=100):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.last = last

    def training_step(self, batch, batch_idx):
        return self.layer(torch.ones(1, 1)).mean()

    def validation_step(self, batch, batch_idx):
        return {"pred": torch.full_like(batch["mask"], SKY)}

    def on_train_epoch_end(self):
        self.trainer.should_stop = self.current_epoch == self.last

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(folder: Path, pictures: Pictures, *, epochs=4, module=None, logger=False, sanity=0) -> list[str]:
    trainer = Trainer(
        accelerator="cpu", max_epochs=epochs, logger=logger, callbacks=[pictures], enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder, num_sanity_val_steps=sanity,
        limit_train_batches=1, log_every_n_steps=1,
    )  # fmt: skip
    trainer.fit(module or SaysSky(), datamodule=Scenes())
    return sorted(path.name for path in (folder / "pictures").glob("*"))


@pytest.mark.parametrize(
    ("every", "files"),
    [
        (1, ["epoch_001.png", "epoch_002.png", "epoch_003.png", "epoch_004.png"]),
        (3, ["epoch_003.png", "epoch_004.png"]),
        (0, ["epoch_004.png"]),
    ],
)
def test_every_so_many_epochs_and_at_the_end(tmp_path, every, files):
    assert fit(tmp_path, Pictures(every_n_epochs=every, samples=2), sanity=2) == files


def test_the_last_epoch_is_drawn_when_the_run_stops_early(tmp_path):
    assert fit(tmp_path, Pictures(every_n_epochs=10, samples=2), module=SaysSky(last=1)) == ["epoch_002.png"]


def test_sheet_shows_the_first_samples_with_truth_and_prediction(tmp_path):
    fit(tmp_path, Pictures(every_n_epochs=1, samples=3), epochs=1)
    sheet = cv2.imread(str(tmp_path / "pictures" / "epoch_001.png"))[..., ::-1]
    assert sheet.shape[0] == 32 + 3 * (256 + 32) + 32 * 1
    row = sheet[32 + 200]
    assert tuple(row[6 + 100]) == (90, 90, 90)
    assert tuple(row[6 + 262 + 100]) == SPACE.colors[ROAD]
    assert tuple(row[6 + 2 * 262 + 100]) == SPACE.colors[SKY]
    assert tuple(sheet[32 + 5][6 + 262 + 100]) == (0, 0, 0)


def test_nothing_is_copied_beyond_the_samples_that_are_drawn():
    pictures = Pictures(every_n_epochs=1, samples=3)
    trainer = SimpleNamespace(sanity_checking=False, is_global_zero=True)
    batch = {
        "image": torch.zeros(2, 3, 8, 8, dtype=torch.uint8),
        "mask": torch.zeros(2, 8, 8, dtype=torch.uint8),
        "name": ["a", "b"],
    }
    for index in range(4):
        outputs = {"pred": torch.zeros(2, 8, 8, dtype=torch.uint8)}
        pictures.on_validation_batch_end(trainer, None, outputs, batch, index)
    assert [sample.name for sample in pictures._collected] == ["a", "b", "a"]
    assert pictures._collected[0].image.shape == (8, 8, 3)


def test_only_process_zero_draws():
    pictures = Pictures(every_n_epochs=1, samples=3)
    pictures.on_validation_batch_end(SimpleNamespace(sanity_checking=False, is_global_zero=False), None, {}, {}, 0)
    assert pictures._collected == []


def test_tensorboard_gets_the_sheet(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = tensorboard_logger(tmp_path)
    assert isinstance(logger, TensorBoardLogger)
    fit(tmp_path, Pictures(every_n_epochs=1, samples=1), epochs=1, logger=logger)
    assert list(tmp_path.glob("events.out.*"))
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    (event,) = events.Images("val/pictures")
    sheet = cv2.imdecode(np.frombuffer(event.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    assert (sheet == cv2.imread(str(tmp_path / "pictures" / "epoch_001.png"))).all()
