"""Files in zip archives: read as the unpacked ones, by several processes; every damage is an OSError that says so."""

import multiprocessing
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seglab.runs import archive

CONTENT = {"gt/train/aachen/a.png": b"a" * 70_000, "gt/train/b.png": b"b", "gt/val/c.jpg": os.urandom(70_000)}


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    return pack(tmp_path / "gt.zip", CONTENT)


def pack(path: Path, content: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in content.items():
            file.writestr(name, data)
    return path


def test_a_member_is_read_as_a_file(packed, tmp_path):
    for name, data in CONTENT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
        for path in (packed / name, tmp_path / name):
            assert archive.read_bytes(path) == data
            assert archive.read_bytes(path, first=5) == data[:5]
            assert archive.status(path).size == len(data)
            assert archive.is_file(path)
            assert not archive.is_dir(path)
    assert not archive.is_file(packed / "gt/train")
    assert archive.is_dir(packed / "gt/train")
    assert archive.is_dir(packed)


@pytest.mark.parametrize("pattern", ["*", "*.png", "*/*.png", "*/*", "**/*", "**/*.png"])
def test_a_pattern_matches_what_it_matches_in_a_folder(packed, tmp_path, pattern):
    for name, data in CONTENT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    inside = {path.relative_to(packed / "gt") for path in archive.matching(packed / "gt", pattern)}
    unpacked = (path for path in archive.matching(tmp_path / "gt", pattern) if path.is_file())
    assert inside == {path.relative_to(tmp_path / "gt") for path in unpacked}


def test_what_is_not_there_is_missing_as_a_file_is(packed):
    for missing in (packed / "gt/train/x.png", packed / "gt", packed.with_name("other.zip") / "gt/a.png"):
        with pytest.raises(FileNotFoundError):
            archive.read_bytes(missing)
        with pytest.raises(OSError):
            archive.status(missing / "a")
        assert not archive.is_file(missing)


def test_no_name_leads_out_of_an_archive(tmp_path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    names = ("../secret.png", "/etc/passwd", "a/../../b.png", "ok.png")
    packed = pack(tmp_path / "x.zip", dict.fromkeys(names, b"x"))
    assert [path.name for path in archive.matching(packed, "**/*")] == ["ok.png"]
    for name in names[:3:2]:
        with pytest.raises(FileNotFoundError):
            archive.read_bytes(packed / name)


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("position", [0, 60, 100])  # of the local header, and of the content
def test_a_damaged_member_says_so(tmp_path, compression, position):
    packed = pack(tmp_path / "x.zip", {"a.png": os.urandom(1000)}, compression)
    flip(packed, position)
    with pytest.raises(OSError, match="damaged in its archive"):
        archive.read_bytes(packed / "a.png")


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.999])
def test_a_part_of_an_archive_says_so(packed, keep):
    data = packed.read_bytes()
    packed.write_bytes(data[: int(keep * len(data))])
    for ask in (archive.read_bytes, archive.status, archive.is_dir, archive.is_file):
        with pytest.raises(OSError, match="damaged, or not downloaded completely"):
            ask(packed / "gt/train")


def test_an_encrypted_member_says_so(tmp_path):
    packed = pack(tmp_path / "x.zip", {"a.png": b"x" * 100})
    data = bytearray(packed.read_bytes())
    for start, flags in ((0, 6), (data.index(b"PK\1\2"), 8)):
        data[start + flags] |= 1
    packed.write_bytes(data)
    with pytest.raises(OSError, match=r"damaged in its archive \(.*encrypted"):
        archive.read_bytes(packed / "a.png")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    packed = pack(tmp_path / "x.zip", {"a.png": b"\0" * 1000})
    data = bytearray(packed.read_bytes())
    start = data.index(b"PK\1\2")
    data[start + 24 : start + 28] = (2_000_000_000).to_bytes(4, "little")  # the size that the index gives
    packed.write_bytes(data)
    with pytest.raises(OSError, match="unpacked it has 2000000000 bytes, more than any picture"):
        archive.read_bytes(packed / "a.png")


def test_an_archive_that_was_replaced_is_read_anew(packed):
    before = archive.status(packed / "gt/train/b.png")
    pack(packed, {"gt/train/b.png": b"c"})
    os.utime(packed, ns=(1, 1))
    assert archive.read_bytes(packed / "gt/train/b.png") == b"c"
    after = archive.status(packed / "gt/train/b.png")
    assert before.size == after.size
    assert before.version != after.version


def test_threads_read_at_the_same_time(packed):
    paths = [packed / name for name in CONTENT] * 100
    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(archive.read_bytes, paths)] == [*CONTENT.values()] * 100


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_read_at_the_same_time(packed, method):
    paths = [packed / name for name in CONTENT] * 100
    assert archive.read_bytes(paths[0]) == CONTENT["gt/train/aachen/a.png"]  # opened here, before the others are forked
    with multiprocessing.get_context(method).Pool(3) as pool:
        assert pool.map(archive.read_bytes, paths, chunksize=5) == [*CONTENT.values()] * 100
