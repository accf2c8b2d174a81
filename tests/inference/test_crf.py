"""The fully connected CRF against sums over all pairs of pixels, and what it is for: noise goes, edges stay."""

import pytest
import torch
from torch import Tensor

from seglab.errors import SeglabError
from seglab.inference.crf import DenseCRF, Normalised, SpatialGaussian, bilateral_features, mean_field
from seglab.inference.permutohedral import PermutohedralLattice

USUAL = {
    "iterations": 5, "spatial_weight": 3.0, "spatial_sd": 3.0,
    "bilateral_weight": 10.0, "bilateral_sd_xy": 80.0, "bilateral_sd_rgb": 13.0,
}  # fmt: skip
H, W = 24, 32


def crf(**changes) -> DenseCRF:
    return DenseCRF(**{**USUAL, **changes})


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def scene(noise: float = 8.0) -> Tensor:
    """An image (H, W, 3): a shaded background, and a brighter box with sharp edges."""
    rows, columns = torch.arange(H)[:, None], torch.arange(W)[None]
    image = torch.stack([60 + 2.0 * rows + columns, 90 + rows - columns * 0.5, 120 - rows + 0 * columns], -1)
    image[6:18, 10:24] += torch.tensor([90.0, 60.0, -60.0])
    return (image + noise * (random(H, W, 3, seed=5) - 0.5) * 2).clamp(0, 255).round()


def exact(features: Tensor) -> Tensor:
    """The kernel (N, N), normalised on both sides: exp(-|f_i - f_j|^2 / 2) written out for every pair."""
    kernel = (-0.5 * (features[:, None] - features[None]).square().sum(2)).exp()
    rows = kernel.sum(1)
    return kernel / (rows[:, None] * rows[None]).sqrt()


def places(sd: float) -> Tensor:
    rows, columns = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    return torch.stack([columns, rows], -1).flatten(0, 1) / sd


def probabilities(classes: int = 4, *, sharpness: float = 3.0) -> Tensor:
    return (sharpness * random(classes, H, W, seed=2)).softmax(0)


def test_mean_field_is_the_update_of_the_paper_pixel_by_pixel():
    start = (3 * random(6, 3)).softmax(1)
    kernels = [(0.7, exact(random(6, 2, seed=1))), (2.0, exact(random(6, 5, seed=2)))]
    current = start
    for _ in range(3):
        new = torch.zeros(6, 3)
        for pixel in range(6):
            for label in range(3):
                energy = -start[pixel, label].log()
                for weight, kernel in kernels:
                    for other in range(6):
                        for theirs in range(3):
                            differs = float(theirs != label)  # Potts
                            energy += weight * kernel[pixel, other] * differs * current[other, theirs]
                new[pixel, label] = (-energy).exp()
        current = new / new.sum(1, keepdim=True)
    terms = [(weight, kernel.matmul) for weight, kernel in kernels]
    torch.testing.assert_close(mean_field(start, terms, iterations=3), current)


@pytest.mark.parametrize("sd", [0.5, 3.0, 40.0])
def test_the_spatial_sums_are_exact(sd):
    values = random(H * W, 5)
    kernel = Normalised(SpatialGaussian(H, W, sd=sd), like=values)
    torch.testing.assert_close(kernel(values), exact(places(sd)) @ values, rtol=1e-4, atol=1e-6)


# The mean error that is stated in the guide: of sums, as a share of the exact ones.
@pytest.mark.parametrize(
    ("sd_xy", "sd_rgb", "noise", "share"), [(80.0, 13.0, 8.0, 0.03), (20.0, 30.0, 8.0, 0.03), (49.0, 5.0, 3.0, 0.05)]
)
def test_the_bilateral_sums_are_near_the_exact_ones(sd_xy, sd_rgb, noise, share):
    values = random(H * W, 3, seed=3)
    features = bilateral_features(scene(noise), sd_xy=sd_xy, sd_rgb=sd_rgb)
    expected = exact(features) @ values
    came = Normalised(PermutohedralLattice(features), like=values)(values)
    errors = (came - expected).abs() / expected
    assert errors.mean() < share


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5])
def test_the_lattice_is_a_gaussian_in_any_dimension(dimensions):
    features = 2 * random(600, dimensions, seed=dimensions)
    values = random(600, 2, seed=9)
    came = Normalised(PermutohedralLattice(features), like=values)(values)
    expected = exact(features) @ values
    assert ((came - expected).abs() / expected).mean() < 0.03
    far = torch.cat([features, features + 20])  # what lies far away has no part in it
    twice = torch.cat([values, values.flip(0)])
    again = Normalised(PermutohedralLattice(far), like=twice)(twice)[:600]
    torch.testing.assert_close(again, came, rtol=1e-3, atol=1e-4)


def test_each_point_gives_shares_that_sum_to_one():
    lattice = PermutohedralLattice(3 * random(200, 5))
    assert lattice._shares_of_points.min() > -1e-5
    torch.testing.assert_close(lattice._shares_of_points.sum(1), torch.ones(200))
    assert lattice.num_vertices == len(lattice._vertices.unique())


def test_a_lattice_that_cannot_be_numbered_is_refused():
    with pytest.raises(SeglabError, match=r"fewer than 2\*\*62 cells; came one with .* raise crf\.bilateral_sd_xy"):
        PermutohedralLattice(1e5 * random(10, 5))


def test_the_whole_is_near_mean_field_over_all_pairs():
    image, start = scene(), probabilities()
    bilateral = exact(bilateral_features(image, sd_xy=80.0, sd_rgb=13.0))
    terms = [(3.0, exact(places(3.0)).matmul), (10.0, bilateral.matmul)]
    expected = mean_field(start.flatten(1).T, terms, iterations=5).T.view(4, H, W)
    came = crf()(start, image)
    assert came.shape == (4, H, W)
    assert came.dtype == torch.float32
    torch.testing.assert_close(came.sum(0), torch.ones(H, W))
    assert (came - expected).abs().mean() < 0.03
    assert (came.argmax(0) == expected.argmax(0)).float().mean() > 0.96


def test_without_weights_the_probabilities_stay_as_they_are():
    start = probabilities()
    torch.testing.assert_close(crf(spatial_weight=0.0, bilateral_weight=0.0)(start, scene()), start)


@pytest.mark.parametrize("left_out", ["spatial_weight", "bilateral_weight"])
def test_a_lone_wrong_pixel_in_an_even_region_is_corrected(left_out):
    start = torch.tensor([0.7, 0.3])[:, None, None].repeat(1, H, W)
    start[:, 12, 20] = torch.tensor([0.2, 0.8])
    image = torch.full((H, W, 3), 100.0)
    assert (crf()(start, image).argmax(0) == 0).all()
    assert (crf(**{left_out: 0.0})(start, image).argmax(0) == 0).all()


def test_labels_move_to_the_edge_of_the_image():
    """A blurred and shifted guess of the box is drawn to where its colours end; without colours it is not."""
    image, truth = scene(), torch.zeros(H, W, dtype=torch.bool)
    truth[6:18, 10:24] = True
    guess = torch.zeros(H, W)
    guess[8:20, 12:26] = 1.0  # two pixels off
    inside = 0.2 + 0.6 * torch.nn.functional.avg_pool2d(guess[None], 5, stride=1, padding=2)[0]
    start = torch.stack([1 - inside, inside])
    wrong = {name: int(((refined(start, image)[1] > 0.5) != truth).sum()) for name, refined in {
        "network": lambda start, image: start,
        "crf": crf(),
        "spatial": crf(bilateral_weight=0.0),
    }.items()}  # fmt: skip
    assert wrong["crf"] <= wrong["network"] / 4
    assert wrong["crf"] <= wrong["spatial"] / 4


def test_certainty_stays_finite():
    start = torch.stack([torch.ones(H, W), torch.zeros(H, W)])
    assert crf()(start, scene()).isfinite().all()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1)])
def test_images_of_one_row_or_column(size):
    start = random(3, *size).softmax(0)
    assert crf()(start, 255 * random(*size, 3)).isfinite().all()


def test_its_protocol_tells_everything():
    assert crf().protocol() == {"name": "crf", **USUAL}
