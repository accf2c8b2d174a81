"""What a loss costs, in time and memory: forward and backward, against torch's cross-entropy and against libraries."""

import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch.nn import functional

from seglab.losses import Dice, Focal, Jaccard, Loss, Lovasz, Tversky, boundary

FOLDER = Path(__file__).parents[2] / "conf" / "loss"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
CLASSES = 19


def read(name: str) -> Loss:
    node = OmegaConf.create({"loss": OmegaConf.load(FOLDER / f"{name}.yaml"), "data": {"labels": "cityscapes_19"}})
    return instantiate(node.loss, _convert_="all")


def batch(*size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (B, K, H, W) that want a gradient, and a mask of squares of 16 pixels, the first row of them ignored."""
    generator = torch.Generator().manual_seed(1)
    count, height, width = size
    mask = torch.randint(0, CLASSES, (count, height // 16, width // 16), generator=generator)
    mask[:, 0] = 255
    logits = torch.randn(count, CLASSES, height, width, generator=generator).requires_grad_()
    return logits, mask.repeat_interleave(16, 1).repeat_interleave(16, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if "lovasz" not in name])
def test_takes_little_longer_than_cross_entropy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most 3 times as long on a quiet machine; 4 leaves room for others on it. Lovasz sorts, and is left out.

    The distance maps of the boundary loss, about two more of cross-entropy, are not counted: they are the processor's
    work on a GPU too. Time is that of this process, and the two are measured in turn.
    """
    loss = read(name)
    logits, mask = batch(4, 256, 512)
    maps = boundary.signed_distances(mask.where(mask != 255, 0), mask != 255, CLASSES)
    monkeypatch.setattr(boundary, "signed_distances", lambda *_: maps)
    inputs = logits[:, :3].detach().clone().requires_grad_() if name == "mse_rgb" else logits

    def seconds(loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], logits: torch.Tensor) -> float:
        logits.grad = None
        start = time.process_time()
        loss(logits, mask).backward()
        return time.process_time() - start

    def cross_entropy(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(logits, mask, ignore_index=255)

    ratios = [seconds(loss, inputs) / seconds(cross_entropy, logits) for _ in range(8)][1:]
    assert statistics.median(ratios) < 4


def peak(loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> float:
    """The most memory that forward and backward hold at once, in units of the logits: 3 for cross-entropy."""
    logits, mask = batch(2, 64, 128)
    mask = mask.where(mask != 255, 0)  # some of the libraries' losses cannot ignore
    loss(logits, mask).backward()
    logits.grad = None
    gc.collect()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        loss(logits, mask).backward()
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most / (logits.numel() * logits.element_size())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the profiler's own
def test_holds_no_more_memory_than_the_libraries() -> None:
    smp = pytest.importorskip("segmentation_models_pytorch.losses")
    kornia = pytest.importorskip("kornia.losses")
    theirs = {
        "dice": [smp.DiceLoss("multiclass"), lambda z, m: kornia.dice_loss(z, m, average="macro")],
        "jaccard": [smp.JaccardLoss("multiclass")],
        "tversky": [smp.TverskyLoss("multiclass"), lambda z, m: kornia.tversky_loss(z, m, alpha=0.3, beta=0.7)],
        "focal": [smp.FocalLoss("multiclass"), lambda z, m: kornia.focal_loss(z, m, alpha=None, reduction="mean")],
        "lovasz": [smp.LovaszLoss("multiclass"), kornia.lovasz_softmax_loss],
    }
    ours = {"dice": Dice(), "jaccard": Jaccard(), "tversky": Tversky(), "focal": Focal(), "lovasz": Lovasz()}
    for name, losses in theirs.items():
        assert peak(ours[name]) <= 1.02 * min(peak(loss) for loss in losses), name


def test_the_compiler_is_not_imported_for_distances() -> None:
    """It takes seconds, and a registered operator imports it when it is first called."""
    script = (
        "import sys, torch; from seglab.losses import Boundary; "
        "Boundary()(torch.zeros(1, 2, 4, 4), torch.eye(4).long()[None]); "
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])
