"""What every loss promises, held against each YAML of conf/loss."""

from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from seglab.errors import SeglabError
from seglab.losses import Boundary, Compound, CrossEntropy, Dice, Focal, Jaccard, Loss, Lovasz, Ohem, Tversky
from seglab.losses.contract import Pixels
from tests.exhaustive import one_in

CONFIGS = sorted((Path(__file__).parents[2] / "conf" / "loss").glob("*.yaml"))
CONFIGS.remove(next(path for path in CONFIGS if path.stem == "ce_dice_balanced"))  # ce_dice, weights counted by a run
IGNORED = 255
LABELS = {
    "name": "three", "names": ["a", "b", "c"], "colors": [[255, 0, 0], [0, 255, 0], [0, 0, 255]],
    "ignore_values": [IGNORED], "mapping": None,
}  # fmt: skip
COUNTS_IGNORED = "an ignored pixel has a colour, black, and counts: that is part of what is wrong with it"
# What a loss does not promise, and why. Each of these tests must fail for it: an exception that is none is an error.
EXCEPTIONS = {
    "test_a_perfect_prediction_costs_nothing_and_its_opposite_much": {
        "boundary": "is below 0 where all is right: see test_boundary",
        "mse_rgb": "is perfect for colours, not for logits: see test_mse_rgb",
    },
    "test_a_class_ruled_out_by_minus_infinity_is_fine": {"mse_rgb": "its outputs are colours, no logits"},
    "test_ignored_pixels_count_on_neither_side": {
        "ohem": "easy pixels have no gradient: see test_ohem",
        "mse_rgb": COUNTS_IGNORED,
    },
    "test_an_image_of_ignored_pixels_changes_nothing": {"mse_rgb": COUNTS_IGNORED},
    "test_nothing_but_ignored_pixels_is_exactly_zero": {"mse_rgb": COUNTS_IGNORED},
    "test_one_class_alone_is_fine": {"boundary": "a class alone has no boundary, and costs 0: see test_boundary"},
}


@pytest.fixture(params=CONFIGS, ids=lambda path: path.stem)
def loss(request: pytest.FixtureRequest) -> Loss:
    reason = EXCEPTIONS.get(request.node.originalname, {}).get(request.param.stem)
    if reason:
        request.node.add_marker(pytest.mark.xfail(reason=reason, strict=True))
    node = OmegaConf.create({"loss": OmegaConf.load(request.param), "data": {"labels": LABELS}}).loss
    node.pop("distillation", None)  # which is beside the loss
    return instantiate(node, _convert_="all")


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(1))  # (B, K, H, W)


@pytest.fixture
def mask() -> torch.Tensor:
    mask = torch.randint(0, 3, (2, 5, 7), generator=torch.Generator().manual_seed(2))  # (B, H, W)
    mask[0, :2] = IGNORED
    return mask


def test_the_configs_are_found() -> None:
    assert {"ce", "dice", "focal", "ce_dice"} <= {path.stem for path in CONFIGS}
    for name, losses in EXCEPTIONS.items():
        assert name in globals()
        assert set(losses) <= {path.stem for path in CONFIGS}


def test_is_a_finite_positive_scalar(loss: Loss, logits: torch.Tensor, mask: torch.Tensor) -> None:
    value = loss(logits, mask)
    assert value.shape == ()
    assert value.dtype == torch.float32
    assert 0 < float(value) < 100


def test_a_perfect_prediction_costs_nothing_and_its_opposite_much(loss: Loss, mask: torch.Tensor) -> None:
    one_hot = torch.nn.functional.one_hot(mask.where(mask != IGNORED, 0), 3).movedim(3, 1).float()
    assert float(loss(60 * one_hot, mask)) == pytest.approx(0, abs=1e-6)
    assert float(loss(-60 * one_hot, mask)) > 0.9


def test_descending_the_gradient_lowers_it(loss: Loss, logits: torch.Tensor, mask: torch.Tensor) -> None:
    logits.requires_grad_()
    before = loss(logits, mask)
    (gradient,) = torch.autograd.grad(before, logits)
    step = 0.1 * gradient  # small, as pixels that become easy leave the mean of ohem
    assert float(loss((logits - step).detach(), mask)) < float(before.detach())


def test_its_gradient_is_right(loss: Loss, logits: torch.Tensor, mask: torch.Tensor) -> None:
    logits = logits.double()[:, :, 1:4, :3].requires_grad_()
    assert torch.autograd.gradcheck(lambda z: loss(z, mask[:, 1:4, :3]), logits)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_any_integer_mask_gives_the_same(
    loss: Loss, logits: torch.Tensor, mask: torch.Tensor, dtype: torch.dtype
) -> None:
    assert torch.equal(loss(logits, mask.to(dtype)), loss(logits, mask))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_low_precision_logits_are_computed_in_float32(
    loss: Loss, logits: torch.Tensor, mask: torch.Tensor, dtype: torch.dtype
) -> None:
    low = logits.to(dtype).requires_grad_()
    value = loss(low, mask)
    assert value.dtype == torch.float32
    assert torch.equal(value.detach(), loss(low.detach().float(), mask))
    value.backward()
    assert low.grad is not None
    assert low.grad.dtype == dtype
    assert low.grad.isfinite().all()


def test_autocast_changes_nothing(loss: Loss, logits: torch.Tensor, mask: torch.Tensor) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = loss(logits, mask)
    assert torch.equal(inside, loss(logits, mask))


def test_autocast_is_off_within_a_loss(logits: torch.Tensor, mask: torch.Tensor) -> None:
    """So that a new loss may use a matrix product."""

    class Product(Loss):
        def value(self, pixels: Pixels) -> torch.Tensor:
            return (pixels.log_probs @ pixels.log_probs.mT).mean()

    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert Product(class_weights=None, ignore_index=IGNORED)(logits, mask).dtype == torch.float32


def test_a_class_ruled_out_by_minus_infinity_is_fine(loss: Loss, logits: torch.Tensor, mask: torch.Tensor) -> None:
    """Ignored pixels stand for class 0 inside; 0 times infinity must not come of it."""
    logits[:, 0] = -torch.inf
    logits.requires_grad_()
    value = loss(logits, mask.where(mask != 0, 1))
    (gradient,) = torch.autograd.grad(value, logits)
    assert value.isfinite()
    assert gradient.isfinite().all()


def test_a_large_half_precision_image_does_not_overflow(loss: Loss) -> None:
    """Sums over 2 million pixels pass 65504, the largest float16, and 2^20, where float32 sums one by one go wrong."""
    logits = torch.zeros(1, 3, 1024, 2048, dtype=torch.float16)
    logits[:, 0] = 1
    mask = torch.zeros(1, 1024, 2048, dtype=torch.uint8)
    small = loss(logits[:, :, :8, :8].double(), mask[:, :8, :8])
    assert float(loss(logits, mask)) == pytest.approx(float(small), rel=1e-4)


def test_ignored_pixels_count_on_neither_side(loss: Loss, logits: torch.Tensor, mask: torch.Tensor) -> None:
    logits.requires_grad_()
    value = loss(logits, mask)
    (gradient,) = torch.autograd.grad(value, logits)
    assert (gradient[0, :, :2] == 0).all()
    assert (gradient[0, :, 2:] != 0).all()
    changed = logits.detach().clone()
    changed[0, :, :2] = torch.tensor([50.0, -50.0, 0.0])[:, None, None]
    assert float(loss(changed, mask)) == pytest.approx(float(value.detach()), rel=1e-6)


def test_an_image_of_ignored_pixels_changes_nothing(loss: Loss, logits: torch.Tensor, mask: torch.Tensor) -> None:
    void = torch.full_like(mask[:1], IGNORED)
    both = loss(torch.cat([logits, logits[:1]]), torch.cat([mask, void]))
    assert float(both) == pytest.approx(float(loss(logits, mask)), rel=1e-6)


def test_nothing_but_ignored_pixels_is_exactly_zero(loss: Loss, logits: torch.Tensor, mask: torch.Tensor) -> None:
    logits.requires_grad_()
    value = loss(logits, torch.full_like(mask, IGNORED))
    assert value.item() == 0
    value.backward()
    assert logits.grad is not None
    assert (logits.grad == 0).all()


def test_one_class_alone_is_fine(loss: Loss, logits: torch.Tensor, mask: torch.Tensor) -> None:
    logits.requires_grad_()
    value = loss(logits, torch.ones_like(mask))
    value.backward()
    assert 0 < value.item() < 100
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_an_invalid_label_is_named(loss: Loss, logits: torch.Tensor, mask: torch.Tensor) -> None:
    mask[1, 2, 3] = 34
    with pytest.raises(SeglabError, match=r"mask holds 34; expected class ids 0\.\.2 or 255 \(ignored\)"):
        loss(logits, mask)
    mask[1, 2, 3] = -1
    with pytest.raises(SeglabError, match="mask holds -1;"):
        loss(logits, mask)


def test_shapes_that_do_not_fit_are_named(loss: Loss, logits: torch.Tensor, mask: torch.Tensor) -> None:
    with pytest.raises(SeglabError, match=r"got logits \(2, 3, 5, 7\) and mask \(2, 5, 6\) - resize the logits"):
        loss(logits, mask[:, :, :6])
    with pytest.raises(SeglabError, match=r"got torch\.float32 - convert it"):
        loss(logits, mask.float())


def test_terms_combine_to_the_loss(loss: Loss, logits: torch.Tensor, mask: torch.Tensor) -> None:
    terms = loss.terms(logits, mask)
    assert all(term.shape == () for term in terms.values())
    assert torch.equal(loss.combine(terms), loss(logits, mask))


def test_nothing_of_it_enters_a_checkpoint(loss: Loss) -> None:
    assert loss.state_dict() == {}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler's own
@pytest.mark.parametrize("loss", one_in(5, CONFIGS), ids=[path.stem for path in CONFIGS], indirect=True)
def test_is_captured_in_one_graph(loss: Loss, logits: torch.Tensor, mask: torch.Tensor) -> None:
    compiled_equals(loss, logits, mask, backend="aot_eager")


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_code_is_generated(logits: torch.Tensor, mask: torch.Tensor) -> None:
    """In one compilation: each takes seconds, most of them the C++ compiler's. (Boundary alone takes half a minute.)"""
    kinds = (CrossEntropy, Dice, Focal, Jaccard, Lovasz, Ohem, Tversky)
    terms = {kind.__name__.lower(): kind(ignore_index=IGNORED) for kind in kinds}
    compiled_equals(Compound(terms, weights=dict.fromkeys(terms, 1.0)), logits, mask, backend="inductor")


def compiled_equals(loss: Loss, logits: torch.Tensor, mask: torch.Tensor, *, backend: str) -> None:
    torch.compiler.reset()  # all losses share the code of `forward`, which is compiled for eight of them at most
    logits.requires_grad_()
    compiled = torch.compile(loss, fullgraph=True, backend=backend)(logits, mask)
    (gradient,) = torch.autograd.grad(compiled, logits)
    expected = loss(logits, mask)
    (expected_gradient,) = torch.autograd.grad(expected, logits)
    torch.testing.assert_close(compiled, expected)
    torch.testing.assert_close(gradient, expected_gradient)


@pytest.mark.parametrize("kind", [Boundary, CrossEntropy, Dice, Focal, Jaccard, Lovasz, Ohem, Tversky])
class TestClassWeights:
    def test_equal_ones_change_nothing(self, kind: type, logits: torch.Tensor, mask: torch.Tensor) -> None:
        weighted = kind(class_weights=[5, 5, 5])(logits, mask)
        assert float(weighted) == pytest.approx(float(kind()(logits, mask)), rel=1e-6)

    def test_zero_switches_a_class_off(self, kind: type, logits: torch.Tensor, mask: torch.Tensor) -> None:
        off = kind(class_weights=[1, 1, 0])
        assert float(off(logits, mask)) != pytest.approx(float(kind()(logits, mask)), rel=1e-3)
        assert float(off(logits, torch.full_like(mask, 2))) == 0

    def test_they_follow_the_device_and_stay_out_of_checkpoints(
        self, kind: type, logits: torch.Tensor, mask: torch.Tensor
    ) -> None:
        weighted = kind(class_weights=[1, 2, 3])
        assert weighted.to("meta").class_weights.is_meta
        assert weighted.state_dict() == {}

    def test_a_wrong_number_is_named(self, kind: type, logits: torch.Tensor, mask: torch.Tensor) -> None:
        with pytest.raises(SeglabError, match=r"expected 3 weights, one for each class of the logits; got 2"):
            kind(class_weights=[1, 2])(logits, mask)

    @pytest.mark.parametrize("weights", [[], [0, 0, 0], [1, -1, 1], [1, float("inf"), 1], [1, float("nan"), 1]])
    def test_useless_ones_are_refused(self, kind: type, weights: list[float]) -> None:
        with pytest.raises(SeglabError, match="expected finite weights >= 0, not all of them 0"):
            kind(class_weights=weights)


@pytest.mark.parametrize("ignored", [-100, 1])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_another_ignore_index(ignored: int, dtype: torch.dtype, logits: torch.Tensor, mask: torch.Tensor) -> None:
    """-100 must not wrap to 156 in a uint8 mask; a class may be the ignored one."""
    mask = mask.where(mask != IGNORED, 0)
    mask[0, 0, 0] = 156 if ignored == -100 else 0
    loss = Compound({"ce": CrossEntropy(ignore_index=ignored)}, weights={"ce": 1})
    if ignored == -100:
        with pytest.raises(SeglabError, match="mask holds 156"):
            loss(logits, mask.to(dtype))
        return
    expected = torch.nn.functional.cross_entropy(logits, mask, ignore_index=ignored)
    torch.testing.assert_close(loss(logits, mask.to(dtype)), expected)
