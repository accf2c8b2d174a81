"""What is wrong with a data set, or suspicious: found by reading every file of every split once."""

import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np
from PIL import Image

from seglab.data.image_files import read_ids, read_image
from seglab.data.parallel import map_samples
from seglab.data.presence import foreground_as_void
from seglab.data.source import Sample, Source, mapping_advice
from seglab.data.statistics import ClassStatistics, Counts, count_labels, summed
from seglab.display.numbers import sides
from seglab.display.rgb import as_rgb
from seglab.errors import SeglabError, listed
from seglab.labels import IGNORE_INDEX, INVALID
from seglab.runs import archive

_SIDE = 16  # of the perceptual hash
_NEAR = 2  # of its 256 bits may differ between two pictures that look the same
_BLOCK = 1024  # pictures that are compared with all others at once
_RGB_MODES = ("RGB", "RGBA", "L", "LA", "P", "1")  # of images of 8 bits, which are read as RGB where nothing is said
_ID_MODES = ("L", "P", "1")  # PIL's names of grey, palette and black-and-white
Level = Literal["error", "suspicion", "note"]


class Problem(NamedTuple):
    """An error has to be repaired before a training can be trusted; a suspicion asks to be looked at."""

    level: Level
    split: str
    message: str


class Inspection(NamedTuple):
    """What one sample showed. Everything that could not be read is None."""

    errors: list[str]
    unknown: dict[int, int]  # raw mask value that the label space does not know -> pixels
    size: tuple[int, int] | None  # (H, W)
    image_mode: str | None  # PIL's name: RGB, RGBA, L, P, I;16, ...
    mask_mode: str | None
    counts: Counts | None
    content: str | None  # hash of the image file
    look: np.ndarray | None  # uint8 (32,), the perceptual hash


@dataclass
class SplitReport:
    """One split: what was found, and the statistics of the samples that can be read."""

    name: str
    samples: Sequence[Sample] = ()
    statistics: ClassStatistics | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)  # "height x width" -> images
    image_modes: Mapping[str, int] = field(default_factory=dict)
    mask_modes: Mapping[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    contents: list[str | None] = field(default_factory=list)  # of each sample
    looks: list[np.ndarray | None] = field(default_factory=list)


def check_split(name: str, source: Source) -> SplitReport:
    """The report of one split, whose samples are all read, by all cores."""
    seen = list(map_samples(inspect, source, title=f"checking {name}"))
    report = SplitReport(
        name=name,
        samples=source.samples,
        statistics=summed((sample.counts for sample in seen if sample.counts is not None), source.labels),
        sizes=_counted(None if sample.size is None else sides(sample.size) for sample in seen),
        image_modes=_counted(sample.image_mode for sample in seen),
        mask_modes=_counted(sample.mask_mode for sample in seen),
        contents=[sample.content for sample in seen],
        looks=[sample.look for sample in seen],
    )
    report.problems = [Problem("error", name, message) for sample in seen for message in sample.errors]
    report.problems += [Problem("error", name, message) for message in _unknown_values(seen, source)]
    held = frozenset(value for sample in seen if sample.counts is not None for value in _held(sample.counts))
    if trap := foreground_as_void(held, source.labels):
        report.problems.append(Problem("error", name, trap))
    report.problems += [Problem("suspicion", name, message) for message in _suspicions(seen, source, report)]
    return report


def inspect(source: Source, index: int) -> Inspection:
    """Everything about one sample; no damaged file raises."""
    sample = source.samples[index]
    content, image_mode = _content_and_mode(sample.image)
    mask_mode = None if sample.mask is None else _content_and_mode(sample.mask)[1]
    try:
        image, mask = source.read(index)
        counts = count_labels(mask, source.labels, name=sample.name)
    except SeglabError as error:
        errors, unknown = _diagnosis(sample, source, str(error), image_mode, mask_mode)
        return Inspection(errors, unknown, None, image_mode, mask_mode, None, content, None)
    return Inspection([], {}, mask.shape, image_mode, mask_mode, counts, content, _look(image))


def _diagnosis(
    sample: Sample, source: Source, message: str, image_mode: str | None, mask_mode: str | None
) -> tuple[list[str], dict[int, int]]:
    """All that is wrong with a sample whose reading stopped at `message`: the mask as well as the image."""
    if sample.mask is None or mask_mode not in _ID_MODES:  # what else a mask can be, only its reader knows
        return [message], {}
    errors = []
    if image_mode in _RGB_MODES:
        try:
            read_image(sample.image)
        except SeglabError as error:
            errors.append(str(error))
    elif str(sample.image) in message:
        errors.append(message)
    try:
        ids = read_ids(sample.mask)
    except SeglabError as error:
        return list(dict.fromkeys([*errors, str(error)])), {}
    values, pixels = np.unique(ids[source.labels.lookup[ids] == INVALID], return_counts=True)
    unknown = {int(value): int(count) for value, count in zip(values, pixels, strict=True)}
    return errors if errors or unknown else [message], unknown


def _held(counts: Counts) -> list[int]:
    """The train ids that occur."""
    return [*np.flatnonzero(counts.pixels).tolist(), *([IGNORE_INDEX] if counts.void else [])]


def _unknown_values(seen: Sequence[Inspection], source: Source) -> list[str]:
    """One line for each raw value outside the label space, however many files hold it."""
    lines = []
    for value in sorted({value for sample in seen for value in sample.unknown}):
        holders = [(sample.unknown[value], index) for index, sample in enumerate(seen) if value in sample.unknown]
        pixels, example = sum(count for count, _ in holders), source.samples[max(holders)[1]].mask
        lines.append(
            f"value {value} in {pixels} pixels of {len(holders)} masks, most of them in '{example}'; expected values "
            f"of {source.labels.name} - {mapping_advice(source.labels, [value], has_ones=True)}"
        )
    return lines


def _suspicions(seen: Sequence[Inspection], source: Source, report: SplitReport) -> list[str]:
    lines = []
    blank = [
        sample.name
        for sample, inspection in zip(source.samples, seen, strict=True)
        if sample.mask is not None and inspection.counts is not None and not inspection.counts.pixels.any()
    ]
    if blank:
        lines.append(f"{len(blank)} masks hold nothing but void, the first is of '{blank[0]}'")
    unlabelled = sum(sample.mask is None for sample in source.samples)
    if unlabelled:
        lines.append(f"{unlabelled} images have no mask: nothing is counted on them")
    assert report.statistics is not None
    if report.statistics.absent and unlabelled < len(seen):
        lines.append(f"no pixel of {listed(report.statistics.absent)}")
    copies = _groups_of_equals(report)
    if copies:
        first, second = (source.samples[index].image for index in copies[0][:2])
        lines.append(f"{len(copies)} images occur more than once, such as '{first}' and '{second}'")
    return lines


def compare_splits(first: SplitReport, second: SplitReport) -> list[Problem]:
    """What two splits share: equal files (errors), pictures that look the same (suspicions), sequences (notes)."""
    names = f"{first.name} and {second.name}"
    problems = []
    equal = _equal_pairs(first, second)
    if equal:
        message = f"{len(equal)} equal image files{_shown(equal, first, second)} - leave them out of one split"
        problems.append(Problem("error", names, message))
    near = sorted({*_near_pairs(first, second)} - {*equal})
    if near:
        problems.append(Problem("suspicion", names, f"{len(near)} pairs look the same{_shown(near, first, second)}"))
    groups = _sequences(first) & _sequences(second)
    if groups:
        shown = ", ".join(sorted(groups)[:5]) + (" ..." if len(groups) > 5 else "")
        message = f"{len(groups)} shared sequences ({shown}): their frames are no independent test"
        problems.append(Problem("note", names, message))
    return problems


def _sequences(report: SplitReport) -> set[str]:
    """Groups of frames: where a sample is a group of its own, an equal name in another split says nothing."""
    return {sample.group for sample in report.samples if sample.group != sample.name}


def _equal_pairs(first: SplitReport, second: SplitReport) -> list[tuple[int, int]]:
    where = {content: index for index, content in enumerate(first.contents) if content is not None}
    return [(where[content], index) for index, content in enumerate(second.contents) if content and content in where]


def _near_pairs(first: SplitReport, second: SplitReport) -> list[tuple[int, int]]:
    """Pairs whose perceptual hashes differ in at most 2 bits.

    With bits as -1 and 1, the product of two hashes is 256 - 2 (number of bits that differ).
    """
    left, right = _bits(first.looks), _bits(second.looks)
    pairs = []
    for start in range(0, len(left), _BLOCK):
        product = left[start : start + _BLOCK] @ right.T  # (block, number in the second split)
        rows, columns = np.nonzero(product >= _SIDE * _SIDE - 2 * _NEAR)
        pairs += [(start + int(row), int(column)) for row, column in zip(rows, columns, strict=True)]
    return pairs


def _bits(looks: Sequence[np.ndarray | None]) -> np.ndarray:
    """float32 (N, 256) of -1 and 1; zeros, which are like nothing, for pictures that could not be read."""
    bits = np.zeros((len(looks), _SIDE * _SIDE), dtype=np.float32)
    for index, look in enumerate(looks):
        if look is not None:
            bits[index] = 2.0 * np.unpackbits(look) - 1.0
    return bits


def _groups_of_equals(report: SplitReport) -> list[list[int]]:
    places: dict[str, list[int]] = {}
    for index, content in enumerate(report.contents):
        if content is not None:
            places.setdefault(content, []).append(index)
    return [indices for indices in places.values() if len(indices) > 1]


def _shown(pairs: Sequence[tuple[int, int]], first: SplitReport, second: SplitReport) -> str:
    left, right = pairs[0]
    return f", such as '{first.samples[left].image}' and '{second.samples[right].image}'"


def _look(image: np.ndarray) -> np.ndarray:
    """uint8 (32,): for 16x16 places, whether it gets brighter to the right (difference hash)."""
    grey = cv2.cvtColor(as_rgb(image), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE + 1, _SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.packbits(small[:, 1:] > small[:, :-1])


def _content_and_mode(path: Path) -> tuple[str | None, str | None]:
    """Hash of a file, and the kind of its pixels as its header says."""
    try:
        data = archive.read_bytes(path)
    except OSError:
        return None, None
    content = hashlib.blake2b(data, digest_size=16).hexdigest()
    try:
        with Image.open(io.BytesIO(data)) as image:
            return content, image.mode
    except (OSError, SyntaxError, ValueError):
        return content, None


def _counted(values: Iterable[str | None]) -> dict[str, int]:
    return dict(Counter(value for value in values if value is not None).most_common())
