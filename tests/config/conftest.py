"""Small packages and configurations that several tests read."""

from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf, open_dict

from seglab import config
from seglab.errors import SeglabError
from tests.config.test_command import run  # noqa: F401 - a fixture

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


CORRECT = {
    "data": {"_target_": "toy_parts.Data", "labels": "camvid_11", "batch_size": 4, "size": [32, 64],
             "augmentation": "${augment}"},
    "augment": {"_target_": "toy_parts.Many", "parts": [{"_target_": "toy_parts.Part", "p": 0.5}]},
    "model": {"_target_": "toy_parts.Net", "classes": "${num_classes:${data.labels}}", "size_divisor": 16},
    "activation": {"factory": {"_target_": "torch.nn.ReLU", "_partial_": True, "inplace": True}, "scope": "all"},
    "loss": {"_target_": "toy_parts.Loss", "gamma": 2.0},
    "optimizer": {"_target_": "torch.optim.SGD", "_partial_": True, "lr": 0.01, "momentum": 0.9},
    "scheduler": {"_target_": "toy_parts.Part"},
    "trainer": {"_target_": "lightning.Trainer", "max_epochs": 2, "precision": "32-true"},
    "callbacks": {"one": {"_target_": "toy_parts.Part"}, "off": None},
    "logger": {"csv": {"_target_": "toy_parts.Logger"}},
    "module": {
        "_target_": "seglab.training.module.SegmentationModule",
        "channels_last": True,
        "mean": [0.0, 0.0, 0.0],
        "std": [1.0, 1.0, 1.0],
    },
    "seed": 1,
    "output": "outputs",
}  # fmt: skip


PARTS = """
from typing import Literal, Optional
Mode = Literal["min", "max"]
class Data:
    def __init__(self, *, labels: str, batch_size: int, size: list[int] | None, augmentation, num_workers: int = 0): ...
class Many:
    def __init__(self, parts): ...
class Part:
    def __init__(self, p: float = 1.0, mode: Mode = "min", name: str = None): ...
class Net:
    def __init__(self, classes: int, encoder_name: str = "a", **kwargs): ...
class Loss:
    def __init__(self, gamma: float, weight: Optional[list] = None, class_weights: list[float] | None = None): ...
class Logger:
    def __init__(self, folder): ...
"""


ALLOWED = ",".join(f"toy_parts.{name}" for name in ("Data", "Many", "Part", "Net", "Loss", "Logger"))


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`checked("loss.gamma=x", ...)`: what `check` says of CORRECT with these values, "" if nothing."""
    (tmp_path / "toy_parts.py").write_text(PARTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("SEGLAB_ALLOW", ALLOWED)
    config.register()

    def message(*changes: str, without: str = "") -> str:
        cfg = OmegaConf.merge(OmegaConf.structured(config.TrainConfig), OmegaConf.create(CORRECT))
        with open_dict(cfg):
            cfg.merge_with_dotlist(list(changes))
            if without:
                node, _, key = without.rpartition(".")
                del OmegaConf.select(cfg, node)[key]
        try:
            config.check(cfg)
        except SeglabError as error:
            return str(error)
        return ""

    return message
