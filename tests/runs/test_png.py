import cv2
import numpy as np
import pytest

from seglab.runs.png import write_png


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 3), (2, 3, 4)])
def test_pixels_come_back_in_opencvs_order_and_nothing_else_is_left(tmp_path, shape):
    picture = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    write_png(tmp_path / "a" / "b.png", picture, options=(cv2.IMWRITE_PNG_COMPRESSION, 2))
    read = cv2.imread(str(tmp_path / "a" / "b.png"), cv2.IMREAD_UNCHANGED)
    expected = picture if picture.ndim == 2 else picture[..., [2, 1, 0, 3][: shape[2]]]
    assert np.array_equal(read, expected)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.png"]
