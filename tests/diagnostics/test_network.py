"""What a network costs: how it is timed, in what conditions, which failures are explained, and the two tables."""

import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from seglab import config
from seglab.diagnostics import network as costs_of_network
from seglab.diagnostics.network import Costs, Speed, comparison_sheet, cost_sheet, measure
from seglab.diagnostics.published import PUBLISHED
from seglab.errors import SeglabError
from seglab.models.auxiliary import WithAuxiliary
from seglab.training.device import cpu_name
from seglab.training.summary import Complexity

SETTINGS = {
    "seed": 1, "device": "cpu", "model": {"size_divisor": 4}, "size": [9, 12], "channels_last": False, "compile": False,
    "batch_size": 2, "precision": "32-true", "repetitions": 1, "training": True,
}  # fmt: skip


class Watched(nn.Module):
    """A convolution that notes of each call: the shape, the mode, and the type of its logits."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, 5, 1)
        self.calls: list[tuple[tuple[int, ...], bool, torch.dtype]] = []

    def forward(self, image: Tensor) -> Tensor:
        logits = self.head(image)
        if image.device.type == "cpu":  # not while it is counted
            self.calls.append((tuple(image.shape), self.training, logits.dtype))
        return logits


class Pooled(nn.Module):
    """A BatchNorm over one value for each image, as in ASPP."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3))

    def forward(self, image: Tensor) -> Tensor:
        return image + self.pool(image)


class WithHeads(nn.Module):
    """Says more in training than in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.further, self.boundary = nn.Conv2d(3, 5, 1), nn.Conv2d(3, 5, 1), nn.Conv2d(3, 1, 1)

    def forward(self, image: Tensor) -> Tensor | WithAuxiliary:
        logits = self.head(image)
        if not self.training:
            return logits
        return WithAuxiliary(logits, {"further": self.further(image)}, self.boundary(image))


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Costs]:
    """`measured(network, batch_size=4)`: its costs with these changes of SETTINGS."""

    def costs(network: nn.Module, **changes) -> Costs:
        monkeypatch.setattr(costs_of_network, "build_network", lambda settings: network)
        return measure({**SETTINGS, **changes}, title="net")

    return costs


def test_a_network_is_called_on_batches_of_the_padded_size_in_both_modes(measured):
    network = Watched()
    costs = measured(network, repetitions=3)
    shape = (2, 3, 12, 12)  # 9 rows are padded to 12
    assert network.calls == [(shape, training, torch.float32) for training in [False] * 5 + [True] * 5]
    assert costs.title == "net"
    assert costs.complexity.size == (12, 12)
    assert costs.complexity.parameters == 3 * 5 + 5
    assert costs.inference.images_per_second > 0
    assert costs.training.images_per_second > 0
    assert all(parameter.grad is None for parameter in network.parameters())


def test_heads_that_only_training_needs_are_part_of_its_step(measured):
    network, reached = WithHeads(), []
    for name, parameter in network.named_parameters():
        parameter.register_hook(lambda _, name=name: reached.append(name))
    assert measured(network).training is not None
    assert {name.partition(".")[0] for name in reached} == {"head", "further", "boundary"}


def test_without_training_the_network_never_trains(measured):
    network = Watched()
    costs = measured(network, training=False)
    assert costs.training is None
    assert {training for _, training, _ in network.calls} == {False}


def test_precision_is_that_of_the_network(measured):
    network = Watched()
    measured(network, precision="bf16-mixed")
    assert {dtype for _, _, dtype in network.calls} == {torch.bfloat16}


def test_channels_last_reaches_the_network_and_its_images(measured):
    layouts = []
    network = Watched()
    network.register_forward_pre_hook(
        lambda module, inputs: layouts.append(inputs[0].is_contiguous(memory_format=torch.channels_last))
    )
    measured(network, channels_last=True, training=False)
    assert layouts[-3:] == [True] * 3


def test_the_conditions_are_said(measured, monkeypatch):
    assert measured(Watched()).conditions == f"batch of 2, 32-true, {cpu_name()}, {torch.get_num_threads()} threads"
    monkeypatch.setattr(torch, "compile", lambda network: network)
    compiled = measured(Watched(), batch_size=4, precision="bf16-mixed", compile=True)
    assert re.fullmatch(r"batch of 4, bf16-mixed, .+, \d+ threads, compiled", compiled.conditions)


def test_without_repetitions_nothing_is_computed(measured):
    network = Watched()
    counted = measured(network, repetitions=0)
    assert network.calls == []
    assert (counted.inference, counted.training) == (None, None)
    assert counted.complexity.flops > 0
    assert cost_sheet(counted).notes[-1] == "counted, nothing is timed"
    assert list(comparison_sheet([counted]).header) == ["model", "M params", "GFLOPs"]


def test_a_batch_too_small_for_batch_norm_is_explained(measured):
    message = r"net cannot be trained on a batch of 1: Expected more than 1 value.* - take batch_size=2 or more, or tra"
    with pytest.raises(SeglabError, match=message):
        measured(Pooled(), batch_size=1)
    assert measured(Pooled(), batch_size=1, training=False).training is None
    assert measured(Pooled(), batch_size=2).training is not None


def test_too_little_memory_is_explained(measured, monkeypatch):
    def full(call: Callable, image: Tensor, **options) -> Speed:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore that nobody reads.")

    monkeypatch.setattr(costs_of_network, "_timed", full)
    message = "expected cpu to have room for this; CUDA out of memory. Tried to allocate 2 GiB. - take a smaller size"
    with pytest.raises(SeglabError, match=re.escape(message)) as caught:
        measured(Watched())
    assert "nobody" not in str(caught.value)


def test_a_device_that_is_not_there_is_told(measured):
    with pytest.raises(SeglabError, match=r"expected a device that is there .* device='cuda:99'"):
        measured(Watched(), device="cuda:99")


def speed(seconds: list[float], memory: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> Speed:
    """Of calls on 4 images that take these seconds, with the peak of memory before and after them."""
    now, left, peaks = [0.0], iter(seconds), iter(memory)

    def call() -> None:
        now[0] += next(left)

    monkeypatch.setattr(costs_of_network.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(costs_of_network, "_peak_memory", lambda device, reset: next(peaks))
    return costs_of_network._timed(call, torch.zeros(4, 3, 2, 2), repetitions=len(seconds) - 2)


def test_the_median_counts_and_the_first_two_calls_do_not(monkeypatch):
    timed = speed([50.0, 9.0, 0.25, 8.0, 0.5], (0, 3 * 2**20), monkeypatch)
    assert timed == Speed(images_per_second=4 / 0.5, milliseconds=500, memory=3.0)


@pytest.mark.parametrize("after", [2**20, 2**20 - 1])
def test_memory_that_did_not_grow_is_unknown(monkeypatch, after):
    assert speed([0.0, 0.0, 1.0], (2**20, after), monkeypatch).memory is None


def costs(title: str, *, flops: int | None, training: Speed | None) -> Costs:
    complexity = Complexity("Net", size=(32, 64), parameters=1_500_000, trainable=1_500_000, flops=flops, parts=())
    inference = Speed(images_per_second=123.4, milliseconds=16.2, memory=None)
    return Costs(title, complexity, "batch of 2, 32-true, cpu, 2 threads", inference, training)


def test_what_was_measured_stands_below_the_parts():
    training = Speed(images_per_second=40.0, milliseconds=50.0, memory=1234.5)
    notes = cost_sheet(costs("a", flops=2_000_000_000, training=training)).notes
    assert list(notes[-3:]) == [
        "inference: 123 images/s, 16.2 ms a batch",
        "training step (forward, cross-entropy, backward): 40 images/s, 50 ms a batch, 1,234 MiB more at the peak",
        "batch of 2, 32-true, cpu, 2 threads",
    ]
    notes = cost_sheet(costs("a", flops=2_000_000_000, training=None)).notes
    assert not any("training step" in note for note in notes)


def test_networks_are_compared_line_by_line():
    training = Speed(images_per_second=40.0, milliseconds=50.0, memory=12.5)
    sheet = comparison_sheet(
        [costs("a", flops=2_000_000_000, training=training), costs("b", flops=None, training=None)]
    )
    assert sheet.caption == "32x64, batch of 2, 32-true, cpu, 2 threads"
    numbers = ["M params", "GFLOPs", "images/s", "latency ms", "train images/s", "train MiB"]
    assert list(sheet.header) == ["model", *numbers]
    assert [[cell.text for cell in row] for row in sheet.rows] == [
        ["a", "1.5", "2", "123", "16.2", "40", "12.5"],
        ["b", "1.5", "–", "123", "16.2", "–", "–"],
    ]


def test_what_others_reached_stands_beside_the_names_of_conf():
    sheet = comparison_sheet([costs("segformer", flops=None, training=None), costs("b", flops=None, training=None)])
    assert sheet.header[1] == "Cityscapes mIoU %, published"
    assert [row[1].text for row in sheet.rows] == ["76.5 val (MiT-B0; mmseg)", "–"]
    assert PUBLISHED.keys() <= {path.stem for path in (config.FOLDER / "model").glob("*.yaml")}
