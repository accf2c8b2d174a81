"""What `run=` names: a run or an exported file, opened by the same settings."""

import pytest
from omegaconf import OmegaConf

from seglab.errors import SeglabError
from seglab.inference.opened import open_run
from tests.inference import onnx_files

SETTINGS = {
    "checkpoint": "best", "device": "auto", "size": "run", "scales": [1.0], "flip": False, "tile": None, "post": None,
    "calibrated": None,
}  # fmt: skip


def test_an_exported_file_brings_its_classes_and_has_no_record(tmp_path):
    file = onnx_files.write(tmp_path / "model.onnx")
    opened = open_run({**SETTINGS, "run": str(file)})
    assert opened.labels.names == ("a", "b")
    assert (opened.run, opened.folder, opened.file) == (None, tmp_path, file)
    assert opened.origin == {"checkpoint": "best", "epoch": 3, "step": 40, "exported": "onnx fp32"}
    assert opened.data["root"] is None


def test_in_the_folder_of_its_run_it_finds_the_data(tmp_path):
    folder = tmp_path / "run" / "exports" / "onnx-fp32"
    folder.mkdir(parents=True)
    OmegaConf.save({"data": {"root": "/data/mine"}}, tmp_path / "run" / "config.yaml")
    opened = open_run({**SETTINGS, "run": str(onnx_files.write(folder / "model.onnx"))})
    assert opened.data["root"] == "/data/mine"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": [8, 8]}, "expected no size - leave it out, or give the run"),
        ({"scales": [1.0, 2.0]}, "expected no scales"),
        ({"flip": True}, "expected no flip"),
        ({"tile": [4, 4]}, "expected no tile"),
        ({"post": "crf"}, "expected no post"),
        ({"device": "cuda"}, "is run by onnxruntime on the CPU; came device=cuda"),
    ],
)
def test_what_the_file_has_decided_is_not_asked_again(tmp_path, changes, said):
    file = onnx_files.write(tmp_path / "model.onnx")
    with pytest.raises(SeglabError, match=said):
        open_run({**SETTINGS, "run": str(file), **changes})


def test_a_strangers_file_names_nothing_that_runs(tmp_path):
    data = {"_target_": "torch.utils.collect_env.run", "command": f"touch {tmp_path / 'executed'}"}
    file = onnx_files.write(tmp_path / "model.onnx", data=data)
    with pytest.raises(SeglabError, match=r"model\.onnx': data.*torch\.utils\.collect_env\.run"):
        open_run({**SETTINGS, "run": str(file)})
    assert not (tmp_path / "executed").exists()
