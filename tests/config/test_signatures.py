"""Signatures read from source, against small packages written here and against the libraries as imported."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seglab.config.definitions import public_names
from seglab.config.signatures import find_definition

PACKAGE = {
    "toy_package/__init__.py": """
        from .inner import *
        from .inner.deep import Base as Renamed, _hidden
        from toy_package import inner as other
        try:
            from .fast import Quick
        except ImportError:
            from .slow import Quick
        if True:
            def either(a, *, b: int = 1): ...
        else:
            def either(): ...
        Alias = Renamed
        Loop = Loop2
        Loop2 = Loop
    """,
    "toy_package/inner/__init__.py": """
        from .deep import *
        __all__ = ["Starred"]
    """,
    "toy_package/inner/deep.py": """
        from dataclasses import KW_ONLY, dataclass, field
        from typing import ClassVar, overload
        class Base:
            @decorated
            def __init__(self, width: int, /, depth: "int | None" = None, *rest, name: str, **kwargs): ...
        class Starred(Base):
            pass
        class NotExported(Base): ...
        class Mixed(Starred, Base):
            def forward(self): ...
        class Left(Base): ...
        class Right(Base):
            def __init__(self, right): ...
        class Diamond(Left, Right): ...
        class Unknown(somewhere.Else): ...
        class Overloaded:
            @overload
            def __init__(self, a: int): ...
            @overload
            def __init__(self, a: str): ...
            def __init__(self, a, b=2): ...
        @dataclass(frozen=True)
        class Record:
            a: int
            shared: ClassVar[int] = 3
            b: float = 2.0
            c: list = field(default_factory=list)
            d: int = field(init=False)
            e: int = field(repr=False)
        @dataclass
        class Longer(Record):
            f: str = "x"
        class Empty: ...
        async def waiting(a): ...
        VALUE = 3
    """,
    "toy_package/slow.py": "class Quick:\n    def __init__(self, slow): ...",
    "toy_package/fast.py": "class Quick:\n    def __init__(self, fast): ...",
    "toy_package/broken.py": "class Broken(:",
    "toy_module.py": "class Single: ...",
}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in PACKAGE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = text.strip("\n").splitlines()
        indent = len(lines[0]) - len(lines[0].lstrip())
        path.write_text("\n".join(line[indent:] for line in lines) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("target", "defined_in"),
    [
        ("toy_module.Single", "toy_module.Single"),
        ("toy_package.Starred", "toy_package.inner.deep.Starred"),
        ("toy_package.inner.deep.NotExported", "toy_package.inner.deep.NotExported"),
        ("toy_package.Renamed", "toy_package.inner.deep.Base"),
        ("toy_package.Alias", "toy_package.inner.deep.Base"),
        ("toy_package.other.deep.Base", "toy_package.inner.deep.Base"),
        ("toy_package.Quick", "toy_package.fast.Quick"),
        ("toy_package.either", "toy_package.either"),
    ],
)
def test_a_name_is_found_where_it_is_defined(toy: Path, target: str, defined_in: str) -> None:
    definition = find_definition(target)
    assert definition is not None
    assert definition.defined_in == defined_in


@pytest.mark.parametrize(
    "target",
    [
        "toy_package",
        "toy_package.inner",
        "toy_package.NotExported",  # not in the starred module's __all__
        "toy_package.Missing",
        "toy_package.Loop",
        "toy_package.inner.deep.VALUE",
        "toy_package.inner.deep.Base.__init__",
        "toy_package.broken.Broken",
        "no_such_package.Thing",
        "Thing",
        "",
        "toy_package.os;system",
        "os.system",
        "__main__.Thing",
    ],
)
def test_what_no_source_defines_is_unknown(toy: Path, target: str) -> None:
    assert find_definition(target) is None


def test_arguments_of_a_class_come_from_the_nearest_constructor(toy: Path) -> None:
    definition = find_definition("toy_package.inner.deep.Mixed")
    assert definition is not None
    assert definition.kind == "class"
    assert definition.accepts_any
    assert list(definition.parameters) == ["depth", "name"]  # width is positional only
    assert definition.parameters["depth"][:3] == (False, "None", "int | None")
    assert definition.parameters["name"][:3] == (True, None, "str")
    assert list(find_definition("toy_package.inner.deep.Diamond").parameters) == ["right"]
    assert list(find_definition("toy_package.inner.deep.Overloaded").parameters) == ["a", "b"]


def test_a_class_without_constructor_takes_nothing_but_unknown_bases_take_anything(toy: Path) -> None:
    assert not find_definition("toy_package.inner.deep.Empty").accepts_any
    assert find_definition("toy_package.inner.deep.Unknown").accepts_any


def test_a_dataclass_takes_its_fields(toy: Path) -> None:
    record = find_definition("toy_package.inner.deep.Longer").parameters
    assert {name: parameter.required for name, parameter in record.items()} == {
        "a": True,
        "b": False,
        "c": False,
        "e": True,
        "f": False,
    }


def test_a_function_keeps_its_first_parameter(toy: Path) -> None:
    definition = find_definition("toy_package.either")
    assert definition.kind == "function"
    assert list(definition.parameters) == ["a", "b"]


def test_public_names_reach_through_star_imports(toy: Path) -> None:
    assert {"Starred", "Renamed", "Quick", "either"} <= public_names("toy_package")
    assert "_hidden" not in public_names("toy_package")


LIBRARIES = [
    "torch.optim.Adam",
    "torch.optim.AdamW",
    "torch.optim.SGD",
    "torch.nn.SiLU",
    "torch.nn.ReLU",
    "torch.nn.GELU",
    "torch.nn.Mish",
    "torch.nn.LeakyReLU",
    "torch.optim.lr_scheduler.ReduceLROnPlateau",
    "lightning.Trainer",
    "lightning.pytorch.Trainer",
    "lightning.pytorch.callbacks.ModelCheckpoint",
    "lightning.pytorch.callbacks.EarlyStopping",
    "lightning.pytorch.callbacks.LearningRateMonitor",
    "lightning.pytorch.loggers.CSVLogger",
    "lightning.pytorch.loggers.WandbLogger",
    "lightning.pytorch.loggers.TensorBoardLogger",
    "segmentation_models_pytorch.Unet",
    "segmentation_models_pytorch.DeepLabV3Plus",
    "segmentation_models_pytorch.Segformer",
    "albumentations.HorizontalFlip",
    "albumentations.RandomCrop",
    "albumentations.PadIfNeeded",
    "albumentations.RandomScale",
    "albumentations.ColorJitter",
    "albumentations.OneOf",
    "albumentations.GaussNoise",
    "albumentations.Rotate",
    "torchvision.models.segmentation.deeplabv3_resnet50",
]

INSPECT = """
import importlib, inspect, json, sys
found = {}
for target in sys.argv[1:]:
    package, _, name = target.rpartition(".")
    signature = inspect.signature(getattr(importlib.import_module(package), name))
    kept = [p for p in signature.parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    any_key = any(p.kind == p.VAR_KEYWORD for p in signature.parameters.values())
    found[target] = [{p.name: p.default is p.empty for p in kept}, any_key]
print(json.dumps(found))
"""


def test_libraries_are_read_without_importing_them_and_quickly() -> None:
    started = time.perf_counter()
    program = (
        "import sys; from seglab.config.signatures import find_definition;"
        f"assert all(find_definition(target) for target in {LIBRARIES!r});"
        "assert not {'torch', 'lightning', 'albumentations', 'torchvision', 'numpy'} & set(sys.modules), 'imported'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
    assert time.perf_counter() - started < 5  # 0.5 s on a quiet machine


def test_a_module_without_constructor_takes_no_argument() -> None:
    definition = find_definition("torch.nn.Sigmoid")  # declares *args, **kwargs and refuses both when called
    assert definition is not None
    assert not definition.accepts_any
    assert definition.parameters == {}


@pytest.mark.slow
def test_the_source_says_what_the_import_says() -> None:
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", INSPECT, *LIBRARIES], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    imported = json.loads(result.stdout.splitlines()[-1])
    assert set(imported) == set(LIBRARIES)
    for target, (parameters, accepts_any) in imported.items():
        definition = find_definition(target)
        assert {name: parameter.required for name, parameter in definition.parameters.items()} == parameters, target
        assert definition.accepts_any == accepts_any, target
