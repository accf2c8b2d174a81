"""A wrong method, kept because published numbers came from it: regression of the colours of the label image."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX, label_space
from seglab.losses.contract import Loss, Pixels, check_labels, check_shapes


class MseRgb(Loss):
    """WRONG, for comparison only: mean squared error of three outputs to the RGB colour, in 0..1, of the label.

    It makes a mistake as costly as two colours of the palette are far apart, which means nothing, and puts mixtures of
    two classes near a third. It is what the public code of Gupta, "Train an Image Segmentation Model" (2025), trains.

    The network has 3 outputs, taken as they are, and a pixel belongs to the class whose colour is nearest. As in
    gtFine_color.png, an ignored pixel is black, and it counts: this loss alone does not leave out ignored pixels. (In
    that file some void labels have colours of their own, which train ids do not tell apart.)

    Args:
        labels: the label space whose colours are meant: its name, or the mapping that describes it.
    """

    colors: Tensor

    def __init__(self, *, labels: str | Mapping[str, Any], ignore_index: int = IGNORE_INDEX) -> None:
        super().__init__(ignore_index=ignore_index)
        black = (0, 0, 0)
        colors = torch.tensor([*label_space(labels).colors, black]) / 255  # (K + 1, 3), the last for ignored pixels
        self.register_buffer("colors", colors, persistent=False)

    def terms(self, logits: Tensor, mask: Tensor) -> dict[str, Tensor]:
        _check_outputs(logits)
        check_shapes(logits, mask)
        num_classes = len(self.colors) - 1
        labels = mask.long()
        ignored = labels == self.ignore_index
        check_labels(labels.masked_fill(ignored, 0), num_classes, self.ignore_index)
        outputs = logits if logits.dtype == torch.float64 else logits.float()
        target = self.colors.to(outputs.dtype)[labels.masked_fill(ignored, num_classes)]  # (B, H, W, 3)
        return {"loss": (outputs - target.movedim(3, 1)).square().mean()}

    def scores(self, outputs: Tensor) -> Tensor:
        """(B, K, H, W) float: minus the squared distance to the colour of each class.

        Resizing them predicts what resizing the outputs would: their differences between classes are linear in these.
        """
        _check_outputs(outputs)
        with torch.autocast(outputs.device.type, enabled=False):
            outputs = outputs if outputs.dtype == torch.float64 else outputs.float()
            colors = self.colors[:-1].to(outputs.dtype)
            product = torch.einsum("bdhw,kd->bkhw", outputs, colors)
            return 2 * product - colors.square().sum(1).view(1, -1, 1, 1) - outputs.square().sum(1, keepdim=True)

    def value(self, pixels: Pixels) -> Tensor:
        raise SeglabError(
            "loss=mse_rgb: expected to be the whole loss; came as a term of a compound, whose terms share a softmax "
            "over classes - train it alone"
        )


def _check_outputs(outputs: Tensor) -> None:
    if outputs.ndim != 4 or outputs.shape[1] != 3:
        raise SeglabError(
            "loss=mse_rgb: expected a network with 3 outputs (B, 3, H, W), a colour; "
            f"got {tuple(outputs.shape)} - add model.classes=3"
        )
