"""Where a dotted name is defined, found as Python would find it but by parsing files, importing none of them.

Followed are packages, `from X import Y as Z`, relative and star imports, `try` and `if` blocks and aliases. What cannot
be seen that way (C extensions, names made at run time) is reported as unknown, never guessed.
"""

import ast
import importlib.util
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

Function = ast.FunctionDef | ast.AsyncFunctionDef
Binding = ast.ClassDef | Function | ast.expr | str  # a str is the dotted name that is bound


class Source(NamedTuple):
    """A class, a function or the right side of `Alias = Literal[...]`, and the module whose source holds it."""

    module: str
    node: ast.ClassDef | Function | ast.expr


class _Module(NamedTuple):
    """A parsed file: names bound at module level, and the modules it star-imports, in order."""

    bindings: Mapping[str, Binding]
    stars: tuple[str, ...]
    public: frozenset[str] | None  # a literal __all__


def resolve_name(dotted: str, *, seen: frozenset[str] = frozenset()) -> Source | str | None:
    """The class, function or type called `dotted`; the module's name if it is a module; None if it cannot be seen.

    `seen` holds the names on the way here: an alias of itself must end.
    """
    if dotted in seen or not all(part.isidentifier() for part in dotted.split(".")):
        return None
    parts = dotted.split(".")
    module, used = _deepest_module(parts)
    if not used:
        return None
    if used == len(parts):  # a module - unless its package binds the same name to something else
        parent = ".".join(parts[:-1])
        bound = _lookup(parent, parts[-1], seen=seen | {dotted}) if parent else None
        return bound if isinstance(bound, Source) else module
    bound = _lookup(module, parts[used], seen=seen | {dotted})
    rest = parts[used + 1 :]
    if isinstance(bound, str) and rest:
        return resolve_name(".".join([bound, *rest]), seen=seen | {dotted})
    return None if rest else bound  # attributes of a class are no targets


def _lookup(module: str, name: str, *, seen: frozenset[str]) -> Source | str | None:
    """What `name` means inside `module`."""
    path = _file_of(module)
    if path is None:
        return None
    text = _text(path)
    named = name in text and re.search(rf"\b{name}\b", text) is not None  # `in` alone is a hundred times faster
    if not named and "import *" not in text:  # spares parsing most files of a chain of star imports
        return None
    parsed = _parse(path, module)
    bound = parsed.bindings.get(name) if named else None
    if isinstance(bound, str):
        return None if bound == f"{module}.{name}" else resolve_name(bound, seen=seen)
    if bound is not None:
        return Source(module, bound)
    for star in reversed(parsed.stars):
        if star not in seen:
            source = _lookup(star, name, seen=seen | {star})
            if source is not None and _exports(star, name):  # asked last: it parses the file
                return source
    return None


def _exports(module: str, name: str) -> bool:
    path = _file_of(module)
    if path is None or name.startswith("_"):
        return False
    if "__all__" not in _text(path):
        return True
    public = _parse(path, module).public
    return public is None or name in public


def _deepest_module(parts: list[str]) -> tuple[str, int]:
    """The longest leading part of a dotted name that is a module on disk, and how many parts it took (0: none)."""
    for used in range(len(parts), 0, -1):
        name = ".".join(parts[:used])
        if _file_of(name) is not None:
            return name, used
    return "", 0


def _file_of(module: str) -> Path | None:
    """The source file of a module. `find_spec` of a top-level name imports nothing; of a dotted one, its parents."""
    top, *parts = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # ValueError: a module without a spec, such as __main__
        return None
    if spec is None:
        return None
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    path = Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for part in parts:
        path, folders = _step(folders, part)
    return path


def _step(folders: list[Path], part: str) -> tuple[Path | None, list[Path]]:
    for folder in folders:
        package = folder / part / "__init__.py"
        if package.is_file():
            return package, [package.parent]
        if (folder / f"{part}.py").is_file():
            return folder / f"{part}.py", []
    return None, [folder / part for folder in folders if (folder / part).is_dir()]  # a namespace package


@lru_cache(maxsize=512)
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


@lru_cache(maxsize=256)
def _parse(path: Path, module: str) -> _Module:
    try:
        tree = ast.parse(_text(path))
    except (SyntaxError, ValueError):
        return _Module({}, (), None)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    bindings: dict[str, Binding] = {}
    stars: list[str] = []
    public: frozenset[str] | None = None
    for node in _statements(tree.body):
        if isinstance(node, ast.ClassDef | Function):
            bindings[node.name] = node
        elif isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                bindings[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(package, node)
            for alias in node.names:
                if alias.name == "*":
                    stars.append(source)
                else:
                    bindings[alias.asname or alias.name] = f"{source}.{alias.name}"
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name == "__all__":
                public = _strings(node.value)
            elif (alias_of := dotted_name(node.value)) is not None:
                bindings[name] = f"{module}.{alias_of}"
            elif isinstance(node.value, ast.Subscript | ast.BinOp):  # of types, perhaps
                bindings[name] = node.value
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == "__all__":
            public = None  # built in steps: treat every public name as exported
    return _Module(bindings, tuple(stars), public)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run at import; the fallbacks of `if` and `try` come first: the main branch's binding wins."""
    for node in body:
        if isinstance(node, ast.If):
            yield from _statements(node.orelse)
            yield from _statements(node.body)
        elif isinstance(node, ast.Try):
            for handler in node.handlers:
                yield from _statements(handler.body)
            yield from _statements(node.body + node.orelse + node.finalbody)
        elif isinstance(node, ast.With):
            yield from _statements(node.body)
        else:
            yield node


def _absolute(package: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - (node.level - 1)]
    return ".".join([*base, node.module] if node.module else base)


def dotted_name(node: ast.expr) -> str | None:
    """'a.b.C' for the expression a.b.C, None for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        front = dotted_name(node.value)
        return None if front is None else f"{front}.{node.attr}"
    return None


def _strings(node: ast.expr) -> frozenset[str] | None:
    if not isinstance(node, ast.List | ast.Tuple):
        return None
    values = [item.value for item in node.elts if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    return frozenset(values) if len(values) == len(node.elts) else None


def public_names(module: str) -> frozenset[str]:
    """Names without a leading underscore that a module's source binds: what a misspelt name may have meant."""
    names: set[str] = set()
    waiting, seen = [module], set()
    while waiting:
        current = waiting.pop()
        path = _file_of(current)
        if path is None or current in seen:
            continue
        seen.add(current)
        parsed = _parse(path, current)
        names.update(name for name in parsed.bindings if not name.startswith("_"))
        waiting.extend(parsed.stars)
    return frozenset(names)
