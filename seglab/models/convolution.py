"""A convolution without bias, BatchNorm, an activation: the step that the networks for real time are made of."""

from torch import nn

from seglab.models.activation import ActivationFactory


def convolution(
    in_channels: int,
    width: int,
    *,
    kernel: int,
    activation: ActivationFactory | None,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    """Features (B, width, h / stride, w / stride), rounded up, for an odd kernel; no activation where it is None."""
    padding = dilation * (kernel // 2)
    layers: list[nn.Module] = [
        nn.Conv2d(
            in_channels, width, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=False
        ),
        nn.BatchNorm2d(width),
    ]
    if activation is not None:
        layers.append(activation())
    return nn.Sequential(*layers)
