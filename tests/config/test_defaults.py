"""The defaults as they are read without Hydra: the same that Hydra composes."""

from itertools import takewhile

import pytest

from seglab.config.compose import compose
from seglab.config.defaults import chosen_defaults, is_option, usual_choices
from seglab.config.schemas import FOLDER
from seglab.runs import environment


def flat(node, prefix=""):
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from flat(value, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix, node


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"model": "unet_cbam", "data": "synthetic_large", "loss": "ce_dice", "callbacks": "ema", "activation": "relu"},
        {"model": "segformer", "augment": "strong", "optimizer": "sgd", "scheduler": "cosine", "trainer": "cpu"},
        {"data": "camvid", "loss": "ohem", "callbacks": "early_stopping", "logger": "wandb", "scheduler": "plateau"},
    ],
)
def test_as_hydra_composes_it(options):
    composed = compose("train", [f"{group}={option}" for group, option in options.items()])
    choices = {**usual_choices(), **options}
    assert {group: composed.choices[group] for group in choices} == choices
    expected = dict(flat(environment.unresolved(composed.cfg)))
    read = dict(flat(chosen_defaults(choices, {})))
    differing = {key for key in {*expected, *read} if expected.get(key, "absent") != read.get(key, "absent")}
    assert {key for key in differing if "${oc.env" not in str(read[key])} == set()


def test_every_option_builds_on_others_of_its_own_group_alone():
    for group in set(usual_choices()) - {"experiment"}:
        for path in (FOLDER / group).glob("*.yaml"):
            text = path.read_text(encoding="utf-8")
            assert "@package" not in text, path
            lines = text.partition("defaults:")[2].splitlines()[1:]
            bases = [line.strip("- ") for line in takewhile(lambda line: line.lstrip().startswith("- "), lines)]
            assert all(base == "_self_" or is_option(group, base) for base in bases), path


@pytest.mark.parametrize("option", ["../train", "unet.yaml", "", None, 3, "absent"])
def test_what_is_no_option(option):
    assert not is_option("model", option)
    assert chosen_defaults({"model": option}, {})["model"] == {}


def test_what_follows_from_others_follows_from_the_run():
    read = chosen_defaults(usual_choices(), {"seed": 7, "data": {"size": [8, 16], "labels": "camvid_11"}})
    assert read["data"]["seed"] == 7
    assert read["model"]["classes"] == 11
    assert read["seed"] == 1
    assert read["data"]["size"] == [128, 256]
