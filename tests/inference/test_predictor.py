"""Predictor: sizes, tiles and test-time augmentation against networks whose answer is known."""

import json

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from seglab import runs
from seglab.errors import SeglabError
from seglab.inference.crf import DenseCRF
from seglab.inference.predictor import Predictor, load_predictor
from tests.inference.networks import Nearest, noise, predictor


class Columns(nn.Module):
    """Logit of class 1 is the column's number: a network that knows left from right and how wide its view is."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        column = torch.arange(image.shape[-1], dtype=torch.float32).expand(len(image), 1, *image.shape[-2:])
        return torch.cat([torch.zeros_like(column), column], 1)


class Patches(nn.Module):
    """Sees 3x3 pixels. Sums of whole numbers: the same logits to the last bit, however images fall into batches."""

    def __init__(self) -> None:
        super().__init__()
        weights = torch.randint(-3, 4, (2, 3, 3, 3), generator=torch.Generator().manual_seed(0))
        self.register_buffer("weights", weights.float())

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return F.conv2d(image, self.weights, padding=1)  # (B, 2, H, W)


def test_results_have_the_size_of_the_image():
    image = noise(21, 34)
    for size in (None, (8, 16), (64, 64)):
        one = predictor(Nearest(), size=size)
        assert one.probabilities(image).shape == (2, 21, 34)
        assert one.probabilities(image).dtype == torch.float32
        labels = one.label_map(image)
        assert labels.shape == (21, 34)
        assert labels.dtype == np.uint8


def test_the_network_sees_the_given_size_once_for_all_results():
    network = Nearest()
    maps = predictor(network, size=(4, 8)).label_maps(noise(16, 32), sizes=[(16, 32), (4, 8)])
    assert network.calls == 1
    assert [labels.shape for labels in maps] == [(16, 32), (4, 8)]


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"size": (12, 20)}, [5]),  # whatever the sizes of the images
        ({"size": None}, [3, 1, 1]),
        ({"size": (12, 20), "flip": True, "scales": [0.5, 1.0]}, [5] * 4),
        ({"size": None, "tile": (16, 12)}, [3] * 2 + [1] * 4 + [1] * 4),
        ({"size": None, "tile": (8, 9), "overlap": 0.5, "flip": True, "scales": [1.5]}, None),
    ],
)
def test_images_in_a_batch_get_the_label_maps_that_they_get_alone(options, seen):
    sizes = [(16, 20), (16, 31), (16, 20), (21, 20), (16, 20)]
    images = [noise(*size, seed=seed) for seed, size in enumerate(sizes)]
    alone = [predictor(Patches(), **options).label_map(image) for image in images]
    batches = []
    network = Patches()
    network.register_forward_pre_hook(lambda _, inputs: batches.append(len(inputs[0])))
    together = predictor(network, **options).label_map_batch(images)
    for one, other, size in zip(alone, together, sizes, strict=True):
        assert other.shape == size
        assert set(np.unique(other)) == {0, 1}
        np.testing.assert_array_equal(other, one)
    assert seen is None or batches == seen


def test_images_of_8_and_16_bits_in_a_batch_get_the_label_maps_that_they_get_alone():
    white = np.full((4, 6, 3), 255, np.uint8)
    deep = white.astype(np.uint16) * 257
    for images in ([white, deep, white], [deep, white]):
        maps = predictor(Nearest(), size=(2, 3)).label_map_batch(images)
        assert [(labels.min(), labels.shape) for labels in maps] == [(1, (4, 6))] * len(images)


def test_an_empty_batch_gives_nothing():
    assert predictor(Nearest()).label_map_batch([]) == []


def test_logits_are_resized_before_the_argmax():
    image = np.zeros((1, 2, 3), dtype=np.uint8)
    image[:, 1] = 255
    image[:, 0] = 51  # bright - dark is -0.6 and 1.0: the border lies left of the middle
    labels = predictor(Nearest()).label_maps(image, sizes=[(1, 16)])[0]
    # at x in pixels of the image, -0.6 + 1.6 (x - 0.5) > 0 from x = 0.875 on: columns 7 to 15 of 16
    assert labels.tolist() == [[0] * 7 + [1] * 9]


@pytest.mark.parametrize("tile", [(7, 9), (16, 5), (1, 1), (100, 9)])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.9])
def test_tiles_equal_the_whole_for_a_network_that_sees_single_pixels(tile, overlap):
    image = noise(16, 23)
    whole = predictor(Nearest()).probabilities(image)
    tiled = predictor(Nearest(), tile=tile, overlap=overlap).probabilities(image)
    torch.testing.assert_close(tiled, whole)


def test_logits_are_averaged_where_tiles_overlap():
    image = np.zeros((2, 6, 3), dtype=np.uint8)
    probabilities = predictor(Columns(), tile=(2, 4), overlap=0.5).probabilities(image)
    # tiles at columns 0..3 and 2..5; columns 2 and 3 have the logits (2 + 0) / 2 and (3 + 1) / 2
    expected = torch.tensor([0.0, 1.0, 1.0, 2.0, 2.0, 3.0]).sigmoid()
    torch.testing.assert_close(probabilities[1], expected.expand(2, 6))


def test_tiles_hold_to_their_size_and_to_the_overlap():
    sizes = []
    network = Nearest()
    network.register_forward_pre_hook(lambda _, inputs: sizes.append(tuple(inputs[0].shape[-2:])))
    predictor(network, tile=(8, 8), overlap=0.25).label_map(noise(20, 8))
    assert sizes == [(8, 8)] * 3  # starts 0, 6, 12
    sizes.clear()
    predictor(network, tile=(8, 8)).label_map(noise(8, 8))
    assert sizes == [(8, 8)]


def test_flip_averages_the_softmax_of_both_views():
    image = np.zeros((1, 3, 3), dtype=np.uint8)
    probabilities = predictor(Columns(), flip=True).probabilities(image)
    forth, back = torch.tensor([0.0, 1.0, 2.0]).sigmoid(), torch.tensor([2.0, 1.0, 0.0]).sigmoid()
    torch.testing.assert_close(probabilities[1], ((forth + back) / 2)[None])
    torch.testing.assert_close(probabilities.sum(0), torch.ones(1, 3))


def test_scales_average_the_softmax_of_all_views():
    image = np.zeros((2, 4, 3), dtype=np.uint8)
    probabilities = predictor(Columns(), scales=(1.0, 0.5)).probabilities(image)
    half = torch.nn.functional.interpolate(torch.tensor([[[0.0, 1.0]]]), size=4, mode="linear")[0, 0]
    expected = (torch.arange(4.0).sigmoid() + half.sigmoid()) / 2
    torch.testing.assert_close(probabilities[1], expected.expand(2, 4))


def test_the_label_map_is_that_of_the_averaged_probabilities():
    image = noise(12, 20)
    one = predictor(Columns(), scales=(1.0, 2.0), flip=True, size=(6, 10))
    assert (one.label_map(image) == one.probabilities(image).argmax(0).numpy()).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scales": []}, r"expected scales as a list of numbers above 0; got \[\]"),
        ({"scales": [1.0, -1.0]}, r"expected scales .* got \[1.0, -1.0\]"),
        ({"tile": (0, 4)}, r"expected tile as \[height, width\], or null for none; got \[0, 4\]"),
        ({"overlap": 1.0}, "expected overlap as a share of the tile, 0 <= overlap < 1; got 1.0"),
    ],
)
def test_errors(options, message):
    with pytest.raises(SeglabError, match=message):
        predictor(Nearest(), **options)


CRF = DenseCRF(
    iterations=2, spatial_weight=3.0, spatial_sd=2.0, bilateral_weight=5.0, bilateral_sd_xy=8.0, bilateral_sd_rgb=20.0
)


@pytest.mark.parametrize("options", [{}, {"size": (9, 12), "flip": True, "scales": (1.0, 2.0)}])
def test_what_comes_after_refines_probabilities_and_label_maps_at_the_size_asked_for(options):
    image, size = noise(12, 20), (24, 40)
    plain, refined = predictor(Columns(), **options), predictor(Columns(), **options, post=CRF)
    assert refined.has_other_outputs == plain.has_other_outputs
    bare = plain.probabilities(image)
    expected = CRF(bare, torch.from_numpy(image))
    torch.testing.assert_close(refined.probabilities(image), expected)
    assert not torch.allclose(expected, bare)
    assert (refined.label_map(image) == expected.argmax(0).numpy()).all()
    assert (refined.label_map_batch([image, image])[1] == expected.argmax(0).numpy()).all()
    large = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    torch.testing.assert_close(
        refined.probabilities(image, size=size), CRF(plain.probabilities(image, size=size), torch.from_numpy(large))
    )
    torch.testing.assert_close(refined.logits(image), plain.logits(image))  # what the network says stays


def test_images_without_three_colours_are_refused():
    module = predictor(Nearest()).module
    module.mean = torch.zeros(1, 4, 1, 1)
    with pytest.raises(SeglabError, match=r"post=crf: expected a run on images of 3 channels.* came one of 4"):
        Predictor(module, size=None, post=CRF)


@pytest.mark.parametrize(
    ("trained_at", "asked", "seen_at"),
    [([8, 16], "run", (8, 16)), (None, "run", None), ([8, 16], "image", None), (None, [4, 6], (4, 6))],
)
def test_a_run_is_loaded_with_the_size_of_its_training_unless_another_is_asked_for(
    tmp_path, monkeypatch, trained_at, asked, seen_at
):
    (tmp_path / runs.CONFIG).write_text(json.dumps({"data": {"size": trained_at}}))
    module = predictor(Nearest()).module
    monkeypatch.setattr("seglab.inference.predictor.load", lambda folder, checkpoint: module)
    loaded = load_predictor(tmp_path, device="cpu", size=asked, tile=[4, 4])
    assert (loaded.module, loaded.size, loaded.tile) == (module, seen_at, (4, 4))
