import torch
from torch import nn

from seglab.models.bisenetv2 import BiSeNetV2


def small():
    torch.manual_seed(0)
    return BiSeNetV2(11, in_channels=3, head_width=32, auxiliary_width=16, dropout=0.1, auxiliary=True, activation=None)


def test_branches_are_those_of_table_1():
    network = small().eval()
    with torch.inference_mode():
        detail, semantic, stages = network.encoder(torch.randn(1, 3, 64, 96))
    assert detail.shape == (1, 128, 8, 12)
    assert semantic.shape == (1, 128, 2, 3)
    assert [tuple(stage.shape) for stage in stages] == [(1, 16, 16, 24), (1, 32, 8, 12), (1, 64, 4, 6), (1, 128, 2, 3)]
    convolutions = [module for module in network.encoder.detail.modules() if isinstance(module, nn.Conv2d)]
    assert [(layer.out_channels, layer.stride[0]) for layer in convolutions] == [
        (64, 2), (64, 1), (64, 2), (64, 1), (64, 1), (128, 2), (128, 1), (128, 1)
    ]  # fmt: skip


def test_blocks_expand_six_times():
    block = small().encoder.stages[1][1]
    depthwise = block.layers[1][0]
    assert (depthwise.in_channels, depthwise.out_channels, depthwise.groups) == (32, 192, 32)


def test_each_branch_weighs_the_other():
    aggregation = small().eval().aggregation
    detail, semantic = torch.randn(1, 128, 8, 8), torch.randn(1, 128, 2, 2)
    with torch.inference_mode():
        both = aggregation(detail, semantic)
        assert not torch.equal(aggregation(detail, torch.zeros_like(semantic)), both)
        assert not torch.equal(aggregation(torch.zeros_like(detail), semantic), both)
        # the products of nothing are nothing, whatever the other says
        for part in (aggregation.detail_kept, aggregation.detail_shrunk):
            part.register_forward_hook(lambda _, given, output: torch.zeros_like(output))
        assert torch.equal(aggregation(detail, semantic), aggregation(detail, -semantic))
