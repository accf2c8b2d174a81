"""Configurations, before anything heavy is imported: schemas, composition errors in words, the check of every key.

`check` reads signatures from source, so that a mistake is found in a fraction of a second. May import runs, labels
and errors; no torch. What callers need stands here: `config.check`, `config.register`, `config.FOLDER`.
"""

from seglab.config.check import check
from seglab.config.schemas import FOLDER, EvaluateConfig, PredictConfig, TrainConfig, register

__all__ = ["FOLDER", "EvaluateConfig", "PredictConfig", "TrainConfig", "check", "register"]
