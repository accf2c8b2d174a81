"""Signals for a whole job, sent to the processes that read samples: they are the parent's alone."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from seglab import runs
from seglab.config.instantiate import instantiate
from seglab.data.parallel import map_samples
from seglab.data.source import Sample
from tests.waiting import PATIENCE

FOR_THE_JOB = (signal.SIGUSR2, signal.SIGCONT, signal.SIGTERM, signal.SIGINT)

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")


@pytest.fixture
def handled(tmp_path: Path) -> Iterator[Path]:
    """A folder in which every process leaves its number that handles a signal, as submitit's handlers and ours do."""
    folder = tmp_path / "handled"
    folder.mkdir()
    before = {number: signal.signal(number, lambda *_: (folder / str(os.getpid())).touch()) for number in FOR_THE_JOB}
    yield folder
    for number, handler in before.items():
        signal.signal(number, handler)


def signal_all(processes: list) -> None:
    """From another process, as SIGTERM from their parent has a meaning of its own."""
    for number in FOR_THE_JOB * 2:
        subprocess.run(["kill", f"-{number.value}", *(str(process.pid) for process in processes)], check=True)


def test_the_workers_of_a_loader_hold_no_handler_and_end_with_it(tiny_config, handled) -> None:
    data = instantiate(runs.plain(tiny_config("data.num_workers=2"))["data"])
    data.prepare_data()
    data.setup("fit")
    loader = data.train_dataloader()
    batches = iter(loader)
    next(batches)
    workers = multiprocessing.active_children()
    assert len(workers) == 2
    signal_all(workers)
    time.sleep(0.2)
    assert len(list(batches)) == 3
    assert len(list(loader)) == 4  # the same workers
    assert all(worker.is_alive() for worker in workers)
    workers[0].terminate()  # as torch does with one that hangs
    workers[0].join(PATIENCE)
    assert workers[0].exitcode == 0
    del batches, loader
    workers[1].terminate()
    workers[1].join(PATIENCE)
    assert list(handled.iterdir()) == []


def test_a_signal_while_workers_start_is_handled_by_the_parent_alone(tiny_config, handled, monkeypatch) -> None:
    import seglab.data.module as module

    own = module._start_worker

    def late(worker_id: int) -> None:
        for number in FOR_THE_JOB:
            os.kill(os.getpid(), number)
        own(worker_id)

    monkeypatch.setattr(module, "_start_worker", late)
    data = instantiate(runs.plain(tiny_config("data.num_workers=1"))["data"])
    data.prepare_data()
    data.setup("fit")
    assert len(list(data.train_dataloader())) == 4
    assert list(handled.iterdir()) == []


class Listing:
    samples = tuple(Sample(Path("-"), Path("-"), name=str(index), group="a") for index in range(40))


def hit(listing: Listing, index: int) -> int:
    """The index, in a process to which everything for the job was sent by another one than its parent."""
    if os.fork() == 0:
        for number in FOR_THE_JOB:
            os.kill(os.getppid(), number)
        os._exit(0)
    os.wait()
    return index


def test_a_pool_of_processes_goes_on_too(handled, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))  # a part of it makes no kernel
    assert list(map_samples(hit, Listing(), title="hit", processes=2)) == list(range(40))
    assert list(handled.iterdir()) == []
