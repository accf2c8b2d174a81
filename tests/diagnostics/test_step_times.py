"""How long the steps of a configuration take, without its data."""

from collections.abc import Callable

import pytest

from seglab import runs
from seglab.diagnostics import step_times


def test_steps_are_timed_without_data(tiny_config: Callable) -> None:
    config = runs.plain(tiny_config("loss.class_weights=median_frequency", "scheduler.warmup_steps=100"))
    times = step_times.measure(config)
    assert 0 < times["train_step"] < 10
    assert 0 < times["val_step"] < 10
    assert (times["batch_size"], times["measured_on"]) == (2, [2, 32, 64])
    assert times["images"] == {"train": 8, "val": 4}
    assert times["device"].startswith("cpu (")


def test_on_the_cpu_a_part_of_a_large_batch_is_timed(tiny_config: Callable) -> None:
    times = step_times.measure(runs.plain(tiny_config("data.size=[512,1024]", "data.batch_size=8")))
    assert times["measured_on"] == [2, 96, 192]  # 2 of them, as BatchNorm wants


def test_a_training_step_sees_crops_and_validation_whole_images(tiny_config: Callable) -> None:
    crops = ("augment=crop", "augment.crop.size=[32,64]", "data.size=[64,128]", "data.eval_batch_size=1")
    times = step_times.measure(runs.plain(tiny_config(*crops)))
    assert times["measured_on"] == times["whole"] == [2, 32, 64]
    assert times["val_step"] > 0


@pytest.mark.parametrize(
    ("batch", "size", "part"),
    [(4, (64, 128), (4, 64, 128)), (1, (64, 128), (1, 64, 128)), (16, (64, 128), (4, 64, 128)), (8, (1, 9), (8, 1, 9))],
)
def test_the_part_of_a_batch_that_is_timed(batch: int, size: tuple[int, int], part: tuple[int, int, int]) -> None:
    assert step_times._part(batch, *size) == part


def test_class_weights_that_are_still_to_be_counted_are_ones(tiny_config: Callable) -> None:
    config = runs.plain(tiny_config("loss=ce_dice", "loss.losses.ce.class_weights=enet"))
    losses = step_times._plain_weights(config)["losses"]
    assert losses["ce"]["class_weights"] == [1.0] * 19
    assert losses["dice"]["class_weights"] is None
    assert config["loss"]["losses"]["ce"]["class_weights"] == "enet"
