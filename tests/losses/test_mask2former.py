"""The matching loss, by hand and against the one of transformers, which is checked against the authors'."""

import pytest
import torch
from scipy.optimize import linear_sum_assignment

from seglab.errors import SeglabError
from seglab.losses import Compound, CrossEntropy, Mask2FormerLoss
from seglab.losses.points import logits_at, truth_of_all_classes, truth_of_one_class
from seglab.models.auxiliary import WithAuxiliary
from seglab.models.queries import Queries

IGNORED = 255
WEIGHTS = {"class": 2.0, "mask": 5.0, "dice": 5.0}
K, Q = 3, 6


def build(**changes) -> Mask2FormerLoss:
    numbers = {
        "class_weight": 2.0, "mask_weight": 5.0, "dice_weight": 5.0, "no_object": 0.1,
        "num_points": 200, "oversample": 3.0, "importance": 0.75,
    }  # fmt: skip
    return Mask2FormerLoss(**{**numbers, **changes})


def random_queries(*, layers: int = 1, batch: int = 2, seed: int = 1, size: tuple[int, int] = (6, 8)) -> Queries:
    generator = torch.Generator().manual_seed(seed)
    readings = [
        (torch.randn(batch, Q, K + 1, generator=generator), 3 * torch.randn(batch, Q, *size, generator=generator))
        for _ in range(layers)
    ]
    return Queries(*readings[0], tuple(readings[1:]))


@pytest.fixture
def mask() -> torch.Tensor:
    """(2, 12, 16): three classes and two."""
    mask = torch.randint(0, 3, (2, 3, 4), generator=torch.Generator().manual_seed(2))
    mask[1] = mask[1].clamp(max=1)
    return mask.repeat_interleave(4, 1).repeat_interleave(4, 2)


def loss_of(loss: Mask2FormerLoss, queries: Queries, mask: torch.Tensor, *, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return loss.combine(loss.terms_of_queries(queries, mask))


class SameEverywhere:
    """torch.rand with the same numbers for each row: whoever asks, in whatever order, gets the same points."""

    def __call__(self, *shape, device=None):
        generator = torch.Generator().manual_seed(shape[1])
        return torch.empty(1, *shape[1:]).uniform_(generator=generator).expand(shape).clone()


def theirs(queries: Queries, mask: torch.Tensor, **changes) -> dict[str, torch.Tensor]:
    """Mask2FormerLoss of the library for the same input, summed over the layers."""
    transformers = pytest.importorskip("transformers")
    modeling = pytest.importorskip("transformers.models.mask2former.modeling_mask2former")
    config = transformers.Mask2FormerConfig(num_labels=K, train_num_points=200, **changes)
    criterion = modeling.Mask2FormerLoss(config, {})
    present = [one.unique() for one in mask]
    masks = [
        torch.stack([(one == label).float() for label in labels]) for one, labels in zip(mask, present, strict=True)
    ]
    auxiliary = [{"class_queries_logits": c, "masks_queries_logits": m} for c, m in queries.auxiliary]
    values = criterion(queries.mask_logits, queries.class_logits, masks, present, auxiliary or None)
    names = {"class": "loss_cross_entropy", "mask": "loss_mask", "dice": "loss_dice"}
    return {name: sum(v for key, v in values.items() if key.startswith(start)) for name, start in names.items()}


def test_is_the_librarys_with_the_same_seed(mask):
    queries = random_queries()
    torch.manual_seed(5)
    expected = theirs(queries, mask)
    torch.manual_seed(5)
    came = build().terms_of_queries(queries, mask)
    for name, value in expected.items():
        torch.testing.assert_close(came[name], value, rtol=1e-5, atol=1e-6)


def test_is_the_librarys_over_all_layers_at_the_same_points(mask, monkeypatch):
    queries = random_queries(layers=3)
    monkeypatch.setattr(torch, "rand", SameEverywhere())
    expected = theirs(queries, mask)
    came = build().terms_of_queries(queries, mask)
    for name, value in expected.items():
        torch.testing.assert_close(came[name], value, rtol=1e-5, atol=1e-6)
    total = build().combine(came)
    torch.testing.assert_close(total, sum(WEIGHTS[name] * value for name, value in expected.items()))


def test_its_gradient_is_the_librarys(mask):
    gradients = []
    for function in (theirs, build().terms_of_queries):
        queries = random_queries()
        for part in queries[:2]:
            part.requires_grad_()
        torch.manual_seed(5)
        terms = function(queries, mask)
        sum(WEIGHTS[name] * value for name, value in terms.items()).backward()
        gradients.append([part.grad for part in queries[:2]])
    for ours, library in zip(*reversed(gradients), strict=True):
        torch.testing.assert_close(ours, library, rtol=1e-4, atol=1e-6)


def perfect(mask: torch.Tensor) -> Queries:
    """Of each class one query that is sure of it, and others that are no class."""
    classes = torch.full((len(mask), Q, K + 1), -40.0)
    masks = torch.full((len(mask), Q, *mask.shape[1:]), -40.0)
    for image, one in enumerate(mask):
        for label in range(K):
            has = bool((one == label).any())
            classes[image, label + 1, label if has else K] = 40.0
            masks[image, label + 1] = torch.where(one == label, 40.0, -40.0)
        classes[image, [0, 4, 5], K] = 40.0
    return Queries(classes, masks)


def test_right_queries_cost_little_and_wrong_ones_much(mask):
    right = perfect(mask)
    terms = build(importance=0.0).terms_of_queries(right, mask)
    assert float(terms["class"]) == pytest.approx(0, abs=1e-5)
    assert float(terms["mask"]) < 2.5  # between two pixels of other classes, where a step is a slope in the logits
    assert float(terms["dice"]) < 0.1
    wrong = Queries(right.class_logits.roll(1, 2), right.mask_logits)
    assert float(loss_of(build(), wrong, mask)) > float(loss_of(build(), right, mask)) + 5


def test_each_class_gets_the_query_that_fits_it(mask):
    loss = build()
    queries = perfect(mask)
    layer = (queries.class_logits, queries.mask_logits)
    picture = loss._read(mask, num_classes=K)
    (pairs,) = loss._matched([layer], picture)
    assert pairs.query.tolist() == (pairs.label + 1).tolist()
    assert pairs.image.tolist() == [0, 0, 0, 1, 1]
    costs = loss._costs(layer, picture)
    assert costs.shape == (2, Q, K)
    rows, columns = linear_sum_assignment(costs[0])
    assert (columns + 1).tolist() == rows.tolist()


def test_fewer_queries_than_classes_match_as_many_as_there_are():
    mask = torch.arange(3).view(1, 1, 3).expand(1, 4, 3).contiguous()
    queries = Queries(torch.randn(1, 2, 4), torch.randn(1, 2, 4, 3))
    assert loss_of(build(), queries, mask).isfinite()


class TestIgnoredPixels:
    def test_the_mask_there_changes_nothing(self, mask):
        """Neither its matching nor the loss: the logits of full size are taken, and a margin of a pixel is left."""
        void = mask.clone()
        void[:, :, 8:] = IGNORED
        queries = random_queries(size=(12, 16))
        other = queries.mask_logits.clone()
        other[..., 9:] = 7.0
        loss = build(importance=0.0)
        before, after = (loss_of(loss, queries._replace(mask_logits=m), void) for m in (queries.mask_logits, other))
        assert float(before) == pytest.approx(float(after), rel=1e-6)

    def test_no_gradient_there(self, mask):
        void = mask.clone()
        void[:, :, 8:] = IGNORED
        queries = random_queries(size=(12, 16))
        queries.mask_logits.requires_grad_()
        loss_of(build(), queries, void).backward()
        assert (queries.mask_logits.grad[..., 9:] == 0).all()
        assert (queries.mask_logits.grad[..., :7] != 0).any()

    def test_an_image_of_them_changes_nothing(self, mask, monkeypatch):
        monkeypatch.setattr(torch, "rand", SameEverywhere())
        queries = random_queries()
        both = Queries(*(torch.cat([part, part[:1]]) for part in queries[:2]))
        void = torch.full_like(mask[:1], IGNORED)
        alone = loss_of(build(), queries, mask)
        assert float(loss_of(build(), both, torch.cat([mask, void]))) == pytest.approx(float(alone), rel=1e-5)

    def test_nothing_but_them_is_exactly_zero(self, mask):
        queries = random_queries(layers=2)
        for part in (*queries[:2], *queries.auxiliary[0]):
            part.requires_grad_()
        value = loss_of(build(), queries, torch.full_like(mask, IGNORED))
        assert value.item() == 0
        value.backward()
        for part in (*queries[:2], *queries.auxiliary[0]):
            assert (part.grad == 0).all()


def test_is_computed_in_float32_whatever_autocast_says(mask):
    queries = random_queries()
    low = Queries(*(part.bfloat16() for part in queries[:2]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = loss_of(build(), low, mask)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, loss_of(build(), Queries(*(part.float() for part in low[:2])), mask))


def test_the_seed_decides_the_points(mask):
    queries = random_queries()
    first, again, other = (float(loss_of(build(), queries, mask, seed=seed)) for seed in (0, 0, 1))
    assert first == again != other


def test_any_integer_mask_gives_the_same(mask):
    queries = random_queries()
    assert torch.equal(loss_of(build(), queries, mask.to(torch.uint8)), loss_of(build(), queries, mask))


def test_an_invalid_label_is_named(mask):
    mask[0, 0, 0] = 34
    with pytest.raises(SeglabError, match=r"mask holds 34; expected class ids 0\.\.2"):
        loss_of(build(), random_queries(), mask)


def test_logits_that_are_no_numbers_end_in_a_loss_that_is_none(mask):
    """Which callbacks.guard tells; scipy would stop with words about its matrix."""
    queries = random_queries()
    queries.class_logits[0, 0, 0] = torch.nan
    assert loss_of(build(), queries, mask).isnan()


def test_pixels_cost_their_cross_entropy(mask):
    logits = torch.randn(2, K, 12, 16)
    assert torch.equal(build()(logits, mask), CrossEntropy()(logits, mask))
    with pytest.raises(SeglabError, match="Mask2FormerLoss: expected to be the whole loss"):
        Compound({"m": build()}, weights={"m": 1.0})(logits, mask)


def test_a_network_of_pixels_is_refused(mask):
    with pytest.raises(SeglabError, match="expected a network of queries; came one that scores pixels - choose model="):
        build().terms_of_answer(WithAuxiliary(torch.zeros(2, K, 12, 16)), mask)


def test_numbers_that_make_no_sense_are_refused():
    for change in ({"num_points": 0}, {"oversample": 0.5}, {"importance": 1.5}):
        with pytest.raises(SeglabError, match="num_points >= 1, oversample >= 1 and importance in"):
            build(**change)


class TestPoints:
    def test_the_truth_is_what_the_masks_are_at_these_points(self, mask):
        points = torch.rand(2, 50, 2, generator=torch.Generator().manual_seed(3))
        valid = torch.ones_like(mask, dtype=torch.bool)
        target, weight = truth_of_all_classes(mask, valid, points, num_classes=K)
        one_hot = torch.nn.functional.one_hot(mask, K).movedim(3, 1).float()
        torch.testing.assert_close(target, logits_at(one_hot, points), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(weight, torch.ones(2, 50))
        one = truth_of_one_class(mask, valid, points, torch.tensor([2, 0]))
        torch.testing.assert_close(one.target, torch.stack([target[0, 2], target[1, 0]]))

    def test_of_the_pixels_around_a_point_the_ignored_ones_do_not_count(self):
        labels = torch.tensor([[[0, 1], [0, 0]]])
        valid = torch.tensor([[[True, True], [False, True]]])
        points = torch.tensor([[[0.5, 0.5], [0.25, 0.75], [0.25, 0.25]]])  # between all four; two centres of pixels
        target, weight = truth_of_all_classes(labels, valid, points, num_classes=2)
        assert weight[0].tolist() == [0.75, 0, 1]
        assert target[0, 1].tolist() == pytest.approx([1 / 3, 0, 0])
        assert target[0, 0].tolist() == pytest.approx([2 / 3, 0, 1])
