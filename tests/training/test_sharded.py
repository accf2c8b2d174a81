"""trainer=fsdp and trainer=ddp_multinode, on the CPU by gloo: the numbers of trainer=ddp; trainer=tpu is refused."""

import json
import os
import signal
import socket

import pytest
import torch
from torch import nn

from seglab import config, runs
from seglab.config.compose import compose
from seglab.errors import SeglabError
from seglab.training import sharded
from seglab.training.build import build
from tests.waiting import PATIENCE, wait_for

ON_CPU = ("trainer.accelerator=cpu", "trainer.sync_batchnorm=false", "data.batch_size=1", "data.eval_batch_size=1",
          "callbacks.pictures=null", "trainer.max_epochs=1")  # fmt: skip
TWO = ("trainer.devices=2", *ON_CPU)


@pytest.mark.slow
def test_divided_weights_train_stop_and_go_on_as_whole_ones(command, held, started, tmp_path):
    """One run by DDP; one by FSDP that is stopped behind its first step and resumed: the same numbers to the bit."""
    process = started("train", "trainer=fsdp", *TWO, "name=fsdp", "callbacks.last.every_n_steps=1", new_session=True)
    last = tmp_path / "outputs/runs/fsdp/checkpoints/last.ckpt"
    wait_for(last.exists, process)
    os.killpg(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=PATIENCE)
    assert torch.load(last, weights_only=True)["global_step"] < 4, output
    held.go()
    for typed in (("resume=fsdp",), ("trainer=ddp", *TWO, "name=ddp", "callbacks.last.every_n_steps=1")):
        done = command("train", *typed, small=typed[0] != "resume=fsdp")
        assert done.returncode == 0, done.stdout + done.stderr
    assert metrics(tmp_path, "fsdp") == metrics(tmp_path, "ddp")
    ours, theirs = (
        torch.load(tmp_path / f"outputs/runs/{name}/checkpoints/last.ckpt", weights_only=True)
        for name in ("fsdp", "ddp")
    )
    assert list(ours["state_dict"]) == list(theirs["state_dict"])
    assert all(torch.equal(ours["state_dict"][name], tensor) for name, tensor in theirs["state_dict"].items())
    state = ours["optimizer_states"][0]["state"]
    assert all(torch.equal(state[number]["exp_avg"], of["exp_avg"])
               for number, of in theirs["optimizer_states"][0]["state"].items())  # fmt: skip

    folder = tmp_path / "outputs/runs/fsdp"
    settings = runs.plain(runs.read_config(folder))
    del settings["callbacks"]["held"]
    run = build(settings | {"trainer": alone()}, tmp_path / "alone")
    best = torch.load(folder / "checkpoints/best.ckpt", weights_only=True)
    run.module.load_state_dict(best["state_dict"])
    run.trainer.validate(run.module, datamodule=run.data, verbose=False)
    counted = best["seglab"]["validation"]["confusion"]
    assert torch.equal(run.module.validation["confusion"], counted), "as one process counts it"


def alone():
    return runs.plain(compose("train", ["trainer=cpu", "trainer.max_epochs=0"]).cfg)["trainer"]


def metrics(folder, name):
    return (folder / "outputs/runs" / name / "metrics.csv").read_text()


@pytest.mark.slow
def test_two_machines_train_one_network(command, environment, monkeypatch, started, tmp_path):
    """Two processes as torchrun starts them on two machines: one folder, and the numbers of two on one machine."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    both = []
    for rank in ("0", "1"):
        for key, value in {
            "TORCHELASTIC_RUN_ID": "test", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "WORLD_SIZE": "2",
            "RANK": rank, "GROUP_RANK": rank, "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1",
        }.items():  # fmt: skip
            monkeypatch.setitem(environment, key, value)
        both.append(started("train", "trainer=ddp_multinode", "trainer.devices=1", *ON_CPU, "name=both"))
    for process in both:
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, output
    for key in ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK", "GROUP_RANK", "LOCAL_RANK",
                "LOCAL_WORLD_SIZE"):  # fmt: skip
        monkeypatch.delitem(environment, key)
    record = json.loads((tmp_path / "outputs/runs/both/record.json").read_text())
    assert (record["status"], record["devices"], record["steps"]) == ("finished", 2, 4)
    done = command("train", "trainer=ddp", *TWO, "name=one")
    assert done.returncode == 0, done.stdout + done.stderr
    assert metrics(tmp_path, "both") == metrics(tmp_path, "one")


def test_machines_without_a_common_name_are_refused(command):
    done = command("train", "trainer=ddp_multinode", *ON_CPU)
    assert done.returncode == 2
    assert "seglab: trainer.num_nodes=2: expected a name, by which the processes of all machines find" in done.stderr


def test_a_tpu_without_its_package_is_refused_before_anything_is_built(tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr("seglab.training.build.instantiate", None)
    settings = runs.plain(tiny_config("trainer=tpu", "trainer.accelerator=tpu"))
    with pytest.raises(SeglabError, match=r"trainer\.accelerator=tpu: expected a machine with TPUs and .* torch_xla"):
        build(settings, tmp_path)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("callbacks=ema", "callbacks.ema averages weights, which trainer.strategy divides among the devices"),
        ("callbacks=swa", "callbacks.swa averages weights"),
        ("adapt=lora", "adapt=lora needs them whole to add to them"),
        ("trainer.precision=16-mixed", "trainer.precision=16-mixed does not go with weights that are divided"),
        ("trainer.compile=true", "trainer.compile=true is not tried with weights that are divided"),
    ],
)
def test_what_needs_whole_weights_is_refused(typed, told):
    with pytest.raises(SeglabError) as refused:
        config.check(compose("train", ["trainer=fsdp", "model=segformer", typed]).cfg)
    assert told in str(refused.value)
    config.check(compose("train", ["trainer=fsdp", "model=segformer"]).cfg)


def test_members_of_lists_that_are_large_are_gathered_one_at_a_time(monkeypatch):
    monkeypatch.setattr(sharded, "_LEAST", 20)
    large, small = nn.Linear(4, 4), nn.Linear(2, 2)
    inner = nn.ModuleDict({"proj": nn.Linear(9, 9)})
    network = nn.ModuleDict(
        {"blocks": nn.ModuleList([nn.Sequential(large, small), nn.ReLU()]), "head": nn.Linear(9, 9), "other": inner}
    )
    large.weight = nn.Parameter(torch.zeros(5, 5))
    assert list(sharded._blocks(network)) == [large]
