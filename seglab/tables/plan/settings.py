"""The settings that a table states: overrides of its trainings, keys of its evaluation."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException

from seglab import config
from seglab.errors import SeglabError, did_you_mean
from seglab.tables.plan import yaml_values
from seglab.tables.plan.yaml_values import check_unique, require

# Of conf/evaluate.yaml, what a table does not decide.
_NOT_OF_A_TABLE = frozenset(
    {"run", "predictions", "truth", "processes", "root", "device", "threads", "output", "reference"}
)
EVALUATION = tuple(field.name for field in fields(config.EvaluateConfig) if field.name not in _NOT_OF_A_TABLE)


def overrides(values: Mapping[str, Any], key: str, *, where: str) -> tuple[str, ...]:
    """Of one run: several values of a key are refused, and so are the keys that the table itself gives."""
    stated = yaml_values.texts(values, key, where=where)
    for override in stated:
        check_override(override, where=f"{where}: {key}")
    return stated


def check_override(override: str, *, where: str) -> str:
    """The key of an override of one run.

    Raises:
        SeglabError: it has several values, is of a key that the table itself gives, or cannot be read.
    """
    try:
        (parsed,) = OverridesParser.create().parse_overrides([override])
    except OverrideParseException as error:
        raise SeglabError(
            f"{where}: expected KEY=VALUE as on the command line of seglab.train; came {override!r}"
        ) from error
    if parsed.is_sweep_override():
        raise SeglabError(f"{where}: expected one value; came {override!r} - make a row of each value")
    name = str(parsed.key_or_group)
    if name.partition(".")[0] in ("seed", "seeds", "sweep", "output", "resume", "retry_failed", "hydra"):
        raise SeglabError(f"{where}: {name} is decided by the table; came {override!r} - leave it out")
    return name


def evaluation(values: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Keys of conf/evaluate.yaml; `split` may be a list of different ones."""
    stated = values.get("evaluation") or {}
    require(isinstance(stated, dict), f"{where}: evaluation", "keys of conf/evaluate.yaml", repr(stated))
    for key in stated:
        if str(key).partition(".")[0] not in EVALUATION:
            near = did_you_mean(str(key), EVALUATION)
            raise SeglabError(
                f"{where}: no key {key!r} in evaluation{near or '; expected some of ' + ', '.join(EVALUATION)}"
            )
    if isinstance(stated.get("split"), list):
        splits = yaml_values.texts(stated, "split", where=f"{where}: evaluation")
        require(bool(splits), f"{where}: evaluation: split", "one split or more", "none")
        check_unique(splits, f"{where}: evaluation: split", "splits")
    return stated
