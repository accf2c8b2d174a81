"""A trained network from Python: files and arrays in, label maps out; what it refuses, and what a run holds."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from seglab import runs
from seglab.errors import SeglabError
from seglab.inference.model import Model, load
from seglab.labels import label_space
from seglab.training.build import build_module
from tests.inference.networks import Nearest, noise, predictor

LABELS = label_space(
    {
        "name": "light", "names": ["dark", "bright"], "colors": [[1, 2, 3], [4, 5, 6]],
        "ignore_values": [255], "mapping": None,
    }
)  # fmt: skip


def model(network: torch.nn.Module | None = None, **options) -> Model:
    return Model(predictor(network or Nearest(), **options), LABELS)


def bright(image: np.ndarray) -> np.ndarray:
    """The label map of `Nearest`."""
    return (image.mean(2) > 127.5).astype(np.uint8)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    cv2.imwrite(str(path), noise(20, 30, seed=3)[..., ::-1])
    return path


def test_arrays_and_files_are_predicted_at_their_own_size(file):
    image = noise(20, 30, seed=3)
    for given in (image, file, str(file)):
        labels = model().predict(given)
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(labels, bright(image))
    assert model(size=(4, 8)).predict(file).shape == (20, 30)


def test_a_list_gives_a_list_in_its_order_whatever_the_sizes(file):
    images = [noise(20, 30, seed=seed) for seed in range(3)] + [noise(9, 7), noise(20, 30, seed=4)]
    maps = model().predict([*images, file])
    assert len(maps) == 6
    for labels, image in zip(maps, [*images, noise(20, 30, seed=3)], strict=True):
        np.testing.assert_array_equal(labels, bright(image))
    (alone,) = model().predict((file,))
    np.testing.assert_array_equal(alone, maps[-1])


def test_few_images_of_a_list_are_in_memory_at_once():
    batches = []
    network = Nearest()
    network.register_forward_pre_hook(lambda _, inputs: batches.append(len(inputs[0])))
    assert len(model(network).predict([noise(4, 4)] * 10)) == 10
    assert batches == [4, 4, 2]
    assert model(network).predict([]) == []
    assert len(batches) == 3


def test_probabilities_are_those_of_the_label_map(file):
    probabilities = model().probabilities(file)
    assert (type(probabilities), probabilities.shape, probabilities.dtype) == (np.ndarray, (2, 20, 30), np.float32)
    np.testing.assert_allclose(probabilities.sum(0), 1, atol=1e-6)
    np.testing.assert_array_equal(probabilities.argmax(0), bright(noise(20, 30, seed=3)))


def test_classes_colours_and_the_bare_network_are_there():
    network = Nearest()
    trained = model(network)
    assert trained.class_names == ("dark", "bright")
    assert trained.palette.dtype == np.uint8
    assert trained.palette.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert trained.network is network


@pytest.mark.parametrize(
    ("array", "came"),
    [
        (np.zeros((4, 4), np.uint8), "uint8 (4, 4)"),
        (np.zeros((4, 4, 3), np.float32), "float32 (4, 4, 3)"),
        (np.zeros((4, 4, 4), np.uint8), "uint8 (4, 4, 4)"),
        (np.zeros((3, 4, 4), np.uint8), "uint8 (3, 4, 4)"),
        (np.zeros((1, 4, 4, 3), np.uint8), "uint8 (1, 4, 4, 3)"),
        (np.zeros((0, 4, 3), np.uint8), "uint8 (0, 4, 3)"),
        (np.zeros((4, 0, 3), np.uint8), "uint8 (4, 0, 3)"),
    ],
)
def test_an_array_of_another_kind_is_refused(array, came):
    message = re.escape(f"expected an image as uint8 (H, W, 3), RGB; came {came} - convert it, or give the path")
    trained = model()
    for call in (trained.predict, trained.probabilities, lambda image: trained.predict([noise(4, 4), image])):
        with pytest.raises(SeglabError, match=message):
            call(array)


def test_a_file_that_is_no_image_is_named(tmp_path):
    (tmp_path / "notes.png").write_text("no picture")
    for call in (model().predict, model().probabilities):
        with pytest.raises(SeglabError, match=r"expected a PNG or JPEG file; '.*notes\.png' \(10 bytes\) is neither"):
            call(tmp_path / "notes.png")
        with pytest.raises(SeglabError, match=r"gone\.png': No such file"):
            call(str(tmp_path / "gone.png"))


@pytest.fixture
def run(tiny_config, tmp_path) -> Path:
    """A run on CamVid's classes, whose best and last weights differ."""
    config = tiny_config("data.labels=camvid_11")
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    OmegaConf.save(config, folder / runs.CONFIG)
    for seed, name in enumerate(("best", "last")):
        torch.manual_seed(seed)
        weights = build_module(runs.plain(config)).state_dict()
        torch.save({"state_dict": weights}, folder / "checkpoints" / f"{name}.ckpt")
    return folder


def test_a_folder_gives_its_best_weights_and_a_checkpoint_its_own(run):
    for given, name in ((run, "best"), (str(run), "best"), (run / "checkpoints" / "last.ckpt", "last")):
        trained = load(given, device="cpu")
        stored = torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)["state_dict"]
        weights = trained.network.state_dict()
        assert weights
        assert all(torch.equal(weights[key], stored[f"network.{key}"]) for key in weights)
    assert trained.class_names == label_space("camvid_11").names
    assert not trained.network.training
    assert trained.predict(noise(50, 90)).shape == (50, 90)


@pytest.mark.parametrize(
    ("place", "options", "message"),
    [
        ("nowhere", {}, "expected a run - its name or the beginning of it, its folder or a checkpoint; there is none"),
        ("run/checkpoints/other.ckpt", {}, "and checkpoints/other.ckpt in it; it has no checkpoints/other.ckpt"),
        ("model.onnx", {}, "is an exported network, which holds no torch.nn.Module; expected the run that"),
        ("run", {"device": "cuda:99"}, "expected a device that is there (auto, cpu, cuda, cuda:1); device='cuda:99'"),
    ],
)
def test_what_cannot_be_loaded_is_told(run, place, options, message):
    with pytest.raises(SeglabError, match=re.escape(message)):
        load(run.parent / place, **options)
