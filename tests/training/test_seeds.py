"""Each source of chance with a seed of its own: what it changes, and what it leaves as it was."""

import pytest
import torch

from seglab import runs
from seglab.callbacks.exact import StepSeed
from seglab.runs import identity
from seglab.training.build import build
from seglab.training.seeds import Seeds, seeds_of
from tests.callbacks.test_exact import fit, state


def test_where_none_is_stated_all_are_the_seed():
    assert seeds_of({"seed": 4}) == Seeds(4, 4, 4)  # of a run from before
    assert seeds_of({"seed": 4, "seeds": {"init": None, "order": 0, "augment": 2, "repeat": None}}) == Seeds(4, 0, 2)


def drawn(config, folder):
    """(weights, indices of the first epoch, seeds of the samples by index, the seed of the steps) of a run."""
    run = build(config, folder)
    run.data.setup("fit")
    sampler = run.data.train_dataloader().batch_sampler
    keys = [key for batch in sampler for key in batch]
    (step,) = [callback.seed for callback in run.trainer.callbacks if isinstance(callback, StepSeed)]
    weights = torch.cat([parameter.detach().flatten() for parameter in run.module.parameters()])
    return weights, [index for index, _ in keys], dict(sorted(keys)), step


@pytest.mark.parametrize("source", ["init", "order", "augment"])
def test_a_seed_of_its_own_changes_its_source_alone(source, tiny_config, tmp_path):
    """With the seed of another run, the source draws what that other run draws; the others what this one draws."""
    mine, others, mixed = (
        drawn(runs.plain(tiny_config(*overrides)), tmp_path)
        for overrides in (["seed=1"], ["seed=2"], ["seed=1", f"seeds.{source}=2"])
    )
    expected = {name: others if name == source else mine for name in ("init", "order", "augment")}
    assert not torch.equal(mine[0], others[0])
    assert torch.equal(mixed[0], expected["init"][0])
    assert mine[1] != others[1]
    assert mixed[1] == expected["order"][1]
    shared = mixed[2].keys() & expected["augment"][2].keys()
    assert shared
    assert all(mixed[2][index] == expected["augment"][2][index] for index in shared)
    assert mine[2] != others[2]
    assert mixed[3] == expected["augment"][3]


@pytest.mark.parametrize("source", [None, "order", "augment"])
def test_what_loaders_draw_follows_the_seed_of_the_data_where_none_is_stated(source, tiny_config, tmp_path):
    """As in runs from before there were `seeds`, whose fingerprints did not change."""
    stated = [] if source is None else [f"seeds.{source}=3"]
    data = build(runs.plain(tiny_config("seed=2", "data.seed=1", *stated)), tmp_path).data
    data.setup("fit")
    sampler = data.train_dataloader().batch_sampler
    assert sampler.seed == (3 if source == "order" else 1)
    assert sampler.augment_seed == (3 if source == "augment" else 1)


def test_samples_of_a_part_of_the_data_follow_from_the_seed_alone(tiny_config, tmp_path):
    parts = []
    for overrides in (["seed=1"], ["seed=1", "seeds.order=2", "seeds.augment=2"]):
        data = build(runs.plain(tiny_config("data.fraction=0.5", "data.batch_size=1", *overrides)), tmp_path).data
        parts.append([sample.name for sample in data.source("train").samples])
    assert parts[0] == parts[1]


def test_earlier_runs_keep_their_fingerprint(tiny_config):
    config = runs.plain(tiny_config())
    assert config["seeds"] == dict.fromkeys(("init", "order", "augment", "repeat"))
    before = {key: value for key, value in config.items() if key != "seeds"}
    assert runs.fingerprint(config) == runs.fingerprint(before)
    for key in config["seeds"]:
        other = runs.plain(tiny_config(f"seeds.{key}=1"))
        assert identity.differences(config, other) == [f"seeds.{key}: (absent) -> 1"]


def test_augmentation_of_its_own_seed_is_part_of_where_a_loader_stands(tiny_config, tmp_path):
    def stands(*overrides):
        data = build(runs.plain(tiny_config(*overrides)), tmp_path).data
        data.setup("fit")
        return data.train_dataloader().state_dict()

    assert "seed of the augmentation" not in stands()  # as in the checkpoints of earlier runs
    state = stands("seeds.order=5")
    assert (state["seed"], state["seed of the augmentation"]) == (5, 1)


def test_a_repetition_ends_in_the_same_bits(tiny_config, tmp_path):
    shared = ["callbacks.pictures=null", "trainer.max_epochs=1", "seeds.init=2", "seeds.augment=3"]
    for name, repeat in (("first", "null"), ("again", "1")):
        fit(runs.plain(tiny_config(*shared, f"seeds.repeat={repeat}")), tmp_path / name)
    assert state(tmp_path / "first") == state(tmp_path / "again")
    logged = [(tmp_path / name / "metrics.csv").read_text() for name in ("first", "again")]
    assert logged[0] == logged[1]
