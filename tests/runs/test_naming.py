"""Names of job folders: readable, stable, safe, and different for different experiments."""

import re

import pytest

from seglab.errors import SeglabError
from seglab.runs.identity import NOT_IDENTITY
from seglab.runs.naming import job_name, run_folder, sweep_folder


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "default"),
        (["loss=dice"], "loss-dice"),
        (["seed=1", "loss=dice"], "loss-dice_seed-1"),
        (["+trainer.max_epochs=3"], "trainer.max_epochs-3"),
        (["++optimizer.lr=1e-3"], "optimizer.lr-1e-3"),
        (["model=smp_unet", "optimizer.weight_decay=0.01"], "model-smp_unet_optimizer.weight_decay-0.01"),
        (["loss=ce", "loss=dice"], "loss-dice"),
        (["~callbacks.early_stopping"], "no-callbacks.early_stopping"),
        (["logger=wandb", "logger.wandb.project=x", "output=/a b", "hydra/launcher=joblib"], "default"),
        (["hydra.verbose=true", "sweep=s", "resume=r", "retry_failed=true", "data.num_workers=2", "name=n"], "default"),
        (["trainer.enable_progress_bar=false", "loss=ce"], "loss-ce"),
    ],
)
def test_names(overrides: list[str], name: str) -> None:
    assert job_name(overrides) == name


def test_the_order_of_overrides_does_not_matter() -> None:
    assert job_name(["a=1", "b=2", "c=[1, 2]"]) == job_name(["c=[1, 2]", "b=2", "a=1"])


@pytest.mark.parametrize(
    "overrides",
    [["data.size=[64,128]"], ["name2=/data/a b"], ['x="quo\'te;rm"'], ["x=" + "p" * 300], ["x=ü"], ["x=$HOME"]],
)
def test_what_is_replaced_or_cut_ends_in_a_hash(overrides: list[str]) -> None:
    name = job_name(overrides)
    assert re.fullmatch(r"[A-Za-z0-9_.+-]{1,73}-[0-9a-f]{6}", name)
    assert not name.startswith((".", "-"))


def test_different_overrides_get_different_names() -> None:
    pairs = [
        (["x=[1,2]"], ["x=[1.2]"]),
        (["x=a/b"], ["x=a.b"]),
        (["x=" + "p" * 300], ["x=" + "p" * 301]),
        (["a=b_c-d"], ["a=b", "c=d"]),
        (["model.lr=1"], ["optimizer.lr=1"]),
        (["x=1"], ["x=1."]),
        (["~x"], ["x=1"]),
    ]
    for first, second in pairs:
        assert job_name(first) != job_name(second)


def test_what_is_no_part_of_an_experiment_is_no_part_of_its_name() -> None:
    assert {key: job_name([f"{key}=1"]) for key in NOT_IDENTITY} == dict.fromkeys(NOT_IDENTITY, "default")


def test_folders() -> None:
    assert run_folder("out", "exp1") == "out/runs/exp1"
    assert sweep_folder("out", "losses") == "out/sweeps/losses"
    assert re.fullmatch(r"out/runs/\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_[0-9a-f]{6}", run_folder("out", None))
    assert run_folder("out", None) == run_folder("out", None)
    assert sweep_folder("out", None).startswith("out/sweeps/2")


@pytest.mark.parametrize("sweep", ["../x", "a/../../x", "/x", ".."])
def test_a_sweep_lies_inside_the_output(sweep):
    with pytest.raises(SeglabError, match=r"expected the name of a folder in out/sweeps - take '\.\.' out of it"):
        sweep_folder("out", sweep)
    assert sweep_folder("out", "a/b..c") == "out/sweeps/a/b..c"


@pytest.mark.parametrize("name", ["a/b", "../up", ".hidden", "", "  ", "a\nb", "a\\b"])
def test_what_is_no_name_of_a_folder_is_refused(name: str) -> None:
    with pytest.raises(SeglabError, match="expected the name of a folder"):
        run_folder("out", name)
