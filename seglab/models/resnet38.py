"""ResNet-38, "wider or deeper": few residual units, each of them wide.

Source: Wu, Shen, van den Hengel 2016, arXiv 1611.10080, model A, and the authors' code (itijyou/ademxapp,
util/symbol/resnet_v2.py, `fcrna_model_a1`): of its two forms A1, which goes down by convolutions with stride where A
has poolings, and which they took for segmentation. Both have the same parameters.
"""

from functools import partial

from torch import Tensor, nn

from seglab.models.activation import ActivationFactory, kaiming_gain
from seglab.models.initialise import initialise

_EPS = 1e-5


class ResNet38(nn.Module):
    """Logits (B, K, h, w) of images (B, in_channels, H, W); h is H / 8 rounded up, and K is `classes`.

    `base` is the width of the first convolution, 64 in the paper, of which all others are multiples up to 64. Behind
    the units come two convolutions of 3x3 with dilation 12, the second of which gives the scores. `activation` makes
    one module for each place; None is ReLU.

    The authors train all of it with ImageNet's weights and with their BatchNorm statistics held still
    (`use_global_stats`); there are no such weights for PyTorch from them, and here the statistics are a batch's.

    `encoder` holds everything up to the features, `classifier` the last two convolutions.
    """

    def __init__(self, classes: int, *, in_channels: int, base: int, activation: ActivationFactory | None) -> None:
        super().__init__()
        # In place is safe: it follows BatchNorm, whose backward needs its input and not its output.
        activation = activation or partial(nn.ReLU, inplace=True)
        unit = partial(_Unit, activation=activation)
        two, four, eight, sixteen = 2 * base, 4 * base, 8 * base, 16 * base
        self.encoder = nn.Sequential(
            nn.Conv2d(in_channels, base, kernel_size=3, padding=1, bias=False),
            unit(base, [two, two], stride=2),  # level 2, from here on (B, 2 base, H / 2, W / 2)
            *(unit(two, [two, two]) for _ in range(2)),
            unit(two, [four, four], stride=2),  # level 3, (B, 4 base, H / 4, W / 4)
            *(unit(four, [four, four]) for _ in range(2)),
            unit(four, [eight, eight], stride=2),  # level 4, (B, 8 base, H / 8, W / 8)
            *(unit(eight, [eight, eight]) for _ in range(5)),
            unit(eight, [eight, sixteen], dilations=[1, 2]),  # level 5: dilation in the place of a stride from here on
            *(unit(sixteen, [eight, sixteen], dilations=[2, 2]) for _ in range(2)),
            unit(sixteen, [eight, sixteen, 32 * base], kernels=[1, 3, 1], dilations=[1, 4, 1]),  # level 6
            unit(32 * base, [sixteen, 32 * base, 64 * base], kernels=[1, 3, 1], dilations=[1, 4, 1]),  # level 7
            nn.BatchNorm2d(64 * base, eps=_EPS),
            activation(),
        )
        self.classifier = nn.Sequential(
            nn.Conv2d(64 * base, eight, kernel_size=3, padding=12, dilation=12),
            activation(),
            nn.Conv2d(eight, classes, kernel_size=3, padding=12, dilation=12),
        )
        initialise(self, gain=kaiming_gain(activation))

    def forward(self, image: Tensor) -> Tensor:
        return self.classifier(self.encoder(image))


class _Unit(nn.Module):
    """A residual unit that norms and activates before each convolution: maps (B, widths[-1], h, w), h is H / stride.

    Where the width or the size changes, a convolution of 1x1 behind the first norm stands in the identity's place.

    Args:
        widths: of its convolutions.
        kernels: their sizes; None: 3 each.
        dilations: and dilations; None: 1 each.
        stride: of the first of them.
    """

    def __init__(
        self,
        before: int,
        widths: list[int],
        *,
        kernels: list[int] | None = None,
        dilations: list[int] | None = None,
        stride: int = 1,
        activation: ActivationFactory,
    ) -> None:
        super().__init__()
        kernels, dilations = kernels or [3] * len(widths), dilations or [1] * len(widths)
        self.begin = nn.Sequential(nn.BatchNorm2d(before, eps=_EPS), activation())
        self.shortcut = (
            None
            if before == widths[-1] and stride == 1
            else nn.Conv2d(before, widths[-1], kernel_size=1, stride=stride, bias=False)
        )
        layers: list[nn.Module] = []
        for index, (width, kernel, dilation) in enumerate(zip(widths, kernels, dilations, strict=True)):
            if index:
                layers += [nn.BatchNorm2d(before, eps=_EPS), activation()]
            layers.append(
                nn.Conv2d(
                    before,
                    width,
                    kernel_size=kernel,
                    stride=1 if index else stride,
                    padding=dilation * (kernel // 2),
                    dilation=dilation,
                    bias=False,
                )
            )
            before = width
        self.residual = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        begun = self.begin(features)
        kept = features if self.shortcut is None else self.shortcut(begun)
        return kept + self.residual(begun)
