"""`python -m seglab.check_data` as a user runs it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from omegaconf import OmegaConf

SCENES = ("data.prepare.train=3", "data.prepare.val=2", "data.prepare.test=2", "data.prepare.height=64",
          "data.prepare.width=128")  # fmt: skip


def camvid(root: Path, *, splits=("train", "val", "test"), value: int = 3) -> None:
    random = np.random.default_rng(0)
    for split in splits:
        for folder in (root / split, root / f"{split}annot"):
            folder.mkdir(parents=True)
        cv2.imwrite(str(root / split / f"{split}_0.png"), random.integers(0, 256, (32, 32, 3), dtype=np.uint8))
        cv2.imwrite(str(root / f"{split}annot" / f"{split}_0.png"), np.full((32, 32), value, np.uint8))


def result(folder: Path) -> tuple[Path, dict]:
    (made,) = (folder / "outputs" / "checks").iterdir()
    return made, json.loads((made / "check.json").read_text())


@pytest.mark.slow
def test_a_sound_data_set(command, tmp_path):
    ended = command("check_data", *SCENES, small=False, fresh=True)
    assert ended.returncode == 0, ended.stderr
    assert "no error" in ended.stderr
    for shown in ("64x128", "traffic light", "train %", "void %"):
        assert shown in ended.stdout
    folder, content = result(tmp_path)
    assert folder.name.startswith("synthetic-")
    assert [*content["splits"]] == ["train", "val", "test"]
    assert content["splits"]["train"]["statistics"]["images"] == 3
    assert cv2.imread(str(folder / "class_distribution.png")).shape[1] == 1200
    weights = OmegaConf.load(folder / "class_weights" / "enet.yaml").weights
    assert list(weights.values()) == pytest.approx(content["class_weights"]["enet"], rel=1e-5)


def test_a_faulty_data_set_fails_and_tells_everything(command, tmp_path):
    camvid(tmp_path / "CamVid", splits=("train", "val"), value=40)
    ended = command("check_data", "data=camvid", "data.root=CamVid", small=False)
    assert ended.returncode == 1
    assert "Errors (3)" in ended.stdout
    assert "train: value 40 in 1024 pixels of 1 masks" in ended.stdout
    assert "val: value 40" in ended.stdout
    assert "test: expected the folder 'CamVid/test'" in ended.stdout
    _, content = result(tmp_path)
    assert sum(problem["level"] == "error" for problem in content["problems"]) == 3


@pytest.mark.slow
def test_one_split_used_twice_is_no_overlap(command, tmp_path):
    camvid(tmp_path / "CamVid")
    ended = command("check_data", "data=camvid", "data.root=CamVid", "data.test_split=val", small=False)
    assert ended.returncode == 0, ended.stdout
    assert [*result(tmp_path)[1]["splits"]] == ["train", "val = test"]


@pytest.mark.slow
def test_a_wrong_folder_is_one_message(command):
    ended = command("check_data", "data=camvid", "data.root=nowhere", small=False)
    assert ended.returncode == 2
    assert ended.stderr.count("data.root='nowhere' does not exist") == 1
    assert "Traceback" not in ended.stderr
