"""A run that was exported: the file alone gives its label maps and scores, whatever is asked of it."""

import json
import os
import resource
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import seglab
from seglab.deployment import programs
from seglab.deployment.programs import remove_logits
from seglab.errors import SeglabError, disk_message
from seglab.inference.exported import load_exported
from seglab.inference.predictor import load_predictor
from tests.inference import onnx_files

pytestmark = pytest.mark.slow
BOTH = "outputs=[labels,logits]"


@pytest.fixture
def images() -> np.ndarray:
    """uint8 (3, 70, 90, 3): neither the size of the data set nor a multiple of anything."""
    return np.random.default_rng(5).integers(0, 256, (3, 70, 90, 3), dtype=np.uint8)


def test_an_onnx_file_takes_any_images_and_gives_what_the_run_gives(trained, exported, images):
    folder = exported(BOTH)
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    assert session.get_inputs()[0].shape == ["batch", "height", "width", 3]
    labels, logits = session.run(["labels", "logits"], {"image": images})
    run = load_predictor(trained, device="cpu")
    for image, label_map, scores in zip(images, labels, logits, strict=True):
        np.testing.assert_allclose(scores, run.logits(image).numpy(), atol=1e-3)
        assert (label_map == run.label_map(image)).mean() > 0.999


def test_it_says_what_it_is_and_nothing_of_the_machine(trained, exported):
    about = load_exported(exported(BOTH) / "model.onnx").about
    record = json.loads((trained / "record.json").read_text())
    assert about["classes"][:2] == ["road", "sidewalk"]
    assert about["label_ids"][:2] == [[7], [8]]
    assert about["colors"][0] == [128, 64, 128]
    assert about["fingerprint"] == record["fingerprint"]
    assert about["scores"]["miou"] == record["best"]["metrics"]["miou"]
    assert about["data"]["root"] is None
    text = "".join(path.read_text() for path in exported(BOTH).iterdir() if path.suffix in (".json", ".md"))
    assert str(trained.parents[2]) not in text


def test_evaluate_and_predict_take_the_file_by_the_same_protocol(trained, exported, tmp_path, data_folder, monkeypatch):
    monkeypatch.setenv("SEGLAB_DATA", str(data_folder))
    file = shutil.copytree(exported(BOTH), trained / "exports" / "here") / "model.onnx"
    of_run, of_file = (seglab.score(what, overrides=["extra=[calibration]"]) for what in (trained, file))
    for resolution in ("original", "network"):
        for key, value in of_run[resolution]["metrics"].items():
            assert of_file[resolution]["metrics"][key] == pytest.approx(value, abs=1e-3, nan_ok=True), key
    assert of_file["calibration"]["ece"] == pytest.approx(of_run["calibration"]["ece"], abs=1e-3)
    assert of_file["protocol"].pop("exported") == "onnx fp32"
    assert {**of_file["protocol"], "fingerprint": 0} == {**of_run["protocol"], "fingerprint": 0}
    assert Path(of_file["folder"]).parent.parent == file.parent  # and nothing in the record of the run
    assert "here" not in (trained / "record.json").read_text()


def test_with_label_maps_alone_the_network_is_the_same(exported, images, tmp_path):
    shutil.copy(exported(BOTH) / "model.onnx", tmp_path)
    remove_logits(tmp_path / "model.onnx")
    alone, both = (load_exported(folder / "model.onnx") for folder in (tmp_path, exported(BOTH)))
    assert list(alone.outputs(images)) == alone.about["outputs"] == ["labels"]
    assert (alone.outputs(images)["labels"] == both.outputs(images)["labels"]).all()


def test_infer_py_gives_the_same_label_map_where_nothing_else_is_installed(exported, images, tmp_path):
    folder = exported()
    Image.fromarray(images[0]).save(tmp_path / "street.png")
    bare = tmp_path / "packages"  # what pip brings with onnxruntime, numpy and Pillow, and nothing else
    bare.mkdir()
    for name in ("numpy", "numpy.libs", "PIL", "pillow.libs", "onnxruntime", "flatbuffers", "google", "packaging"):
        found = [Path(place) / name for place in sys.path if (Path(place) / name).exists()]
        if found:
            (bare / name).symlink_to(found[0])
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    python = [sys.executable, "-I", "-S", "-c"]
    lines = f"import runpy, sys; sys.path.append({str(bare)!r}); sys.argv = ['infer.py', 'street.png']; "
    run = [*python, lines + f"runpy.run_path({str(folder / 'infer.py')!r})"]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    labels = np.asarray(Image.open(tmp_path / "street_labels.png"))
    assert (labels == load_exported(folder / "model.onnx").outputs(images[:1])["labels"][0]).all()
    imported = subprocess.run([*python, lines + "import torch"], cwd=tmp_path, env=environment, capture_output=True)
    assert imported.returncode != 0
    assert len((folder / "infer.py").read_text().splitlines()) <= 40


def test_a_disk_without_room_is_told_of_whatever_the_format(tmp_path):
    network = torch.nn.Linear(64, 64)
    program = torch.export.export(network, (torch.zeros(1, 64),))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        for save in (
            lambda: programs.save_weights(network, tmp_path / "a.safetensors", {}),
            lambda: programs.save_program(program, tmp_path / "a.pt2", {}),
        ):
            with pytest.raises(OSError, match="File too large") as caught:
                save()
            assert disk_message(caught.value) is not None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_infer_py_names_what_it_cannot_do_and_does_the_rest(tmp_path, monkeypatch, capsys):
    about = {"colors": [[0, 0, 0], [255, 0, 0]], "classes": ["a", "b"]}
    onnx_files.write(tmp_path / "model.onnx", logits=False, **about)
    script = shutil.copy(Path(programs.__file__).with_name("infer.py"), tmp_path)
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((4, 6), 1000, np.uint16)).save("deep.png")
    Path("cut.png").write_bytes(Path("deep.png").read_bytes()[:40])
    for name in ("truth.png", "truth_labels.png", "one.png", "one.tif"):
        Image.fromarray(np.ones((4, 6, 3), np.uint8)).save(name)
    truth = Path("truth_labels.png").read_bytes()
    images = ["deep.png", "cut.png", "none.png", "truth.png", "one.png", "one.tif"]
    monkeypatch.setattr(sys, "argv", ["infer.py", *images])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(script)
    told = str(ended.value.code)  # what Python prints as an error, and ends with 1
    assert np.unique(Image.open("one_labels.png")).tolist() == [1]
    assert capsys.readouterr().out == "one_labels.png\n"
    assert [line.partition(":")[0] for line in told.splitlines()] == [name for name in images if name != "one.png"]
    assert "deep.png: expected 8 bits a channel" in told
    assert Path("truth_labels.png").read_bytes() == truth
    assert not Path("deep_labels.png").exists()


@pytest.mark.exhaustive
def test_8_bit_integers_cost_what_is_told(trained, exported, images):
    folder = exported("precision=int8", "bounds.equal_pixels=0", "bounds.miou=1", "calibration=4")
    model = onnx.load(folder / "model.onnx")
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("DequantizeLinear") > kinds.count("Conv") > 5
    weights = [tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.INT8]
    assert max(np.abs(onnx.numpy_helper.to_array(tensor)).max() for tensor in weights) <= 64  # 7 bits
    parity = json.loads((folder / "export.json").read_text())["parity"]
    assert 0.2 < parity["equal_pixels"] < 1
    assert parity["classes"].keys() == set(load_exported(folder / "model.onnx").about["classes"])


@pytest.mark.exhaustive
def test_half_precision_keeps_the_types_of_input_and_outputs(exported, images):
    folder = exported("precision=fp16", "bounds.equal_pixels=0.9", BOTH)
    outputs = load_exported(folder / "model.onnx").outputs(images)
    single = load_exported(exported(BOTH) / "model.onnx").outputs(images)
    assert outputs["logits"].dtype == np.float32
    assert 0 < np.abs(outputs["logits"] - single["logits"]).max() < 0.1
    assert (folder / "model.onnx").stat().st_size < (exported(BOTH) / "model.onnx").stat().st_size


@pytest.mark.exhaustive
def test_images_of_one_size_and_channels_first(exported, images):
    file = load_exported(exported("input_size=[48,64]", "layout=nchw") / "model.onnx")
    assert file.outputs(images[:, :48, :64])["labels"].shape == (3, 48, 64)
    with pytest.raises(SeglabError, match=r"takes images of 48x64 alone \(height x width\); came 70x90 - export it"):
        file.label_map_batch(list(images))


@pytest.mark.exhaustive
def test_a_program_of_torch_runs_without_seglab(exported, images, tmp_path):
    file = exported("format=torch") / "model.pt2"
    np.save(tmp_path / "images.npy", images)
    code = (
        "import sys, torch, numpy as np; sys.modules['seglab'] = None; "
        f"labels, logits = torch.export.load({str(file)!r}).module()(torch.from_numpy(np.load('images.npy'))); "
        "np.save('labels.npy', labels.numpy())"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    expected = load_exported(exported(BOTH) / "model.onnx").outputs(images)["labels"]
    assert (np.load(tmp_path / "labels.npy") == expected).mean() > 0.999


def test_weights_come_with_what_builds_the_network(trained, exported):
    folder = exported("format=safetensors")
    about = json.loads((folder / "model.json").read_text())
    weights = load_file(folder / "model.safetensors")
    state = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert {f"network.{name}" for name in weights} == {name for name in state if name.startswith("network.")}
    assert all(torch.equal(tensor, state[f"network.{name}"]) for name, tensor in weights.items())
    assert about["network"]["model"]["_target_"].endswith("UNet")
    assert about["normalisation"].keys() == {"mean", "std"}


@pytest.mark.exhaustive
def test_beyond_the_bounds_no_file_is_left(trained, exported, tmp_path):
    with pytest.raises(SeglabError, match=r"onnx fp32 is not what the run is: logits differ .*bounds.logits=0\)"):
        exported("bounds.logits=0", f"++output={tmp_path / 'never'}")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_is_refused(trained, exported):
    for overrides, said in (
        (["format=torch", "precision=int8"], r"precision=int8 is for format=onnx; came format=torch"),
        (["precision=int8", "split=train"], r"calibrated on the training split, whose images must not be scored"),
        (["bounds.mIoU=1"], r"no key 'mIoU' in 'bounds' - did you mean 'miou'"),
        (["outputs=[logits]"], r"expected labels among them"),
        (["format=tensorrt"], r"format is 'tensorrt'; expected one of onnx, torch, safetensors"),
    ):
        with pytest.raises(SeglabError, match=said):
            exported(*overrides)


def test_without_the_extra_it_is_named(exported, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(SeglabError, match=r"not installed \(onnxscript\) - pip install 'seglab\[export\]'"):
        exported("layout=nchw")


def test_the_speed_of_the_run_is_kept_with_its_device(trained, exported):
    folder = exported("format=safetensors", "latency=true", "repetitions=1", "input_size=[48,64]")
    latencies = json.loads((folder / "export.json").read_text())["latency"]
    assert [(one["program"], one["batch"]) for one in latencies][:2] == [("torch", 1), ("torch", 1)]
    speed = json.loads((trained / "record.json").read_text())["speed"]
    assert speed["images_per_second"] == pytest.approx(1000 / speed["latency"])
    assert "an image of 48x64, torch" in speed["timed_on"]
    assert "## Speed" in (folder / "MODEL_CARD.md").read_text()
