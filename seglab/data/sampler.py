"""The order of the samples as a pure function of (seed, epoch), and a loader that resumes inside an epoch."""

import hashlib
from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader, Sampler
from torch.utils.data.dataloader import _BaseDataLoaderIter

from seglab.batch import Batch
from seglab.data.dataset import Key
from seglab.data.rare_classes import Draws
from seglab.data.workers import signals_held_back
from seglab.errors import SeglabError


def mix(*parts: int | str) -> int:
    """63 bits that depend on every part: independent seeds from one, equal on every machine, with no state to save."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "little") >> 1


def require_full_batch(length: int, *, batch_size: int, world_size: int) -> None:
    """Raises SeglabError where `length` training samples are fewer than a batch of all processes."""
    if length < batch_size * world_size:
        raise SeglabError(
            f"expected at least one full batch of {batch_size * world_size} training samples ({world_size} "
            f"process(es) of {batch_size}); the split has {length} - set data.batch_size to {length // world_size} "
            "or less, or use fewer devices"
        )


class SeededBatchSampler(Sampler[list[Key]]):
    """Batches of keys (index, sample seed); the same samples in the same order for any number of processes.

    With `drop_last` (training) the order is cut into batches of batch_size * world_size, rank r takes the r-th part
    of each, and what is left at the end is dropped: every rank gets equally many full batches. Without it
    (evaluation) rank r takes every world_size-th sample from r on: no sample is counted twice and none is left out.

    Args:
        length: number of samples.
        batch_size: samples in a batch of one process.
        seed: of the order.
        augment_seed: of what is drawn for each sample; None: `seed`.
        draws: with `shuffle`, an epoch is of as many samples drawn by their classes, some of them several times, each
            time with another seed; None for every sample once.
        skip: how many batches the next iteration leaves out at its beginning; 0 again afterwards.
    """

    def __init__(
        self,
        length: int,
        *,
        batch_size: int,
        seed: int,
        augment_seed: int | None = None,
        shuffle: bool,
        drop_last: bool,
        rank: int = 0,
        world_size: int = 1,
        draws: Draws | None = None,
    ) -> None:
        if batch_size < 1:
            raise SeglabError(f"expected a batch size of at least 1; got {batch_size} - set data.batch_size")
        if drop_last:
            require_full_batch(length, batch_size=batch_size, world_size=world_size)
        self.length = length
        self.seed = seed
        self.augment_seed = seed if augment_seed is None else augment_seed
        self.global_batch_size = batch_size * world_size
        self.epoch = 0
        self.skip = 0
        # Private on purpose: Lightning takes a sampler with batch_size and drop_last for one it may rebuild.
        self._batch_size, self._drop_last, self._shuffle = batch_size, drop_last, shuffle
        self._rank, self._world_size = rank, world_size
        self.draws = draws if shuffle else None

    @property
    def sampler(self) -> "SeededBatchSampler":
        """Itself: Lightning calls set_epoch on `loader.batch_sampler.sampler` and nowhere else."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order of the next iteration."""
        self.epoch = epoch

    def __len__(self) -> int:
        if self._drop_last:
            return self.length // self.global_batch_size
        mine = len(range(self._rank, self.length, self._world_size))
        return -(-mine // self._batch_size)

    def __iter__(self) -> Iterator[list[Key]]:
        epoch, skip, self.skip = self.epoch, self.skip, 0
        order = self._order(epoch)
        if self._drop_last:
            offset, step = self._rank * self._batch_size, self.global_batch_size
        else:
            order = order[self._rank :: self._world_size]
            offset, step = 0, self._batch_size
        for number in range(skip, len(self)):
            first = offset + number * step
            indices = order[first : first + self._batch_size]
            yield [self._key(index, epoch=epoch, position=first + place) for place, index in enumerate(indices)]

    def _key(self, index: int, *, epoch: int, position: int) -> Key:
        """`position`: in the order of all processes, which tells apart the looks of a sample that is drawn twice."""
        seed = self.augment_seed
        parts = (seed, epoch, index) if self.draws is None else (seed, epoch, index, "drawn", position)
        return index, mix(*parts) & 0xFFFFFFFF

    def _order(self, epoch: int) -> list[int]:
        if not self._shuffle:
            return list(range(self.length))
        if self.draws is not None:
            generator = torch.Generator().manual_seed(mix(self.seed, "draws", epoch))
            return self.draws.indices(torch.rand(self.length, 2, generator=generator, dtype=torch.float64).numpy())
        generator = torch.Generator().manual_seed(mix(self.seed, "perm", epoch))
        return torch.randperm(self.length, generator=generator).tolist()


class ResumableLoader(DataLoader[Batch]):
    """A DataLoader whose position Lightning saves in every checkpoint and restores from it.

    The position is stored with its epoch and counts only in that epoch: a checkpoint from the end of an epoch, even
    of one shortened by limit_train_batches, begins the next epoch at its first batch.
    """

    batch_sampler: SeededBatchSampler
    _position = 0  # batches handed out in the epoch of the last iteration
    _resume: dict[str, int] | None = None

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        # a generator: nothing here runs before the first batch is asked for, when Lightning has set the epoch
        sampler = self.batch_sampler
        resume, self._resume = self._resume, None
        if resume is not None and resume["epoch"] == sampler.epoch:
            self._refuse_another_order(resume)
            sampler.skip = resume["position"]
        self._position = sampler.skip
        try:
            for batch in super().__iter__():
                self._position += 1
                yield batch
        except SeglabError as error:
            if self.num_workers == 0:
                raise
            # torch writes the traceback of the worker before the message, which is all the user needs. Its error is
            # part of a reference cycle by its own traceback: left so, it would hold the workers until the garbage
            # collector finds them, too late for an orderly end, and each would be waited for, for 5 seconds.
            message = str(error).rpartition(f"{SeglabError.__name__}: ")[2].strip()
            raise SeglabError(message) from error.with_traceback(None)

    def _get_iterator(self) -> _BaseDataLoaderIter:
        with signals_held_back():
            return super()._get_iterator()

    def state_dict(self) -> dict[str, int]:
        """Plain numbers: where the loader stands, and what that position depends on."""
        if self._resume is not None:  # restored, and not asked for a batch since
            return self._resume
        return {"epoch": self.batch_sampler.epoch, "position": self._position, **self._order()}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Lets the next iteration, if it is one of the saved epoch, begin at the saved position."""
        self._resume = state_dict

    def _order(self) -> dict[str, int]:
        sampler = self.batch_sampler
        drawn = {} if sampler.draws is None else {"classes of the samples": sampler.draws.digest}
        apart = {} if sampler.augment_seed == sampler.seed else {"seed of the augmentation": sampler.augment_seed}
        order = {"length": sampler.length, "batch_size": sampler.global_batch_size, "seed": sampler.seed}
        return {**order, **apart, **drawn}

    def _refuse_another_order(self, resume: dict[str, int]) -> None:
        for key, now in self._order().items():
            if resume.get(key) != now:
                raise SeglabError(
                    f"expected the {key} {resume.get(key)} of the checkpoint, which was saved inside an epoch; got "
                    f"{now} - restore it, or resume from a checkpoint saved at the end of an epoch"
                )
