"""Whether an image as a whole is like those of the training: one score of it, and a threshold to refuse what is not.

As svenbbsp/CS_challenge has it (5LSM0, TU/e): the mean over the pixels of the median over the class
probabilities, accepted below a threshold. That author's 7.5e-6 belongs to 34 outputs, of which 15 were never trained
and have the smallest probabilities, so that the median is theirs: with 19 outputs the threshold is another one.
"""

from collections.abc import Callable

import seglab.lean_imports  # noqa: F401

import numpy as np
import torch
from torch import Tensor

from seglab.errors import SeglabError, did_you_mean
from seglab.inference.predictor import Predictor


def _median_probability(logits: Tensor) -> Tensor:
    """Mean over the pixels of the median over the K probabilities: 0 where the network is sure."""
    return _median(logits.softmax(0)).mean()


def _median_max_logit(logits: Tensor) -> Tensor:
    """-median over the pixels of the largest logit."""
    return -_median(logits.max(0).values.flatten())


def _max_minus_mean(logits: Tensor) -> Tensor:
    """-mean over the pixels of the largest probability less the mean one."""
    probabilities = logits.softmax(0)
    return -(probabilities.max(0).values - probabilities.mean(0)).mean()


SCORES: dict[str, Callable[[Tensor], Tensor]] = {
    "median_probability": _median_probability,
    "median_max_logit": _median_max_logit,
    "max_minus_mean": _max_minus_mean,
}


def image_score(predictor: Predictor, image: np.ndarray, *, score: str) -> float:
    """The score of an image (H, W, C), at the size at which the network sees it; higher means less like the training.

    Raises:
        SeglabError: there is no such score.
    """
    if score not in SCORES:
        names = ", ".join(SCORES)
        raise SeglabError(f"expected a score of images, one of {names}; got {score!r}{did_you_mean(score, SCORES)}")
    with torch.inference_mode():
        return float(SCORES[score](predictor.module(predictor.seen(image))[0].float().double()))


def _median(values: Tensor) -> Tensor:
    """Over the first axis; of an even number the mean of the middle two, as numpy has it (torch takes the lower)."""
    ordered = values.sort(0).values
    count = len(ordered)
    return (ordered[(count - 1) // 2] + ordered[count // 2]) / 2


class ImageLevel:
    """How `evaluate ood=image` compares the images of the evaluated split with others.

    Args:
        score: a key of SCORES.
        out: what is not like the training: a folder of images (all below it), a zip archive, a glob, or cifar100.
        root: with out=cifar100, the folder that holds cifar-100-python, as torchvision unpacks it. Nothing is fetched.
        images: so many of them, chosen by the seed; None for all.
        seed: of the choice and of the bootstrap.
        threshold: an image is accepted below it; None: the quantile 0.95 of the split's own scores.
        resamples: of the bootstrap over images.

    Raises:
        SeglabError: there is no such score, `out` is not said, or a number is out of range.
    """

    def __init__(
        self,
        *,
        score: str,
        out: str | None,
        root: str | None,
        images: int | None,
        seed: int,
        threshold: float | None,
        resamples: int,
    ) -> None:
        if score not in SCORES:
            raise SeglabError(
                f"ood.score: expected one of {', '.join(SCORES)}; got {score!r}{did_you_mean(score, SCORES)}"
            )
        if out is None:
            raise SeglabError(
                "ood.out is not set; expected images that are not like the training: a folder of them, or cifar100 - "
                "add ood.out=FOLDER"
            )
        for key, value, least in (("images", images, 1), ("resamples", resamples, 0)):
            if value is not None and value < least:
                raise SeglabError(f"ood.{key}: expected a whole number >= {least}; got {value}")
        self.score, self.out, self.root, self.images, self.seed = score, out, root, images, seed
        self.threshold, self.resamples = threshold, resamples
