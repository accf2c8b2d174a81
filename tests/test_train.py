"""`python -m seglab.train` as a user types it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.slow


def only_run(folder: Path) -> Path:
    (run,) = (folder / "outputs" / "runs").iterdir()
    return run


def test_default_run_leaves_its_whole_folder(command, tmp_path):
    done = command("train", fresh=True)
    assert done.returncode == 0, done.stderr
    run = only_run(tmp_path)
    names = {path.name for path in run.iterdir()}
    assert {"config.yaml", "record.json", "metrics.csv", "checkpoints", "pictures", "run.log"} <= names
    record = json.loads((run / "record.json").read_text())
    assert record["status"] == "finished"
    assert record["epochs"] == 2
    assert len(record["best"]["classes"]) == 19
    assert record["threads"] >= 1
    assert "road" in done.stdout
    assert "mIoU" in done.stdout
    assert str(run.relative_to(tmp_path)) in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert list((run / "pictures").glob("*.png"))


def test_nothing_heavy_is_imported_that_was_not_chosen(environment, tiny, tmp_path):
    code = (
        "import sys; from seglab.train import main\n"
        f"sys.argv = ['train', *{tiny!r}, 'callbacks.pictures=null', 'trainer.max_epochs=1']\n"
        "try: main()\n"
        "except SystemExit as error: assert not error.code, error.code\n"
        "heavy = 'torchvision segmentation_models_pytorch timm wandb tensorboard matplotlib pandas'.split()\n"
        "print('IMPORTED', [name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, text=True, capture_output=True, timeout=PATIENCE
    )
    assert "IMPORTED []" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("flags", [("--help",), ("--cfg", "job")], ids=["help", "cfg"])
def test_help_and_cfg_answer_without_torch(environment, tmp_path, flags):
    code = (
        "import sys; from seglab.train import main\n"
        f"sys.argv = ['train', *{flags!r}]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('IMPORTED', [name for name in ('torch', 'lightning', 'numpy', 'cv2', 'rich') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, text=True, capture_output=True, timeout=PATIENCE
    )
    assert "IMPORTED []" in done.stdout, done.stdout + done.stderr
    assert "loss" in done.stdout
    assert not (tmp_path / "outputs").exists()


def test_mistakes_are_told_in_one_message_and_nothing_is_made(command, tmp_path):
    for arguments, expected in {
        ("model.widht=3",): "widht",
        ("data.batch_size=-1",): "data.batch_size",
        ("losss=dice",): "did you mean",
        ("loss=dicee",): "dice",
        ("model._target_=torch.load",): "torch.load",
        ("trainer.accelerator=mps",): "MPS",
        ("--config-name=predict",): "came that of another command - leave it out",
    }.items():
        done = command("train", *arguments, small=False)
        assert done.returncode != 0
        assert expected in done.stderr, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
    assert not list(tmp_path.glob("outputs/*/*/checkpoints"))


def test_missing_data_is_told_with_the_key_to_set(command):
    done = command("train", "data=cityscapes", "data.root=/nowhere/at/all", small=False)
    assert done.returncode != 0
    assert "/nowhere/at/all" in done.stderr
    assert "data.root" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGINT, 0), (signal.SIGTERM, 2)], ids=["ctrl-c", "stop"])
def test_a_signal_to_all_then_resume_finishes_the_same_run(command, started, held, tmp_path, number, workers):
    arguments = (f"data.num_workers={workers}", "callbacks.last.every_n_steps=1", "callbacks.pictures=null")
    process = started("train", *arguments, new_session=True)
    wait_for(lambda: list(tmp_path.glob("outputs/runs/*/checkpoints/last.ckpt")), process)
    os.killpg(process.pid, number)  # as a terminal does, and docker stop
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number, output
    assert "Traceback" not in output
    run = only_run(tmp_path)
    assert json.loads((run / "record.json").read_text())["status"] == "interrupted"
    assert f"resume={run.relative_to(tmp_path)}" in output
    held.go()
    done = command("train", f"resume={run}", small=False)
    assert done.returncode == 0, done.stderr
    record = json.loads((run / "record.json").read_text())
    assert (record["status"], record["attempts"], record["epochs"]) == ("finished", 2, 2)
    assert only_run(tmp_path) == run


TWO = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "trainer.sync_batchnorm=false",
       "data.eval_batch_size=1", "callbacks.pictures=null")  # fmt: skip
STOPPING = """
import os, signal
from lightning import Callback


class Stopping(Callback):
    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        rank = trainer.global_rank
        if trainer.global_step != 1:
            return
        if rank == 0 and os.environ.get("STOP") == "all":
            os.killpg(0, signal.SIGINT)
        if os.environ.get("STOP") == f"kill {rank}":
            os.kill(os.getpid(), signal.SIGKILL)
"""
WITH_STOPPING = "+callbacks.stopping={_target_: stopping.Stopping}"


@pytest.fixture
def stopped(environment, monkeypatch, tiny, tmp_path):
    """`stopped("all", ...)`: exit code and output of a training on two devices that is stopped in its second step."""
    (tmp_path / "stopping.py").write_text(STOPPING)
    monkeypatch.setitem(environment, "SEGLAB_ALLOW", "stopping.Stopping")

    def run(how: str, *arguments: str) -> tuple[int, str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "seglab.train", *tiny, *TWO, *arguments, WITH_STOPPING],
            cwd=tmp_path, env={**environment, "STOP": how}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        output, _ = process.communicate(timeout=PATIENCE)  # until the last process has closed its end
        return process.returncode, output

    return run


@pytest.mark.exhaustive
@pytest.mark.parametrize("rank", [0, 1])
def test_one_process_dead_the_other_ends_with_one_message(stopped, tmp_path, rank):
    code, output = stopped(f"kill {rank}")
    assert "Traceback" not in output, output
    assert output.count("seglab: ") == 1, output
    record = json.loads((only_run(tmp_path) / "record.json").read_text())
    if rank == 0:
        assert code == -signal.SIGKILL
        assert "the first process has ended - " in output
        assert record["status"] == "running", "nobody else writes it; its lock tells that it died"
    else:
        assert code == 2
        assert "process 1 was killed by SIGKILL (out of memory?) - " in output
        assert (record["status"], "SIGKILL" in record["error"]) == ("failed", True)


def test_two_processes_train_one_network_and_stop_after_the_same_step(command, stopped, tmp_path):
    straight = command("train", *TWO, "data.batch_size=1", "output=straight")
    assert straight.returncode == 0, straight.stdout + straight.stderr
    (whole,) = (tmp_path / "straight" / "runs").iterdir()
    record = json.loads((whole / "record.json").read_text())
    assert record["devices"] == 2
    assert record["steps"] == 2 * (8 // 2)
    single = command("train", "output=single", "data.eval_batch_size=1", "trainer.max_epochs=1")
    assert single.returncode == 0, single.stderr
    (folder,) = (tmp_path / "single" / "runs").iterdir()
    alone = json.loads((folder / "record.json").read_text())
    assert pixels(record) == pixels(alone), "no sample twice, none left out"

    code, output = stopped("all", "data.batch_size=1")
    assert code == 130, output
    assert "Traceback" not in output
    assert output.count("interrupted by SIGINT") == 1, output
    run = only_run(tmp_path)
    assert json.loads((run / "record.json").read_text())["status"] == "interrupted"
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert 1 < checkpoint["global_step"] < 4, "in the middle of an epoch of four steps"

    done = command("train", f"resume={run}", small=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (run / "metrics.csv").read_text() == (whole / "metrics.csv").read_text()
    weights, expected = (
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"] for folder in (run, whole)
    )
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def pixels(record: dict) -> int:
    return sum(scores["pixels"] for scores in record["best"]["classes"].values())


def test_camvid_frames_train(command, tmp_path):
    root = os.environ.get("CAMVID_ROOT")
    if not root:
        pytest.skip("CAMVID_ROOT does not name a folder with CamVid")
    done = command(
        "train", "data=camvid", f"data.root={Path(root).resolve()}", "data.size=[60,80]", "data.batch_size=8",
        "data.num_workers=0", "model.base=4", "trainer=cpu", "trainer.max_epochs=1", "trainer.limit_train_batches=2",
        "trainer.limit_val_batches=2", "callbacks.pictures=null",
        small=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = json.loads((only_run(tmp_path) / "record.json").read_text())
    assert len(record["best"]["classes"]) == 11
