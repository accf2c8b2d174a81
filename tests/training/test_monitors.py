"""A monitor is one of the values that are logged, or the training does not begin."""

import re

import pytest
import torch

from seglab import runs
from seglab.errors import SeglabError
from seglab.labels import label_space
from seglab.metrics import readings
from seglab.training.monitors import check, logged_by_validations
from seglab.training.run import train


def test_the_names_are_those_of_the_module():
    names = label_space("cityscapes_8").names
    matrix = torch.eye(len(names), dtype=torch.int64)
    assert sorted(logged_by_validations(names)) == sorted(["val/loss", *readings.named(matrix, names, prefix="val")])


SCORES = "val/miou, val/mdice, val/accuracy, val/mean_accuracy, val/fwiou, val/iou/CLASS, val/dice/CLASS"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["callbacks.best.monitor=val/mIoU"], f"callbacks.best.monitor is 'val/mIoU'; expected a value that is logged, "
                                              f"one of val/loss, {SCORES} - did you mean 'val/miou'?"),
        (["callbacks=early_stopping", "callbacks.early_stopping.monitor=val/mIoU"],
         "callbacks.early_stopping.monitor is 'val/mIoU'; expected a value that is logged, one of train/loss, val"),
        (["scheduler=plateau", "scheduler.monitor=val/iou/raod"], "did you mean 'val/iou/road'?"),
        (["scheduler=plateau", "scheduler.monitor=train/loss"], "scheduler.monitor is 'train/loss'; expected"),
        (["scheduler=plateau", "trainer.limit_val_batches=0"], "scheduler waits for val/miou; expected validations"),
        (["callbacks=early_stopping", "trainer.limit_val_batches=0.0"], "callbacks.early_stopping waits for val/miou"),
    ],
)  # fmt: skip
def test_what_is_not_logged_is_refused_before_anything_is_built(tiny_config, tmp_path, overrides, message):
    with pytest.raises(SeglabError, match=re.escape(message)):
        train(tiny_config(*overrides), tmp_path / "run", overrides=[])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "overrides",
    [
        ["callbacks.best.monitor=val/iou/road"],
        ["callbacks=early_stopping", "callbacks.early_stopping.monitor=train/loss"],
        ["trainer.limit_val_batches=0"],
        ["callbacks.best.monitor=mine", "+callbacks.mine={_target_: my_callbacks.LogsMine}"],
        ["callbacks.best=null", "callbacks.progress=null"],
    ],
)
def test_what_is_or_may_be_logged_is_let_through(tiny_config, overrides):
    check(runs.plain(tiny_config(*overrides)))
