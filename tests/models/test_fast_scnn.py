import torch
from torch import nn

from seglab.models.fast_scnn import FastSCNN


def small(*, classes=11, auxiliary=True):
    torch.manual_seed(0)
    return FastSCNN(classes, in_channels=3, dropout=0.1, auxiliary=auxiliary, activation=None)


def test_the_papers_count_is_that_of_the_convolutions():
    with torch.device("meta"):
        network = small(classes=19, auxiliary=False)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    count = sum(parameter.numel() for layer in convolutions for parameter in layer.parameters())
    assert count == 1_114_115
    assert round(count / 1e6, 2) == 1.11


def test_paths_part_at_an_eighth_of_the_size_and_meet_there():
    network = small().eval()
    with torch.inference_mode():
        features = network.encoder(torch.randn(1, 3, 64, 96))
        fused = network.fusion(features["shallow"], features["deep"])
    shapes = {name: tuple(maps.shape) for name, maps in features.items()}
    assert shapes == {"shallow": (1, 64, 8, 12), "deep": (1, 128, 2, 3)}
    assert fused.shape == (1, 128, 8, 12)


def test_what_is_raised_is_convolved_with_the_dilation_of_table_3():
    depthwise = small().fusion.deep[0][0]
    assert (depthwise.groups, depthwise.dilation, depthwise.padding) == (128, (4, 4), (4, 4))


def test_nothing_is_activated_between_depthwise_and_pointwise():
    depthwise, pointwise = small().encoder.shallow[1]
    assert [type(layer) for layer in depthwise] == [nn.Conv2d, nn.BatchNorm2d]
    assert [type(layer) for layer in pointwise] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
