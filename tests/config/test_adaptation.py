"""What stands beside the group `adapt` and does not fit it is told before anything is built."""

import pytest
from omegaconf import OmegaConf

import seglab
from seglab import config, runs
from seglab.config.adaptation import adaptation_problems
from seglab.config.compose import compose
from seglab.errors import SeglabError


@pytest.mark.parametrize("chosen", ["adapt=full", "adapt=linear_probe", "adapt=lora", "~adapt"])
def test_each_option_is_a_configuration(chosen):
    seglab.compose([chosen])


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["adapt=lora", "callbacks=freeze_encoder"], "callbacks.freeze freezes the encoder.*expected one of them"),
        (["adapt=linear_probe", "callbacks=freeze_encoder"], "callbacks.freeze freezes the encoder"),
        (["adapt=linear_probe", "module.layer_decay=0.5"], "module.layer_decay=0.5 has no effect.*expected 1.0"),
        (["+adapt.rank=4"], "adapt names no class; expected adapt=full.*came {'rank': 4}"),
        (["adapt=lora", "adapt.rank=0"], "adapt.rank is 0; expected a whole number >= 1"),
        (["adapt=lora", "adapt.alpha=0"], "adapt.alpha is 0; expected a number > 0"),
        (["adapt=lora", "adapt.dropout=1"], "adapt.dropout is 1; expected a number >= 0 and < 1"),
        (["adapt=lora", "adapt.modules=3"], "modules is 3; expected"),
        (["adapt=lora", "adapt.modules=[]"], r"adapt.modules is empty; expected names of layers.*name some"),
        (["module.layer_decay=1.5"], "module.layer_decay is 1.5; expected a number > 0 and <= 1"),
    ],
)
def test_mistakes_are_told(overrides, told):
    with pytest.raises(SeglabError, match=told):
        seglab.compose(overrides)


def test_a_configuration_from_before_there_was_a_choice_is_right():
    whole = runs.plain(compose("train", []).cfg)
    del whole["adapt"]
    assert adaptation_problems(whole) == []
    config.check(OmegaConf.create(whole))
