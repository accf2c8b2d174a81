"""Does a value from a configuration fit a parameter's annotation? Only plain types are judged; anything else fits."""

import ast
from collections.abc import Callable
from typing import Any, NamedTuple

_LISTS = {"list", "List", "tuple", "Tuple", "Sequence", "Iterable", "Collection"}
_MAPPINGS = {"dict", "Dict", "Mapping"}


class _Kind(NamedTuple):
    words: str
    accepts: Callable[[Any], bool]


_PLAIN = {
    "int": _Kind("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "float": _Kind("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "bool": _Kind("true or false", lambda value: isinstance(value, bool)),
    "str": _Kind("text", lambda value: isinstance(value, str)),
    "None": _Kind("null", lambda value: value is None),
}
_LIST = _Kind("a list", lambda value: isinstance(value, list))
_MAPPING = _Kind("a mapping", lambda value: isinstance(value, dict))


def expected_instead(value: Any, annotation: str) -> str | None:
    """In words, what `annotation` wants if `value` does not fit it ('a whole number or null'), otherwise None."""
    try:
        kinds = _kinds(ast.parse(annotation, mode="eval").body)
    except SyntaxError:
        return None
    if kinds is None or any(kind.accepts(value) for kind in kinds):
        return None
    return " or ".join(dict.fromkeys(kind.words for kind in kinds))


def _kinds(node: ast.expr) -> list[_Kind] | None:
    """The plain types that an annotation admits; None if it mentions one that cannot be judged."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _all_kinds([node.left, node.right])
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):  # a quoted part of an annotation
            return _kinds(ast.parse(node.value, mode="eval").body)
        return [_PLAIN["None"]] if node.value is None else None
    if isinstance(node, ast.Subscript):
        return _subscript_kinds(node)
    name = _last_name(node)
    if name in _LISTS:
        return [_LIST]
    if name in _MAPPINGS:
        return [_MAPPING]
    return [_PLAIN[name]] if name in _PLAIN else None


def _subscript_kinds(node: ast.Subscript) -> list[_Kind] | None:
    name = _last_name(node.value)
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Optional":
        kinds = _all_kinds(inner)
        return None if kinds is None else [*kinds, _PLAIN["None"]]
    if name == "Union":
        return _all_kinds(inner)
    if name == "Annotated":
        return _kinds(inner[0])
    if name == "Literal":
        choices = [item.value for item in inner if isinstance(item, ast.Constant)]
        typed = [(type(choice), choice) for choice in choices]  # True is not the choice 1
        words = "one of " + ", ".join(repr(choice) for choice in choices)
        return [_Kind(words, lambda value: (type(value), value) in typed)] if len(choices) == len(inner) else None
    if name in _LISTS:
        return [_LIST]
    return [_MAPPING] if name in _MAPPINGS else None


def _all_kinds(nodes: list[ast.expr]) -> list[_Kind] | None:
    kinds: list[_Kind] = []
    for node in nodes:
        admitted = _kinds(node)
        if admitted is None:
            return None
        kinds += admitted
    return kinds


def _last_name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None
