"""Values that no signature can judge: what a number in the configuration may be, by its dotted key."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Range(NamedTuple):
    words: str
    accepts: Callable[[Any], bool]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(at_least: int, *, also: tuple[int | None, ...] = ()) -> Range:
    words = f"a whole number >= {at_least}" + "".join(f" or {'null' if value is None else value}" for value in also)
    return Range(words, lambda value: value in also if not _is_whole(value) else value >= at_least or value in also)


def _number(at_least: float, *, null: bool = False) -> Range:
    words = f"a number >= {at_least:g}" + " or null" * null
    return Range(words, lambda value: (_is_number(value) and value >= at_least) or (null and value is None))


def _is_size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_whole(side) and side >= 1 for side in value)


RANGES = {
    "seed": Range("a whole number from 0 to 4294967295", lambda value: _is_whole(value) and 0 <= value < 2**32),
    "activation.scope": Range("all, encoder or decoder", lambda value: value in ("all", "encoder", "decoder")),
    "data.batch_size": _whole(1),
    "data.eval_batch_size": _whole(1, also=(None,)),
    "data.num_workers": _whole(0, also=(None,)),
    "data.limit": _whole(1, also=(None,)),
    "data.fraction": Range(
        "a number > 0 and <= 1, or null", lambda value: value is None or (_is_number(value) and 0 < value <= 1)
    ),
    "data.size": Range("[height, width], whole numbers >= 1, or null", lambda value: value is None or _is_size(value)),
    "model.classes": _whole(2),
    "model.in_channels": Range("3 (RGB)", lambda value: value == 3),
    "model.size_divisor": _whole(1),
    "callbacks.freeze.until_epoch": _whole(1, also=(None,)),
    "module.encoder_lr": Range("a number > 0", lambda value: _is_number(value) and 0 < value < float("inf")),
    "optimizer.lr": Range("a number > 0", lambda value: _is_number(value) and 0 < value < float("inf")),
    "optimizer.momentum": Range("a number >= 0 and < 1", lambda value: _is_number(value) and 0 <= value < 1),
    "optimizer.weight_decay": _number(0),
    "trainer.max_epochs": _whole(1, also=(-1, None)),
    "trainer.max_steps": _whole(1, also=(-1,)),
    "trainer.accumulate_grad_batches": _whole(1),
    "trainer.check_val_every_n_epoch": _whole(1, also=(None,)),
    "trainer.gradient_clip_val": _number(0, null=True),
    "trainer.log_every_n_steps": _whole(1),
}
