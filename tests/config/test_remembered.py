"""What is composed of remembered files is what Hydra composes, node for node; what is unusual is left to it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import DictConfig, ListConfig, Node, open_dict

from seglab import config
from seglab.config import compose as composing
from seglab.config import remembered
from seglab.errors import SeglabError
from tests.exhaustive import one_in

EVALUATIONS = ("ood", "uncertainty")  # groups of conf/evaluate.yaml
OPTIONS = sorted(
    f"{path.parent.name}={path.stem}"
    for path in config.FOLDER.glob("*/*.yaml")
    if path.parent.name not in ("table", "hydra", "class_weights")
)
OTHERS = [
    ("train", ()),
    ("evaluate", ()),
    ("predict", ()),
    ("train", ("logger=[csv,tensorboard]",)),
    ("train", ("callbacks=[early_stopping]", "callbacks.early_stopping.patience=3")),
    ("train", ("model=segformer", "loss=dice", "optimizer.lr=3e-4", "~trainer.precision")),
    ("train", ("+a.b=3", "++loss.x=null", "experiment=quickstart", "data.size=[64,128]")),
    ("train", ("+class_weights@loss.class_weights=cityscapes_enet", "loss.auxiliary=0.2")),
    ("train", ("trainer={max_epochs: 1}",)),
    ("train", ("hydra.job.name=x",)),
    (None, ("+model=unet", "+activation=silu", "+data.labels=cityscapes_19")),
]


@pytest.fixture(autouse=True)
def registered() -> None:
    config.register()


def tree(node: Node) -> Any:
    """Every node's kind, flags, types, key and content."""
    about = node._metadata
    kind = (type(node), about.ref_type, about.object_type, about.optional, about.key, about.flags or {})
    content = node._value() if not isinstance(node, (DictConfig, ListConfig)) else node.__dict__["_content"]
    if isinstance(content, dict):
        return kind, [(key, tree(value)) for key, value in content.items()]  # in their order
    return (kind, [tree(value) for value in content]) if isinstance(content, list) else (kind, content)


def by_hydra(name: str | None, overrides: tuple[str, ...]) -> tuple[DictConfig, dict[str, Any]]:
    with initialize_config_dir(version_base="1.3", config_dir=str(config.FOLDER)):
        cfg = hydra_compose(name, list(overrides), return_hydra_config=True)
    choices = {group: option for group, option in cfg.hydra.runtime.choices.items() if not group.startswith("hydra/")}
    with open_dict(cfg):
        del cfg["hydra"]
    return cfg, choices


def same(name: str | None, overrides: tuple[str, ...]) -> bool:
    cfg, choices = by_hydra(name, overrides)
    ours = composing.compose(name, overrides)
    return (tree(ours.cfg), ours.choices) == (tree(cfg), choices)


@pytest.mark.parametrize("option", one_in(12, OPTIONS))
def test_every_option_is_composed_as_hydra_does(option: str) -> None:
    name = "evaluate" if option.partition("=")[0] in EVALUATIONS else "train"
    remembered.compose(name, [option])  # raises where Hydra would have to do it
    assert same(name, (option,))


@pytest.mark.parametrize(("name", "overrides"), OTHERS)
def test_so_are_values_lists_and_what_is_left_to_hydra(name: str | None, overrides: tuple[str, ...]) -> None:
    assert same(name, overrides)


def test_what_came_out_is_the_callers_own() -> None:
    first = composing.compose("train", ["loss=dice"])
    first.cfg.loss.auxiliary = 7.0
    first.cfg.data.size[0] = 7
    first.choices["loss"] = "x"
    assert same("train", ("loss=dice",))


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["model=unett"], "unett"),
        (["model.widht=3"], "widht"),
        (["seed=[1"], r"seed=\[1"),
        (["seed=1,2"], "seed=1,2"),
        (["hydra/launcher=x"], "launcher"),
    ],
)
def test_mistakes_are_told_by_hydra(overrides: list[str], told: str) -> None:
    with pytest.raises(Exception) as of_memory:
        remembered.compose("train", overrides)
    assert not isinstance(of_memory.value, SeglabError)
    with pytest.raises(SeglabError, match=told):
        composing.compose("train", overrides)


def options(folder: Path, *values: int) -> Iterator[Any]:
    """Writes one value after the other into an option of the user's own; what is composed of each."""
    (folder / "optimizer").mkdir()
    for value in values:
        (folder / "optimizer" / "mine.yaml").write_text(f"lr: {value}\n")
        yield composing.compose("train", ["optimizer=mine"], search_path=[folder]).cfg.optimizer.lr


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    assert list(options(tmp_path, 1, 22, 333)) == [1, 22, 333]  # of other lengths, should the clock stand still
    (tmp_path / "optimizer" / "mine.yaml").unlink()
    with pytest.raises(SeglabError, match="mine"):
        composing.compose("train", ["optimizer=mine"], search_path=[tmp_path])


def test_folders_of_ones_own_come_after_ours(tmp_path: Path) -> None:
    (tmp_path / "loss").mkdir()
    (tmp_path / "loss" / "dice.yaml").write_text("mine: true\n")  # ours is found first, as by Hydra
    with initialize_config_dir(version_base="1.3", config_dir=str(config.FOLDER)):
        cfg = hydra_compose("train", [remembered.searched([tmp_path]), "loss=dice"])
    assert tree(composing.compose("train", ["loss=dice"], search_path=[tmp_path]).cfg) == tree(cfg)
    assert "mine" not in cfg.loss


@pytest.mark.parametrize("text", ["data: {size: {a: 1}}", "callbacks: [1]"])
def test_what_cannot_be_merged_is_refused_as_by_hydra(text: str, tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{text}\n")
    with pytest.raises(SeglabError, match=r"Cannot merge|mine"):
        composing.compose("train", ["experiment=mine"], search_path=[tmp_path])


def test_a_first_composition_has_the_resolvers_and_the_rules_of_hydra() -> None:
    code = (
        "from seglab.config.compose import compose; from hydra import version\n"
        "cfg = compose('train', [\"name='${now:%Y}'\"]).cfg\n"
        "print(len(cfg.name), version.getbase())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=config.FOLDER.parent)
    assert done.stdout.split() == ["4", "1.3"], done.stderr
