"""`python -m seglab.train` as a user types it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, text=True, capture_output=True, timeout=300
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
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, text=True, capture_output=True, timeout=60
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


def test_ctrl_c_then_resume_finishes_the_same_run(command, environment, tiny, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "seglab.train", *tiny, "trainer.max_epochs=60"],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    wait_for(lambda: list(tmp_path.glob("outputs/runs/*/checkpoints/last.ckpt")), process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    run = only_run(tmp_path)
    assert json.loads((run / "record.json").read_text())["status"] == "interrupted"
    assert f"resume={run.relative_to(tmp_path)}" in output
    done = command("train", f"resume={run}", small=False)
    assert done.returncode == 0, done.stderr
    record = json.loads((run / "record.json").read_text())
    assert (record["status"], record["attempts"], record["epochs"]) == ("finished", 2, 60)
    assert only_run(tmp_path) == run


def test_two_processes_train_one_network(command, tmp_path):
    done = command(
        "train",
        "trainer=ddp",
        "trainer.accelerator=cpu",
        "trainer.devices=2",
        "trainer.sync_batchnorm=false",
        "data.eval_batch_size=1",
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((only_run(tmp_path) / "record.json").read_text())
    assert record["devices"] == 2
    assert record["steps"] == 2 * (8 // (2 * 2))
    pixels = sum(scores["pixels"] for scores in record["best"]["classes"].values())
    single = command("train", "output=single", "data.eval_batch_size=1")
    assert single.returncode == 0, single.stderr
    (folder,) = (tmp_path / "single" / "runs").iterdir()
    alone = json.loads((folder / "record.json").read_text())
    assert pixels == sum(
        scores["pixels"] for scores in alone["best"]["classes"].values()
    )  # no sample twice, none left out


def test_camvid_frames_train(command, tmp_path):
    root = os.environ.get("CAMVID_ROOT")
    if not root:
        pytest.skip("CAMVID_ROOT does not name a folder with CamVid")
    done = command(
        "train", "data=camvid", f"data.root={Path(root).resolve()}", "data.size=[60,80]", "data.batch_size=8",
        "data.num_workers=0", "model.base=4", "trainer=cpu", "trainer.max_epochs=2", "trainer.limit_train_batches=4",
        "trainer.limit_val_batches=2",
        small=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = json.loads((only_run(tmp_path) / "record.json").read_text())
    assert len(record["best"]["classes"]) == 11


def wait_for(condition, process, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, f"the command ended early: {process.communicate()}"
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
