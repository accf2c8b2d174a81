"""The boundary loss: its distances against every pair of pixels, and its value worked by hand."""

import pytest
import torch

from seglab.losses import Boundary
from seglab.losses.boundary import signed_distances


def distances(mask: torch.Tensor, num_classes: int) -> torch.Tensor:
    return signed_distances(mask.where(mask != 255, 0), mask != 255, num_classes)


def test_distances_of_a_row() -> None:
    [[first], [second], [absent]] = distances(torch.tensor([[[0, 0, 1, 1, 255, 1]]]), 3)[0].tolist()
    assert first == [-1, 0, 1, 2, 0, 4]  # an ignored pixel has none, and bounds nothing
    assert second == [2, 1, 0, -1, 0, -3]
    assert absent == [0] * 6


def test_distances_are_those_of_every_pair_of_pixels() -> None:
    mask = torch.randint(0, 3, (2, 9, 11), generator=torch.Generator().manual_seed(1))
    mask = mask.where(mask > 0, torch.randint(0, 3, mask.shape, generator=torch.Generator().manual_seed(2)))
    mask[:, 3:5, 2:9] = 255
    got = distances(mask, 3)
    place = torch.stack(torch.meshgrid(torch.arange(9.0), torch.arange(11.0), indexing="ij"), -1).view(-1, 2)
    far = torch.cdist(place, place)
    for image, found in zip(mask.view(2, -1), got.view(2, 3, -1), strict=True):
        for index in range(3):
            inside, outside = image == index, (image != index) & (image != 255)
            expected = torch.zeros(99)
            expected[outside] = far[outside][:, inside].min(1).values
            expected[inside] = 1 - far[inside][:, outside].min(1).values
            torch.testing.assert_close(found[index], expected, rtol=0.03, atol=0.03)  # of distances less 1


@pytest.mark.parametrize("label", [1, 255])
def test_without_a_boundary_there_is_no_distance(label: int) -> None:
    assert not distances(torch.full((1, 3, 4), label), 2).any()


def test_by_hand() -> None:
    probs = torch.tensor([[0.75, 0.5], [0.25, 0.5]])  # p_0
    logits = torch.stack([probs, 1 - probs]).log().unsqueeze(0)
    mask = torch.tensor([[[0, 0], [1, 255]]])
    root = 1.4  # of 2, in the 5x5 mask
    first = 0 * 0.75 + (1 - root) * 0.5 + 1 * 0.25
    second = 1 * 0.25 + root * 0.5 + 0 * 0.75
    assert float(Boundary()(logits, mask)) == pytest.approx((first + second) / 6)
    assert float(Boundary(class_weights=[1, 3])(logits, mask)) == pytest.approx((first + 3 * second) / 12)


def test_is_lowest_and_below_zero_where_all_is_right() -> None:
    mask = torch.zeros(1, 6, 6, dtype=torch.int64)
    mask[:, :, 3:] = 1
    right = 60 * torch.nn.functional.one_hot(mask, 2).movedim(3, 1).float()
    shifted = right.roll(1, dims=3)
    assert float(Boundary()(right, mask)) < 0
    assert float(Boundary()(right, mask)) < float(Boundary()(shifted, mask)) < float(Boundary()(-right, mask))
