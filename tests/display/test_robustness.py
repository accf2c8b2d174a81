"""mIoU over the severity of corruption, as it is drawn."""

import numpy as np
import pytest

from seglab.display import draw
from seglab.display.robustness import curve, figure_of_rows, figure_of_run

ONE = {"clean": 0.5, "groups": {"noise": {"1": 0.4, "5": 0.1}, "road": {"1": 0.3, "5": 0.2}}}
OTHER = {"clean": 0.7, "groups": {"noise": {"1": 0.6, "5": 0.3}, "road": {"1": 0.5, "5": 0.4}}}


def test_a_line_for_each_group_begins_at_the_clean_images():
    assert curve(ONE, "noise") == {0: 50.0, 1: 40.0, 5: 10.0}
    (axes,) = figure_of_run(ONE).axes
    assert {line.get_label(): line.get_xydata().tolist() for line in axes.lines} == {
        "noise": [[0, 50], [1, 40], [5, 10]],
        "road": [[0, 50], [1, 30], [5, 20]],
    }
    assert not axes.collections, "one run has no deviation"


def test_a_panel_for_each_group_with_the_deviation_over_the_seeds_of_a_row():
    figure = figure_of_rows({"a $row$": [ONE, OTHER], "b": [OTHER]})
    noise, road = figure.axes
    assert [noise.get_title(), road.get_title()] == ["noise", "road"]
    lines = {line.get_label(): line.get_ydata().tolist() for line in noise.lines}
    assert lines == {"a $row$": pytest.approx([60, 50, 20]), "b": pytest.approx([70, 60, 30])}
    (band,) = noise.collections
    heights = band.get_paths()[0].vertices[:, 1]
    deviation = np.std([50, 70], ddof=1)
    assert heights.max() == pytest.approx(60 + deviation)
    assert heights.min() == pytest.approx(20 - deviation)
    assert draw.rendered(figure).std() > 0
