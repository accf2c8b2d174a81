"""The scores of a checkpoint are those of its weights, whatever callback puts an average in their place."""

from types import SimpleNamespace

import pytest
import torch
from lightning import LightningModule
from omegaconf import OmegaConf
from torch import nn

from seglab import runs
from seglab.callbacks.average import EpochAverage, ExponentialAverage
from seglab.errors import SeglabError
from seglab.runs.files import BEST, LAST
from seglab.training.build import build, load

LIGHTNINGS = "+callbacks.ema={_target_: lightning.pytorch.callbacks.EMAWeightAveraging, decay: 0.9}"


@pytest.mark.parametrize(
    "overrides",
    [["callbacks=ema"], ["callbacks=swa", "callbacks.swa.start=0.5"], [LIGHTNINGS]],
    ids=["ema", "swa", "lightning's ema"],
)
def test_a_checkpoint_holds_the_weights_that_were_scored(tiny_config, tmp_path, overrides):
    # the newest validation is the best one
    cfg = tiny_config("callbacks.pictures=null", "trainer.max_epochs=4", "optimizer.lr=0.01",
                      "callbacks.best.monitor=val/loss", *overrides)  # fmt: skip
    run = build(runs.plain(cfg), tmp_path)
    run.trainer.fit(run.module, datamodule=run.data)
    (tmp_path / runs.CONFIG).write_text(OmegaConf.to_yaml(cfg, resolve=True))
    for name in (BEST, LAST):
        checkpoint = torch.load(tmp_path / "checkpoints" / name, weights_only=True)
        module = load(tmp_path, checkpoint=name)
        with torch.no_grad():
            for batch in run.data.val_dataloader():
                module.confusion.update(module(batch["image"]).argmax(1), batch["mask"])
        assert torch.equal(module.confusion.compute(), checkpoint["seglab"]["validation"]["confusion"]), name
    trained = checkpoint.get("trained_weights") or checkpoint["current_model_state"]
    differing = [key for key, tensor in trained.items() if not torch.equal(tensor, checkpoint["state_dict"][key])]
    assert any(key.endswith("weight") for key in differing)
    assert any(key.endswith("running_mean") for key in differing)


class Line(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Linear(1, 1, bias=False)


def averaged(callback, values: list[float], *, batches: int, accumulate: int = 1) -> list[float]:
    """What a validation after each batch sees, where the weight after batch i is values[i]."""
    module, seen = Line(), []
    trainer = SimpleNamespace(accumulate_grad_batches=accumulate, max_epochs=len(values) // batches)
    callback.setup(trainer, module, "fit")
    for number, value in enumerate(values):
        nn.init.constant_(module.network.weight, value)
        epoch, batch_idx = divmod(number, batches)
        trainer.is_last_batch = batch_idx == batches - 1
        trainer.fit_loop = SimpleNamespace(epoch_progress=SimpleNamespace(current=SimpleNamespace(processed=epoch)))
        callback.on_train_batch_end(trainer, module, None, None, batch_idx)
        callback.on_validation_epoch_start(trainer, module)
        seen.append(module.network.weight.item())
        callback.on_validation_epoch_end(trainer, module)
        assert module.network.weight.item() == value
    return seen


def test_exponential_average_by_hand():
    second = 1 + 9 / 11 * (2 - 1)  # d = (1 + n) / (10 + n) = 2 / 11 at the update n = 1, and `decay` where that is less
    third = second + 0.8 * (4 - second)
    assert averaged(ExponentialAverage(decay=0.2), [1, 2, 4], batches=3) == pytest.approx([1, second, third])
    assert averaged(ExponentialAverage(decay=0.1), [0, 10], batches=2) == pytest.approx([0, 9])


def test_a_step_of_several_batches_is_taken_once():
    assert averaged(ExponentialAverage(decay=0), [1, 2, 3, 4, 5], batches=5, accumulate=2) == [1, 2, 2, 4, 5]


def test_epoch_average_by_hand():
    # of 4 epochs of 2 batches the first two are left out: nothing is exchanged before
    expected = [1, 2, 3, 4, 5, 6, 6, 7]
    assert averaged(EpochAverage(start=0.5), [1, 2, 3, 4, 5, 6, 7, 8], batches=2) == pytest.approx(expected)


def test_epochs_without_a_number_have_no_last_ones():
    with pytest.raises(SeglabError, match=r"start=0.5 is a share of the epochs: expected trainer.max_epochs >= 1"):
        EpochAverage(start=0.5).setup(SimpleNamespace(max_epochs=-1), Line(), "fit")
