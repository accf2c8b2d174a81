"""Several predictions of an image: their mean, what it is unsure of, and that nothing else decides on it."""

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from torch import nn

from seglab.errors import SeglabError
from seglab.inference import members, predictor
from seglab.inference.predictor import Predictor
from seglab.losses import CrossEntropy
from seglab.training.module import SegmentationModule
from seglab.training.schedule import Constant

K, SIZE = 4, (6, 8)


def module_of(network: nn.Module) -> SegmentationModule:
    return SegmentationModule(
        network, loss=CrossEntropy(), class_names=[str(k) for k in range(K)], schedule=Constant(), size_divisor=1,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.1), channels_last=False,
        mean=[0.5] * 3, std=[0.25] * 3,
    )  # fmt: skip


def network(seed: int, *, dropout: float = 0.5) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Dropout2d(dropout), nn.ReLU(), nn.Conv2d(8, K, 1)
    )


@pytest.fixture
def images() -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (2, *SIZE, 3), dtype=np.uint8))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch):
    """`made("mc_dropout", samples=3, seed=1)`: members of networks that are drawn by the name of their run."""

    def predictor_of(settings):
        trained = module_of(network(settings["run"], dropout=settings.get("dropout", 0.5)))
        return Predictor(trained, size=settings.get("size"), scales=settings.get("scales", [1.0]),
                         flip=settings.get("flip", False))  # fmt: skip

    monkeypatch.setattr(members, "predictor_of", predictor_of)
    makers = {"mc_dropout": members._of_samples, "tta": members._of_views, "ensemble": members._of_runs}

    def make(method: str, *settings: dict, **asked):
        return makers[method](settings or [{"run": 0}], {"method": method, **asked})

    return make


def test_mean_entropy_and_mutual_information_are_those_of_the_members(made, images) -> None:
    ensemble = made("ensemble", *({"run": seed} for seed in (1, 2, 3)))
    (belief,) = ensemble.beliefs(images[0], sizes=[SIZE])
    each = np.stack([
        Predictor(module_of(network(seed)), size=None).probabilities(images[0]).numpy() for seed in (1, 2, 3)
    ])  # fmt: skip
    assert belief.mean.numpy() == pytest.approx(each.mean(0), abs=1e-6)
    assert belief.entropy.numpy() == pytest.approx(entropy(each.mean(0)), abs=1e-5)
    disagreement = entropy(each.mean(0)) - entropy(each, axis=1).mean(0)
    assert belief.information.numpy() == pytest.approx(disagreement, abs=1e-5)
    assert (belief.information >= 0).all()
    assert belief.information.max() > 0.01
    assert belief.members == 3
    assert (ensemble.label_maps(images[0], sizes=[SIZE])[0] == each.mean(0).argmax(0)).all()


def test_views_as_members_have_the_mean_of_test_time_augmentation(made, images) -> None:
    asked = {"run": 0, "scales": [0.5, 1.0], "flip": True}
    (belief,) = made("tta", asked).beliefs(images[0], sizes=[SIZE])
    plain = Predictor(module_of(network(0)), size=None, scales=[0.5, 1.0], flip=True)
    assert belief.mean.numpy() == pytest.approx(plain.probabilities(images[0]).numpy(), abs=1e-6)
    assert belief.members == 4


def test_one_member_twice_agrees_with_itself(made, images) -> None:
    (belief,) = made("ensemble", {"run": 1}, {"run": 1}).beliefs(images[0], sizes=[SIZE])
    assert belief.information.numpy() == pytest.approx(0, abs=1e-6)


def test_what_is_dropped_depends_on_the_image_and_the_seed_alone(made, images) -> None:
    first, second = images
    sampled = made("mc_dropout", samples=4, seed=1)
    found = sampled.probabilities(first)
    torch.manual_seed(123)
    torch.rand(7)
    state = torch.random.get_rng_state()
    again = made("mc_dropout", samples=4, seed=1)
    torch.random.set_rng_state(state)
    again.probabilities(second)  # an image before it
    threads = torch.get_num_threads()
    torch.set_num_threads(3 - min(threads, 2))
    try:
        assert torch.equal(again.probabilities(first.copy()), found)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.random.get_rng_state(), state), "the numbers of the process are left where they were"
    assert not torch.equal(made("mc_dropout", samples=4, seed=2).probabilities(first), found)
    assert not torch.equal(again.probabilities(second), found)


def test_samples_are_passes_with_dropout_and_without_training(made, images) -> None:
    """Many of them have the mean of all 2^8 ways to drop; BatchNorm keeps its statistics."""
    image = images[0]
    sampled = made("mc_dropout", samples=200, seed=3)
    trained = module_of(network(0)).eval()
    body, head = trained.network[:2], trained.network[3:]
    seen = (torch.from_numpy(image).permute(2, 0, 1)[None].float() - trained.mean) / trained.std
    with torch.inference_mode():
        features = body(seen)
        keep = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 8)[:, :, None, None]  # (256, 8, 1, 1)
        exact = head(features * keep * 2).softmax(1).mean(0)
    found = sampled.probabilities(image)
    assert (found - exact).abs().max() < 0.1
    assert not sampled._predictor.module.network.training
    assert not any(part.training for part in sampled._predictor.module.network)


def test_the_newest_image_is_seen_once(made, images, monkeypatch) -> None:
    ensemble = made("ensemble", {"run": 1}, {"run": 2})
    calls = []
    monkeypatch.setattr(Predictor, "_logits", lambda self, batch: calls.append(1) or torch.zeros(1, K, *SIZE))
    ensemble.label_maps(images[0], sizes=[SIZE, (3, 4)])
    ensemble.beliefs(images[0], sizes=[SIZE])
    ensemble.probabilities(images[0])
    assert len(calls) == 2
    ensemble.probabilities(images[1])
    assert len(calls) == 4


def test_a_network_without_dropout_is_refused(made) -> None:
    with pytest.raises(SeglabError, match="uncertainty=mc_dropout: expected Sequential to have dropout; came none, or"):
        made("mc_dropout", {"run": 0, "dropout": 0.0}, samples=3, seed=1)


def test_networks_that_see_other_sizes_are_refused(made) -> None:
    with pytest.raises(SeglabError, match=r"images at one size; came 6x8 and its own - add size=\[HEIGHT,WIDTH\]"):
        made("ensemble", {"run": 1, "size": SIZE}, {"run": 2})


def test_networks_of_other_outputs_are_refused(made, monkeypatch) -> None:
    def other(settings):
        wide = nn.Conv2d(3, K + settings["run"], 1)
        trained = module_of(nn.Sequential(wide))
        trained.num_outputs = wide.out_channels
        return Predictor(trained, size=SIZE)

    monkeypatch.setattr(members, "predictor_of", other)
    with pytest.raises(SeglabError, match=rf"expected runs with as many outputs; came {K} and {K + 1} - leave one out"):
        members._of_runs([{"run": 0}, {"run": 1}], {"method": "ensemble"})


def test_a_predictor_is_made_of_the_settings_of_an_evaluation() -> None:
    assert members.predictor_of is predictor.predictor_of
