"""Losses under one contract: `loss(logits, mask) -> scalar` (see contract.py)."""

from seglab.losses.compound import Compound
from seglab.losses.contract import Loss
from seglab.losses.cross_entropy import CrossEntropy
from seglab.losses.dice import Dice
from seglab.losses.focal import Focal

__all__ = ["Compound", "CrossEntropy", "Dice", "Focal", "Loss"]
