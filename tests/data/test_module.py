"""The data module under a real Trainer: streams, resume, overfitting, and its configuration."""

import functools
import multiprocessing
import multiprocessing.util
import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import albumentations
import lightning
import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from ipykernel.kernelapp import IPKernelApp
from lightning.pytorch.callbacks import Callback
from omegaconf import OmegaConf

from seglab.batch import Batch
from seglab.config.messages import message_for
from seglab.data.cache import CachedSource
from seglab.data.module import DataModule, _start_worker
from seglab.data.parallel import shorten_sockets
from seglab.data.source import Sample
from seglab.data.transforms import Augmentation
from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX, label_space
from tests.composed import compose
from tests.exhaustive import few_of

CONF = Path(__file__).parents[2] / "conf"

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),  # Lightning 2.6 under torch 2.15
]


class Pictures:
    """A source of generated pictures of 8x8: 14 for training, 5 for validation."""

    def __init__(self, root: str | Path | None, split: str, *, labels: str) -> None:
        count = {"train": 14, "val": 5, "nothing": 0}[split]
        self.samples = [Sample(Path("-"), Path("-"), name=f"{split}_{index}", group="a") for index in range(count)]
        self.labels = label_space(labels)
        self.root = root

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng(index)
        return generator.integers(0, 256, (8, 8, 3), dtype=np.uint8), np.full((8, 8), index % 11, np.uint8)


def data_module(
    *,
    num_workers: int | None = 0,
    batch_size: int = 4,
    size: Sequence[int] | None = (8, 8),
    prepare: Callable[..., Path] | None = None,
    cache: Path | None = None,
    limit: int | None = None,
    fraction: float | None = None,
    train_split: str = "train",
    val_split: str = "val",
) -> DataModule:
    transforms = [
        albumentations.HorizontalFlip(p=0.5),
        albumentations.PadIfNeeded(min_height=12, min_width=12, p=1),
        albumentations.RandomCrop(height=8, width=8, p=1),
        albumentations.ColorJitter(p=0.5),
    ]
    return DataModule(
        Pictures,
        root="nowhere",
        labels="camvid_11",
        train_split=train_split,
        val_split=val_split,
        test_split="val",
        size=size,
        batch_size=batch_size,
        eval_batch_size=2,
        num_workers=num_workers,
        augmentation=Augmentation(transforms),
        seed=1,
        prepare=prepare,
        cache=cache,
        limit=limit,
        fraction=fraction,
    )


Fingerprint = tuple[tuple[str, ...], int]


def fingerprint(batch: Batch) -> Fingerprint:
    """The names of a batch and a hash of its pixels."""
    return tuple(batch["name"]), hash(batch["image"].numpy().tobytes() + batch["mask"].numpy().tobytes())


class Recorder(lightning.LightningModule):
    """A module of one weight that remembers its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[int, Fingerprint]] = []
        self.validated: list[str] = []

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        self.seen.append((self.current_epoch, fingerprint(batch)))
        return (self.weight - batch["image"].float().mean() / 255) ** 2

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.validated += batch["name"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class SaveAfter(Callback):
    """Saves after a number of steps in all, or at the end of an epoch, and stops there."""

    def __init__(self, path: Path, *, step: int | None, epoch: int | None) -> None:
        self.path, self.step, self.epoch = path, step, epoch

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.path)
            raise KeyboardInterrupt

    def on_train_epoch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        if trainer.current_epoch == self.epoch:
            trainer.save_checkpoint(self.path)
            raise KeyboardInterrupt


def fit(
    data: DataModule, *, resume: Path | None = None, save: SaveAfter | None = None, limit: int | None = None,
    overfit_batches: int = 0,
) -> Recorder:  # fmt: skip
    module = Recorder()
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=3,
        limit_train_batches=limit,
        overfit_batches=overfit_batches,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[save] if save else [],
    )
    try:
        trainer.fit(module, data, ckpt_path=resume, weights_only=True)
    except SystemExit:  # what Lightning makes of KeyboardInterrupt
        assert save is not None
    return module


def train_stream(num_workers: int, *, epochs: int = 2) -> list[Fingerprint]:
    data = data_module(num_workers=num_workers)
    data.setup("fit")
    loader = data.train_dataloader()
    stream = []
    for epoch in range(epochs):
        loader.batch_sampler.set_epoch(epoch)
        stream += [fingerprint(batch) for batch in loader]
    return stream


def test_streams_are_equal_for_any_number_of_workers_and_differ_between_epochs() -> None:
    stream = train_stream(0)
    assert len(stream) == 6
    assert train_stream(1) == stream
    assert train_stream(2) == stream
    assert {pixels for _, pixels in stream[:3]}.isdisjoint(pixels for _, pixels in stream[3:])


@pytest.mark.slow
def test_nothing_is_forked_in_the_kernel_of_a_notebook(tiny_config, monkeypatch) -> None:
    """Its threads hold locks, which the children of a fork would wait for."""
    monkeypatch.setattr(IPKernelApp, "_instance", object.__new__(IPKernelApp))
    batches = []
    for workers in (0, 1):
        data = instantiate(tiny_config(f"data.num_workers={workers}", "data.cache=null").data, _convert_="all")
        data.prepare_data()
        data.setup("validate")
        loader = data.val_dataloader()
        batches.append(next(iter(loader))["image"])
    assert loader.multiprocessing_context.get_start_method() == "spawn"
    assert torch.equal(*batches)


def test_a_process_that_imported_a_part_of_ipykernel_forks_as_any_other(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    data = data_module(num_workers=1)
    data.setup("fit")
    loader = data.train_dataloader()
    assert loader.multiprocessing_context.get_start_method() == "fork"


def test_without_a_trainer_a_loader_reads_in_its_own_process() -> None:
    data = data_module(num_workers=None)
    data.setup("fit")
    assert data.train_dataloader().num_workers == 0


def test_one_sample_looks_different_in_every_epoch_and_its_padding_is_ignored() -> None:
    data = data_module(batch_size=14)
    data.setup("fit")
    loader = data.train_dataloader()
    looks, ignored = set(), 0
    for epoch in range(4):
        loader.batch_sampler.set_epoch(epoch)
        (batch,) = loader
        position = batch["name"].index("train_5")
        mask = batch["mask"][position]
        assert set(mask.unique().tolist()) <= {5, IGNORE_INDEX}
        looks.add(batch["image"][position].numpy().tobytes())
        ignored += int((mask == IGNORE_INDEX).sum())
    assert len(looks) == 4
    assert ignored > 0


def test_the_trainer_sees_the_stream_of_its_epochs() -> None:
    assert [seen for _, seen in fit(data_module()).seen] == train_stream(0, epochs=3)


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize(
    ("step", "epoch"), few_of([(1, None), (5, None), (8, None), (None, 0), (None, 1)], [(5, None), (None, 0)])
)
def test_a_resumed_run_sees_exactly_the_remaining_batches(
    tmp_path: Path, num_workers: int, step: int | None, epoch: int | None
) -> None:
    straight = fit(data_module())
    path = tmp_path / "stopped.ckpt"
    stopped = fit(data_module(num_workers=num_workers), save=SaveAfter(path, step=step, epoch=epoch))
    resumed = fit(data_module(num_workers=num_workers), resume=path)
    assert 0 < len(stopped.seen) < 9
    assert stopped.seen + resumed.seen == straight.seen
    assert torch.equal(resumed.weight, straight.weight)


@pytest.mark.parametrize(("step", "epoch"), [(3, None), (None, 0), (None, 1)])
def test_resume_is_exact_in_shortened_epochs(tmp_path: Path, step: int | None, epoch: int | None) -> None:
    straight = fit(data_module(), limit=2)
    stopped = fit(data_module(), save=SaveAfter(tmp_path / "a.ckpt", step=step, epoch=epoch), limit=2)
    resumed = fit(data_module(), resume=tmp_path / "a.ckpt", limit=2)
    assert len(straight.seen) == 6
    assert stopped.seen + resumed.seen == straight.seen


def test_a_run_can_be_interrupted_twice(tmp_path: Path) -> None:
    straight = fit(data_module())
    first = fit(data_module(), save=SaveAfter(tmp_path / "a.ckpt", step=2, epoch=None))
    second = fit(data_module(), resume=tmp_path / "a.ckpt", save=SaveAfter(tmp_path / "b.ckpt", step=7, epoch=None))
    third = fit(data_module(), resume=tmp_path / "b.ckpt")
    assert first.seen + second.seen + third.seen == straight.seen


def test_a_checkpoint_inside_an_epoch_refuses_another_batch_size(tmp_path: Path) -> None:
    fit(data_module(), save=SaveAfter(tmp_path / "a.ckpt", step=2, epoch=None))
    with pytest.raises(SeglabError, match="expected the batch_size 4 of the checkpoint"):
        fit(data_module(batch_size=3), resume=tmp_path / "a.ckpt")


def test_overfitting_repeats_one_batch_unaugmented() -> None:
    module = fit(data_module(), overfit_batches=1)
    assert {seen for _, seen in module.seen} == {module.seen[0][1]}
    assert len(module.seen) == 3
    assert module.seen[0][1][0] == ("train_0", "train_1", "train_2", "train_3")


def test_validation_sees_every_sample_once_and_in_order() -> None:
    module = fit(data_module(num_workers=2))
    assert module.validated == [f"val_{index}" for index in range(5)] * 3


def test_prepare_writes_the_data_and_says_where_it_is(tmp_path: Path) -> None:
    data = data_module(prepare=lambda root: tmp_path / str(root))
    data.prepare_data()
    data.setup("fit")
    assert data.train_dataloader().dataset.source.root == tmp_path / "nowhere"


def test_workers_are_as_many_as_cpus_but_at_most_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    for cpus, devices, workers in ((3, 1, 3), (64, 1, 8), (6, 2, 3)):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, cpus=cpus: set(range(cpus)), raising=False)
        data = data_module(num_workers=None)
        data.setup("validate")
        strategy = types.SimpleNamespace(root_device=torch.device("cuda"))
        data.trainer = types.SimpleNamespace(strategy=strategy, num_devices=devices, global_rank=0, world_size=devices)
        assert data.val_dataloader().num_workers == workers


def test_a_size_of_one_number_is_an_error() -> None:
    with pytest.raises(SeglabError, match=r"expected data.size as \[height, width\] or null; got \[64\]"):
        data_module(size=[64])


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_cache_changes_no_pixel_of_a_run_nor_of_a_resumed_one(tmp_path: Path, num_workers: int) -> None:
    straight = fit(data_module())
    assert fit(data_module(num_workers=num_workers, cache=tmp_path)).seen == straight.seen
    path = tmp_path / "stopped.ckpt"
    stopped = fit(data_module(num_workers=num_workers, cache=tmp_path), save=SaveAfter(path, step=5, epoch=None))
    resumed = fit(data_module(num_workers=num_workers, cache=tmp_path), resume=path)
    assert stopped.seen + resumed.seen == straight.seen
    assert len(list(tmp_path.glob("pictures-*"))) == 2  # train and val


def test_source_reads_the_files_at_their_size_and_the_loaders_read_the_cache(tmp_path: Path) -> None:
    data = data_module(size=(4, 4), cache=tmp_path)
    assert data.source("val").read(0)[1].shape == (8, 8)
    assert data.cached_source("val").read(0)[1].shape == (4, 4)
    data.setup("validate")
    assert isinstance(data.val_dataloader().dataset.source, CachedSource)


def test_without_a_size_there_is_no_cache(tmp_path: Path) -> None:
    data = data_module(size=None, cache=tmp_path)
    assert data.cached_source("val") is data.source("val")
    assert list(tmp_path.iterdir()) == []


def test_options_of_a_reader_have_caches_of_their_own(tmp_path: Path) -> None:
    for shade in (1, 2):
        data = data_module(cache=tmp_path)
        data._source = functools.partial(Shaded, shade=shade)
        assert data.cached_source("val").read(0)[0].max() == shade


class Shaded(Pictures):
    def __init__(self, root: str | Path | None, split: str, *, labels: str, shade: int) -> None:
        super().__init__(root, split, labels=labels)
        self.shade = shade

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return np.full((8, 8, 3), self.shade, np.uint8), np.zeros((8, 8), np.uint8)


def test_a_limit_holds_for_every_split_and_a_fraction_for_training_alone() -> None:
    limited, half = data_module(limit=4), data_module(fraction=0.5)
    assert [len(limited.source(part).samples) for part in ("train", "val")] == [4, 4]
    assert [len(half.source(part).samples) for part in ("train", "val")] == [7, 5]


def test_a_share_of_the_training_split_validates_and_the_others_train() -> None:
    shared = data_module(train_split="train:-20%", val_split="train:20%")
    train, val = ([sample.name for sample in shared.source(part).samples] for part in ("train", "val"))
    assert sorted([*train, *val]) == sorted(sample.name for sample in data_module().source("train").samples)
    assert (len(train), len(val)) == (11, 3)  # of 14
    assert shared.split("val") == "train:20%"


def compose_data(*overrides: str) -> Any:
    config = compose(overrides=["+seed=3", *(f"+{item}" if "." not in item else item for item in overrides)])
    OmegaConf.resolve(config)
    return config


@pytest.mark.parametrize("augment", sorted(path.stem for path in (CONF / "augment").glob("*.yaml")))
@pytest.mark.parametrize("data", sorted(path.stem for path in (CONF / "data").glob("*.yaml")))
def test_every_data_and_augment_config_builds(data: str, augment: str) -> None:
    config = compose_data(f"data={data}", f"augment={augment}", "data.size=[48,96]")
    module = instantiate({**config.data, "prepare": None}, _convert_="all")  # writing scenes has tests of its own
    assert isinstance(module, DataModule)
    assert module.label_space.num_classes >= 2
    height, width = config.data.size
    image = np.zeros((height, width, 3), np.uint8)
    augmentation = instantiate(config.augment, _convert_="all")
    for seed in range(3):
        changed, mask = augmentation(image, np.full((height, width), 3, np.uint8), seed)
        assert changed.shape == image.shape
        assert set(np.unique(mask)) <= {3, IGNORE_INDEX}


def test_an_unset_root_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CITYSCAPES_ROOT", raising=False)
    module = instantiate(compose_data("data=cityscapes", "augment=none").data, _convert_="all")
    with pytest.raises(SeglabError, match=r"(?s)data.root; it is not set.*gtFine_labelIds.png"):
        module.setup("fit")


@pytest.mark.slow
def test_a_batch_that_cannot_be_handed_over_ends_its_worker_and_nobody_waits() -> None:
    loader = torch.utils.data.DataLoader(
        [lambda: None], num_workers=1, collate_fn=lambda batch: batch, worker_init_fn=_start_worker,
        multiprocessing_context="fork",  # no timeout: the loader looks each 5 s whether its workers are alive
    )  # fmt: skip
    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid.* exited unexpectedly") as caught:
        next(iter(loader))
    assert "a worker process that reads the data has died" in (message_for(caught.value) or "")


def test_sockets_have_a_short_address_where_the_temporary_folder_is_long(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("t" * 100)))
    monkeypatch.setitem(multiprocessing.current_process()._config, "tempdir", None)
    shorten_sockets()
    assert len(multiprocessing.util.get_temp_dir()) < 70
    monkeypatch.setattr("seglab.data.parallel._SHORT", (str(tmp_path / "nothing"),))
    with pytest.raises(SeglabError, match=r"expected a temporary folder of at most 71 bytes .*; came TMPDIR='.*ttt'"):
        shorten_sockets()


def test_a_validation_without_images_is_refused() -> None:
    with pytest.raises(SeglabError, match=r"data.val_split=nothing: expected images, .*; came none - complete"):
        data_module(val_split="nothing").require_samples(devices=1)
    data_module().require_samples(devices=1)


@pytest.mark.parametrize(("train", "val"), [("train", "train:10%"), ("train:-20%", "train:10%")])
def test_a_validation_by_training_images_is_refused(train: str, val: str) -> None:
    with pytest.raises(SeglabError, match=f"data.train_split={train} data.val_split={val}: expected a share and"):
        data_module(train_split=train, val_split=val).require_samples(devices=1)
    data_module(train_split="train:-20%", val_split="train:20%").require_samples(devices=1)
