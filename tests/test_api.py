"""seglab from Python: what the commands do, without their process."""

import gc
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
import torch
from hydra.core.global_hydra import GlobalHydra

import seglab
from seglab import runs
from seglab.errors import SeglabError
from tests.conftest import TINY

QUICK = [*TINY, "callbacks.pictures=null"]


@pytest.fixture(autouse=True)
def elsewhere(data_folder, tmp_path, monkeypatch):
    """In an empty folder, with the scenes that other tests have drawn."""
    monkeypatch.setenv("SEGLAB_DATA", str(data_folder))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def trained(data_folder, tmp_path_factory):
    """The folder of a run that `fit` has trained."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGLAB_DATA", str(data_folder))
        patch.chdir(folder)
        record = seglab.fit([*QUICK, "loss=dice"])
    assert record["status"] == "finished"
    return folder / record["folder"]


def test_the_import_is_fast_and_brings_no_torch():
    code = "import sys, seglab; print(sorted({'torch', 'hydra', 'numpy', 'omegaconf'} & set(sys.modules)), dir(seglab))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("[] ")
    assert all(repr(name) in said for name in ("load", "fit", "score", "compose"))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = seglab.nothing


def test_fit_is_a_run_like_any_other(trained):
    record = runs.read_record(trained)
    assert record["choices"]["loss"] == "dice"
    assert record["overrides"] == [*QUICK, "loss=dice"]
    assert {"best.ckpt", "last.ckpt"} <= {path.name for path in (trained / "checkpoints").iterdir()}
    log = (trained / "run.log").read_text()
    assert " INFO UNet" in log
    assert not GlobalHydra.instance().is_initialized()


def test_a_trained_network_predicts_files_and_arrays(trained, tmp_path):
    model = seglab.load(str(trained))
    image = np.random.default_rng(1).integers(0, 256, (50, 90, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "image.png"), image[..., ::-1])
    labels = model.predict(image)
    assert labels.shape == (50, 90)
    np.testing.assert_array_equal(model.predict(tmp_path / "image.png"), labels)
    np.testing.assert_array_equal(model.probabilities(image).argmax(0), labels)
    assert model.class_names[0] == "road"
    assert model.network(torch.zeros(1, 3, 32, 64)).shape[1] == 19


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda trained: seglab.load("nowhere"), "run=nowhere: expected a run .* there is none"),
        (lambda trained: seglab.load(trained).predict("nothing.png"), "nothing.png"),
        (lambda trained: seglab.compose(["model.widht=3"]), "no key 'widht' in 'model'"),
        (lambda trained: seglab.compose(["loss=dise"]), "did you mean 'dice'"),
        (lambda trained: seglab.compose(["optimizer.lr=-1"]), "optimizer.lr is -1; expected a number > 0"),
        (lambda trained: seglab.fit(["loss=[dice"]), "loss=\\[dice"),
        (lambda trained: seglab.fit(["resume=nowhere"]), "resume=nowhere: expected a run"),
        (lambda trained: seglab.score("nowhere"), "run=nowhere: expected a run"),
        (lambda trained: seglab.score(trained, overrides=["extra=[boundry]"]), "did you mean 'boundary'"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_message(trained, tmp_path, call, message):
    with pytest.raises(SeglabError, match=message):
        call(trained)
    assert list(tmp_path.iterdir()) == []


def test_score_is_kept_in_the_record(trained):
    result = seglab.score(trained, split="test", overrides=["panels=0"])
    assert result["protocol"]["split"] == "test"
    assert 0 <= result["original"]["metrics"]["miou"] <= 1
    assert Path(result["folder"], "metrics.json").is_file()
    (kept,) = runs.read_record(trained)["evaluations"].values()
    assert kept["original"]["metrics"] == result["original"]["metrics"]


def test_compose_and_fit_take_groups_of_the_users_own(tmp_path):
    (tmp_path / "mine" / "loss").mkdir(parents=True)
    (tmp_path / "mine" / "loss" / "soft.yaml").write_text("_target_: seglab.losses.Focal\ngamma: 0.5\n")
    assert seglab.compose(["loss=soft"], config_dir=tmp_path / "mine").loss.gamma == 0.5
    assert seglab.compose(["data=camvid"]).data.labels == "camvid_11"
    with pytest.raises(SeglabError, match="no option 'soft'"):
        seglab.compose(["loss=soft"])


def test_a_run_is_continued_from_python(trained, tmp_path):
    record = seglab.fit([f"resume={trained}"])
    assert (record["status"], record["attempts"]) == ("finished", 1)


@pytest.mark.exhaustive
@pytest.mark.slow
def test_twenty_trainings_leave_memory_and_files_flat():
    """Of the first ones caches grow; from then on nothing may."""
    process = psutil.Process()

    def state() -> tuple[int, int, int]:
        gc.collect()
        tensors = [thing for thing in gc.get_objects() if type(thing) in (torch.Tensor, torch.nn.Parameter)]
        return process.num_fds(), threading.active_count(), sum(tensor.nbytes for tensor in tensors)

    folders = set()
    for number in range(20):
        folders.add(seglab.fit([*QUICK, "trainer.max_epochs=1", f"seed={number}"])["folder"])
        if number == 4:
            files, threads, memory = state()
    files_after, threads_after, memory_after = state()
    assert len(folders) == 20
    assert files_after <= files
    assert threads_after <= threads
    assert memory_after <= memory
    assert not GlobalHydra.instance().is_initialized()


@pytest.mark.slow
def test_from_a_thread_and_beside_a_compose_of_another():
    outcomes = []

    def train():
        outcomes.append(seglab.fit([*QUICK, "trainer.max_epochs=1"])["status"])

    thread = threading.Thread(target=train)
    thread.start()
    while thread.is_alive():
        assert seglab.compose(["loss=focal"]).loss._target_ == "seglab.losses.Focal"
    thread.join()
    assert outcomes == ["finished"]


def test_a_hydra_application_of_the_users_own_is_left_alone(tmp_path):
    from hydra import compose, initialize_config_dir

    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "mine.yaml").write_text("x: 1\n")
    with initialize_config_dir(version_base="1.3", config_dir=str(tmp_path / "conf")):
        assert seglab.compose([]).seed == 1
        assert compose("mine").x == 1


def test_every_function_of_the_face_is_documented():
    for name in set(seglab.__all__) - {"PACKAGE"}:
        text = getattr(seglab, name).__doc__
        assert re.search(r"Raises:\n", text), name
    assert os.environ["OMP_WAIT_POLICY"]
