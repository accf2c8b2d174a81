"""What several tests need: tiny data, a composed configuration, the real command, the official Cityscapes program."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch: on tiny maps two threads wait for each other most of the time
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each of some hundred commands would compile seglab again

import importlib
import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from PIL import Image

from seglab import config
from seglab.labels import CITYSCAPES_LABELS
from tests.composed import compose
from tests.forked import Forked
from tests.pages.browser import browser, tab  # noqa: F401 - fixtures
from tests.standins import standin, standins  # noqa: F401 - fixtures
from tests.waiting import PATIENCE

# A shell starts what it runs in the background deaf to Ctrl-C, and every command of a test would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The default experiment at a size where an epoch takes a fraction of a second.
TINY = (
    "data.prepare.train=8", "data.prepare.val=4", "data.prepare.test=2",
    "data.prepare.height=64", "data.prepare.width=128", "data.size=[32,64]", "data.batch_size=2", "data.num_workers=0",
    "model.base=4", "model.depth=2", "model.size_divisor=4",
    "trainer.accelerator=cpu", "trainer.max_epochs=2", "trainer.log_every_n_steps=1",
)  # fmt: skip

# They take a minute or more, longest first: `make test` starts them in this order, so that no worker waits long for
# the last of another.
LONGEST = (
    "callbacks/test_exact.py", "training/test_adaptation.py", "training/test_distillation.py",
    "deployment/test_model_programs.py", "deployment/test_models.py", "multirun/test_launch.py",
    "multirun/test_slurm.py", "models/test_matrix.py",
    "test_notebooks.py", "data/test_experiments.py", "test_train.py", "models/test_configs.py",
    "models/test_unet_configs.py", "test_table.py", "test_tuned_table.py", "test_nothing_runs.py",
    "tables/test_source_tables.py",
    "multirun/test_launchers.py", "data/test_module.py", "models/test_segnet_basic.py",
    "config/test_check.py", "test_names.py", "test_api.py", "losses/test_contract.py", "models/test_real_time.py",
)  # fmt: skip

CITY_NAMES = ["aachen_000000_000019", "aachen_000001_000019", "bremen_000000_000019", "ulm_000010_000019"]
CITY_HEIGHT, CITY_WIDTH = 32, 64
ROAD, PARKING, PERSON, CAR, BUS, CARAVAN, TRAIN = 7, 9, 24, 26, 28, 29, 31  # label ids


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two more than there are cores: for a third of their time tests wait, for commands, signals and queues."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + 2


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exhaustive", action="store_true", help="the tests of tests/exhaustive.py as well, as CI does")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The files of LONGEST first; all others, and the tests of a file, stay in their order.

    Exhaustive tests are left out where neither --exhaustive nor their own name asks for them.
    """
    if not config.getoption("exhaustive") and not any("::" in argument for argument in config.args):
        left_out = [item for item in items if item.get_closest_marker("exhaustive")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("exhaustive")]
    place = {Path(__file__).parent / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.fixture(autouse=True)
def same_random_numbers() -> None:
    """Whichever tests came before."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - libraries use it
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the generated scenes of all tests are written, once."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def tiny_config(data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DictConfig]:
    """`tiny_config("loss=dice", ...)`: the configuration of `python -m seglab.train` with TINY and these overrides."""
    monkeypatch.setenv("SEGLAB_DATA", str(data_folder))
    config.register()

    def composed(*overrides: str) -> DictConfig:
        return compose("train", overrides=[*TINY, f"output={tmp_path}", *overrides])

    return composed


@pytest.fixture(scope="session")
def environment(data_folder: Path) -> dict[str, str]:
    """Of a command as a user starts it: seglab importable, data where the other tests have them."""
    root = Path(__file__).resolve().parent.parent
    return {**os.environ, "SEGLAB_DATA": str(data_folder), "PYTHONPATH": str(root), "WANDB_MODE": "offline"}


@pytest.fixture(scope="session")
def tiny_experiment() -> str:
    """TINY as the text of an experiment."""
    config.register()
    whole = compose("train", overrides=list(TINY))
    chosen = OmegaConf.create()
    for override in TINY:
        key = override.partition("=")[0]
        OmegaConf.update(chosen, key, OmegaConf.select(whole, key))
    return "# @package _global_\n" + OmegaConf.to_yaml(chosen)


@pytest.fixture
def tiny(tiny_experiment: str, tmp_path: Path) -> list[str]:
    """TINY as a user would keep it: an experiment in a folder of her own."""
    folder = tmp_path / "my_conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "tiny.yaml").write_text(tiny_experiment)
    return ["--config-dir", "my_conf", "experiment=tiny"]


@pytest.fixture(scope="session")
def command_server(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """What `command` forks its processes from. See tests/command_server.py."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("command_server.py"))],
        env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as server:  # fmt: skip
        yield server


@pytest.fixture
def command(
    environment: dict[str, str], tiny: list[str], tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`command("train", "loss=dice")`: `python -m seglab.train loss=dice` with TINY, finished, in an empty folder.

    With `fresh` by an interpreter that starts for it; else by a fork of one that has imported torch and lightning.
    """

    def run(
        entry: str, *arguments: str, small: bool = True, timeout: float = PATIENCE, fresh: bool = False
    ) -> subprocess.CompletedProcess[str]:
        typed = _typed(entry, arguments, tiny if small else ())
        if fresh:
            return subprocess.run(
                typed, cwd=tmp_path, env=environment, text=True, capture_output=True, stdin=subprocess.DEVNULL,
                timeout=timeout,
            )  # fmt: skip
        server = request.getfixturevalue("command_server")
        process = Forked(server, typed, folder=tmp_path, environment=environment, stderr_apart=True)
        try:
            stdout, stderr = process.communicate(timeout)
        finally:
            process.kill()
            process.wait()
        return subprocess.CompletedProcess(typed, process.returncode, stdout, stderr)

    return run


@pytest.fixture
def started(
    environment: dict[str, str], tiny: list[str], tmp_path: Path, command_server: subprocess.Popen[str]
) -> Iterator[Callable[..., Forked]]:
    """`started("train", "loss=dice")`: the same, begun, in a fork: to be watched and killed. Ends with the test."""
    processes: list[Forked] = []

    def begin(entry: str, *arguments: str, small: bool = True, new_session: bool = False) -> Forked:
        typed = _typed(entry, arguments, tiny if small else ())
        process = Forked(command_server, typed, folder=tmp_path, environment=environment, new_session=new_session)
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.wait()


HELD = """
import time
from pathlib import Path

from lightning import Callback


class Held(Callback):
    steps = 0

    def on_train_batch_end(self, *unused) -> None:
        self.steps += 1

    def on_train_batch_start(self, trainer, *unused) -> None:
        signalled = [callback for callback in trainer.callbacks if hasattr(callback, "received")]
        while self.steps == 1 and not Path("{go}").exists() and not any(each.received for each in signalled):
            time.sleep(0.01)
"""


class Held:
    def __init__(self, until: Path) -> None:
        self._until = until

    def go(self) -> None:
        self._until.touch()

    def stop(self) -> None:
        """Trainings that begin from here on wait again."""
        self._until.unlink()


@pytest.fixture
def held(environment: dict[str, str], tiny: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Held:
    """Every training of TINY waits after its first step, for `held.go()` or a signal: a test may come in between."""
    (tmp_path / "held.py").write_text(HELD.format(go=tmp_path / "go"))
    monkeypatch.setitem(environment, "SEGLAB_ALLOW", "held.Held")
    with (tmp_path / "my_conf" / "experiment" / "tiny.yaml").open("a") as experiment:
        experiment.write("callbacks: {held: {_target_: held.Held}}\n")
    return Held(tmp_path / "go")


def _typed(entry: str, arguments: Sequence[str], experiment: Sequence[str]) -> list[str]:
    """The command line; argparse wants -m before all overrides."""
    flags = [argument for argument in arguments if argument == "-m"]
    overrides = [argument for argument in arguments if argument != "-m"]
    return [sys.executable, "-m", f"seglab.{entry}", *flags, *experiment, *overrides]


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Path, Path], dict]:
    """`official(predictions, truth)`: the JSON file that the official Cityscapes program writes of two folders.

    cityscapesscripts 2.3.0 calls `np.in1d`, which numpy 2.4 removed (mcordts/cityscapesScripts#196): here the name is
    put back as `np.isin`, its documented successor. Everything else runs as published.
    """
    monkeypatch.setattr(np, "in1d", np.isin, raising=False)
    monkeypatch.setenv("CITYSCAPES_EXPORT_DIR", str(tmp_path))
    program = importlib.import_module("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")

    def evaluate(predictions: Path, truth: Path) -> dict:
        arguments = program.args
        monkeypatch.setattr(arguments, "predictionPath", str(predictions))
        monkeypatch.setattr(arguments, "predictionWalk", None)
        monkeypatch.setattr(arguments, "quiet", True)
        monkeypatch.setattr(arguments, "exportFile", str(tmp_path / "official.json"))
        # sorted, where its main() takes glob's order: the last bit of a sum of floats depends on the order
        masks = sorted(map(str, truth.rglob("*_gtFine_labelIds.png")), key=os.path.basename)
        program.evaluateImgLists([program.getPrediction(arguments, mask) for mask in masks], masks, arguments)
        return json.loads((tmp_path / "official.json").read_text())

    return evaluate


@pytest.fixture
def trapped() -> Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """`trapped(random)`: prediction and label ids uint8, instance ids int32, (32, 64), with every trap."""

    def maps(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        label_ids, instance_ids = _truth(random)
        return _prediction(label_ids, random), label_ids, instance_ids

    return maps


@pytest.fixture
def city(tmp_path: Path, trapped) -> tuple[Path, Path]:
    """Predictions and ground truth of four images that hold every trap."""
    random = np.random.default_rng(3)
    predictions, truth = tmp_path / "results", tmp_path / "gtFine" / "val"
    for number, name in enumerate(CITY_NAMES):
        prediction, label_ids, instance_ids = trapped(random)
        folder = truth / name.split("_")[0]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(label_ids).save(folder / f"{name}_gtFine_labelIds.png")
        Image.fromarray(instance_ids.astype(np.uint16)).save(folder / f"{name}_gtFine_instanceIds.png")
        (predictions / str(number % 2)).mkdir(parents=True, exist_ok=True)
        _save(prediction, predictions / str(number % 2) / f"{name}_pred.png", palette=number % 2 == 1)
    return predictions, truth


def _truth(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Label ids uint8 and instance ids int32 (H, W): layers of random boxes of most labels, instances of odd sizes."""
    label_ids = np.full((CITY_HEIGHT, CITY_WIDTH), ROAD, dtype=np.uint8)
    absent = {-1, BUS, 20}  # a class with instances and one without that occur nowhere
    for label in CITYSCAPES_LABELS:
        if label.id not in absent:
            label_ids[_box(random)] = label.id
    instance_ids = label_ids.astype(np.int32)
    for number, label_id in enumerate([CAR, CAR, PERSON, CARAVAN, TRAIN, PERSON, 33, 25, 32, 27, 30, CAR]):
        box = _box(random)
        label_ids[box] = label_id
        instance_ids[box] = label_id if number == 4 else label_id * 1000 + number  # the train is a group
    return label_ids, instance_ids


def _prediction(label_ids: np.ndarray, random: np.random.Generator) -> np.ndarray:
    prediction = np.where(random.random(label_ids.shape) < 0.7, label_ids, random.choice([ROAD, CAR, PERSON, 21]))
    prediction = prediction.astype(np.uint8)
    prediction[_box(random)] = 0  # void
    prediction[(label_ids == ROAD) & (random.random(label_ids.shape) < 0.2)] = PARKING
    prediction[(label_ids == CAR) & (random.random(label_ids.shape) < 0.3)] = CARAVAN
    prediction[(label_ids == PERSON) & (random.random(label_ids.shape) < 0.3)] = 25
    return prediction


def _box(random: np.random.Generator) -> tuple[slice, slice]:
    row, column = random.integers(0, CITY_HEIGHT - 4), random.integers(0, CITY_WIDTH - 4)
    return slice(row, row + random.integers(2, 12)), slice(column, column + random.integers(2, 15))


def _save(ids: np.ndarray, path: Path, *, palette: bool) -> None:
    """With `palette` in mode P: the colours are of Cityscapes, the stored values are the ids."""
    image = Image.fromarray(ids)
    if palette:
        image.putpalette([channel for label in CITYSCAPES_LABELS if label.id >= 0 for channel in label.color])
    image.save(path)
