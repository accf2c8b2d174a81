"""The speed of a row's network: of what a prediction uses, without the heads of training."""

from collections.abc import Callable

import pytest
from torch import Tensor, nn

from seglab import runs
from seglab.diagnostics.network_speed import measure, used_parameters
from seglab.models.auxiliary import WithAuxiliary


def test_the_network_of_a_training_is_timed_at_its_size(tiny_config: Callable) -> None:
    speed = measure(runs.plain(tiny_config("data.size=[30,64]")))
    assert speed["size"] == [32, 64]  # padded as for a training
    assert speed["images_per_second"] == pytest.approx(1000 / speed["milliseconds"])
    assert speed["conditions"].startswith("batch of 1, 32-true, ")
    assert speed["flops"] > 0


class WithHead(nn.Module):
    """A classifier, and a head that only training calls."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier, self.head = nn.Conv2d(3, 5, 1), nn.Conv2d(3, 5, 3)

    def forward(self, image: Tensor) -> Tensor | WithAuxiliary:
        logits = self.classifier(image)
        return WithAuxiliary(logits, {"head": self.head(image)}) if self.training else logits


def test_heads_for_training_alone_are_no_parameters_of_a_prediction() -> None:
    assert used_parameters(WithHead(), channels=3, divisor=32) == 3 * 5 + 5
