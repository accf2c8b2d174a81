"""Values out of a mapping that was read from YAML, each checked where it enters; `where` begins every error."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from seglab.errors import SeglabError, did_you_mean


def mapping(content: Any, schema: type, *, where: str, leave_out: frozenset[str] = frozenset()) -> dict[str, Any]:
    """`content` as a mapping with keys of the dataclass `schema`, all those in it that have no default."""
    keys = {field.name: field for field in fields(schema) if field.name not in leave_out}
    require(isinstance(content, dict), where, f"a mapping with {', '.join(keys)}", repr(content))
    for key in content:
        if key not in keys:
            near = did_you_mean(str(key), keys)
            raise SeglabError(f"{where}: no key {key!r}{near or '; expected some of ' + ', '.join(keys)}")
    for key, field in keys.items():
        needed = field.default is MISSING and field.default_factory is MISSING
        if needed and content.get(key) is None:
            raise SeglabError(f"{where}: expected the key {key!r}; it is not there - add it")
    return content


def items(values: Mapping[str, Any], key: str, *, where: str) -> Iterator[tuple[int, Any]]:
    """(index, item) of the list `key`, which may be left out."""
    content = values.get(key)
    require(content is None or isinstance(content, list), f"{where}: {key}", "a list", repr(content))
    return enumerate(content or ())


def texts(values: Mapping[str, Any], key: str, *, where: str) -> tuple[str, ...]:
    return tuple(_checked_text(item, where=f"{where}: {key}") for _, item in items(values, key, where=where))


def text(values: Mapping[str, Any], key: str, *, where: str) -> str:
    return _checked_text(values[key], where=f"{where}: {key}")


def said(values: Mapping[str, Any], key: str, *, where: str) -> str | None:
    """The text `key`, or None where it is left out."""
    return None if values.get(key) is None else text(values, key, where=where)


def text_or_texts(values: Mapping[str, Any], key: str, *, where: str) -> tuple[str, ...]:
    """The texts of `key`, of which there may be one alone, no list, or none."""
    if isinstance(values.get(key), list):
        return texts(values, key, where=where)
    alone = said(values, key, where=where)
    return () if alone is None else (alone,)


def flag(values: Mapping[str, Any], key: str, *, where: str) -> bool:
    """The truth value `key`; false where it is left out."""
    value = values.get(key, False)
    require(type(value) is bool, f"{where}: {key}", "true or false", repr(value))
    return value


def whole_numbers(values: Mapping[str, Any], key: str, *, where: str) -> tuple[int, ...]:
    numbers = tuple(number for _, number in items(values, key, where=where))
    for number in numbers:
        require(type(number) is int and number >= 0, f"{where}: {key}", "whole numbers >= 0", repr(number))
    return numbers


def check_unique(values: Sequence[object], where: str, what: str) -> None:
    twice = [item for index, item in enumerate(values) if item in values[:index]]
    require(not twice, where, f"different {what}", f"{', '.join(map(str, twice))} twice - rename or remove one")


def require(right: bool, where: str, expected: str, came: str) -> None:
    if not right:
        raise SeglabError(f"{where}: expected {expected}; came {came}")


def _checked_text(content: Any, *, where: str) -> str:
    require(isinstance(content, str) and content.strip() != "", where, "a text", f"{content!r} - put it in quotes")
    return content
