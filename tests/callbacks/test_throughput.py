import time

import pytest

from seglab.callbacks import throughput
from seglab.runs import plain
from seglab.training.build import build


def test_counts_all_but_the_first_step(tiny_config, tmp_path):
    run = build(plain(tiny_config()), tmp_path)
    began = time.perf_counter()
    run.trainer.fit(run.module, datamodule=run.data)
    elapsed = time.perf_counter() - began
    measured = run.throughput
    assert measured._images == 8 + 8 - 2
    assert 0 < measured._seconds < elapsed
    assert measured.images_per_second == pytest.approx(measured._images / measured._seconds)


def test_a_single_step_has_no_speed(tiny_config, tmp_path):
    run = build(plain(tiny_config("trainer.max_steps=1")), tmp_path)
    run.trainer.fit(run.module, datamodule=run.data)
    assert run.throughput.images_per_second is None


def test_one_step_an_epoch_is_measured_without_its_validation(tiny_config, tmp_path, monkeypatch):
    run = build(plain(tiny_config("trainer.limit_train_batches=1", "trainer.max_epochs=3")), tmp_path)
    clock = [0.0]
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: clock[0])

    def passes(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr(run.module, "on_train_batch_start", lambda *_: passes(1))
    monkeypatch.setattr(run.module, "on_validation_epoch_start", lambda: passes(100))
    run.trainer.fit(run.module, datamodule=run.data)
    assert run.throughput._images == 2 * 2
    assert run.throughput._seconds == 2
