"""Every experiment and every row of a table, found by themselves: composed, checked, trained for two steps."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from seglab import config, runs
from seglab.errors import SeglabError
from seglab.runs import init_from
from seglab.tables.plan.model import Plan, Row
from seglab.tables.plan.read import names, read_plan
from seglab.tables.survey.configurations import configurations
from seglab.training.build import build
from tests.composed import compose
from tests.exhaustive import one_in

FILES = sorted((config.FOLDER / "experiment").glob("*.yaml"))
GIVEN = {"init_from": "init_from=null"}  # keys that an experiment leaves to its user
NARROW = {"base": 8, "fc_width": 64}  # of our own networks; 64 and 4096 would take most of the time
# Of others, whose own sizes tests/models builds: hundreds of millions of weights would take minutes and gigabytes.
SMALLEST = {
    "tu-hrnet_w48": "tu-hrnet_w18_small", "mit_b1": "mit_b0", "mit_b2": "mit_b0", "mit_b3": "mit_b0",
    "mit_b4": "mit_b0", "mit_b5": "mit_b0",
}  # fmt: skip
NARROW_VIT = {"hidden_size": 64, "num_hidden_layers": 5, "num_attention_heads": 4, "image_size": 64}
NARROW_QUERIES = {
    "hidden_dim": 64,
    "feature_size": 64,
    "mask_feature_size": 64,
    "encoder_layers": 1,
    "decoder_layers": 3,
}


@pytest.fixture(params=one_in(4, FILES), ids=lambda path: path.stem)
def experiment(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_are_some():
    prefixes = {path.stem.partition("_")[0] for path in FILES}
    assert {"s000", "s001", "s002", "s003", "s004", "camvid", "cityscapes"} <= prefixes
    assert {"s000", "s001", "s002", "s003", "s004", "camvid"} <= {name.partition("_")[0] for name in names()}


def test_opens_with_what_it_reproduces_and_its_command(experiment):
    text = experiment.read_text()
    head = text.partition("\ndefaults:")[0]
    assert text.startswith("# @package _global_\n")
    is_generated = composed(f"experiment={experiment.stem}", "data.root=/nowhere").data.get("prepare") is not None
    command = f"python -m seglab.train experiment={experiment.stem}"
    assert f"{command}\n" in head if is_generated else f"{command} data.root=" in head
    assert re.search(r"published", head, re.IGNORECASE) or "Otherwise" in head or "stage before" in head
    assert max(map(len, text.splitlines())) <= 160


@pytest.mark.parametrize("name", ["s004_modern_unet_pt", "s000_coco_transfer", "fcn16s_stage2", "fcn8s_stage3"])
def test_a_second_stage_never_starts_from_nothing(name, tmp_path):
    with pytest.raises(SeglabError, match=r"init_from=FOLDER_OF_THE_RUN_OF_\w+: expected a run"):
        init_from.locate(composed(f"experiment={name}", "data.root=/nowhere").init_from, output=tmp_path)


def composed(*overrides):
    config.register()
    return compose("train", overrides=list(overrides))


@pytest.mark.parametrize("other", ["model=unet", "loss=ce", "augment=default"])
def test_the_first_training_takes_another_network_loss_or_augmentation(other):
    """As `make train ARGS=...` gives them: nothing of the experiment is for one network alone."""
    cfg = composed("experiment=quickstart", "data.root=/nowhere", other)
    config.check(cfg)
    key, _, option = other.partition("=")
    assert cfg[key] == composed(f"{key}={option}", "data.root=/nowhere")[key]


def test_settings_are_those_that_the_sources_state():
    """Where a text and its settings had come apart."""
    study = composed("experiment=camvid_fcn_basic_balanced", "data.root=/nowhere").trainer
    assert (study.val_check_interval, study.check_val_every_n_epoch, study.max_steps) == (1000, None, 10000)
    for name in (path.stem for path in FILES if path.stem.startswith("s001_")):
        assert list(composed(f"experiment={name}", "data.root=/nowhere").logger) == ["csv", "tensorboard"], name
    plain = composed("experiment=s000_cnn_dice_128", "data.root=/nowhere")
    assert (plain.data.batch_size, plain.trainer.max_epochs) == (8, 15)
    assert not plain.augment.transforms
    head = (config.FOLDER / "experiment" / "s000_cnn_dice_128.yaml").read_text().partition("\ndefaults:")[0]
    assert "letter" not in head


def as_plan(path: Path) -> Plan:
    """An experiment as a table of one row: it is composed and checked by the same code."""
    given = [override for key, override in GIVEN.items() if f"\n{key}: FOLDER_OF" in path.read_text()]
    row = Row(label=path.stem, overrides=(f"experiment={path.stem}", *given))
    return Plan(name=path.stem, title=path.stem, source=path.stem, rows=(row,), columns=("miou",), seeds=(1,))


def alone(plan: Plan, row: Row) -> Plan:
    """A plan of one row, which starts from nothing and learns from labels alone: of teachers see test_distillation."""
    untaught = tuple(each for each in row.overrides if row.learns_from is None or each != "loss=distill")
    row = replace(row, starts_from=None, learns_from=None, overrides=untaught)
    return replace(plan, rows=(row,), seeds=plan.seeds[:1])


SETTINGS = {path.stem: as_plan(path) for path in FILES} | {
    f"{plan.name}:{row.label}": alone(plan, row)
    for plan in map(read_plan, names())
    for row in plan.rows
    if row.downsample is None  # nothing is trained
}


@pytest.fixture(scope="module")
def trained() -> set[str | tuple[str, ...]]:
    """Fingerprints and overrides of what was trained: most rows are experiments, and sizes do not differ here."""
    return set()


@pytest.fixture
def small(standins, tmp_path, data_folder) -> Callable[[DictConfig], DictConfig]:
    """`small(cfg)`: the configuration on stand-in data, from a random start, for two steps on the CPU."""
    sources = {key: OmegaConf.load(config.FOLDER / "data" / f"{key}.yaml").source for key in standins}
    readers = {source._target_: key for key, source in sources.items() if "_target_" in source}  # else of another one
    common = {
        "data.size": [32, 64], "data.batch_size": 2, "data.num_workers": 0, "data.cache": None,
        "trainer.accelerator": "cpu", "trainer.precision": "32-true", "trainer.max_steps": 2, "trainer.max_epochs": 1,
        "trainer.limit_train_batches": 2, "trainer.check_val_every_n_epoch": 1, "trainer.log_every_n_steps": 1,
        "trainer.val_check_interval": None,
        # gigabytes for the largest networks, and no part of a setting
        "callbacks.pictures": None, "callbacks.best": None, "callbacks.last": None,
        "init_from": None, "replace_head": False, "seed": 1, "output": str(tmp_path),
    }  # fmt: skip

    def made(cfg: DictConfig) -> DictConfig:
        cfg = cfg.copy()
        generated = cfg.data.get("prepare") is not None
        root = data_folder / "scenes" if generated else standins[readers[cfg.data.source._target_]].root
        values = {**common, "data.root": str(root)}
        if generated:
            values |= {f"data.prepare.{key}": value for key, value in
                       {"train": 5, "val": 2, "test": 2, "height": 32, "width": 64}.items()}  # fmt: skip
        for key in ("encoder_weights", "weights"):
            if cfg.model.get(key):
                values[f"model.{key}"] = None
        values |= {f"model.{key}": width for key, width in NARROW.items() if key in cfg.model}
        if (encoder := cfg.model.get("encoder_name")) in SMALLEST:
            values["model.encoder_name"] = SMALLEST[encoder]
        for narrow in (NARROW_VIT, NARROW_QUERIES):
            if narrow.keys() <= cfg.model.get("config", {}).keys():
                values |= {f"model.config.{key}": width for key, width in narrow.items()}
        if "num_points" in cfg.loss:
            values["loss.num_points"] = 64
        if cfg.data.get("fraction"):  # a part of a handful of images is less than a batch
            values["data.fraction"] = None
        values |= {f"data.{part}_split": split.partition(":")[0] for part in ("train", "val")
                   if ":" in (split := cfg.data.get(f"{part}_split") or "")}  # fmt: skip
        if cfg.augment.get("crop"):
            values["augment.crop.size"] = common["data.size"]
        if cfg.scheduler.get("warmup_steps"):
            values["scheduler.warmup_steps"] = 1
        for key, value in values.items():
            OmegaConf.update(cfg, key, value)  # raises for a key that is not there
        return cfg

    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", one_in(10, list(SETTINGS)))
def test_two_steps(name, small, trained, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGLAB_DATA", str(tmp_path / "data"))
    plan = SETTINGS[name]
    if (overrides := (*plan.common, *plan.rows[0].overrides)) in trained:
        return
    (cfg,) = configurations(plan).values()
    cfg = runs.plain(small(cfg))
    if (fingerprint := runs.fingerprint(cfg)) in trained:
        return
    run = build(cfg, Path(tmp_path / "run"))
    run.trainer.fit(run.module, datamodule=run.data)
    assert run.trainer.global_step == 2
    assert math.isfinite(run.module.validation["loss"])
    assert run.module.validation["confusion"].sum() > 0
    trained.update([fingerprint, overrides])
