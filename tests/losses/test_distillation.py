"""The divergence of two predictions against numbers worked by hand."""

import math

import torch

from seglab.losses.distillation import distillation


def maps(*pixels):
    """(1, K, 1, W) of logits of W pixels."""
    return torch.tensor(pixels).T[None, :, None, :]


MASK = torch.zeros(1, 1, 2, dtype=torch.uint8)


def test_the_value_worked_by_hand():
    teacher, student = maps([math.log(0.9), math.log(0.1)], [0.0, 0.0]), maps([0.0, 0.0], [0.0, 0.0])
    by_hand = (0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)) / 2
    torch.testing.assert_close(distillation(student, teacher, MASK, temperature=1), torch.tensor(by_hand))


def test_a_temperature_softens_both_and_its_square_scales_them():
    teacher, student = maps([2.0, 0.0], [0.0, 1.0]), maps([0.0, 3.0], [1.0, 1.0])
    torch.testing.assert_close(
        distillation(student, teacher, MASK, temperature=4),
        16 * distillation(student / 4, teacher / 4, MASK, temperature=1),
    )


def test_the_gradient_is_the_difference_of_the_probabilities():
    student = maps([0.3, -0.2], [1.0, 0.5]).requires_grad_()
    teacher = maps([1.0, 0.0], [0.0, 2.0]).requires_grad_()
    distillation(student, teacher, MASK, temperature=1).backward()
    torch.testing.assert_close(student.grad, (student.softmax(1) - teacher.softmax(1)).detach() / 2)
    assert teacher.grad is None


def test_ignored_pixels_do_not_count():
    teacher, student = maps([2.0, 0.0], [0.0, 9.0]), maps([0.0, 3.0], [7.0, 1.0]).requires_grad_()
    mask = torch.tensor([[[0, 255]]], dtype=torch.uint8)
    value = distillation(student, teacher, mask, temperature=2)
    value.backward()
    torch.testing.assert_close(value, distillation(student[..., :1], teacher[..., :1], mask[..., :1], temperature=2))
    assert (student.grad[..., 1] == 0).all()
    nothing = distillation(student, teacher, torch.full_like(mask, 255), temperature=2)
    assert nothing == 0
    nothing.backward()
    assert student.grad.isfinite().all()


def test_equal_predictions_and_classes_ruled_out_by_both_cost_nothing():
    logits = maps([2.0, -math.inf], [0.5, -math.inf]).requires_grad_()
    value = distillation(logits, logits, MASK, temperature=3)
    value.backward()
    assert value == 0
    assert logits.grad.isfinite().all()
