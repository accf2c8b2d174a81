"""What a network returns in training where it has more to say than its logits."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from torch import Tensor


class WithAuxiliary(NamedTuple):
    """The answer of a network in training mode; in evaluation mode it returns `logits` alone and computes no other.

    What becomes of it: seglab.losses.auxiliary. A network says by the annotation of its `forward` that it may return
    one; so a configuration that weighs what the network has not is refused before it is built.
    """

    logits: Tensor  # (B, K, h, w)
    auxiliary: Mapping[str, Tensor] = {}  # of heads that only training needs, by name: (B, K, h', w') each
    boundary: Tensor | None = None  # (B, 1, h', w'): logits of a pixel lying on a boundary between classes


WithBoundary: TypeAlias = WithAuxiliary  # in the annotation of a network that fills `boundary`
