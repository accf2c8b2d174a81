"""Signatures read from source, against small packages and against the libraries as imported."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seglab.config.signatures import find_definition


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
arguments = {}
for target in sys.argv[1:]:
    package, _, name = target.rpartition(".")
    signature = inspect.signature(getattr(importlib.import_module(package), name))
    kept = [p for p in signature.parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    any_key = any(p.kind == p.VAR_KEYWORD for p in signature.parameters.values())
    arguments[target] = [{p.name: p.default is p.empty for p in kept}, any_key]
print(json.dumps(arguments))
"""


def test_libraries_are_read_without_importing_them_and_few_files_of_them() -> None:
    program = (
        "import ast, sys; from seglab.config.signatures import find_definition\n"
        "parse, parsed = ast.parse, []\n"
        "ast.parse = lambda source: parsed.append(source) or parse(source)\n"
        f"assert all(find_definition(target) for target in {LIBRARIES!r})\n"
        "assert not {'torch', 'lightning', 'albumentations', 'torchvision', 'numpy'} & set(sys.modules), 'imported'\n"
        "assert len(parsed) < 80, len(parsed)\n"  # 59: what makes the time
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])


def test_a_module_without_constructor_takes_no_argument() -> None:
    definition = find_definition("torch.nn.Sigmoid")  # declares *args, **kwargs and refuses both when called
    assert definition is not None
    assert not definition.accepts_any
    assert definition.parameters == {}


@pytest.mark.exhaustive
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
