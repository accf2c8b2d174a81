"""Which files an input stands for, and that no two results get one name."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from seglab.errors import SeglabError
from seglab.inference.inputs import find


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in (
        "a.png",
        "a.JPG",
        "deep/a.png",
        "b.mp4",
        "notes.txt",
        ".hidden.png",
        ".cache/c.png",
        "out/masks/a.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(given: Path, output: Path) -> list[str]:
    return [one.name for one in find(str(given), suffixes=(".png", ".jpg", ".mp4"), output=output)]


def test_folder_is_searched_to_its_depth_without_hidden_files_and_own_output(folder):
    assert names(folder, folder / "out") == ["a.JPG", "a.png", "b", "deep/a"]  # a.JPG and a.png would both be a
    assert "out/masks/a" in names(folder, folder / "elsewhere")


def test_output_around_the_input_hides_nothing(folder):
    assert names(folder / "deep", folder) == ["a"]


def test_glob_names_are_relative_to_the_folder_of_all_matches(folder):
    assert names(folder / "**" / "a.png", folder / "out") == ["a", "deep/a"]
    assert names(folder / "*.mp4", folder / "out") == ["b"]


def test_file_alone_is_taken_whatever_it_is_called(folder):
    assert names(folder / "notes.txt", folder) == ["notes"]


@pytest.mark.parametrize(
    ("given", "words"), [("gone", "does not exist"), ("*.bmp", "0 paths match"), ("none", "none is")]
)
def test_nothing_found_is_an_error_with_the_path(folder, given, words):
    (folder / "none").mkdir()
    with pytest.raises(SeglabError, match=words) as caught:
        find(str(folder / given), suffixes=(".png",), output=folder / "out")
    assert str(folder / given) in str(caught.value)


@pytest.fixture
def zipped(tmp_path) -> Path:
    with ZipFile(tmp_path / "pictures.zip", "w") as archive:
        for name in ("b.png", "deep/a.png", "deep/c.mp4", "deep/.hidden.png", "../out.png"):
            archive.writestr(name, b"")
    return tmp_path / "pictures.zip"


def test_archive_is_a_folder(zipped):
    assert names(zipped, zipped.parent) == ["b", "deep/a"]
    assert names(zipped / "deep", zipped.parent) == ["a"]
    assert names(zipped / "deep" / "*.png", zipped.parent) == ["a"]
    assert names(zipped / "**" / "*.png", zipped.parent) == ["b", "deep/a"]
    assert names(zipped / "deep" / "a.png", zipped.parent) == ["a"]
    with pytest.raises(SeglabError, match="0 paths match"):
        names(zipped / "*.jpg", zipped.parent)
    with pytest.raises(SeglabError, match="gone' does not exist"):
        names(zipped / "gone", zipped.parent)


def test_a_glob_stands_for_several_archives(zipped):
    (zipped.parent / "other.zip").write_bytes(zipped.read_bytes())
    both = ["other.zip/b", "other.zip/deep/a", "pictures.zip/b", "pictures.zip/deep/a"]
    assert set(both) < set(names(zipped.parent / "*.zip", zipped.parent))
    assert names(zipped.parent / "*.zip" / "**" / "*.png", zipped.parent) == both
    assert names(zipped.parent / "[o]*.zip" / "deep" / "*.png", zipped.parent) == ["a"]
    with pytest.raises(SeglabError, match=r"match '.*/\*\.zip/\*\.jpg'; 0 paths match"):
        names(zipped.parent / "*.zip" / "*.jpg", zipped.parent)


def test_damaged_archive_is_named(zipped):
    zipped.write_bytes(zipped.read_bytes()[:-30])
    with pytest.raises(SeglabError, match=r"expected images in '.*pictures.zip', which cannot be read: damaged, "):
        names(zipped, zipped.parent)


def test_links_that_loop_end_and_show_each_file_once(folder):
    (folder / "deep" / "again").symlink_to(folder, target_is_directory=True)
    (folder / "itself").symlink_to("itself")
    (folder / "itself.png").symlink_to("itself.png")
    expected = ["a.JPG", "a.png", "b", "deep/a"]
    assert names(folder, folder / "out") == expected
    assert names(folder, folder / "itself") == [*expected, "out/masks/a"]
    assert names(folder / "**" / "*", folder / "out") == expected
    with pytest.raises(SeglabError, match="does not exist"):
        names(folder / "itself", folder / "out")


def test_pictures_of_another_kind_are_not_passed_over_in_silence(folder, caplog):
    for name in ("a.tif", "b.webp", "deep/c.tif", "out/d.tif", "notes.txt"):
        (folder / name).touch()
    assert names(folder, folder / "out") == ["a.JPG", "a.png", "b", "deep/a"]
    assert f"2 .tif, 1 .webp in '{folder}' are passed over; .png, .jpg, .mp4 are read" in caplog.text
    with ZipFile(folder / "outer.zip", "w") as file:
        file.writestr("inner.zip", b"")
    with pytest.raises(SeglabError, match=r"there are 1 \.zip alone - convert or unpack them"):
        find(str(folder / "outer.zip"), suffixes=(".png",), output=folder / "out")
