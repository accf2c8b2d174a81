"""metrics.csv of an interrupted and continued run equals that of a straight one."""

import csv

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import LearningRateMonitor
from torch.utils.data import DataLoader

from seglab.loggers.csv_logger import RunCSVLogger
from seglab.runs.metrics_file import read_history, read_rows

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*num_workers.*", "ignore:.*LeafSpec.*:FutureWarning", "ignore:.*your dataloader is not resumable.*"
)
STEPS, EPOCHS = 6, 3


class Counting(LightningModule):
    """Logs values that depend on the step alone, under the names of the real module."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, batch_idx):
        self.log("train/loss_step", float(self.global_step))
        return self.layer(batch).mean()

    def on_train_epoch_end(self):
        self.log("train/loss", float(self.current_epoch))

    def validation_step(self, batch, batch_idx):
        self.log_dict({"val/loss": 0.5 + self.global_step, "val/miou": float("nan")})

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, step_size=1)]


class SaveAndDie(Callback):
    """Saves after batch `save` and stops the process's work after batch `die`, both counted from 1 over all epochs."""

    def __init__(self, path, *, save, die):
        self.path, self.save, self.die = path, save, die

    def on_train_batch_end(self, trainer, *args):
        done = trainer.fit_loop.epoch_loop.batch_progress.total.ready
        if done == self.save and not trainer.is_last_batch:
            trainer.save_checkpoint(self.path)
        if done == self.die:
            raise RuntimeError("killed")

    def on_train_epoch_end(self, trainer, *args):
        if trainer.fit_loop.epoch_loop.batch_progress.total.ready == self.save:
            trainer.save_checkpoint(self.path)


def fit(folder, *callbacks, checkpoint=None, every=1):
    trainer = Trainer(
        accelerator="cpu", max_epochs=EPOCHS, log_every_n_steps=every, logger=RunCSVLogger(folder),
        num_sanity_val_steps=0, callbacks=[LearningRateMonitor("epoch"), *callbacks], enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder, val_check_interval=3,
    )  # fmt: skip
    loader = DataLoader(torch.ones(STEPS, 1))
    trainer.fit(Counting(), loader, loader, ckpt_path=checkpoint, weights_only=True)


@pytest.mark.parametrize("every", [1, 4])
@pytest.mark.parametrize(("save", "die"), [(4, 5), (4, 11), (6, 8), (7, 16)])
def test_killed_and_continued_equals_straight(tmp_path, save, die, every):
    fit(tmp_path / "straight", every=every)
    path = tmp_path / "last.ckpt"
    with pytest.raises(RuntimeError, match="killed"):
        fit(tmp_path / "broken", SaveAndDie(path, save=save, die=die), every=every)
    fit(tmp_path / "broken", checkpoint=path, every=every)
    straight = (tmp_path / "straight" / "metrics.csv").read_text()
    assert (tmp_path / "broken" / "metrics.csv").read_text() == straight
    rows = list(csv.DictReader(straight.splitlines()))
    assert [float(row["train/loss"]) for row in rows if row["train/loss"]] == [0, 1, 2]


def test_what_the_continued_run_has_not_reached_is_gone(tmp_path):
    path = tmp_path / "last.ckpt"
    for die, checkpoint in ((16, None), (8, path)):
        with pytest.raises(RuntimeError, match="killed"):
            fit(tmp_path, SaveAndDie(path, save=4, die=die), checkpoint=checkpoint)
    steps = [int(row["step"]) for row in read_rows(tmp_path / "metrics.csv")]
    assert max(steps) == 6  # the seventh step; the eighth died before it was logged
    assert steps == sorted(steps)


def test_file_is_in_the_run_folder_and_reads_as_expected(tmp_path):
    logger = RunCSVLogger(tmp_path)
    logger.log_metrics({"train/loss_step": 1.5, "epoch": 0}, step=0)
    logger.log_metrics({"val/miou": torch.tensor(0.25), "epoch": 0}, step=1)
    logger.log_metrics({"train/loss_step": float("nan"), "epoch": 1}, step=2)
    assert (tmp_path / "metrics.csv").read_text() == (
        "epoch,step,train/loss_step,val/miou\n0,0,1.5,\n0,1,,0.25\n1,2,nan,\n"
    )
    assert read_history(tmp_path / "metrics.csv")[1] == {"epoch": 0.0, "step": 1.0, "val/miou": 0.25}


def test_half_a_row_at_the_end_is_dropped(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,step,train/loss_step\n0,0,1.5\n0,1,1.")
    assert [row["step"] for row in read_rows(path)] == ["0"]
    RunCSVLogger(tmp_path).log_metrics({"train/loss_step": 1.25, "epoch": 0}, step=1)
    assert path.read_text() == "epoch,step,train/loss_step\n0,0,1.5\n0,1,1.25\n"


def test_scoring_a_run_again_keeps_its_history(tmp_path):
    logger = RunCSVLogger(tmp_path)
    for step in range(3):
        logger.log_metrics({"train/loss_step": 1.0}, step=step)
    RunCSVLogger(tmp_path).log_metrics({"test/miou": 0.5}, step=0)
    assert [row["step"] for row in read_rows(tmp_path / "metrics.csv")] == ["0", "1", "2", "0"]


@pytest.mark.parametrize(
    "damage",
    [b"\0" * 12, b"0,2", b"0,2,1.5,7", b"0,2,1.\0", b"0,\xff,1.5", b'"0,2,1.5', b"0,,1.5", b"", b"0,2,1e999"],
    ids=["zeros", "torn", "two in one", "a zero", "no text", "a quote", "no step", "nothing", "no number"],
)
def test_a_damaged_row_is_left_out_and_the_run_goes_on(tmp_path, caplog, damage):
    path = tmp_path / "metrics.csv"
    content = b"epoch,step,train/loss_step\n0,0,1.5\n0,1,nan\n" + damage + b"\n0,3,2.5\n"
    path.write_bytes(content)
    assert [row["step"] for row in read_history(path)] == [0, 1, 3]
    RunCSVLogger(tmp_path).log_metrics({"train/loss_step": 1.25, "epoch": 0}, step=4)
    assert path.read_text() == "epoch,step,train/loss_step\n0,0,1.5\n0,1,nan\n0,3,2.5\n0,4,1.25\n"
    assert "1 of 4 rows are damaged" in caplog.text
    assert (tmp_path / "metrics.csv.damaged").read_bytes() == content


def test_without_its_header_a_file_begins_anew_and_is_kept(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_bytes(b"\0\0\0\0\n0,0,1.5\n")
    RunCSVLogger(tmp_path).log_metrics({"train/loss_step": 1.25, "epoch": 0}, step=1)
    assert path.read_text() == "epoch,step,train/loss_step\n0,1,1.25\n"
    assert (tmp_path / "metrics.csv.damaged").exists()
