import torch
from torch import nn

from seglab.models.ddrnet import DDRNet


def small(*, activation=None):
    torch.manual_seed(0)
    return DDRNet(11, in_channels=3, width=8, context_width=16, head_width=8, auxiliary=True, activation=activation)


def test_branches_stay_at_an_eighth_and_go_down_to_a_64th():
    with torch.inference_mode():
        fine, coarse, early = small().eval().encoder(torch.randn(1, 3, 128, 192))
    assert fine.shape == (1, 32, 16, 24)
    assert coarse.shape == (1, 128, 2, 3)
    assert early.shape == (1, 16, 16, 24)


def test_sizes_that_no_64th_divides_are_taken():
    with torch.inference_mode():
        fine, coarse, _ = small().eval().encoder(torch.randn(1, 3, 72, 200))
    assert (fine.shape[-2:], coarse.shape[-2:]) == ((9, 25), (2, 4))


def test_context_sees_the_windows_of_figure_5():
    scales = small().context.scales
    windows = [(means[0].kernel_size, means[0].stride, means[0].padding) for means in scales.around]
    assert windows == [(5, 2, 2), (9, 4, 4), (17, 8, 8)]
    features = torch.randn(3, 128, 4, 6)
    own, *larger = scales(features)
    assert [maps.shape for maps in larger] == [own.shape] * 4
    whole = larger[-1]
    assert torch.equal(whole, whole[..., :1, :1].expand_as(whole))


def test_head_of_training_sees_the_exchange_before_it_is_activated():
    network, seen = small(), []
    network.auxiliary["fine"].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network(torch.randn(2, 3, 64, 64))
    assert (seen[0] < 0).any()


def test_each_branch_hears_the_other():
    for silenced in ("up_1", "up_2", "down_1", "down_2"):
        network, image = small().eval(), torch.randn(1, 3, 64, 64)
        with torch.inference_mode():
            before = network(image)
            part = getattr(network.encoder, silenced)
            part.register_forward_hook(lambda _, given, output: torch.zeros_like(output))
            assert not torch.equal(network(image), before), silenced


def test_activations_that_would_spoil_a_branch_are_not_in_place():
    encoder = small(activation=lambda: nn.ReLU(inplace=True)).encoder
    assert not any(module.inplace for module in (*encoder.read_fine, *encoder.read_coarse, *encoder.between_fine))
