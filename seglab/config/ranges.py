"""Values that no signature can judge: what a number or a word may be, by its key, and what to say of any other."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from seglab.errors import SeglabError, did_you_mean
from seglab.runs.calibration import METHODS


class Range(NamedTuple):
    words: str
    accepts: Callable[[Any], bool]
    choices: tuple[str, ...] = ()  # what a misspelt word may have meant


def whole(at_least: int, *, also: tuple[int | None, ...] = ()) -> Range:
    words = f"a whole number >= {at_least}" + "".join(f" or {_yaml(value)}" for value in also)
    return Range(words, lambda value: value in also if not _is_whole(value) else value >= at_least or value in also)


def number(at_least: float, *, null: bool = False) -> Range:
    words = f"a number >= {at_least:g}" + " or null" * null
    return Range(words, lambda value: (_is_number(value) and value >= at_least) or (null and value is None))


def share(words: str) -> Range:
    return Range(words, lambda value: _is_number(value) and 0 <= value <= 1)


def size(*also: str | None) -> Range:
    words = "".join(f"{_yaml(word)}, " for word in also) + "or " * bool(also)
    return Range(f"{words}[height, width] of whole numbers >= 1", lambda value: value in also or _is_size(value))


def span(words: str) -> Range:
    """[smallest, largest], numbers above 0."""

    def accepts(value: Any) -> bool:
        return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) and 0 < value[0] <= value[1]

    return Range(words, accepts)


def one_of(*choices: str | bool) -> Range:
    words = tuple(map(_yaml, choices))
    typed = [(type(choice), choice) for choice in choices]  # 1 is not the choice true
    return Range(f"one of {', '.join(words)}", lambda value: (type(value), value) in typed, words)


def some_of(*choices: str, at_least: int = 0) -> Range:
    def accepts(value: Any) -> bool:
        return isinstance(value, list) and len(value) >= at_least and all(item in choices for item in value)

    return Range(f"{'a list with ' * at_least}some of {', '.join(choices)}", accepts, choices)


def problem(key: str, value: Any, rule: Range) -> str | None:
    """ "checkpoint is 'bst'; expected one of best, last - did you mean 'best'?"; None where the value may be."""
    if rule.accepts(value):
        return None
    came, holds = value, isinstance(value, list) and any(item not in rule.choices for item in value)
    if rule.choices and holds:
        came = next(item for item in value if item not in rule.choices)
    verb = "is" if came is value else "holds"
    return f"{key} {verb} {came!r}; expected {rule.words}{did_you_mean(str(came), rule.choices)}"


def require(settings: Mapping[str, Any], ranges: Mapping[str, Range]) -> None:
    """Raises SeglabError for the first value of a command's configuration that is out of its range."""
    for key, rule in ranges.items():
        value: Any = settings
        for part in key.split("."):
            value = value[part]
        if (wrong := problem(key, value, rule)) is not None:
            raise SeglabError(wrong)


def _yaml(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_whole(side) and side >= 1 for side in value)


_above_0 = Range("a number > 0", lambda value: _is_number(value) and 0 < value < float("inf"))
_at_least_1 = Range("a number >= 1", lambda value: _is_number(value) and 1 <= value < float("inf"))
# Of conf/evaluate.yaml and conf/predict.yaml, by dotted key.
POST = {
    "post": Range("null or crf", lambda value: value in (None, "crf"), ("crf",)),
    "crf.iterations": whole(1),
    "crf.spatial_weight": number(0),
    "crf.spatial_sd": _above_0,
    "crf.bilateral_weight": number(0),
    "crf.bilateral_sd_xy": _at_least_1,
    "crf.bilateral_sd_rgb": _at_least_1,
}

# Of conf/evaluate.yaml, conf/predict.yaml and conf/export.yaml.
CALIBRATED = Range(
    f"null, or one of {', '.join(METHODS)}", lambda value: value is None or value in METHODS, tuple(METHODS)
)

_SEED_OR_NULL = Range(
    "a whole number from 0 to 4294967295, or null",
    lambda value: value is None or (_is_whole(value) and 0 <= value < 2**32),
)

# Of the configuration of a training, by dotted key.
RANGES = {
    "seed": Range("a whole number from 0 to 4294967295", lambda value: _is_whole(value) and 0 <= value < 2**32),
    **{f"seeds.{source}": _SEED_OR_NULL for source in ("init", "order", "augment")},
    "seeds.repeat": whole(1, also=(None,)),
    "activation.scope": Range("all, encoder or decoder", lambda value: value in ("all", "encoder", "decoder")),
    "data.batch_size": whole(1),
    "data.eval_batch_size": whole(1, also=(None,)),
    "data.num_workers": whole(0, also=(None,)),
    "data.limit": whole(1, also=(None,)),
    "data.fraction": Range(
        "a number > 0 and <= 1, or null", lambda value: value is None or (_is_number(value) and 0 < value <= 1)
    ),
    "data.size": Range("[height, width], whole numbers >= 1, or null", lambda value: value is None or _is_size(value)),
    "augment.crop.size": size(),
    "augment.crop.scale": span("[smallest, largest] factor, numbers > 0"),
    "augment.crop.cat_max_ratio": Range("a number > 0 and <= 1", lambda value: _is_number(value) and 0 < value <= 1),
    "sampling.temperature": _above_0,
    "sampling.min_share": share("a number from 0 to 1"),
    "mix.p": share("a number from 0 to 1"),
    "mix.alpha": _above_0,
    "mix.min_pixels": whole(1),
    "model.classes": whole(2),
    "data.channels": whole(1),
    "model.in_channels": whole(1),
    "model.size_divisor": whole(1),
    "loss.auxiliary": number(0),
    "loss.boundary": number(0),
    "loss.distillation.weight": number(0),
    "loss.distillation.temperature": _above_0,
    "callbacks.ema.decay": Range("a number >= 0 and < 1", lambda value: _is_number(value) and 0 <= value < 1),
    "callbacks.swa.start": Range("a number >= 0 and < 1", lambda value: _is_number(value) and 0 <= value < 1),
    "callbacks.freeze.until_epoch": whole(1, also=(None,)),
    "adapt.rank": whole(1),
    "adapt.alpha": _above_0,
    "adapt.dropout": Range("a number >= 0 and < 1", lambda value: _is_number(value) and 0 <= value < 1),
    "module.layer_decay": Range("a number > 0 and <= 1", lambda value: _is_number(value) and 0 < value <= 1),
    "module.encoder_lr": Range("a number > 0", lambda value: _is_number(value) and 0 < value < float("inf")),
    "optimizer.lr": Range("a number > 0", lambda value: _is_number(value) and 0 < value < float("inf")),
    "optimizer.momentum": Range("a number >= 0 and < 1", lambda value: _is_number(value) and 0 <= value < 1),
    "optimizer.weight_decay": number(0),
    "trainer.compile": one_of(True, False),
    "trainer.max_epochs": whole(0, also=(-1, None)),
    "trainer.max_steps": whole(1, also=(-1,)),
    "trainer.accumulate_grad_batches": whole(1),
    "trainer.check_val_every_n_epoch": whole(1, also=(None,)),
    "trainer.gradient_clip_val": number(0, null=True),
    "trainer.log_every_n_steps": whole(1),
}
