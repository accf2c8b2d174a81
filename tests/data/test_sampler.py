"""The order of samples: repeatable, the same for any number of processes, complete, and resumable."""

import numpy as np
import pytest
import torch

from seglab.batch import Batch
from seglab.data.dataset import Key
from seglab.data.sampler import ResumableLoader, SeededBatchSampler, mix
from seglab.errors import SeglabError


def train_sampler(*, length: int = 22, batch_size: int = 4, rank: int = 0, world_size: int = 1) -> SeededBatchSampler:
    return SeededBatchSampler(
        length, batch_size=batch_size, seed=3, shuffle=True, drop_last=True, rank=rank, world_size=world_size
    )


def epoch_of(sampler: SeededBatchSampler, epoch: int) -> list[list[Key]]:
    sampler.set_epoch(epoch)
    return list(sampler)


def indices(batches: list[list[Key]]) -> list[int]:
    return [index for batch in batches for index, _ in batch]


def test_seeds_are_the_same_on_every_machine() -> None:
    assert mix(1, "perm", 0) == 6061728751028422820
    assert mix(1, 0, 0) == 844590709573850064
    assert epoch_of(train_sampler(), 0)[0] == [(13, 2277155230), (12, 3038633969), (3, 2850146414), (6, 1136890676)]


def test_two_epochs_are_repeatable_and_differ() -> None:
    first, second = epoch_of(train_sampler(), 0), epoch_of(train_sampler(), 1)
    assert [len(batch) for batch in first] == [4] * 5
    assert len(train_sampler()) == 5
    assert epoch_of(train_sampler(), 0) == first
    assert epoch_of(train_sampler(), 1) == second
    assert indices(first) != indices(second)
    assert len(set(indices(first))) == 20
    assert set(indices(first)) < set(range(22))


def test_sample_seeds_differ_between_samples_and_epochs() -> None:
    sampler = train_sampler()
    seeds = [seed for epoch in range(3) for batch in epoch_of(sampler, epoch) for _, seed in batch]
    assert len(set(seeds)) == 60
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_two_processes_train_on_the_batches_of_one() -> None:
    alone = epoch_of(train_sampler(batch_size=4), 2)
    ranks = [epoch_of(train_sampler(batch_size=2, rank=rank, world_size=2), 2) for rank in range(2)]
    assert [first + second for first, second in zip(*ranks, strict=True)] == alone


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9])
def test_evaluation_on_two_processes_counts_every_sample_once(length: int) -> None:
    seen = []
    for rank in range(2):
        sampler = SeededBatchSampler(
            length, batch_size=3, seed=3, shuffle=False, drop_last=False, rank=rank, world_size=2
        )
        batches = list(sampler)
        assert len(batches) == len(sampler)
        seen += indices(batches)
    assert sorted(seen) == list(range(length))


def test_evaluation_is_in_order() -> None:
    sampler = SeededBatchSampler(5, batch_size=3, seed=3, shuffle=False, drop_last=False)
    assert [[index for index, _ in batch] for batch in sampler] == [[0, 1, 2], [3, 4]]


def test_skip_leaves_out_the_first_batches_once() -> None:
    sampler = train_sampler()
    whole = epoch_of(sampler, 1)
    sampler.skip = 3
    assert list(sampler) == whole[3:]
    assert list(sampler) == whole


def test_too_few_samples_for_one_batch_is_an_error() -> None:
    with pytest.raises(SeglabError, match=r"full batch of 8 .*2 process\(es\) of 4.*has 7 - set data.batch_size to 3"):
        train_sampler(length=7, rank=0, world_size=2)
    with pytest.raises(SeglabError, match="batch size of at least 1; got 0"):
        train_sampler(batch_size=0)


class Keys:
    """A data set whose batches are their keys."""

    def __init__(self, *, broken: int | None = None) -> None:
        self.broken = broken

    def __len__(self) -> int:
        return 22

    def __getitems__(self, keys: list[Key]) -> Batch:
        if any(index == self.broken for index, _ in keys):
            raise SeglabError("mask 'a.png' holds 40\nsecond line")
        tensor = torch.from_numpy(np.array(keys))
        return Batch(image=tensor, mask=tensor, name=[str(index) for index, _ in keys])


def loader(*, num_workers: int, batch_size: int = 4, broken: int | None = None) -> ResumableLoader:
    return ResumableLoader(
        Keys(broken=broken),
        batch_sampler=train_sampler(batch_size=batch_size),
        collate_fn=lambda batch: batch,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        multiprocessing_context="fork" if num_workers else None,
    )


def names(batches: list[Batch]) -> list[list[str]]:
    return [batch["name"] for batch in batches]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loader_goes_on_where_its_state_was_saved(num_workers: int) -> None:
    first = loader(num_workers=num_workers)
    first.batch_sampler.set_epoch(1)
    whole = names(list(first))
    iterator = iter(first)
    seen = names([next(iterator), next(iterator)])
    state = first.state_dict()
    assert state == {"epoch": 1, "position": 2, "length": 22, "batch_size": 4, "seed": 3}

    second = loader(num_workers=num_workers)
    second.load_state_dict(state)
    assert second.state_dict() == state
    second.batch_sampler.set_epoch(1)
    assert len(second) == 5
    assert seen + names(list(second)) == whole
    assert names(list(second)) == whole


def test_a_state_counts_only_in_its_own_epoch() -> None:
    second = loader(num_workers=0)
    second.load_state_dict({"epoch": 1, "position": 2, "length": 22, "batch_size": 4, "seed": 3})
    second.batch_sampler.set_epoch(2)
    assert len(list(second)) == 5


def test_a_position_inside_an_epoch_needs_the_same_order() -> None:
    second = loader(num_workers=0, batch_size=2)
    second.load_state_dict({"epoch": 0, "position": 2, "length": 22, "batch_size": 4, "seed": 3})
    with pytest.raises(SeglabError, match=r"expected the batch_size 4 of the checkpoint.*got 2 - restore it"):
        next(iter(second))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_error_in_a_worker_keeps_its_message(num_workers: int) -> None:
    with pytest.raises(SeglabError, match=r"^mask 'a.png' holds 40\nsecond line$"):
        list(loader(num_workers=num_workers, broken=17))
