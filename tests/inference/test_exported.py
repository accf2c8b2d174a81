"""A file that was exported predicts as a run does, and says clearly what it cannot."""

import numpy as np
import pytest

from seglab.errors import SeglabError
from seglab.inference.exported import load_exported
from tests.inference import onnx_files


def image(height=4, width=6, value=1):
    return np.full((height, width, 3), value, dtype=np.uint8)


def test_images_of_several_sizes_keep_their_places(tmp_path):
    file = load_exported(onnx_files.write(tmp_path / "model.onnx"))
    images = [image(value=1), image(5, 3, value=2), image(value=3)]
    maps = file.label_map_batch(images)
    assert [(label_map.shape, label_map[0, 0]) for label_map in maps] == [((4, 6), 1), ((5, 3), 2), ((4, 6), 3)]


def test_at_another_size_it_is_shown_the_image_at_that_size(tmp_path):
    file = load_exported(onnx_files.write(tmp_path / "model.onnx"))
    whole, half = file.label_maps(image(8, 12, value=9), sizes=[(8, 12), (4, 6)])
    assert (whole.shape, half.shape) == ((8, 12), (4, 6))
    probabilities = file.probabilities(image(), size=(2, 3))
    assert probabilities.shape == (2, 2, 3)
    assert probabilities[0, 0, 0] == pytest.approx(np.e / (np.e + 1))


def test_what_it_says_of_itself(tmp_path):
    file = load_exported(onnx_files.write(tmp_path / "model.onnx"))
    assert (file.size, file.channels, file.has_other_outputs) == ((4, 6), 3, False)
    assert file.about["labels"]["mapping"] == {0: "a", 7: "b"}  # numbers, though JSON has texts as keys


def test_without_logits_there_are_no_probabilities(tmp_path):
    file = load_exported(onnx_files.write(tmp_path / "model.onnx", logits=False))
    assert list(file.outputs(image()[None])) == ["labels"]
    with pytest.raises(SeglabError, match=r"gives label maps alone; expected logits as well - export it with outputs"):
        file.probabilities(image())


def test_images_that_it_does_not_take(tmp_path):
    takes = {"layout": "nhwc", "size": [48, 64], "seen_at": None, "channels": 3}
    fixed = load_exported(onnx_files.write(tmp_path / "fixed.onnx", input=takes))
    with pytest.raises(SeglabError, match=r"takes images of 48x64 alone \(height x width\); came 4x6 - export it"):
        fixed.label_map_batch([image()])
    free = load_exported(onnx_files.write(tmp_path / "free.onnx"))
    with pytest.raises(SeglabError, match=r"takes images of 8 bits; came uint16"):
        free.label_map_batch([image().astype(np.uint16)])


def test_what_is_no_exported_network_is_named(tmp_path):
    damaged = onnx_files.write(tmp_path / "damaged.onnx")
    damaged.write_bytes(damaged.read_bytes()[:100])
    for path, said in (
        (tmp_path / "none.onnx", "there is no such file"),
        (damaged, "it cannot be read"),
        (onnx_files.write(tmp_path / "foreign.onnx", text=""), "it says nothing of its classes"),
        (onnx_files.write(tmp_path / "list.onnx", text="[1]"), "it says nothing of its classes"),
        (onnx_files.write(tmp_path / "other.onnx", text='{"input": 1}'), "it says nothing of its classes"),
    ):
        with pytest.raises(SeglabError, match=rf"{path.name}: expected .*{said}"):
            load_exported(path)
