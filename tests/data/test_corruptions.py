"""Corrupted images: functions of what names them, stronger with their severity, and the published numbers."""

import io
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from seglab import PACKAGE
from seglab.data.corruptions import blur, weather
from seglab.data.corruptions.corrupt import DRAWN, corrupted
from seglab.data.corruptions.names import GROUPS, NAMES, SEVERITIES, chosen
from seglab.data.synthetic import scene_at
from seglab.errors import SeglabError

SCENE = scene_at(seed=1, split="val", index=0, height=96, width=160).image
GREY = np.full((200, 300, 3), 0.5, np.float32)
# Where the published numbers do not grow with the severity: fewer rounds of glass, another share of the image, a
# finer grid, wide displacements before narrow ones.
UNEVEN = {"glass_blur", "frost", "fog", "elastic", "pixelate"}


def of(corruption: str, severity: int = 3, image: np.ndarray = SCENE, *, seed: int = 1, name: str = "a") -> np.ndarray:
    return corrupted(image, corruption=corruption, severity=severity, seed=seed, name=name)


def drawn(corruption: str, severity: int, image: np.ndarray = GREY) -> np.ndarray:
    return DRAWN[corruption](image, severity=severity, generator=np.random.default_rng(0))


def change(corruption: str, severity: int) -> float:
    return float(cv2.absdiff(of(corruption, severity), SCENE).mean())


def left(corruption: str, severity: int) -> float:
    """The slope of the result over the image: of the differences of two images under one cloud or pane."""
    other = SCENE[:, ::-1]
    results = [of(corruption, severity, image).astype(float) for image in (SCENE, other)]
    return float(np.polyfit((SCENE - other.astype(float)).ravel(), (results[0] - results[1]).ravel(), 1)[0])


@pytest.mark.parametrize("corruption", NAMES)
def test_it_depends_on_the_seed_the_image_and_nothing_that_came_before(corruption):
    first = of(corruption)
    given = SCENE.copy()
    assert (first.dtype, first.shape) == (np.uint8, SCENE.shape)
    of(corruption, 5, name="b")
    np.random.seed(3)  # noqa: NPY002
    assert np.array_equal(of(corruption), first)
    assert np.array_equal(SCENE, given)
    exact = {"defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg"}  # draw nothing
    assert np.array_equal(of(corruption, name="b"), first) == (corruption in exact)
    assert np.array_equal(of(corruption, seed=2), first) == (corruption in exact)


@pytest.mark.parametrize("corruption", NAMES)
def test_the_higher_severity_changes_more(corruption):
    changes = [change(corruption, severity) for severity in SEVERITIES]
    assert changes[0] > 0.5
    if corruption not in UNEVEN:
        assert changes == sorted(changes)
        assert len(set(changes)) == len(changes)
    elif corruption in ("frost", "fog"):  # less of the image is left
        kept = [left(corruption, severity) for severity in SEVERITIES]
        assert kept[0] > kept[2] > kept[4]
    else:
        assert changes[4] > changes[2]


@pytest.mark.parametrize("corruption", NAMES)
@pytest.mark.parametrize("size", [(33, 65), (7, 5), (1, 1)])
def test_images_of_any_size(corruption, size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    for severity in (1, 5):
        assert of(corruption, severity, image).shape == image.shape


@pytest.mark.parametrize("corruption", NAMES)
@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_stay_in_range(corruption, value):
    image = np.full((16, 16, 3), value, np.uint8)
    with np.errstate(all="raise"):
        result = of(corruption, 5, image)
    assert result.dtype == np.uint8
    wraps = np.abs(result.astype(int) - value) > 250  # the noises alone reach the other end, and few pixels
    assert wraps.mean() < (0.2 if corruption in (*GROUPS["noise"], "night") else 0.001)


def test_the_noises_have_the_published_strength():
    assert [drawn("gaussian_noise", severity).std() for severity in SEVERITIES] == pytest.approx(
        [0.08, 0.12, 0.18, 0.26, 0.38], rel=0.01
    )
    photons = [60, 25, 12, 5, 3]  # of white: the variance of a Poisson draw is its mean, over the photons squared
    assert [drawn("shot_noise", severity).var() for severity in SEVERITIES] == pytest.approx(
        [0.5 / count for count in photons], rel=0.02
    )
    for severity, amount in zip(SEVERITIES, [0.03, 0.06, 0.09, 0.17, 0.27], strict=True):
        values = drawn("impulse_noise", severity)
        assert [(values == end).mean() for end in (0, 1)] == pytest.approx([amount / 2] * 2, rel=0.05)


def test_the_disk_of_defocus_is_that_of_a_count():
    point = np.zeros((41, 41, 3), np.float32)
    point[20, 20] = 1
    spread = drawn("defocus_blur", 1, point)[..., 0]
    inside = sum(x * x + y * y <= 9 for x in range(-3, 4) for y in range(-3, 4))
    assert spread.max() == pytest.approx(1 / inside, rel=1e-3)
    assert (spread > 0.5 / inside).sum() == inside


def test_motion_goes_along_its_angle():
    point = np.zeros((61, 61), np.float32)
    point[30, 30] = 1
    along = blur.moved(point, length=10, deviation=8, angle=0)
    assert np.count_nonzero(along > 1e-6) == 21
    assert np.count_nonzero(along.sum(1) > 1e-6) == 1
    assert np.count_nonzero(blur.moved(point, length=10, deviation=8, angle=90).sum(0) > 1e-6) == 1
    weights = np.sort(along[along > 1e-6])[::-1]
    assert weights[5] / weights[0] == pytest.approx(np.exp(-(5**2) / (2 * 8**2)), rel=1e-4)


def test_zoom_is_the_mean_of_scipys_zooms():
    image = ndimage.gaussian_filter(np.random.default_rng(0).random((60, 60, 3)), (6, 6, 0)).astype(np.float32)
    expected = image.astype(np.float64).copy()
    factors = np.arange(1, 1.11, 0.01)
    for factor in factors:
        rows = int(np.ceil(60 / factor))
        top = (60 - rows) // 2
        part = image[top : top + rows, top : top + rows]
        expected += ndimage.zoom(part, (60 / rows, 60 / rows, 1), order=1, grid_mode=True, mode="nearest")
    assert np.abs(drawn("zoom_blur", 1, image) - expected / (len(factors) + 1)).max() < 0.005


def test_brightness_contrast_pixels_and_files_are_those_of_other_programs():
    image = SCENE.astype(np.float32) / 255
    value = image.max(2)
    assert drawn("brightness", 2, image).max(2) == pytest.approx(np.minimum(value + 0.2, 1), abs=1e-5)
    drawn_together = drawn("contrast", 2, image)
    assert drawn_together.std((0, 1)) == pytest.approx(0.3 * image.std((0, 1)), rel=1e-3)
    assert drawn_together.mean((0, 1)) == pytest.approx(image.mean((0, 1)), abs=1e-4)
    squares = drawn("pixelate", 5, np.float32(np.arange(64).reshape(8, 8, 1) / 64).repeat(3, 2))
    means = np.arange(64).reshape(2, 4, 2, 4).mean((1, 3)) / 64
    assert squares[..., 0] == pytest.approx(means.repeat(4, 0).repeat(4, 1), abs=1e-5)
    file = io.BytesIO()
    Image.fromarray(SCENE).save(file, "JPEG", quality=10)
    pillow = np.asarray(Image.open(file)).astype(int)
    assert np.abs(of("jpeg", 4).astype(int) - pillow).mean() < 3


def test_clouds_fill_their_range_and_are_rougher_the_slower_they_decay():
    def roughness(decay: float) -> float:
        clouds = weather.plasma(100, 130, decay=decay, generator=np.random.default_rng(0))
        assert (clouds.shape, clouds.min(), clouds.max()) == ((100, 130), 0, 1)
        return float(np.abs(np.diff(clouds, axis=1)).mean())

    assert roughness(1.4) > 2 * roughness(2.0)


def test_dirt_covers_its_share_and_night_loses_light():
    white = np.full((128, 256, 3), 255, np.uint8)
    shares = [(of("lens_dirt", severity, white) < 200).any(2).mean() for severity in SEVERITIES]
    assert shares == pytest.approx([0.10, 0.16, 0.24, 0.34, 0.45], abs=0.05)
    linear = [np.square(drawn("night", severity)).mean() / 0.25 for severity in SEVERITIES]
    assert linear == pytest.approx([0.40, 0.28, 0.19, 0.13, 0.09], rel=0.05)


def test_what_may_be_asked_for():
    assert chosen("all") == NAMES
    assert len(chosen("published")) == 15
    assert chosen("rain") == ("rain",)
    assert chosen(["rain", "snow", "rain"]) == ("snow", "rain")


def test_other_images_are_refused():
    for image in (np.zeros((4, 4, 3), np.uint16), np.zeros((4, 4, 4), np.uint8)):
        with pytest.raises(SeglabError, match="corruption=rain: expected images of 3 channels with 8 bits; came 'a'"):
            of("rain", 1, image)


def test_names_are_read_without_what_draws_them():
    program = "import sys; import seglab.data.corruptions.names; print('cv2' in sys.modules, 'numpy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], cwd=PACKAGE.parent, capture_output=True, text=True)
    assert found.stdout.split() == ["False", "False"], found.stderr
