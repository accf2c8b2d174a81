"""Choices that cannot work together and values that nothing would read: refused where configurations are checked."""

import copy
import re

import pytest
from omegaconf import OmegaConf

from seglab import config
from seglab.config.compose import compose
from seglab.config.defaults import chosen_defaults, content, usual_choices
from seglab.config.pairs import pair_problems
from seglab.config.signatures import find_definition
from seglab.errors import SeglabError


def values(*overrides):
    """What `model=... loss=... KEY=VALUE` make of conf/, read without Hydra, which takes half a second each time."""
    pairs = dict(override.split("=") for override in overrides)
    chosen = chosen_defaults({**usual_choices(), **pairs}, {})
    typed = [f"{key}={value}" for key, value in pairs.items() if "." in key]
    merged = OmegaConf.merge(
        copy.deepcopy({key: chosen[key] for key in ("loss", "model")}), OmegaConf.from_dotlist(typed)
    )
    return OmegaConf.to_container(merged)


def problems(*overrides):
    return pair_problems(values(*overrides))


@pytest.mark.parametrize("model", ["hf_mask2former", "hf_maskformer", "hf_eomt", "vltseg"])
def test_networks_of_queries_take_any_loss(model):
    assert problems(f"model={model}", "loss=mask2former") == problems(f"model={model}", "loss=dice") == []


@pytest.mark.parametrize("model", ["unet", "deeplabv3plus", "hf_segformer", "lraspp", "pidnet_s", "pspnet_auxiliary"])
def test_a_network_of_pixels_with_a_matching_loss_is_refused(model):
    (told,) = problems(f"model={model}", "loss=mask2former")
    assert "expected a network of queries, came " in told
    assert told.endswith("choose model=hf_mask2former, hf_maskformer, hf_eomt or vltseg, or a loss such as loss=ce")
    assert problems(f"model={model}") == []


def test_what_a_class_of_the_users_own_returns_is_not_judged(tmp_path, monkeypatch):
    (tmp_path / "my_own_net.py").write_text("class Net:\n    def forward(self, image): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    mine = {"loss": content("loss/mask2former.yaml"), "model": {"_target_": "my_own_net.Net"}}
    assert pair_problems(mine) == []


def test_a_matching_loss_is_no_term_of_another():
    term = content("loss/mask2former.yaml")
    loss = {"_target_": "seglab.losses.mixture", "terms": {"ce": {"_target_": "seglab.losses.CrossEntropy"}, "m": term}}
    (told,) = pair_problems({"loss": loss, "model": content("model/hf_eomt.yaml")})
    assert told.startswith("loss.terms.m: seglab.losses.Mask2FormerLoss is a whole loss, of queries; expected a term")


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (("model=unet", "loss.auxiliary=1"), "loss.auxiliary=1 has no effect: it weighs an auxiliary head, and"),
        (("model=hf_eomt", "loss=mask2former", "loss.auxiliary=1"), "loss.auxiliary=1 has no effect: it weighs an aux"),
        (("model=stdc1", "model.auxiliary=false", "loss.auxiliary=1"), "and model.auxiliary=false leaves it out"),
        (("model=torchvision_fcn", "loss.auxiliary=0.5"), "and model.auxiliary=false leaves it out"),
        (("model=stdc1", "loss.boundary=1"), "loss.boundary=1 has no effect: it weighs a head that finds boundaries"),
        (("model=pidnet_s", "model.auxiliary=false", "loss.boundary=1"), "leaves it out; expected 20 there"),
    ],
)
def test_a_weight_of_nothing_is_refused(overrides, reason):
    (told,) = problems(*overrides)
    assert reason in told


@pytest.mark.parametrize(
    "overrides",
    [
        ("model=pspnet_auxiliary", "loss.auxiliary=1"),
        ("model=hf_upernet", "loss.auxiliary=1"),
        ("model=torchvision_fcn", "model.auxiliary=true", "loss.auxiliary=0.5"),
        ("model=pidnet_s", "loss.auxiliary=1", "loss.boundary=1"),
        ("model=unet", "loss.auxiliary=0"),  # which is true of a network that has none
    ],
)
def test_a_weight_of_what_is_there_is_not(overrides):
    assert problems(*overrides) == []


@pytest.mark.parametrize("name", ["evaluate", "predict"])
def test_values_of_a_filter_that_is_not_asked_for(name):
    written = content(f"{name}.yaml")
    changed = {"post": None, "crf": {**written["crf"], "iterations": 7}}
    assert pair_problems(changed) == [
        "crf.iterations=7 has no effect with post=null; expected post=crf beside it - write post=crf, or leave "
        "crf.iterations out"
    ]
    assert pair_problems({**changed, "post": "crf"}) == []
    assert pair_problems({"post": None, "crf": written["crf"]}) == []
    assert written["crf"] == content("evaluate.yaml")["crf"]


def test_they_are_refused_where_configurations_are_checked():
    cfg = compose("evaluate", ["run=x", "crf.spatial_sd=5"]).cfg
    with pytest.raises(SeglabError, match=r"^crf\.spatial_sd=5(\.0)? has no effect with post=null"):
        config.check(cfg, config.EvaluateConfig)
    cfg = compose("train", ["loss=mask2former", "output=/nowhere"]).cfg
    with pytest.raises(SeglabError, match=r"^loss matches queries with classes"):
        config.check(cfg)


def test_every_network_of_ours_declares_what_it_returns():
    texts = "".join(path.read_text() for path in (config.FOLDER / "model").glob("*.yaml"))
    for target in set(re.findall(r"^_target_: (seglab\..+)", texts, re.MULTILINE)):
        definition = find_definition(target)
        is_of_library = any(base.startswith("segmentation_models_pytorch.") for base in definition.lineage)
        assert is_of_library or definition.answer is not None, f"{target}.forward has no annotation"
