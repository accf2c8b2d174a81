"""What a configuration describes, built with Python's own lists and dicts."""

from functools import partial

import pytest
from hydra.errors import InstantiationException
from omegaconf import OmegaConf
from torch import nn

from seglab import PACKAGE
from seglab.config.instantiate import instantiate


class Kept:
    """Keeps what it was given."""

    def __init__(self, **given) -> None:
        self.given = given


KEPT = f"{Kept.__module__}.{Kept.__name__}"


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
    with pytest.raises(InstantiationException, match=r"torch\.nn\.modules\.conv\.Conv2d.*\n.*in_channels"):
        instantiate({"_target_": "torch.nn.Conv2d", "out_channels": 1, "kernel_size": 1})


def test_nobody_else_calls_hydras_own():
    """A ListConfig would reach a constructor that expects a list."""
    calling = [path for path in PACKAGE.rglob("*.py") if "hydra.utils" in path.read_text()]
    assert [path.relative_to(PACKAGE).as_posix() for path in calling] == ["config/instantiate.py"]
