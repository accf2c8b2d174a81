"""One line for each epoch; a moving line on a terminal alone; no control characters in a file."""

import io
import re

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from torch.utils.data import DataLoader

from seglab.callbacks.progress import QuietProgress, _batches_left

pytestmark = pytest.mark.filterwarnings("ignore:.*num_workers.*", "ignore:.*LeafSpec.*:FutureWarning")
MIOU = [0.1, 0.4, 0.3]


class Scripted(LightningModule):
    """Logs the values of MIOU, epoch by epoch."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, batch_idx):
        return self.layer(batch["image"]).mean()

    def on_train_epoch_end(self):
        self.log("train/loss", 2.0 - self.current_epoch)

    def validation_step(self, batch, batch_idx):
        pass

    def on_validation_epoch_end(self):
        self.log_dict({"val/loss": 1.5, "val/miou": MIOU[self.current_epoch]})

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def fit(progress, folder, *, epochs=3, checkpoint=None, others=(), **options):
    trainer = Trainer(
        accelerator="cpu", max_epochs=epochs, logger=False, callbacks=[progress, *others], default_root_dir=folder,
        enable_checkpointing=bool(others), enable_model_summary=False, **options,
    )  # fmt: skip
    loader = DataLoader([{"image": torch.ones(1)} for _ in range(8)], batch_size=2)
    trainer.fit(Scripted(), loader, loader, ckpt_path=checkpoint, weights_only=True)
    return trainer


def without_times(text: str) -> list[str]:
    return [re.sub(r"\d+\.\d s$", "T", line) for line in text.splitlines()]


def test_one_line_an_epoch_in_a_file(capsys, tmp_path):
    fit(QuietProgress(), tmp_path)
    assert without_times(capsys.readouterr().out) == [
        "epoch 1/3  train/loss 2.000  val/loss 1.500  val/miou 10.0 % *best  T",
        "epoch 2/3  train/loss 1.000  val/loss 1.500  val/miou 40.0 % *best  T",
        "epoch 3/3  train/loss 0.000  val/loss 1.500  val/miou 30.0 %  T",
    ]


def test_continued_run_goes_on_counting_and_remembers_its_best(capsys, tmp_path):
    trainer = fit(QuietProgress(), tmp_path, epochs=2)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    capsys.readouterr()
    fit(QuietProgress(), tmp_path, checkpoint=tmp_path / "last.ckpt")
    assert without_times(capsys.readouterr().out) == ["epoch 3/3  train/loss 0.000  val/loss 1.500  val/miou 30.0 %  T"]


def test_an_epoch_without_validation_repeats_no_old_score(capsys, tmp_path):
    fit(QuietProgress(), tmp_path, check_val_every_n_epoch=2)
    lines = without_times(capsys.readouterr().out)
    assert ["val/miou" in line for line in lines] == [False, True, False]


def test_where_only_the_steps_are_limited_no_number_of_epochs_is_invented(capsys, tmp_path):
    fit(QuietProgress(), tmp_path, epochs=-1, max_steps=4)
    assert without_times(capsys.readouterr().out)[0].startswith("epoch 1  train/loss")


def test_an_epoch_that_ends_in_an_interruption_has_its_line(capsys, tmp_path):
    class Stop(Checkpoint):
        def on_train_epoch_end(self, trainer, pl_module):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fit(QuietProgress(), tmp_path, others=[Stop()])
    assert without_times(capsys.readouterr().out) == [
        "epoch 1/3  train/loss 2.000  val/loss 1.500  val/miou 10.0 % *best  T"
    ]


def test_on_a_terminal_one_line_moves_and_is_cleared(monkeypatch, tmp_path):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setattr("seglab.callbacks.progress._SHORTEST_PAUSE", 0.0)
    fit(QuietProgress(), tmp_path, epochs=1)
    text = terminal.getvalue()
    assert re.search(r"\r\x1b\[Kepoch 1/1  step 2/4  \d+ img/s  \d+ s left", text)
    assert "\r\x1b[Kepoch 1/1  validation 4/4" in text
    assert text.endswith("\n")
    assert "\r\x1b[Kepoch 1/1  train/loss 2.000" in text


def test_on_a_terminal_it_moves_at_most_twice_a_second(monkeypatch, tmp_path):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setattr("seglab.callbacks.progress._SHORTEST_PAUSE", 1000.0)
    progress = QuietProgress()
    progress._refreshed = float("inf")
    fit(progress, tmp_path, epochs=1)
    assert "step" not in terminal.getvalue()


def test_only_the_first_process_prints(capsys, tmp_path):
    progress = QuietProgress()
    progress.disable()
    fit(progress, tmp_path, epochs=1)
    assert capsys.readouterr().out == ""


def test_a_line_fits_80_columns_and_stands_in_the_log_too(capsys, caplog, tmp_path):
    caplog.set_level("INFO", logger="seglab")
    progress = QuietProgress()
    progress._ended = ("epoch 100/200", "12346 s")
    progress._validated = progress._is_best = True
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    values = {"train/loss": 123.4567, "val/loss": 0.5714, "val/miou": 0.4236}
    trainer._logger_connector._callback_metrics = values
    progress._print_epoch(trainer)
    (line,) = capsys.readouterr().out.splitlines()
    assert line == "epoch 100/200  train/loss 123.5  val/loss 0.571  val/miou 42.4 % *best  12346 s"
    assert len(line) <= 80
    assert [record.message for record in caplog.records if record.name == "seglab.run_log"] == [line]


@pytest.mark.parametrize(
    ("options", "epoch", "step", "left"),
    [
        ({"max_epochs": 3}, 1, 10, 2 * 8 - 2),
        ({"max_epochs": 3, "max_steps": 12}, 1, 10, 2),
        ({"max_epochs": -1, "max_steps": 12, "accumulate_grad_batches": 2}, 1, 10, 4),
        ({"max_epochs": -1}, 1, 10, None),
    ],
)
def test_the_time_left_is_that_of_the_whole_run(options, epoch, step, left, monkeypatch):
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False, **options)
    monkeypatch.setattr(Trainer, "current_epoch", epoch)
    monkeypatch.setattr(Trainer, "global_step", step)
    assert _batches_left(trainer, done=2, total=8) == left
