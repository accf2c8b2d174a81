"""Label maps as pictures: exact colours, and sizes that stay readable."""

import numpy as np
import pytest

from seglab.display import draw
from seglab.labels import IGNORE_INDEX, LabelSpace, label_space

SPACE = LabelSpace(name="two", names=("road", "sky"), colors=((128, 64, 128), (70, 130, 180)), to_train={0: 0, 1: 1})
WHITE = (255, 255, 255)


def sample(height=64, width=128, name="a") -> draw.Sample:
    """Upper half sky, lower half road, the last rows void; the right half of the prediction is road everywhere."""
    truth = np.zeros((height, width), np.uint8)
    truth[: height // 2] = 1
    truth[-4:] = IGNORE_INDEX
    prediction = np.where(truth == IGNORE_INDEX, 0, truth).astype(np.uint8)
    prediction[:, width // 2 :] = 0
    return draw.Sample(name, np.full((height, width, 3), 100, np.uint8), truth, prediction)


def test_colourise_uses_the_colours_of_the_label_space_and_black_for_the_rest():
    picture = draw.colourise(np.array([[0, 1, IGNORE_INDEX, 2]], np.uint8), SPACE)
    assert picture.dtype == np.uint8
    assert picture.tolist() == [[[128, 64, 128], [70, 130, 180], [0, 0, 0], [0, 0, 0]]]


def test_overlay_mixes_by_opacity_and_leaves_void_bare():
    image = np.full((1, 2, 3), 100, np.uint8)
    mixed = draw.overlay(image, np.array([[0, IGNORE_INDEX]], np.uint8), SPACE, opacity=0.25)
    assert mixed.tolist() == [[[107, 91, 107], [100, 100, 100]]]  # 0.25 * (128, 64, 128) + 0.75 * 100


def test_errors_are_red_where_the_truth_counts():
    picture = draw.errors(np.array([[0, 1, 255]], np.uint8), np.array([[0, 0, 0]], np.uint8))
    assert picture.tolist() == [[[226, 226, 226], [213, 43, 30], [0, 0, 0]]]


@pytest.mark.parametrize(
    ("height", "width", "shown"),
    [(64, 128, (256, 512)), (128, 256, (256, 512)), (240, 320, (240, 320)), (1024, 2048, (320, 640))],
)
def test_columns_are_between_240_and_320_pixels_high(height, width, shown):
    one = sample(height, width)
    picture = draw.panel(one.image, one.truth, one.prediction, SPACE)
    assert picture.dtype == np.uint8
    title, legend, gap = 32, 32, 6
    assert picture.shape == (title + shown[0] + gap + legend, 5 * shown[1] + 6 * gap, 3)


def test_panel_shows_image_truth_prediction_overlay_errors_from_left_to_right():
    one = sample()
    picture = draw.panel(one.image, one.truth, one.prediction, SPACE)
    top = picture[32 + 10]  # a row of sky
    left = [6 + index * (512 + 6) + 100 for index in range(5)]
    right = [x + 300 for x in left]
    assert [tuple(top[x]) for x in left[:3]] == [(100, 100, 100), SPACE.colors[1], SPACE.colors[1]]
    assert tuple(top[right[2]]) == SPACE.colors[0]
    assert tuple(top[left[4]]) == (226, 226, 226)
    assert tuple(top[right[4]]) == (213, 43, 30)
    bottom = picture[32 + 256 - 2]
    assert tuple(bottom[left[1]]) == (0, 0, 0)
    assert (picture[:32] != WHITE).any()  # the titles


def test_legend_names_only_what_is_there():
    one = sample()
    legend = draw.panel(one.image, one.truth, one.prediction, SPACE)[-32:]
    colours = {tuple(colour) for colour in legend.reshape(-1, 3).tolist()}
    assert {*SPACE.colors, (0, 0, 0)} <= colours
    everything_is_road = np.zeros((64, 128), np.uint8)
    legend = draw.panel(one.image, everything_is_road, everything_is_road, SPACE)[-32:]
    colours = {tuple(colour) for colour in legend.reshape(-1, 3).tolist()}
    assert SPACE.colors[0] in colours
    assert SPACE.colors[1] not in colours


def test_stack_puts_samples_of_different_sizes_under_each_other():
    picture = draw.stack([sample(64, 128, "first"), sample(64, 64, "second")], SPACE)
    assert picture.shape == (32 + 2 * (256 + 32) + 32, 5 * 512 + 6 * 6, 3)
    assert (picture[32 + 256 : 32 + 256 + 32] != WHITE).any()  # the name


def test_legend_of_many_classes_breaks_into_lines():
    space = label_space("cityscapes_19")
    mask = (np.arange(64 * 64) % 19).reshape(64, 64).astype(np.uint8)
    picture = draw.panel(np.zeros((64, 64, 3), np.uint8), mask, mask, space)
    assert picture.shape[0] > 32 + 256 + 6 + 32


@pytest.mark.parametrize("count", [2, 19, 41])
def test_confusion_figure_shows_percent_of_each_row_and_no_row_for_absent_classes(count):
    matrix = np.eye(count, dtype=np.int64) * 10
    matrix[0, 1] = 30
    matrix[-1] = 0
    figure = draw.confusion_figure(matrix, [f"class {k}" for k in range(count)])
    axes = figure.axes[0]
    shown = axes.images[0].get_array()
    np.testing.assert_allclose(shown[0, :2], [25.0, 75.0])
    assert np.ma.getmaskarray(shown)[-1].all() or np.isnan(shown[-1]).all()
    assert {"25", "75"} <= {text.get_text() for text in axes.texts}
    assert axes.get_yticklabels()[0].get_text() == "class 0"
    picture = draw.rendered(figure)
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3
