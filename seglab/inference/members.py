"""Several predictions of one image, their mean, and what they say of how unsure it is."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import seglab.lean_imports  # noqa: F401

import numpy as np
import torch
from torch import Tensor

from seglab import runs
from seglab.display.numbers import sides
from seglab.display.several import MEMBERS, UNCERTAINTY
from seglab.errors import SeglabError
from seglab.inference.exported import ExportedPredictor
from seglab.inference.opened import Opened, open_run
from seglab.inference.predictor import Predictor, Size, predictor_of, size_of
from seglab.models.monte_carlo_dropout import dropping, require_dropout
from seglab.training.outputs import label_maps

# An image (H, W, C) and sizes -> of each member in turn, probabilities (K, H, W) at each of the sizes.
Members = Callable[[np.ndarray, Sequence[Size]], Iterator[list[Tensor]]]


class Belief(NamedTuple):
    """What the members say together, at one size; float32 on their device."""

    mean: Tensor  # (K, H, W): of their probabilities
    entropy: Tensor  # (H, W): of the mean, in nats, 0..log K
    information: Tensor  # (H, W): entropy minus the mean entropy of the members, in nats: how far they disagree
    members: int  # how many were asked


class MembersPredictor:
    """What `Predictor` is, of the mean of several predictions.

    The predictive entropy is the whole uncertainty, and its share of mutual information that of the network, which more
    training data would reduce; the rest is that of the image (Depeweg et al., arXiv 1710.07283; Smith & Gal,
    arXiv 1803.08533, section 2).

    Args:
        predictor: as which it sees images; of several networks the first.
        members: all that are averaged.
        count: how many they are.
    """

    def __init__(self, predictor: Predictor, members: Members, *, count: int) -> None:
        self._predictor, self._members = predictor, members
        self._count = count
        self.size, self.scales, self.flip = predictor.size, predictor.scales, predictor.flip
        self.tile, self.overlap, self.post = predictor.tile, predictor.overlap, None
        self.channels, self.device = predictor.channels, predictor.device
        self.has_other_outputs = predictor.has_other_outputs
        self._newest: tuple[np.ndarray | None, dict[Size, Belief]] = (None, {})

    def beliefs(self, image: np.ndarray, *, sizes: Sequence[Size]) -> list[Belief]:
        """At each of `sizes`, of an image (H, W, C). Those of the newest image are kept, so that it is seen once."""
        if self._newest[0] is not image:
            self._newest = (image, {})
        known = self._newest[1]
        left = [size for size in dict.fromkeys(sizes) if size not in known]
        if left:
            known |= zip(left, self._beliefs(image, left), strict=True)
        return [known[size] for size in sizes]

    def label_maps(self, image: np.ndarray, *, sizes: Sequence[Size]) -> list[np.ndarray]:
        """uint8 (H, W) of the mean at each of `sizes`; 255 where an output beyond the classes wins."""
        num_classes = len(self._predictor.module.class_names)
        return [
            label_maps(belief.mean[None], num_classes=num_classes)[0].cpu().numpy()
            for belief in self.beliefs(image, sizes=sizes)
        ]

    def probabilities(self, image: np.ndarray, *, size: Size | None = None) -> Tensor:
        """(K, H, W) float32: the mean, at `size`, else at the image's."""
        return self.beliefs(image, sizes=[size or size_of(image)])[0].mean

    def _beliefs(self, image: np.ndarray, sizes: Sequence[Size]) -> list[Belief]:
        """Member by member, so that the memory does not grow with their number."""
        means: list[Tensor] = []
        entropies: list[Tensor] = []
        with torch.inference_mode():
            for maps in self._members(image, sizes):
                for place, probabilities in enumerate(maps):
                    if place == len(means):
                        means.append(torch.zeros_like(probabilities))
                        entropies.append(torch.zeros_like(probabilities[0]))
                    means[place] += probabilities
                    entropies[place] += _entropy(probabilities)
            return [
                self._belief(total.div_(self._count), entropy.div_(self._count))
                for total, entropy in zip(means, entropies, strict=True)
            ]

    def _belief(self, mean: Tensor, entropy_of_members: Tensor) -> Belief:
        entropy = _entropy(mean)
        information = (entropy - entropy_of_members).clamp(min=0)  # rounding may take it below
        return Belief(mean, entropy, information, self._count)


Load = Callable[[], Predictor | ExportedPredictor | MembersPredictor]


def open_members(settings: Mapping[str, Any]) -> tuple[Opened, Load]:
    """What the checked values of conf/evaluate.yaml name, and what makes its predictor, of one prediction an image or
    of the members of `uncertainty`.

    The scores of an ensemble are those of its first run, which keeps them; its protocol names all.

    Raises:
        SeglabError: as `open_run`; a network without dropout; runs that do not fit each other.
    """
    asked = settings[UNCERTAINTY]
    if asked is None:
        opened = open_run(settings)
        return opened, lambda: opened.predictor
    folders = settings["run"] if isinstance(settings["run"], list) else [settings["run"]]
    each = [open_run({**settings, "run": folder}) for folder in folders]
    first = each[0]
    protocol: dict[str, Any] = {UNCERTAINTY: dict(asked)}
    if asked["method"] == "ensemble":
        _require_same_classes(each)
        protocol[MEMBERS] = [_fingerprint(opened) for opened in each]
    makers = {"mc_dropout": _of_samples, "tta": _of_views, "ensemble": _of_runs}
    make = makers[asked["method"]]
    each_asked = [{**settings, "run": folder} for folder in folders]
    return replace(first, origin={**first.origin, **protocol}), lambda: make(each_asked, asked)


def _of_views(settings: Sequence[Mapping[str, Any]], asked: Mapping[str, Any]) -> MembersPredictor:
    predictor = predictor_of(settings[0])

    def members(image: np.ndarray, sizes: Sequence[Size]) -> Iterator[list[Tensor]]:
        return predictor.views(image, sizes=sizes)

    return MembersPredictor(predictor, members, count=len(predictor.scales) * (1 + predictor.flip))


def _of_samples(settings: Sequence[Mapping[str, Any]], asked: Mapping[str, Any]) -> MembersPredictor:
    predictor = predictor_of(settings[0])
    network = predictor.module.network
    try:
        require_dropout(network)
    except SeglabError as error:
        raise SeglabError(f"uncertainty=mc_dropout: {error}") from error
    devices = [predictor.device] if predictor.device.type == "cuda" else []

    def members(image: np.ndarray, sizes: Sequence[Size]) -> Iterator[list[Tensor]]:
        digest = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=8)
        for sample in range(asked["samples"]):
            seed = digest.copy()
            seed.update(f"{asked['seed']} {sample}".encode())
            with torch.random.fork_rng(devices), dropping(network):
                torch.manual_seed(int.from_bytes(seed.digest()[:7], "big"))
                maps = _mean_of_views(predictor, image, sizes)
            yield maps

    return MembersPredictor(predictor, members, count=asked["samples"])


def _of_runs(settings: Sequence[Mapping[str, Any]], asked: Mapping[str, Any]) -> MembersPredictor:
    predictors = [predictor_of(of_run) for of_run in settings]
    first = predictors[0]
    for predictor in predictors[1:]:
        for what, (one, other) in {
            "outputs": (first.module.num_scores, predictor.module.num_scores),
            "channels": (first.channels, predictor.channels),
        }.items():
            if one != other:
                raise SeglabError(f"uncertainty=ensemble: expected runs with as many {what}; came {one} and {other} - "
                                  "leave one out")  # fmt: skip
        if predictor.size != first.size:
            came = " and ".join(sides(size) if size else "its own" for size in (first.size, predictor.size))
            raise SeglabError(
                f"uncertainty=ensemble: expected runs whose networks see images at one size; came {came} - add "
                "size=[HEIGHT,WIDTH]"
            )

    def members(image: np.ndarray, sizes: Sequence[Size]) -> Iterator[list[Tensor]]:
        return (_mean_of_views(predictor, image, sizes) for predictor in predictors)

    return MembersPredictor(first, members, count=len(predictors))


def _mean_of_views(predictor: Predictor, image: np.ndarray, sizes: Sequence[Size]) -> list[Tensor]:
    """(K, H, W) at each of `sizes`."""
    views = predictor.views(image, sizes=sizes)
    means, count = next(views), 1
    for maps in views:
        count += 1
        for total, probabilities in zip(means, maps, strict=True):
            total += probabilities
    return [total.div_(count) for total in means]


def _entropy(probabilities: Tensor) -> Tensor:
    """(H, W) in nats, of (K, H, W)."""
    return torch.special.entr(probabilities).sum(0)


def _require_same_classes(each: Sequence[Opened]) -> None:
    first = each[0]
    for opened in each[1:]:
        if opened.labels.names != first.labels.names:
            raise SeglabError(
                f"uncertainty=ensemble: expected runs of the same classes; came {first.labels.name} of "
                f"{runs.shown(first.folder)} and {opened.labels.name} of {runs.shown(opened.folder)} - leave one out"
            )


def _fingerprint(opened: Opened) -> str | None:
    """Of the configuration of a run: what decided its result."""
    fingerprint: str | None = (runs.read_record(opened.folder) or {}).get("fingerprint")
    return fingerprint
