"""NaN stops a training before it reaches the weights."""

import pytest
import torch

from seglab import runs
from seglab.errors import NonFiniteError
from seglab.runs.files import LAST
from seglab.training.build import build


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_non_finite_step_is_refused_and_the_weights_stay(tiny_config, tmp_path, where):
    run = build(runs.plain(tiny_config("callbacks.pictures=null", "callbacks.last.every_n_steps=1")), tmp_path)
    head = next(run.module.network.parameters())
    seen = []

    def poison(gradient: torch.Tensor) -> torch.Tensor:
        if run.trainer.global_step < 2:
            return gradient
        seen.append(head.detach().clone())
        return torch.full_like(gradient, float("nan"))

    head.register_hook(poison)
    if where == "loss":
        run.module.loss.register_forward_hook(
            lambda module, inputs, loss: loss * (float("nan") if run.trainer.global_step == 2 else 1)
        )
    with pytest.raises(NonFiniteError, match=r"not finite in epoch 0, step 2"):
        run.trainer.fit(run.module, datamodule=run.data)
    assert torch.equal(head, seen[0])
    checkpoint = torch.load(tmp_path / "checkpoints" / LAST, weights_only=True)
    assert checkpoint["global_step"] == 2
    assert all(value.isfinite().all() for value in checkpoint["state_dict"].values() if value.is_floating_point())
