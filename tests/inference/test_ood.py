"""Each detector against its formula over numpy and scipy, on a network of two convolutions."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from scipy import special
from scipy.spatial import distance
from torch import nn

from seglab import config
from seglab.config.instantiate import instantiate
from seglab.display.ood import asked, ood_words, snake_case
from seglab.errors import SeglabError
from seglab.inference.ood import features as features_module
from seglab.inference.ood.contract import Labelled
from seglab.inference.ood.features import Knn, Mahalanobis, features_of
from seglab.inference.ood.logits import Energy, Entropy, MaxLogit, MaxSoftmax, RejectedByAll
from seglab.inference.ood.odin import Odin
from seglab.inference.ood.passes import McDropoutMi, mutual_information
from seglab.inference.ood.standardised import StandardisedMaxLogit
from seglab.losses import CrossEntropy
from seglab.training.module import SegmentationModule
from seglab.training.outputs import resize_logits
from seglab.training.schedule import Constant

NAMES = sorted(path.stem for path in (config.FOLDER / "ood").glob("*.yaml") if path.stem not in ("several", "image"))
CLASSES = ("road", "sky", "car")


class Small(nn.Module):
    """Features at half the size, and logits of them."""

    def __init__(self, *, dropout: float = 0.0, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(4, classes, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.features(image).relu()))


@pytest.fixture
def module_of() -> Callable[..., SegmentationModule]:
    def made(network: nn.Module | None = None, *, size_divisor: int = 1, loss: nn.Module | None = None):
        torch.manual_seed(3)
        return SegmentationModule(
            network or Small(), loss=loss or CrossEntropy(), class_names=CLASSES, schedule=Constant(),
            optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.1), channels_last=False,
            size_divisor=size_divisor, mean=[0.5] * 3, std=[0.25] * 3,
        ).eval()  # fmt: skip

    return made


def images(count: int, *, size: tuple[int, int] = (12, 16)) -> list[Labelled]:
    generator = torch.Generator().manual_seed(5)
    return [
        Labelled(
            torch.randint(0, 256, (1, 3, *size), generator=generator).float(),
            torch.where(
                torch.rand(size, generator=generator) < 0.1, 255, torch.randint(0, 3, size, generator=generator)
            ),
        )
        for _ in range(count)
    ]


@pytest.fixture
def logits() -> torch.Tensor:
    return 6 * torch.randn(5, 7, 9, generator=torch.Generator().manual_seed(1))


def test_formulas_of_logits(logits):
    z = logits.double().numpy()
    p = special.softmax(z, axis=0)
    expected = {
        MaxSoftmax(): 1 - p.max(0),
        MaxLogit(): -z.max(0),
        Entropy(): special.entr(p).sum(0) / np.log(5),
        Energy(temperature=2.0): -2 * special.logsumexp(z / 2, axis=0),
        RejectedByAll(): -np.tanh(np.exp(z)).sum(0),
    }
    for detector, value in expected.items():
        scores = detector.of_logits(logits).numpy()
        assert scores.shape == (7, 9)
        assert np.allclose(scores, value, atol=1e-5), type(detector).__name__


def test_where_the_softmax_is_1_the_surer_pixel_still_scores_less():
    logits = torch.zeros(3, 1, 2)
    logits[0, 0] = torch.tensor([30.0, 60.0])
    assert (logits.softmax(0).max(0).values == 1).all()
    sure, surer = MaxSoftmax().of_logits(logits)[0].double().tolist()
    assert sure == pytest.approx(2 * np.exp(-30), rel=1e-5)
    assert surer == pytest.approx(2 * np.exp(-60), rel=1e-5)


def test_standardised_logits_by_the_training_images(module_of):
    module, samples = module_of(), images(3)
    detector = StandardisedMaxLogit(images=3)
    with torch.inference_mode():
        detector.fit(module, iter(samples))
        z = torch.cat([module(sample.image)[0].flatten(1) for sample in samples], dim=1).double().numpy()
        scores = detector.scores(module, samples[1].image, (24, 32)).numpy()
        at_size = resize_logits(module(samples[1].image), (24, 32))[0].numpy()
    labels, largest = z.argmax(0), z.max(0)
    mean, deviation = np.zeros(3), np.zeros(3)
    for k in range(3):
        chosen = largest[labels == k] if (labels == k).sum() >= 100 else largest
        mean[k], deviation[k] = chosen.mean(), chosen.std()
    k = at_size.argmax(0)
    assert scores == pytest.approx(-(at_size.max(0) - mean[k]) / deviation[k], rel=1e-3, abs=1e-3)


def test_odin_is_a_step_along_the_gradient_and_a_temperature(module_of):
    module, image = module_of(), images(1)[0].image
    with torch.inference_mode():
        scores = Odin(temperature=10.0, epsilon=0.02).scores(module, image, (12, 16))
        still = Odin(temperature=10.0, epsilon=0.0).scores(module, image, (12, 16))
    x = ((image - module.mean) / module.std).requires_grad_()
    logits = nn.functional.interpolate(module.network(x), size=(12, 16), mode="bilinear") / 10
    logits.log_softmax(1).max(1).values.sum().backward()
    moved = module.network(x + 0.02 * x.grad.sign())
    largest = (nn.functional.interpolate(moved, size=(12, 16), mode="bilinear") / 10).softmax(1).max(1).values[0]
    expected = -10 * (largest.log() + np.log(3))
    assert torch.allclose(scores, expected, atol=1e-5)
    assert not torch.allclose(still, expected, atol=1e-5)


def test_features_are_what_the_last_layer_sees(module_of):
    module, image = module_of(size_divisor=8), images(1)[0].image
    with torch.inference_mode():
        features = features_of(module, image)
        assert features.shape == (4, 8, 8)  # of 16x16: padded to a multiple of 8
        logits = module.network.head(features[None])
        whole = nn.functional.interpolate(logits, size=(16, 16), mode="bilinear")[..., :12, :]
        assert torch.allclose(whole, module(image), atol=1e-5)
    assert not module.network.head._forward_pre_hooks


def test_mahalanobis_is_the_distance_to_the_nearest_class(module_of):
    module, samples = module_of(), images(4)
    detector = Mahalanobis(images=4, pixels=10_000, seed=1)
    with torch.inference_mode():
        detector.fit(module, iter(samples))
        found, labels = [], []
        for sample in samples:
            found.append(features_of(module, sample.image).flatten(1).T.double().numpy())
            mask = nn.functional.interpolate(sample.mask[None, None].float(), size=(6, 8), mode="nearest-exact")
            labels.append(mask.flatten().long().numpy())
        scores = detector.scores(module, samples[0].image, (6, 8)).numpy()
        own = detector.of_features(features_of(module, samples[0].image).flatten(1).T).numpy()
    features, label = np.concatenate(found), np.concatenate(labels)
    means = np.stack([features[label == k].mean(0) for k in range(3)])
    centred = np.concatenate([features[label == k] - means[k] for k in range(3)])
    inverse = np.linalg.inv(centred.T @ centred / len(centred))
    expected = [min(distance.mahalanobis(f, m, inverse) ** 2 for m in means) for f in found[0]]
    assert own == pytest.approx(expected, rel=1e-2, abs=1e-3)
    assert scores.shape == (6, 8)


def test_neighbours_are_those_of_all_pairs(module_of):
    module, samples = module_of(), images(4)
    detector = Knn(images=4, bank=40, k=3, seed=1)
    with torch.inference_mode():
        detector.fit(module, iter(samples))
        features = features_of(module, samples[2].image).flatten(1).T
        scores = detector.of_features(features).numpy()
    bank = detector._bank.numpy()
    assert bank.shape == (40, 4)
    lengths = np.linalg.norm(bank, axis=1)
    assert lengths == pytest.approx((lengths > 0).astype(float), abs=1e-5)  # 0 where no feature is above 0
    unit = nn.functional.normalize(features, dim=1).numpy()
    assert scores == pytest.approx(np.sort(distance.cdist(unit, bank), axis=1)[:, 2], abs=1e-3)


def test_mutual_information_of_passes(module_of):
    p = torch.rand(3, 4, 5, 6, generator=torch.Generator().manual_seed(2)).softmax(1)
    of_mean = special.entr(p.mean(0).numpy()).sum(0)
    expected = of_mean - special.entr(p.numpy()).sum(1).mean(0)
    assert mutual_information(iter(p)).numpy() == pytest.approx(expected, abs=1e-6)
    assert not mutual_information([p[0], p[0]]).any()
    module, image = module_of(Small(dropout=0.5)), images(1)[0].image
    detector = McDropoutMi(samples=5, seed=1)
    detector.check(module)
    with torch.inference_mode():
        before = torch.random.get_rng_state()
        scores = detector.scores(module, image, (12, 16))
        assert torch.equal(before, torch.random.get_rng_state())
        torch.rand(7)
        assert torch.equal(scores, detector.scores(module, image, (12, 16)))  # whatever was drawn before
        assert scores.max() > 0
        assert not module.network.dropout.training


def test_networks_that_do_not_fit_are_refused(module_of):
    with pytest.raises(SeglabError, match="ood=mc_dropout_mi: expected Small to have dropout; came none"):
        McDropoutMi(samples=2, seed=1).check(module_of())
    with pytest.raises(SeglabError, match=r"ood=rejected_by_all: expected a run of mask classification.* CrossEntropy"):
        RejectedByAll().check(module_of())
    with pytest.raises(SeglabError, match=r"ood: expected a network whose last layer is a convolution.*Identity"):
        Knn(images=1, bank=1, k=1, seed=1).check(module_of(nn.Identity()))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Energy(temperature=0), r"ood.temperature: expected a number > 0; got 0"),
        (lambda: Odin(temperature=1, epsilon=-1), r"ood.epsilon: expected a number >= 0; got -1"),
        (lambda: Knn(images=1, bank=4, k=5, seed=1), r"ood.k: expected a whole number from 1 to ood.bank=4; got 5"),
        (lambda: Knn(images=0, bank=4, k=1, seed=1), r"ood.images: expected a whole number >= 1 of training images"),
        (lambda: Mahalanobis(images=1, pixels=0, seed=1), r"ood.pixels: expected a whole number >= 1; got 0"),
        (lambda: McDropoutMi(samples=1, seed=1), r"ood.samples: expected a whole number >= 2"),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(SeglabError, match=message):
        make()


@pytest.mark.parametrize("name", NAMES)
def test_every_yaml_makes_the_detector_of_its_name(name):
    node = yaml.safe_load((config.FOLDER / "ood" / f"{name}.yaml").read_text())
    described = asked({"ood": node, "ood_components": None})
    assert described["detector"] == name
    assert name.replace("_", " ") in ood_words(described)
    assert snake_case(type(instantiate(node)).__name__) == name


def test_mahalanobis_keeps_its_digits_where_channels_hardly_vary():
    """Far from 0 and of a small variance: the inverse is large, and so are whitened features around another centre."""
    generator = torch.Generator().manual_seed(1)
    spread = torch.logspace(0, -3, 64, dtype=torch.float64)
    features = 3 + spread * torch.randn(4000, 64, generator=generator, dtype=torch.float64)
    features = features.float()
    labels = torch.arange(4000) % 3
    exact = features.double()
    means = torch.stack([exact[labels == k].mean(0) for k in range(3)])
    centred = exact - means[labels]
    covariance = centred.T @ centred / 4000
    covariance += 1e-6 * covariance.diagonal().mean() * torch.eye(64)
    inverse = torch.linalg.inv(covariance)
    away = exact[:200, None] - means
    expected = torch.einsum("nkc,cd,nkd->nk", away, inverse, away).min(1).values
    detector = Mahalanobis(images=1, pixels=1, seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features_module, "_drawn", lambda *_, **__: [features_module.Pixels(features, labels)])
        detector.fit(SimpleNamespace(class_names=CLASSES), [])
    assert detector.of_features(features[:200]).double().numpy() == pytest.approx(expected.numpy(), rel=1e-3)
