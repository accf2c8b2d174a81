"""What a class or function accepts, read from its source without importing it.

Importing torch takes seconds and runs its code; checking a configuration needs neither.
"""

import ast
import copy
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, NamedTuple

from seglab.config.definitions import Function, Source, dotted_name, resolve_name

# Need no look-up: they stand for themselves.
_JUDGED = {"int", "float", "bool", "str", "list", "tuple", "dict", "Optional", "Union", "Literal", "Sequence", "Any"}


class Parameter(NamedTuple):
    """One argument of a definition; `default` and `annotation` are source text, None where there is none."""

    required: bool
    default: str | None
    annotation: str | None
    module: str  # whose names the annotation uses

    @lru_cache(maxsize=4096)  # noqa: B019 - of a tuple of texts
    def full_annotation(self) -> str | None:
        """The annotation with names such as `Mode = Literal["min", "max"]` replaced by what they stand for."""
        if self.annotation is None:
            return None
        try:
            tree = ast.parse(self.annotation, mode="eval")
        except SyntaxError:
            return None
        return ast.unparse(_Expansion(self.module).visit(tree))


@dataclass(frozen=True)
class Definition:
    """A class or function as its source declares it; `defined_in` is the full name of the place that holds it."""

    name: str
    module: str
    kind: Literal["class", "function"]
    parameters: Mapping[str, Parameter]
    accepts_any: bool  # takes **kwargs, or has a base class whose source cannot be read
    lineage: frozenset[str]  # full names of the class and its bases; of a function, of the class that it returns
    methods: frozenset[str]  # names of those that the class and its bases define; of a function none
    answer: str | None = None  # source text of what the class's `forward` is annotated to return

    @property
    def defined_in(self) -> str:
        return f"{self.module}.{self.name}"


def find_definition(target: str) -> Definition | None:
    """What `target` ('torch.optim.AdamW') stands for, or None where no source defines such a class or function."""
    try:
        return _definition(target, (os.getcwd(), *sys.path))
    except LookupError:
        return None


@lru_cache(maxsize=1024)
def _definition(target: str, path: tuple[str, ...]) -> Definition:
    """`path` is where modules are looked for. Only what is found is remembered: the rest may be written later."""
    source = resolve_name(target)
    if not isinstance(source, Source) or isinstance(source.node, ast.expr):
        raise LookupError(target)
    if isinstance(source.node, ast.ClassDef):
        return _class_definition(_Class(source.module, source.node))
    parameters, accepts_any = _parameters(source.node, module=source.module, skip_first=False)
    lineage = _returned(source.node, module=source.module)
    return Definition(source.node.name, source.module, "function", parameters, accepts_any, lineage, frozenset())


class _Class(NamedTuple):
    module: str
    node: ast.ClassDef


def _class_definition(source: _Class) -> Definition:
    lineage, whole = _lineage(source, seen=())
    names = frozenset(f"{module}.{node.name}" for module, node in lineage)
    methods = frozenset(item.name for _, node in lineage for item in node.body if isinstance(item, ast.FunctionDef))
    definition = Definition(source.node.name, source.module, "class", {}, not whole, names, methods, _answer(lineage))
    for module, node in lineage:
        if f"{module}.{node.name}" == "torch.nn.modules.module.Module":
            break  # declares *args, **kwargs, but only to refuse them with a better message
        if _is_dataclass(node):
            return replace(definition, parameters=_fields(lineage), accepts_any=False)
        constructors = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
        if constructors:  # the last of several: the others are @overload
            parameters, accepts_any = _parameters(constructors[-1], module=module, skip_first=True)
            return replace(definition, parameters=parameters, accepts_any=accepts_any)
    return definition


def _lineage(heir: _Class, *, seen: tuple[_Class, ...]) -> tuple[list[_Class], bool]:
    """The class and its bases in the order in which Python looks for a method, and whether every base could be read.

    Depth first, keeping the last mention of a shared base: Python's C3 order for every hierarchy met in practice.
    """
    order, whole = [heir], True
    for base in heir.node.bases:
        name = dotted_name(base.value if isinstance(base, ast.Subscript) else base)
        if name in ("object", "Generic", "Protocol", "ABC", "abc.ABC", "typing.Generic"):
            continue
        parent = None if name is None else resolve_name(f"{heir.module}.{name}")
        if not isinstance(parent, Source) or not isinstance(parent.node, ast.ClassDef) or tuple(parent) in seen:
            whole = False
            continue
        above, above_whole = _lineage(_Class(parent.module, parent.node), seen=(*seen, heir))
        order = [ancestor for ancestor in order if ancestor not in above] + above
        whole = whole and above_whole
    return order, whole


def _answer(lineage: list[_Class]) -> str | None:
    """The annotation of the first `forward`, as it is written."""
    methods = (item for _, node in lineage for item in node.body if isinstance(item, ast.FunctionDef))
    forward = next((method for method in methods if method.name == "forward"), None)
    return None if forward is None or forward.returns is None else ast.unparse(forward.returns)


def _returned(node: Function, *, module: str) -> frozenset[str]:
    """The lineage of the class that a function's annotation says it returns."""
    annotation = node.returns
    name = annotation.value if isinstance(annotation, ast.Constant) else dotted_name(annotation) if annotation else None
    source = resolve_name(f"{module}.{name}") if isinstance(name, str) else None
    if not isinstance(source, Source) or not isinstance(source.node, ast.ClassDef):
        return frozenset()
    lineage, _ = _lineage(_Class(source.module, source.node), seen=())
    return frozenset(f"{module}.{node.name}" for module, node in lineage)


def _parameters(node: Function, *, module: str, skip_first: bool) -> tuple[dict[str, Parameter], bool]:
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = list(zip(positional, defaults, strict=True))[int(skip_first) :]
    pairs += list(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
    parameters = {
        argument.arg: _parameter(default, annotation=argument.annotation, module=module)
        for argument, default in pairs
        if argument not in arguments.posonlyargs  # a configuration passes arguments by name
    }
    return parameters, arguments.kwarg is not None


def _parameter(default: ast.expr | None, *, annotation: ast.expr | None, module: str) -> Parameter:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        text: str | None = annotation.value  # written in quotes
    else:
        text = None if annotation is None else ast.unparse(annotation)
    return Parameter(default is None, None if default is None else ast.unparse(default), text, module)


def _is_dataclass(node: ast.ClassDef) -> bool:
    names = [dotted_name(item.func if isinstance(item, ast.Call) else item) for item in node.decorator_list]
    return any(name in ("dataclass", "dataclasses.dataclass") for name in names)


def _fields(lineage: list[_Class]) -> dict[str, Parameter]:
    """Constructor arguments of a dataclass: its fields and those of the dataclasses beneath it, bases first."""
    fields: dict[str, Parameter] = {}
    for module, node in reversed(lineage):
        for item in node.body if _is_dataclass(node) else ():
            if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
                continue
            if re.search(r"\b(ClassVar|KW_ONLY)\b", ast.unparse(item.annotation)):
                continue
            default = item.value
            if isinstance(default, ast.Call) and dotted_name(default.func) in ("field", "dataclasses.field"):
                options = {word.arg: word.value for word in default.keywords}
                if "init" in options and ast.unparse(options["init"]) == "False":
                    continue
                default = options.get("default", options.get("default_factory"))
            fields[item.target.id] = _parameter(default, annotation=item.annotation, module=module)
    return fields


class _Expansion(ast.NodeTransformer):
    """Replaces names in an annotation by the types they are defined as; a class stays a name."""

    def __init__(self, module: str) -> None:
        self.module = module

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in _JUDGED:
            return node
        source = resolve_name(f"{self.module}.{node.id}")
        if not isinstance(source, Source) or not isinstance(source.node, ast.expr):
            return node
        return _Expansion(source.module).visit(copy.deepcopy(source.node))
