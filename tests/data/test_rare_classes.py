"""Rare-class sampling against numbers worked by hand: probabilities, images, order, seeds, processes, resume."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from seglab.data.camvid import CamVid
from seglab.data.rare_classes import RareClasses, shares
from seglab.data.sampler import ResumableLoader, SeededBatchSampler
from seglab.data.statistics import class_counts, class_statistics
from seglab.errors import SeglabError
from tests.data.test_sampler import Keys, epoch_of, indices, names
from tests.data.test_statistics import root  # noqa: F401 - a fixture

# 4 images of 100 pixels: three classes and void; the third class is in no image
COUNTS = np.array([[90, 0, 0, 10], [80, 2, 0, 18], [60, 40, 0, 0], [99, 1, 0, 0]])


def draws(*, temperature=0.5, min_share=0.0):
    return RareClasses(temperature=temperature, min_share=min_share).draws(COUNTS)


def sampler(*, batch_size=2, rank=0, world_size=1, length=40):
    return SeededBatchSampler(
        length, batch_size=batch_size, seed=3, shuffle=True, drop_last=True, rank=rank, world_size=world_size,
        draws=draws(),
    )  # fmt: skip


def test_probabilities_are_those_of_equation_2():
    first, second = (math.exp((1 - held / 372) / 0.5) for held in (329, 43))
    np.testing.assert_allclose(draws().probabilities, [first / (first + second), second / (first + second), 0])
    assert draws(temperature=0.01).probabilities[1] == pytest.approx(1)
    assert shares(draws(), ["road", "pole", "train"]) == ["pole 82.3 %", "road 17.7 %"]


def test_an_image_counts_as_one_of_a_class_from_its_share_on():
    assert [images.tolist() for images in draws().images] == [[0, 1, 2, 3], [1, 2, 3], []]
    assert [images.tolist() for images in draws(min_share=0.02).images] == [[0, 1, 2, 3], [1, 2], []]
    assert [images.tolist() for images in draws(min_share=0.95).images] == [[3], [1, 2, 3], []]  # none has so much


def test_a_class_is_drawn_and_then_one_of_its_images():
    uniform = np.array([[0.0, 0.0], [0.1, 0.99], [0.2, 0.0], [0.999, 0.5], [1.0, 0.999]])
    assert draws().indices(uniform) == [0, 3, 1, 2, 3]
    many = np.random.default_rng(0).random((4000, 2))
    drawn = Counter(draws(temperature=0.01).indices(many))
    assert set(drawn) == {1, 2, 3}
    assert max(drawn.values()) - min(drawn.values()) < 200


def test_the_order_depends_on_seed_and_epoch_alone():
    assert epoch_of(sampler(), 1) == epoch_of(sampler(), 1) != epoch_of(sampler(), 2)
    alone = [key for batch in epoch_of(sampler(batch_size=4), 1) for key in batch]
    assert [key for batch in epoch_of(sampler(batch_size=5), 1) for key in batch] == alone
    ranks = [epoch_of(sampler(rank=rank, world_size=2), 1) for rank in range(2)]
    assert [key for pair in zip(*ranks, strict=True) for batch in pair for key in batch] == alone
    assert set(indices(epoch_of(sampler(), 1))) <= {0, 1, 2, 3}


def test_a_sample_that_is_drawn_twice_looks_different_each_time():
    keys = [key for batch in epoch_of(sampler(), 1) for key in batch]
    assert len(set(keys)) == len(keys) == 40


def test_a_loader_goes_on_inside_an_epoch_of_draws_and_refuses_others():
    def loader():
        return ResumableLoader(Keys(), batch_sampler=sampler(), collate_fn=lambda batch: batch)

    first, second = loader(), loader()
    first.batch_sampler.set_epoch(1)
    whole = names(list(first))
    iterator = iter(first)
    seen = names([next(iterator), next(iterator), next(iterator)])
    state = first.state_dict()
    second.load_state_dict(state)
    second.batch_sampler.set_epoch(1)
    assert seen + names(list(second)) == whole
    second.load_state_dict({**state, "classes of the samples": 1})
    with pytest.raises(SeglabError, match="expected the classes of the samples 1 of the checkpoint"):
        next(iter(second))


def test_counts_are_kept_and_serve_statistics_as_well(root, tmp_path: Path, monkeypatch) -> None:  # noqa: F811
    source, kept = CamVid(root, "train", labels="camvid_11"), tmp_path / "kept"
    counts = class_counts(source, folder=kept, title="train")
    assert counts.tolist() == [[22, 0, 0, 8, *[0] * 7, 2], [0, 0, 0, 4, *[0] * 7, 0]]
    monkeypatch.setattr(CamVid, "read", lambda self, index: pytest.fail("read again"))
    np.testing.assert_array_equal(class_counts(source, folder=kept, title="train"), counts)
    assert class_statistics(source, folder=kept, title="train").pixels[:4] == (22, 0, 0, 12)


def test_statistics_leave_the_counts_and_damaged_ones_are_made_anew(root, tmp_path: Path) -> None:  # noqa: F811
    source, kept = CamVid(root, "train", labels="camvid_11"), tmp_path / "kept"
    class_statistics(source, folder=kept, title="train")
    (path,) = kept.glob("*.npz")
    path.write_bytes(path.read_bytes()[:-20])
    assert class_counts(source, folder=kept, title="train").sum() == 36
    with np.load(path) as stored:
        assert stored["counts"].sum() == 36
