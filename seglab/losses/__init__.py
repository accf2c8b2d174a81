"""Losses under one contract: `loss(logits, mask) -> scalar` (see contract.py)."""

from seglab.losses.boundary import Boundary
from seglab.losses.compound import Compound, mixture
from seglab.losses.contract import Loss
from seglab.losses.cross_entropy import CrossEntropy
from seglab.losses.dice import Dice
from seglab.losses.focal import Focal
from seglab.losses.jaccard import Jaccard
from seglab.losses.lovasz import Lovasz
from seglab.losses.mask2former import Mask2FormerLoss
from seglab.losses.matching import MatchingLoss
from seglab.losses.mse_rgb import MseRgb
from seglab.losses.ohem import Ohem
from seglab.losses.tversky import Tversky

__all__ = [
    "Boundary",
    "Compound",
    "CrossEntropy",
    "Dice",
    "Focal",
    "Jaccard",
    "Loss",
    "Lovasz",
    "Mask2FormerLoss",
    "MatchingLoss",
    "MseRgb",
    "Ohem",
    "Tversky",
    "mixture",
]
