"""Small files of JSON that outlive a run: read whole and of the right shape, or refused with their name."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from seglab.errors import SeglabError


def read_object(
    path: Path,
    *,
    what: str,
    cure: str,
    required: Mapping[str, type] = MappingProxyType({}),
    optional: Mapping[str, type] = MappingProxyType({}),
    values: type | None = None,
) -> dict[str, Any] | None:
    """The object in the file; None where there is no such file.

    Args:
        what: the file is expected to hold, such as "the record of a run".
        cure: what to do about one that does not.
        required: {key: type of its value} that have to be there; of a `datetime` the text as ISO 8601.
        optional: as `required`, of values that may be missing or null.
        values: type of all values, where the keys are not known.

    Raises:
        SeglabError: it cannot be read, is empty, is no JSON object, or a value is missing or of another type.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SeglabError(f"{path}: expected {what}; {error.strerror or error} - {cure}") from error
    except (ValueError, RecursionError) as error:  # no JSON, or no UTF-8
        came = "an empty file" if not path.stat().st_size else f"a file that is damaged ({error})"
        raise SeglabError(f"{path} is not JSON: expected {what}; came {came} - {cure}") from error
    if not isinstance(value, dict):
        raise SeglabError(f"{path}: expected {what}, as an object; came {_shown(value)} - {cure}")
    kinds = dict(required) if values is None else dict.fromkeys(value, values)
    kinds |= {key: kind for key, kind in optional.items() if value.get(key) is not None}
    for key, kind in kinds.items():
        if not _is(value.get(key), kind):
            came = _shown(value[key]) if key in value else "nothing"
            raise SeglabError(f"{path}: expected {what}, with {key} as {_NAMES[kind]}; came {came} - {cure}")
    return value


_NAMES = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
    datetime: "a time like 2026-11-21T09:30:00+01:00",
}


def _is(value: Any, kind: type) -> bool:
    if kind is datetime:
        return isinstance(value, str) and _is_time(value)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
