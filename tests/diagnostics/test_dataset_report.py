"""What a check of a data set leaves beside its tables."""

from seglab.data.statistics import ClassStatistics
from seglab.diagnostics.dataset_report import class_figure
from seglab.display.draw import rendered


def test_the_figure_names_every_class_of_41():
    pixels = tuple(int(10 ** (index / 6)) * (index != 7) for index in range(41))
    one = ClassStatistics("x", tuple(f"class {index}" for index in range(41)), 9, pixels,
                          tuple(min(9, value) for value in pixels), pixels, 5, "")  # fmt: skip
    figure = class_figure({"train": one, "val": one})
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["class 7", *(f"class {index}" for index in range(41) if index != 7)]
    assert rendered(figure).shape[0] > 1200
