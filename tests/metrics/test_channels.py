"""Classes taken together by the strongest channel of their colour."""

import torch

from seglab.labels import label_space
from seglab.metrics import readings
from seglab.metrics.channels import by_strongest_channel


def test_by_hand() -> None:
    matrix = torch.tensor([[5, 1, 2], [3, 7, 0], [1, 1, 4]])
    colors = [(200, 10, 200), (0, 0, 9), (255, 0, 0)]  # red (the first of equal ones), blue, red
    assert by_strongest_channel(matrix, colors).tolist() == [[12, 0, 2], [0, 0, 0], [3, 0, 7]]


def test_it_flatters() -> None:
    """Road everywhere, on labels that are half road and half sidewalk: both are red, so all is right."""
    space = label_space("cityscapes_19")
    matrix = torch.zeros(19, 19, dtype=torch.int64)
    matrix[:2, 0] = 50
    grouped = by_strongest_channel(matrix, space.colors)
    assert grouped.sum() == matrix.sum()
    assert readings.summary(matrix)["accuracy"] == 0.5
    assert readings.summary(grouped)["accuracy"] == 1
