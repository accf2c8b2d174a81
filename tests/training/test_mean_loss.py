"""The mean of a loss over an epoch, of several processes and of a part that was interrupted."""

import pytest
import torch

from seglab.training.mean_loss import MeanLoss, own_part


def test_mean_loss_is_weighted():
    mean = MeanLoss()
    mean.update(torch.tensor(1.0), weight=3)
    mean.update(torch.tensor(5.0), weight=1)
    assert float(mean.compute()) == 2.0


def test_each_process_has_its_own_part():
    mean = MeanLoss()
    mean.update(torch.tensor(2.0), weight=3)
    assert mean.of_processes(lambda own: torch.stack([own, 2 * own])) == [[6.0, 3.0], [12.0, 6.0]]
    assert mean.of_processes(lambda own: own) == [[6.0, 3.0]]  # a single one gathers nothing


@pytest.mark.parametrize(
    ("processes", "parts"),
    [(2, [[6.0, 3.0], [12.0, 6.0]]), (1, [[18.0, 9.0]]), (3, [[18.0, 9.0], [0.0, 0.0], [0.0, 0.0]])],
)
def test_what_was_interrupted_is_shared_out_once(processes, parts):
    came = [own_part([[6.0, 3.0], [12.0, 6.0]], rank=rank, of=processes) for rank in range(processes)]
    assert [list(part) for part in came] == parts
