"""Maximum and class-wise calibration errors, Brier score and NLL against torchmetrics, torch and brute-force counts."""

import numpy as np
import pytest
import torch
from torchmetrics.classification import BinaryCalibrationError, MulticlassCalibrationError

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX
from seglab.metrics.calibration import CalibrationError
from seglab.metrics.class_calibration import ClassCalibrationErrors
from seglab.metrics.proper_scores import ProperScores

K = 4


@pytest.fixture
def images() -> list[tuple[torch.Tensor, np.ndarray]]:
    """Three images of different sizes: probabilities (K, H, W), one of them with many ties, and masks with void."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for height, width, ties in ((9, 14, False), (5, 3, True), (16, 11, True)):
        logits = 2 * torch.randn(K, height, width, generator=generator)
        mask = torch.randint(K, (height, width), generator=generator).to(torch.uint8)
        mask[0, :2] = IGNORE_INDEX
        found.append(((logits.round() if ties else logits).softmax(0), mask.numpy()))
    return found


def flat(images: list[tuple[torch.Tensor, np.ndarray]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities (N, K) and truth (N,) of all labelled pixels."""
    probabilities = torch.cat([part.flatten(1).T for part, _ in images])
    truth = torch.cat([torch.from_numpy(mask).flatten() for _, mask in images]).long()
    return probabilities[truth != IGNORE_INDEX], truth[truth != IGNORE_INDEX]


@pytest.mark.parametrize("norm", ["l1", "max"])
def test_top_label_is_that_of_torchmetrics(images, norm) -> None:
    metric = CalibrationError()
    for part, mask in images:
        confidence, pred = (array.numpy() for array in part.max(0))
        metric.update(confidence, pred == mask, mask != IGNORE_INDEX)
    probabilities, truth = flat(images)
    reference = MulticlassCalibrationError(K, n_bins=15, norm=norm)(probabilities, truth)
    assert (metric.maximum() if norm == "max" else metric.compute()) == pytest.approx(float(reference), abs=1e-6)
    assert sum(metric.diagram()["pixels"]) == len(truth)


@pytest.mark.parametrize("norm", ["l1", "max"])
def test_each_class_against_a_count_bin_by_bin(images, norm) -> None:
    metric = ClassCalibrationErrors(K)
    for part, mask in images:
        metric.update(part, mask)
    probabilities, truth = flat(images)
    for k, value in enumerate(metric.maximum() if norm == "max" else metric.expected()):
        differences, shares = [], []
        for low in range(15):
            inside = (probabilities[:, k].double() > low / 15) & (probabilities[:, k].double() <= (low + 1) / 15)
            if inside.any():
                right = (truth[inside] == k).double().mean()
                differences.append(float((right - probabilities[inside, k].double().mean()).abs()))
                shares.append(float(inside.double().mean()))
        by_hand = max(differences) if norm == "max" else float(np.dot(differences, shares))
        assert value == pytest.approx(by_hand, abs=1e-12)


def test_a_class_is_a_binary_problem_of_torchmetrics(images) -> None:
    """Which, of a class, bins the probability of it too where that is what it is given."""
    metric = ClassCalibrationErrors(K)
    for part, mask in images:
        metric.update(part, mask)
    probabilities, truth = flat(images)
    reference = [float(BinaryCalibrationError(n_bins=15)(probabilities[:, k], (truth == k).long())) for k in range(K)]
    assert metric.expected() == pytest.approx(reference, abs=1e-6)
    assert metric.compute()["classwise_ece"] == pytest.approx(np.mean(reference), abs=1e-6)


def test_brier_and_nll_are_those_of_torch(images) -> None:
    metric = ProperScores(K)
    for part, mask in images:
        metric.update(part, mask)
    probabilities, truth = flat(images)
    one_hot = torch.nn.functional.one_hot(truth, K)
    scores = metric.compute()
    assert scores["brier"] == pytest.approx(float((probabilities - one_hot).square().sum(1).mean()), rel=1e-5)
    assert scores["nll"] == pytest.approx(float(torch.nn.functional.nll_loss(probabilities.log(), truth)), rel=1e-5)


def test_a_probability_that_underflowed_costs_a_finite_number_of_nats() -> None:
    metric = ProperScores(2)
    metric.update(torch.tensor([[[1.0]], [[0.0]]]), np.array([[1]], dtype=np.uint8))
    assert metric.compute() == {"brier": 2.0, "nll": pytest.approx(87.3, abs=0.1)}


def test_parts_make_the_whole_in_whatever_order(images) -> None:
    for make, name in ((ClassCalibrationErrors, "classwise_ece"), (ProperScores, "nll")):
        whole, first, second = make(K), make(K), make(K)
        for number, (part, mask) in enumerate(images):
            whole.update(part, mask)
            (second if number else first).update(part, mask)
        second.merge(first)
        assert second.compute()[name] == pytest.approx(whole.compute()[name], abs=1e-12)


def test_nothing_counted_is_not_a_number() -> None:
    assert np.isnan(CalibrationError().maximum())
    assert np.isnan(list(ProperScores(3).compute().values())).all()
    assert np.isnan(list(ClassCalibrationErrors(3).compute().values())).all()


@pytest.mark.parametrize("make", [ClassCalibrationErrors, ProperScores])
def test_another_size_is_refused(make) -> None:
    with pytest.raises(SeglabError, match=r"expected probabilities \(3, H, W\) for the mask \(2, 2\); got \(3, 2, 4\)"):
        make(3).update(torch.full((3, 2, 4), 1 / 3), np.zeros((2, 2), dtype=np.uint8))
