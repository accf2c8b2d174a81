"""The rooms of seglab: an import goes strictly downwards, inside a room freely but never in a circle."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from seglab import PACKAGE

ROOMS = {
    "errors": 0, "batch": 0, "lean_imports": 0,
    "labels": 1, "runs": 1, "models": 1,
    "config": 2, "losses": 2, "metrics": 2, "data": 2,
    "display": 3, "loggers": 3,
    "callbacks": 4, "pages": 4,
    "training": 5,
    "inference": 6, "multirun": 6,
    "evaluation": 7, "diagnostics": 7,
    "tables": 8, "deployment": 8,
}  # fmt: skip
COMMANDS = 9  # every other file beside the rooms
TABLES = {"plan": 0, "comparison": 1, "analysis": 2, "survey": 2, "costs": 3, "launch": 3, "render": 3, "table": 4}
FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")


MODULES = {module_of(path): path for path in FILES}


@cache
def imports(path: Path) -> dict[str, int]:
    """{module of seglab, without that word: a line that imports it}, those for type checkers as well."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "seglab":
            base = (node.module or "").split(".")[1:]
            for alias in node.names:
                whole = ".".join([*base, alias.name])
                found[whole if whole in MODULES else ".".join(base)] = node.lineno
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("seglab.")]
            found |= {name.removeprefix("seglab."): node.lineno for name in names}
    return found


def level(module: str) -> tuple[int, int]:
    """Of the room, and of the room inside tables/."""
    first, _, rest = module.partition(".")
    if module.endswith("__main__"):  # python -m seglab.ROOM is a command
        return COMMANDS, 0
    inside = TABLES[rest.partition(".")[0]] if first == "tables" and rest else 0
    return ROOMS.get(first, COMMANDS), inside


def same_room(one: str, other: str) -> bool:
    if one.endswith("__main__"):
        return False
    depth = 2 if one.startswith("tables.") else 1
    return one.split(".")[:depth] == other.split(".")[:depth]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_strictly_down(path):
    here = module_of(path)
    for module, line in imports(path).items():
        if module and here and not same_room(here, module):
            assert level(module) < level(here), f"{path}:{line} imports {module}, which does not stand below it"


def test_no_circle_of_files():
    graph = {
        here: {module for module in imports(path) if module in MODULES and module != here}
        for here, path in MODULES.items()
    }
    for here in graph:
        graph[here].discard("")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_few_imports_between_rooms():
    between = {
        (level_of, module.partition(".")[0])
        for here, path in MODULES.items()
        for module in imports(path)
        if module and here and not same_room(here, module)
        for level_of in [here.partition(".")[0]]
    }
    assert len(between) <= 180, len(between)  # two rooms and five commands more than the 140 of before: about 8 each


def test_the_root_holds_commands_and_foundations():
    files = {path.stem for path in PACKAGE.glob("*.py")}
    assert len(files) <= 20
    commands = files - set(ROOMS) - {"__init__", "api"}
    assert all('if __name__ == "__main__":' in (PACKAGE / f"{name}.py").read_text() for name in commands)


def test_every_room_says_what_it_is_for():
    for path in PACKAGE.rglob("__init__.py"):
        assert len(ast.get_docstring(ast.parse(path.read_text())) or "") > 40, path
