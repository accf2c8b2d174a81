"""Pictures inside a page."""

import base64
import io

import pytest
from PIL import Image

from seglab.errors import SeglabError
from seglab.pages.pictures import embedded
from tests.pages.html import Page


@pytest.mark.parametrize("encoding", ["WEBP", "JPEG"])
def test_a_picture_is_reduced_and_keeps_its_sides(tmp_path, encoding):
    Image.new("RGB", (2400, 600), (200, 30, 30)).save(tmp_path / "a.png")
    picture = embedded(tmp_path / "a.png", width=600, encoding=encoding)
    kind, _, encoded = picture.source.partition(",")
    assert kind == f"data:image/{encoding.lower()};base64"
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as read:
        assert read.size == (picture.width, picture.height) == (600, 150)
    assert Page(picture.tag('a "b"')).find("img")[0]["alt"] == 'a "b"'


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_what_is_no_picture(tmp_path, data):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(OSError):
        embedded(tmp_path / "a.png", width=600)


def test_a_header_that_promises_too_much_is_refused_before_anything_is_decoded(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(SeglabError, match="million pixels"):
        embedded(tmp_path / "a.png", width=600)
