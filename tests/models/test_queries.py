import pytest
import torch

from seglab.models.queries import Queries, class_scores

SIZE = (8, 12)


@pytest.fixture
def queries():
    generator = torch.Generator().manual_seed(1)
    return Queries(torch.randn(2, 5, 4, generator=generator), torch.randn(2, 5, 4, 6, generator=generator))


def test_by_hand():
    """Two queries: sure of class 0 and half a mask, and no class at all with a whole one."""
    class_logits = torch.tensor([[[50.0, 0.0, 0.0], [0.0, 0.0, 50.0]]])
    mask_logits = torch.tensor([[[[50.0, 0.0]], [[50.0, 50.0]]]])
    scores = class_scores(Queries(class_logits, mask_logits), size=(1, 2))
    assert scores[0, 0, 0].exp().tolist() == pytest.approx([1.0, 0.5])
    assert (scores[0, 1] < -40).all()


def test_their_softmax_is_the_sum_divided_by_that_of_the_classes(queries):
    masks = torch.nn.functional.interpolate(queries.mask_logits, size=SIZE, mode="bilinear").sigmoid()
    sums = torch.einsum("bqk,bqhw->bkhw", queries.class_logits.softmax(2)[..., :3], masks)
    scores = class_scores(queries, size=SIZE)
    torch.testing.assert_close(scores.softmax(1), sums / sums.sum(1, keepdim=True))
    assert torch.equal(scores.argmax(1), sums.argmax(1))


def test_half_precision_and_autocast_compute_in_float32(queries):
    low = Queries(queries.class_logits.bfloat16(), queries.mask_logits.bfloat16())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = class_scores(low, size=SIZE)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, class_scores(Queries(*(part.float() for part in low[:2])), size=SIZE))


def test_masks_of_nothing_stay_finite_with_their_gradient(queries):
    mask_logits = torch.full_like(queries.mask_logits, -1e4).requires_grad_()
    class_logits = queries.class_logits.clone().requires_grad_()
    scores = class_scores(Queries(class_logits, mask_logits), size=SIZE)
    torch.nn.functional.cross_entropy(scores, torch.zeros(2, *SIZE, dtype=torch.long)).backward()
    assert scores.isfinite().all()
    assert mask_logits.grad.isfinite().all()
    assert class_logits.grad.isfinite().all()
