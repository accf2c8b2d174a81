"""What a configuration describes, built with Python's own lists and dicts."""

import re
from functools import partial
from pathlib import Path

import pytest
from hydra.errors import InstantiationException
from omegaconf import OmegaConf
from torch import nn

from seglab import PACKAGE
from seglab.config.instantiate import instantiate
from seglab.errors import SeglabError


class Kept:
    """Keeps what it was given."""

    def __init__(self, **given) -> None:
        self.given = given


KEPT = f"{Kept.__module__}.{Kept.__name__}"


@pytest.fixture(autouse=True)
def _allowed(monkeypatch):
    monkeypatch.setenv("SEGLAB_ALLOW", KEPT)


@pytest.mark.parametrize("as_node", [OmegaConf.create, dict], ids=["a node", "a plain dict"])
def test_lists_and_dicts_are_pythons_own_at_any_depth(as_node):
    given = instantiate(as_node({"_target_": KEPT, "sizes": [1, [2]], "classes": {"road": {"ids": [7]}}})).given
    assert given == {"sizes": [1, [2]], "classes": {"road": {"ids": [7]}}}
    assert {type(given["sizes"]), type(given["sizes"][1]), type(given["classes"]["road"]["ids"])} == {list}
    assert {type(given["classes"]), type(given["classes"]["road"])} == {dict}


def test_references_to_other_keys_are_values():
    config = OmegaConf.create({"data": {"size": [4, 8]}, "node": {"_target_": KEPT, "size": "${data.size}"}})
    assert instantiate(config.node).given == {"size": [4, 8]}


def test_what_is_given_comes_beside_the_node_before_it_and_as_it_is():
    network = nn.Identity()
    node = OmegaConf.create({"_target_": KEPT, "width": 1, "depth": 2})
    given = instantiate(node, network=network, width=3).given
    assert (given["width"], given["depth"]) == (3, 2)
    assert given["network"] is network
    assert node == {"_target_": KEPT, "width": 1, "depth": 2}


def test_nodes_inside_are_built_and_partial_ones_wait_for_their_arguments():
    later = {"_target_": KEPT, "_partial_": True, "b": 2}
    node = {"_target_": KEPT, "inner": {"_target_": KEPT, "a": 1}, "later": later}
    given = instantiate(OmegaConf.create(node)).given
    assert given["inner"].given == {"a": 1}
    assert isinstance(given["later"], partial)
    assert given["later"](c=3).given == {"b": 2, "c": 3}


def test_nothing_describes_nothing():
    assert instantiate(None) is None


def test_a_failure_names_what_was_built():
    with pytest.raises(InstantiationException, match=r"torch\.nn\.Conv2d.*\n.*in_channels"):
        instantiate({"_target_": "torch.nn.Conv2d", "out_channels": 1, "kernel_size": 1})


def test_what_may_not_be_named_is_neither_imported_nor_called_at_any_depth(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("named_by_a_node.py").write_text("from pathlib import Path\nPath('imported').touch()\ndef build(): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    shell = {"_target_": "torch.utils.collect_env.run", "command": "touch executed"}
    for node in (
        shell,
        {"_target_": KEPT, "inner": [{"deep": shell}]},
        {"_target_": KEPT, "inner": {**shell, "_partial_": True}},
        OmegaConf.create({"_target_": KEPT, "inner": "${oc.create:'{_target_: named_by_a_node.build}'}"}),
        {"_target_": "named_by_a_node.build"},
        {"_target_": "seglab.training.build.instantiate", "node": shell},
        {"scope": "all", "factory": shell},
        [shell],
        {"_target_": print},
    ):
        with pytest.raises(SeglabError, match=r"may not name|not part of seglab|expected the full name"):
            instantiate(node)
    assert [path.name for path in tmp_path.iterdir()] == ["named_by_a_node.py"]


def test_a_text_that_looks_like_an_interpolation_stays_a_text():
    """Hydra's own would resolve it, after everything was checked, into a node with another `_target_`."""
    text = "${oc.create:'{_target_: builtins.print}'}"
    assert instantiate({"_target_": KEPT, "name": text}).given == {"name": text}


def test_no_other_module_builds_what_a_text_names():
    ways = re.compile(r"hydra\.utils|import_module|pkgutil|__import__|_locate\b|\b(eval|exec)\(")
    files = [path for path in PACKAGE.rglob("*.py") if ways.search(re.sub(r"\.eval\(", "", path.read_text()))]
    assert sorted(path.relative_to(PACKAGE).as_posix() for path in files) == [
        "config/instantiate.py",
        "lean_imports.py",
    ]
