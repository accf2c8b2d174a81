"""The loss of an untrained network beside that of a guess."""

import logging
import math
from types import SimpleNamespace

import pytest
import torch

from seglab.callbacks.initial_loss import InitialLoss


@pytest.mark.parametrize(
    ("scale", "verdict"), [(0.0, "as expected"), (50.0, "NOT as expected: look at the last layer")]
)
def test_large_logits_at_the_start_are_told(caplog, scale, verdict):
    caplog.set_level(logging.INFO, logger="seglab")

    class Module(SimpleNamespace):
        def __call__(self, image: torch.Tensor) -> torch.Tensor:
            return scale * torch.eye(4)[:, :, None, None].expand(4, 4, 2, 2)  # sure of class i in image i

    batch = {"image": torch.zeros(4, 3, 2, 2), "mask": torch.full((4, 2, 2), 1)}
    callback, module = InitialLoss(), Module(class_names=("a", "b", "c", "d"))
    callback.on_train_batch_start(SimpleNamespace(global_step=1), module, batch, 1)
    assert caplog.text == ""
    callback.on_train_batch_start(SimpleNamespace(global_step=0), module, batch, 0)
    assert f"a uniform guess over 4 outputs has {math.log(4):.3f}: {verdict}" in caplog.text
