"""The factors on the learning rate, by hand."""

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from seglab import runs
from seglab.errors import SeglabError
from seglab.runs.metrics_file import read_history
from seglab.training.build import build
from seglab.training.schedule import Constant, Cosine, Plateau, Poly


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)


def rates(schedule, *, steps: int) -> list[float]:
    """The learning rate of each step, and of one more."""
    descent = optimizer()
    configured = schedule(descent, total_steps=steps)
    assert configured["interval"] == "step"
    values = []
    for _ in range(steps + 1):
        values.append(descent.param_groups[0]["lr"])
        descent.step()
        configured["scheduler"].step()
    return values


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Poly(power=2.0, warmup_steps=0, warmup_start=0.1), [1, 0.5625, 0.25, 0.0625, 0]),
        (Poly(power=1.0, warmup_steps=2, warmup_start=0.5), [0.5, 0.75, 1, 0.5, 0]),
        (Poly(power=2.0, warmup_steps=0, warmup_start=0.1, lowest=0.2), [1, 0.65, 0.4, 0.25, 0.2]),
        (Cosine(final=0.0, warmup_steps=0, warmup_start=0.1), [1, 0.5 + 0.125**0.5, 0.5, 0.5 - 0.125**0.5, 0]),
        (Cosine(final=0.2, warmup_steps=2, warmup_start=0.0), [0, 0.5, 1, 0.6, 0.2]),
    ],
    ids=["poly", "poly after a warm-up", "poly with a lowest rate", "cosine", "cosine after a warm-up"],
)
def test_rates_of_four_steps(schedule, expected):
    assert rates(schedule, steps=4) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kind", [lambda **warmup: Poly(power=1, **warmup), lambda **warmup: Cosine(final=0, **warmup)])
def test_a_warm_up_as_long_as_the_training_is_refused(kind):
    with pytest.raises(SeglabError, match="warmup_steps is 4; expected fewer than the 4 steps of this training"):
        kind(warmup_steps=4, warmup_start=0.1)(optimizer(), total_steps=4)


def test_a_constant_rate_has_no_schedule():
    assert Constant()(optimizer(), total_steps=4) is None


def test_plateau_falls_when_the_score_has_not_improved():
    descent = optimizer()
    configured = Plateau(monitor="val/miou", mode="max", factor=0.5, patience=1)(descent, total_steps=4)
    assert (configured["interval"], configured["monitor"]) == ("epoch", "val/miou")
    after = []
    for score in (0.3, 0.4, 0.4, 0.2, 0.5):
        configured["scheduler"].step(score)
        after.append(descent.param_groups[0]["lr"])
    assert after == [1, 1, 1, 0.5, 0.5]


@pytest.mark.parametrize(
    ("rhythm", "validations"),
    [
        (["trainer.check_val_every_n_epoch=2", "trainer.max_epochs=6"], [0, 0, 1, 1, 2, 2]),
        (["trainer.val_check_interval=2", "trainer.max_epochs=3"], [0, 2, 4]),
        (["trainer=debug", "trainer.accelerator=cpu", "trainer.max_epochs=21"], [0] * 10 + [1] * 10 + [2]),
    ],
    ids=["each second epoch", "twice in an epoch", "debug"],
)
def test_plateau_counts_validations(tiny_config, tmp_path, rhythm, validations):
    """The rate of each epoch is that after so many validations; mode min, so that it falls where the score rises."""
    chosen = ["scheduler=plateau", "scheduler.patience=0", "scheduler.factor=0.5", "scheduler.mode=min"]
    run = build(runs.plain(tiny_config("callbacks.pictures=null", *chosen, *rhythm)), tmp_path)
    run.trainer.fit(run.module, datamodule=run.data)
    rows = read_history(tmp_path / "metrics.csv")
    scores = [row["val/miou"] for row in rows if "val/miou" in row]
    plateau = ReduceLROnPlateau(optimizer(), mode="min", factor=0.5, patience=0)
    expected = [1.0]
    for score in scores:
        plateau.step(score)
        expected.append(plateau.optimizer.param_groups[0]["lr"])
    rates = [row["lr-AdamW"] / 2e-3 for row in rows if "lr-AdamW" in row]
    assert rates == pytest.approx([expected[count] for count in validations])
    assert len(set(expected)) > 1
