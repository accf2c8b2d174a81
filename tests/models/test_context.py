from functools import partial

import pytest
import torch
from torch import nn

from seglab.models.context import Aspp, Ppm

MODULES = [partial(Aspp, width=6, rates=[1, 2, 3]), partial(Ppm, bins=[1, 2, 3, 6])]


def made(factory, channels=8, *, activation=nn.ReLU):
    torch.manual_seed(0)
    return factory(channels, activation=activation)


@pytest.mark.parametrize(
    ("channels", "expected"),
    # DeepLabV3's, which leads to 256 channels, has 4.13 M and 7.93 M; this one leads to 256 and 768 more
    [(512, 4_131_584 + 5 * 256 * 256 + 2 * 256), (1024, 7_932_672 + 5 * 256 * 768 + 2 * 768)],
)
def test_aspp_has_the_published_size_but_for_its_last_layer(channels, expected):
    with torch.device("meta"):
        module = made(partial(Aspp, width=256, rates=[6, 12, 18]), channels)
    assert sum(parameter.numel() for parameter in module.parameters()) == expected


@pytest.mark.parametrize(("channels", "expected"), [(512, 262_144), (1024, 1_048_576), (2048, 4_194_304)])
def test_ppm_has_the_published_size(channels, expected):
    with torch.device("meta"):
        module = made(partial(Ppm, bins=[1, 2, 3, 6]), channels)
    assert sum(convolution.weight.numel() for convolution, _ in module.grids) == expected


@pytest.mark.parametrize("factory", MODULES)
@pytest.mark.parametrize("size", [(1, 2), (4, 6), (5, 7)])
def test_channels_and_size_are_kept_and_one_image_trains(factory, size):
    module, features = made(factory), torch.randn(1, 8, *size, requires_grad=True)
    joined = module.train()(features)
    assert joined.shape == features.shape
    (joined * torch.randn_like(joined)).sum().backward()
    assert features.grad.isfinite().all()


@pytest.mark.parametrize("factory", MODULES)
def test_gradients_reach_every_parameter(factory):
    module = made(factory)
    joined = module(torch.randn(2, 8, 9, 7))
    (joined * torch.randn_like(joined)).sum().backward()
    assert [name for name, parameter in module.named_parameters() if not parameter.grad.any()] == []


@pytest.mark.parametrize("factory", MODULES)
def test_activation_stands_in_every_place(factory):
    kinds = [type(module) for module in made(factory, activation=nn.SiLU).modules()]
    assert kinds.count(nn.SiLU) == (6 if factory.func is Aspp else 5)
    assert nn.ReLU not in kinds


def test_branches_of_aspp_see_as_far_as_their_rates():
    module = made(partial(Aspp, width=6, rates=[2, 3])).eval()
    features = torch.randn(1, 8, 9, 9)
    changed = features.clone()
    changed[..., 4, 4] += 1
    for branch, rate in zip([module.centre, *module.around], [0, 2, 3], strict=True):
        rows, columns = (branch(features) != branch(changed)).any(dim=1)[0].nonzero(as_tuple=True)
        assert set(rows.tolist()) | set(columns.tolist()) == {4 - rate, 4, 4 + rate}


def test_whole_of_aspp_is_one_value_everywhere():
    module = made(partial(Aspp, width=6, rates=[1]))
    seen = []
    module.joined.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    features = torch.randn(2, 8, 4, 5)
    module(features)
    convolution, activation = module.whole
    expected = activation(convolution(features.mean(dim=(2, 3), keepdim=True))).expand(-1, -1, 4, 5)
    torch.testing.assert_close(seen[0][:, -6:], expected)


def test_grids_of_ppm_are_means_over_their_cells():
    module = made(partial(Ppm, bins=[1, 2]))
    seen = []
    module.joined.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    features = torch.randn(1, 8, 4, 6)
    module(features)
    assert torch.equal(seen[0][:, :8], features)
    (whole, relu), (quarters, _) = module.grids
    torch.testing.assert_close(seen[0][:, 8:12], relu(whole(features.mean((2, 3), keepdim=True))).expand(-1, -1, 4, 6))
    corner = relu(quarters(features[..., :2, :3].mean((2, 3), keepdim=True)))
    torch.testing.assert_close(seen[0][:, 12:, :1, :1], corner)  # interpolation leaves the corner as it is
