"""What every data set yields and every step receives."""

from typing import TypedDict

from torch import Tensor


class Batch(TypedDict):
    """One batch, still in bytes: uint8 travels to the device, where the module makes it float and normalises it."""

    image: Tensor  # uint8 (B, 3, H, W), RGB; with data.channels, or of files of 16 bits, also other C and uint16
    mask: Tensor  # uint8 (B, H, W), train ids 0..K-1, 255 = ignore
    name: list[str]  # B sample names, unique within a split
