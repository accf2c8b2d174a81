"""The confusion matrix is exact, whatever the types, the batch size, the number of devices and of pixels."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torchmetrics.classification import MulticlassConfusionMatrix

from seglab.errors import SeglabError
from seglab.metrics import ConfusionMatrix, confusion, count_pixels
from tests.waiting import PATIENCE

IGNORED = 255
ROOT = Path(__file__).parents[2]


@pytest.fixture
def pred() -> torch.Tensor:
    return torch.randint(0, 4, (5, 6, 7), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def mask() -> torch.Tensor:
    mask = torch.randint(0, 4, (5, 6, 7), generator=torch.Generator().manual_seed(2))
    mask[1:3, 2:] = IGNORED
    return mask


def test_by_hand() -> None:
    truth = torch.tensor([[[0, 0, 0, 1, 1, IGNORED]]])
    guess = torch.tensor([[[0, 0, 1, 1, 0, 1]]])
    matrix = count_pixels(guess, truth, num_classes=2)
    assert matrix.tolist() == [[2, 1], [1, 1]]  # rows: ground truth
    assert matrix.dtype == torch.int64


def test_equals_torchmetrics(pred: torch.Tensor, mask: torch.Tensor) -> None:
    expected = MulticlassConfusionMatrix(4, ignore_index=IGNORED)(pred, mask)
    assert torch.equal(count_pixels(pred, mask, num_classes=4), expected)


def test_the_device_counts_like_the_cpu(pred: torch.Tensor, mask: torch.Tensor) -> None:
    pred[mask == IGNORED] = 200  # what is predicted on ignored pixels is nobody's business
    assert torch.equal(confusion._count_on_device(pred, mask, 4, misses=False), count_pixels(pred, mask, num_classes=4))


@pytest.mark.parametrize("mask_type", [torch.uint8, torch.int32, torch.int64])
@pytest.mark.parametrize("pred_type", [torch.uint8, torch.int64])
def test_types(pred: torch.Tensor, mask: torch.Tensor, pred_type: torch.dtype, mask_type: torch.dtype) -> None:
    expected = count_pixels(pred, mask, num_classes=4)
    assert torch.equal(count_pixels(pred.to(pred_type), mask.to(mask_type), num_classes=4), expected)


def test_logits_are_turned_into_labels(mask: torch.Tensor) -> None:
    logits = torch.randn(5, 4, 6, 7, generator=torch.Generator().manual_seed(3))
    expected = count_pixels(logits.argmax(1), mask, num_classes=4)
    assert torch.equal(count_pixels(logits, mask, num_classes=4), expected)
    assert torch.equal(count_pixels(logits.bfloat16(), mask, num_classes=4).sum(1), expected.sum(1))


def test_strided_input(pred: torch.Tensor, mask: torch.Tensor) -> None:
    expected = count_pixels(pred, mask, num_classes=4)
    assert torch.equal(count_pixels(pred.mT, mask.mT, num_classes=4), expected)


def test_counts_above_2_to_24_are_exact() -> None:
    """float32, in which OpenCV counts, has no 2^24 + 3."""
    zeros = torch.zeros(1, 1, 2**24 + 3, dtype=torch.uint8)
    assert count_pixels(zeros, zeros, num_classes=2).tolist() == [[2**24 + 3, 0], [0, 0]]


def test_nothing_labelled(pred: torch.Tensor) -> None:
    assert count_pixels(pred, torch.full_like(pred, IGNORED), num_classes=4).sum() == 0
    assert count_pixels(pred[:0], pred[:0], num_classes=4).sum() == 0


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_any_batch_size_gives_the_same(pred: torch.Tensor, mask: torch.Tensor, batch_size: int) -> None:
    metric = ConfusionMatrix(4)
    for part in zip(pred.split(batch_size), mask.split(batch_size), strict=True):
        metric.update(*part)
    assert torch.equal(metric.compute(), count_pixels(pred, mask, num_classes=4))


def test_is_reset_pickled_and_called(pred: torch.Tensor, mask: torch.Tensor) -> None:
    metric = ConfusionMatrix(4)
    expected = count_pixels(pred, mask, num_classes=4)
    assert torch.equal(metric(pred, mask), expected)
    copy = pickle.loads(pickle.dumps(metric))
    metric.reset()
    assert metric.matrix.sum() == 0
    copy.update(pred, mask)
    assert torch.equal(copy.compute(), 2 * expected)
    assert copy.to("meta").matrix.is_meta
    assert copy.state_dict() == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": 4}, r"the mask holds 4 \(1 pixels\); expected class ids 0\.\.3, or 255"),
        ({"mask": 254}, r"the mask holds 254 \(1 pixels\)"),
        ({"mask": -1}, r"the mask holds values -1\.\.255"),
        ({"mask": 300}, r"the mask holds values 0\.\.300"),
        ({"pred": 9}, r"the prediction holds 9 \(1 pixels\)"),
        ({"pred": 255}, r"the prediction holds 255 \(1 pixels\)"),
    ],
)
def test_invalid_classes_are_named(
    pred: torch.Tensor, mask: torch.Tensor, change: dict[str, int], message: str
) -> None:
    if "mask" in change:
        mask[0, 0, 0] = change["mask"]
    else:
        pred[0, 0, 0] = change["pred"]
    with pytest.raises(SeglabError, match=message):
        count_pixels(pred, mask, num_classes=4)
    with pytest.raises(RuntimeError, match=r"class id outside 0\.\.3"):
        confusion._count_on_device(pred, mask, 4, misses=False)


def test_shapes_and_types_that_do_not_fit_are_named(pred: torch.Tensor, mask: torch.Tensor) -> None:
    with pytest.raises(SeglabError, match=r"logits \(B, 4, H, W\) for the mask \(5, 6, 7\); got \(5, 3, 6, 7\)"):
        count_pixels(torch.zeros(5, 3, 6, 7), mask, num_classes=4)
    with pytest.raises(SeglabError, match=r"expected integer class ids; got torch\.float32"):
        count_pixels(pred.float(), mask, num_classes=4)
    with pytest.raises(SeglabError, match=r"expected 1\.\.254 classes"):
        ConfusionMatrix(255)


# Process `rank` of two counts images rank, rank + 2, ... of five: an uneven share.
COUNT_A_SHARE = """
import sys, torch
from seglab.metrics import ConfusionMatrix
rank, folder = int(sys.argv[1]), sys.argv[2]
torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
pred, mask = torch.load(f"{folder}/images.pt")
metric = ConfusionMatrix(4)
for index in range(rank, len(pred), 2):
    metric.update(pred[index : index + 1], mask[index : index + 1])
torch.save(metric.compute(), f"{folder}/{rank}.pt")
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_count_like_one(pred: torch.Tensor, mask: torch.Tensor, tmp_path: Path) -> None:
    torch.save((pred, mask), tmp_path / "images.pt")
    command = [sys.executable, "-c", COUNT_A_SHARE]
    processes = [subprocess.Popen([*command, str(rank), str(tmp_path)], cwd=ROOT) for rank in range(2)]
    try:
        assert [process.wait(timeout=PATIENCE) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    for rank in range(2):
        assert torch.equal(torch.load(tmp_path / f"{rank}.pt"), count_pixels(pred, mask, num_classes=4))
