"""What a loss costs: passes over the logits that forward and backward make, and memory, against libraries."""

import gc
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from seglab.losses import Dice, Focal, Jaccard, Loss, Lovasz, Tversky, boundary

FOLDER = Path(__file__).parents[2] / "conf" / "loss"
# ce_dice_balanced is ce_dice with weights that a run counts
NAMES = sorted({path.stem for path in FOLDER.glob("*.yaml")} - {"ce_dice_balanced"})
CLASSES = 19


def read(name: str) -> Loss:
    node = OmegaConf.create({"loss": OmegaConf.load(FOLDER / f"{name}.yaml"), "data": {"labels": "cityscapes_19"}})
    node.loss.pop("distillation", None)  # which is beside the loss
    return instantiate(node.loss, _convert_="all")


def batch(*size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (B, K, H, W) that want a gradient, and a mask of squares of 16 pixels, the first row of them ignored."""
    generator = torch.Generator().manual_seed(1)
    count, height, width = size
    mask = torch.randint(0, CLASSES, (count, height // 16, width // 16), generator=generator)
    mask[:, 0] = 255
    logits = torch.randn(count, CLASSES, height, width, generator=generator).requires_grad_()
    return logits, mask.repeat_interleave(16, 1).repeat_interleave(16, 2)


class Passes(TorchDispatchMode):
    """Counts what torch is asked for while it is entered: all that makes a loss slow, on any machine."""

    def __init__(self, unit: torch.Tensor) -> None:
        super().__init__()
        self._unit = unit.numel()
        self._elements = 0
        self.operators: Counter[str] = Counter()  # of at least one tensor of the unit's size

    @property
    def passes(self) -> float:
        """Elements of all tensors that were read or written, in units."""
        return self._elements / self._unit

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        outcome = operator(*args, **(kwargs or {}))
        if not operator.is_view and operator is not torch.ops.aten.detach.default:
            sizes = [leaf.numel() for leaf in tree_leaves((args, kwargs, outcome)) if isinstance(leaf, torch.Tensor)]
            self._elements += sum(sizes)
            if max(sizes, default=0) >= self._unit:
                self.operators[operator.name()] += 1
        return outcome


def counted(loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], logits: torch.Tensor, mask) -> Passes:
    """Of forward and backward."""
    with Passes(logits) as passes:
        loss(logits, mask).backward()
    return passes


# Passes over the logits; each part of a sum of losses pays its own, the softmax is shared.
PASSES = {
    "distill": 11.2,
    "boundary": 18.8, "ce": 11.2, "ce_boundary": 27.2, "ce_dice": 30.4, "ce_dice_beta": 30.4, "ce_dice_iou": 49.6,
    "ce_lovasz": 37.6, "dice": 22, "dice_focal": 32.4, "dice_micro": 22, "focal": 13.3, "focal_tversky": 22,
    "jaccard": 22, "lovasz": 89.8, "mask2former": 11.2, "mse_rgb": 21.8, "ohem": 12.1, "ohem_dice": 31.3, "tversky": 22,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_takes_few_passes_over_the_logits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's cross-entropy takes 8. The distance maps of the boundary loss are the loader's work and not counted."""
    logits, mask = batch(2, 64, 128)
    maps = boundary.signed_distances(mask.where(mask != 255, 0), mask != 255, CLASSES)
    monkeypatch.setattr(boundary, "signed_distances", lambda *_: maps)
    inputs = logits[:, :3].detach().clone().requires_grad_() if name == "mse_rgb" else logits
    passes = counted(read(name), inputs, mask)
    assert passes.passes <= PASSES[name]
    softmaxes = [name for name in passes.operators.elements() if "softmax" in name]
    expected = [] if name == "mse_rgb" else ["aten::_log_softmax", "aten::_log_softmax_backward_data"]
    assert softmaxes == expected


def test_passes_are_counted() -> None:
    logits, mask = batch(2, 64, 128)
    once = counted(lambda z, m: functional.cross_entropy(z, m, ignore_index=255), logits, mask)
    twice = counted(lambda z, m: 2 * functional.cross_entropy(z.clone(), m, ignore_index=255), logits, mask)
    assert 8 < once.passes < 8.2
    assert twice.passes > once.passes + 2, "a copy is read once and written once"


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
@pytest.mark.exhaustive
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
