"""Parts of a data set: the random split of torch, splits that keep groups together, and the first so many percent."""

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from seglab.data.anomalies import AnomalySource
from seglab.data.shares import Share
from seglab.data.source import Sample, Source
from seglab.errors import SeglabError

_SEED_OF_SHARES = 0  # no run's: what one run has left out of its training, no other one may have seen


class Subset:
    """The samples of `source` at `indices`, in that order."""

    def __init__(self, source: Source, indices: Sequence[int]) -> None:
        self._source = source
        self._indices = list(indices)
        self.labels = source.labels
        self.samples: Sequence[Sample] = [source.samples[index] for index in self._indices]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return self._source.read(self._indices[index])


class AnomalySubset(Subset):
    """The same of a source that has masks of anomalies."""

    def __init__(self, source: AnomalySource, indices: Sequence[int]) -> None:
        super().__init__(source, indices)
        self._marks = source

    def anomalies(self, index: int) -> np.ndarray:
        """uint8 (H, W), see seglab.data.anomalies."""
        return self._marks.anomalies(self._indices[index])


def limited(source: Source, *, limit: int | None, fraction: float | None, seed: int) -> Source:
    """At most `limit` samples, or that `fraction` of them (at least one), in the source's order; None: all of them.

    They are drawn from the whole split, because its first samples are often frames of one video. Which ones depends
    on the seed and on their names alone, and a larger part of the same seed contains the smaller one.
    """
    if limit is not None and limit < 1:
        raise SeglabError(f"expected data.limit as a whole number >= 1 or null; got {limit}")
    if fraction is not None and not 0 < fraction <= 1:
        raise SeglabError(f"expected data.fraction as a number > 0 and <= 1, or null; got {fraction}")
    count = len(source.samples)
    if fraction is not None:
        count = max(1, round(count * fraction))
    if limit is not None:
        count = min(count, limit)
    if count == len(source.samples):
        return source
    ranked = sorted(range(len(source.samples)), key=lambda index: _rank(source.samples[index].name, seed))
    chosen = sorted(ranked[:count])
    return AnomalySubset(source, chosen) if isinstance(source, AnomalySource) else Subset(source, chosen)


def taken(source: Source, share: Share) -> Source:
    """The samples of the share, in the source's order: no other run, seed or machine has another share.

    Whole cities, sequences or videos, as frames of one look alike; single images where the split is all of one. Where
    every group is too large for the share, or for its rest, that is the smallest group: neither is ever empty.

    Raises:
        SeglabError: there is one image alone.
    """
    groups = [sample.group for sample in source.samples]
    if len(set(groups)) < 2:
        groups = [sample.name for sample in source.samples]
    first = share.percent / 100
    part, rest = grouped_split(groups, fractions=(first, 1 - first), seed=_SEED_OF_SHARES)
    if not part or not rest:
        sizes = Counter(groups)
        smallest = min(sizes, key=lambda group: (sizes[group], _rank(group, _SEED_OF_SHARES)))
        inside, outside = ([k for k, group in enumerate(groups) if (group == smallest) is it] for it in (True, False))
        part, rest = (outside, inside) if part else (inside, outside)
    chosen = rest if share.rest else part
    return AnomalySubset(source, chosen) if isinstance(source, AnomalySource) else Subset(source, chosen)


def random_split_indices(length: int, *, fractions: Sequence[float], seed: int, draw: int = 0) -> list[list[int]]:
    """The indices that torch.utils.data.random_split gives each part, with a generator of this seed, in its order.

    `draw` counts the splits that were drawn from the same generator before: each gives other parts.

    Raises SeglabError when there are too few samples to give every part one.
    """
    import torch  # here, because listing a data set needs none

    if length * min(fractions) < 1:
        shares = ":".join(f"{100 * fraction:g}" for fraction in fractions)
        raise SeglabError(
            f"expected at least {math.ceil(1 / min(fractions))} samples for a random split of {shares}; got {length} - "
            "complete the data set, or choose an official split"
        )

    generator = torch.Generator().manual_seed(seed)
    orders: list[list[int]] = [torch.randperm(length, generator=generator).tolist() for _ in range(draw + 1)]
    sizes = [math.floor(length * fraction) for fraction in fractions]
    for extra in range(length - sum(sizes)):
        sizes[extra % len(sizes)] += 1
    ends = list(itertools.accumulate(sizes))
    return [orders[-1][end - size : end] for end, size in zip(ends, sizes, strict=True)]


def grouped_split(groups: Sequence[str], *, fractions: Sequence[float], seed: int) -> list[list[int]]:
    """Sorted indices of each part, such that all indices of one group lie in one part.

    Groups are taken largest first, equally large ones in an order drawn by the seed, each for the part that lacks
    most samples. Raises SeglabError when there are fewer groups than parts.
    """
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    if len(members) < len(fractions):
        raise SeglabError(
            f"expected at least {len(fractions)} groups (videos, cities) for a split into {len(fractions)} parts; got "
            f"{len(members)} in {len(groups)} samples - take the official split, or complete the data set"
        )
    parts: list[list[int]] = [[] for _ in fractions]
    for group in sorted(members, key=lambda group: (-len(members[group]), _rank(group, seed))):
        lacking = [fraction * len(groups) - len(part) for fraction, part in zip(fractions, parts, strict=True)]
        parts[lacking.index(max(lacking))] += members[group]
    return [sorted(part) for part in parts]


def _rank(name: str, seed: int) -> bytes:
    """A random order that no version of Python or numpy changes, and no other sample."""
    return hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
