"""YAML files of anyone's: a few lines may stand for more values than memory holds."""

import pytest

import seglab
from seglab.errors import SeglabError
from seglab.labels import label_space
from seglab.runs import yaml_file
from seglab.tables.plan.read import read_plan
from seglab.training import class_weights

BOMB = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"a{level}: &a{level} [{','.join(9 * [f'*a{level - 1}'])}]\n" for level in range(1, 9)
)


def test_nested_aliases_are_refused_wherever_a_file_is_read(tmp_path):
    """At once: their values would take years."""
    path = tmp_path / "config.yaml"
    path.write_text(BOMB + "weights: *a8\n")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "best.ckpt").touch()
    for read in (
        yaml_file.load,
        lambda path: class_weights.read_list(path, label_space("cityscapes_19")),
        read_plan,
        lambda path: seglab.load(path.parent),
    ):
        with pytest.raises(SeglabError, match=r"at most 100,000 values; the aliases in '.*config.yaml' stand for more"):
            read(path)


def test_an_alias_of_itself_is_refused(tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text("weights: &w [1, *w]\n")
    with pytest.raises(SeglabError, match="or for themselves"):
        yaml_file.load(path)


def test_an_honest_alias_and_an_empty_file_are_read(tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text("one: &one [1, 2]\nsame: *one\nname: a*b\n")
    assert yaml_file.load(path) == {"one": [1, 2], "same": [1, 2], "name": "a*b"}
    path.write_text("")
    assert yaml_file.load(path) == {}
