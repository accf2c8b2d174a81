"""The measured costs of a network: time and memory of inference and of a training step, beside what can be counted."""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import seglab.lean_imports  # noqa: F401

import torch
from torch import Tensor, nn

from seglab.diagnostics.published import PUBLISHED
from seglab.display.numbers import NOT_THERE, cell, sides, word
from seglab.display.sheet import Cell, Sheet
from seglab.errors import SeglabError, first_line
from seglab.losses import CrossEntropy
from seglab.losses.auxiliary import loss_and_terms
from seglab.models.auxiliary import WithAuxiliary
from seglab.training.build import build_network
from seglab.training.device import cpu_name, device_name, device_of, wait_for
from seglab.training.outputs import mapped, per_pixel
from seglab.training.summary import Complexity, complexity, summary_sheet

_AUTOCAST = {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}
_WARM_UP = 2  # calls before the first that is timed: they choose algorithms and fill caches
_MIB = 2**20


@dataclass(frozen=True)
class Speed:
    images_per_second: float
    milliseconds: float  # of one batch, the median
    memory: float | None  # MiB at the peak, beyond what the process held before; None where it grew by nothing


@dataclass(frozen=True)
class Costs:
    title: str
    complexity: Complexity
    conditions: str
    inference: Speed | None  # None where nothing was asked to be timed
    training: Speed | None  # forward, cross-entropy and backward, without an optimizer


def measure(settings: Mapping[str, Any], *, title: str) -> Costs:
    """The costs of the network that the configuration describes, on images of noise.

    Raises:
        SeglabError: the device is not there, has too little memory, or the network refuses such a batch.
    """
    torch.manual_seed(settings["seed"])
    device = device_of(settings["device"])
    network = build_network(settings)
    divisor = settings["model"]["size_divisor"]
    channels = settings["model"].get("in_channels", 3)
    counted = complexity(network, size=settings["size"], divisor=divisor, channels=channels)
    layout = torch.channels_last if settings["channels_last"] else torch.contiguous_format
    if settings["repetitions"] == 0:
        return Costs(title, counted, "counted, nothing is timed", None, None)
    network = network.to(device).to(memory_format=layout)
    called: Callable[[Tensor], Tensor | WithAuxiliary] = torch.compile(network) if settings["compile"] else network
    image = torch.randn(settings["batch_size"], channels, *counted.size, device=device).contiguous(memory_format=layout)
    dtype = _AUTOCAST.get(settings["precision"])

    def autocast() -> AbstractContextManager[Any]:
        return nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)

    def infer() -> None:
        with torch.inference_mode(), autocast():
            called(image)

    loss, mask = CrossEntropy().to(device), torch.zeros(image.shape[0], *counted.size, dtype=torch.uint8, device=device)

    def train() -> None:
        with autocast():
            answer = called(image)
            outputs = per_pixel(WithAuxiliary(answer) if isinstance(answer, Tensor) else answer, size=counted.size)
            outputs = mapped(outputs, partial(nn.functional.interpolate, size=counted.size, mode="bilinear"))
            labels = mask[: len(outputs.logits)]
            value, _ = loss_and_terms(loss, outputs, labels, auxiliary=1.0, boundary=1.0)  # no weight costs more
        value.backward()
        network.zero_grad(set_to_none=True)

    try:
        network.eval()
        inference = _timed(infer, image, repetitions=settings["repetitions"])
        network.train()
        training = _timed(train, image, repetitions=settings["repetitions"]) if settings["training"] else None
    except torch.OutOfMemoryError as error:
        raise SeglabError(f"expected {device} to have room for this; {first_line(error)} - "
                          "take a smaller size or batch_size, or precision=16-mixed") from error  # fmt: skip
    except ValueError as error:  # BatchNorm's, of a single value for each channel
        raise SeglabError(f"{title} cannot be trained on a batch of {len(image)}: {error} - "
                          "take batch_size=2 or more, or training=false") from error  # fmt: skip
    batch = f"batch of {settings['batch_size']}"
    where = f"{cpu_name()}, {torch.get_num_threads()} threads" if device.type == "cpu" else device_name(device)
    conditions = f"{batch}, {settings['precision']}, {where}{', compiled' if settings['compile'] else ''}"
    return Costs(title, counted, conditions, inference, training)


def cost_sheet(costs: Costs) -> Sheet:
    """The parts of the network, and below them what was measured."""
    sheet = summary_sheet(costs.complexity)
    notes = list(sheet.notes)
    if costs.inference is not None:
        notes.append(f"inference: {_words(costs.inference)}")
    if costs.training is not None:
        notes.append(f"training step (forward, cross-entropy, backward): {_words(costs.training)}")
    return Sheet(sheet.caption, sheet.header, sheet.rows, words=sheet.words, notes=[*notes, costs.conditions])


def comparison_sheet(all_costs: Sequence[Costs]) -> Sheet:
    """One line for each network, and what others reached with it on Cityscapes where that is known of one of them."""
    header = ["model", "M params", "GFLOPs", "images/s", "latency ms", "MiB", "train images/s", "train MiB"]
    rows = []
    for costs in all_costs:
        counted, inference, training = costs.complexity, costs.inference, costs.training
        numbers = [
            counted.parameters / 1e6,
            None if counted.flops is None else counted.flops / 1e9,
            None if inference is None else inference.images_per_second,
            None if inference is None else inference.milliseconds,
            None if inference is None else inference.memory,
            None if training is None else training.images_per_second,
            None if training is None else training.memory,
        ]
        rows.append([word(costs.title), *map(_three_digits, numbers)])
    filled = [0, *(at for at in range(1, len(header)) if any(row[at].exact for row in rows))]  # inference alone, say
    header, rows = [header[at] for at in filled], [[row[at] for at in filled] for row in rows]
    published = [PUBLISHED.get(costs.title) for costs in all_costs]
    words = 1
    if any(published):
        words, header = 2, [header[0], "Cityscapes mIoU %, published", *header[1:]]
        rows = [[row[0], word(text or NOT_THERE), *row[1:]] for row, text in zip(rows, published, strict=True)]
    caption = f"{sides(all_costs[0].complexity.size)}, {all_costs[0].conditions}"
    return Sheet(caption=caption, header=header, rows=rows, words=words)


def _three_digits(number: float | None) -> Cell:
    """At least three digits, and no power of ten."""
    return cell(number, ",.0f" if number is not None and number >= 100 else ".3g")


def _timed(call: Callable[[], None], image: Tensor, *, repetitions: int) -> Speed:
    """Of a call that handles the batch `image`."""
    before = _peak_memory(image.device, reset=True)
    for _ in range(_WARM_UP):
        call()
    seconds = []
    for _ in range(repetitions):
        wait_for(image.device)
        start = time.perf_counter()
        call()
        wait_for(image.device)
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    grown = _peak_memory(image.device, reset=False) - before
    return Speed(len(image) / median, 1000 * median, grown / _MIB if grown > 0 else None)


def _peak_memory(device: torch.device, *, reset: bool) -> int:
    """Bytes. Of a CPU, the highest that the process ever held, which cannot be reset."""
    if device.type == "cuda":
        if reset:
            torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device) if reset else torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _words(speed: Speed) -> str:
    memory = "" if speed.memory is None else f", {speed.memory:,.0f} MiB more at the peak"
    return f"{speed.images_per_second:.3g} images/s, {speed.milliseconds:.3g} ms a batch{memory}"
