"""Data sets in the archives that they are downloaded as: read in place, equal to the unpacked folder."""

import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from seglab.data.bdd import BDD100K
from seglab.data.cache import cached
from seglab.data.cityscapes import Cityscapes
from seglab.data.image_pairs import ImagePairs
from seglab.data.parallel import map_samples
from seglab.data.statistics import class_statistics
from seglab.data.synthetic import write_scenes
from seglab.diagnostics.dataset import check_split
from seglab.errors import SeglabError
from seglab.evaluation.cityscapes_files import evaluate_pairs, find_pairs
from seglab.evaluation.data import has_official
from seglab.runs import data_files

IMAGES, MASKS = "leftImg8bit_trainvaltest.zip", "gtFine_trainvaltest.zip"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("unpacked")
    return write_scenes(place, seed=1, train=33, val=2, test=1, height=32, width=64)


@pytest.fixture
def archives(unpacked, tmp_path) -> Path:
    """A folder with the two official archives and nothing else."""
    root = tmp_path / "archives"
    root.mkdir()
    for name in (IMAGES, MASKS):
        pack(root / name, unpacked, below=name.partition("_")[0])
    return root


def pack(path: Path, folder: Path, *, below: str, inside: str = "") -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("README", "of the data set")
        for member in sorted((folder / below).rglob("*")):
            file.write(member, Path(inside, member.relative_to(folder)))


def remove(path: Path, pattern: str) -> Path:
    """Writes an archive again without its first member that matches, which it returns."""
    with zipfile.ZipFile(path) as file:
        content = {name: file.read(name) for name in file.namelist()}
    left_out = next(name for name in content if Path(name).match(pattern))
    with zipfile.ZipFile(path, "w") as file:
        for name in content.keys() - {left_out}:
            file.writestr(name, content[name])
    return Path(left_out)


def reader(root: Path, split: str = "train") -> Cityscapes:
    return Cityscapes(root, split, labels="cityscapes_19")


def fingerprint(source: Cityscapes) -> str:
    return data_files.fingerprint(data_files.sizes(path for sample in source.samples for path in sample.files))


def same_pixels(source, other) -> bool:
    return all(
        np.array_equal(one, two)
        for index in range(len(source.samples))
        for one, two in zip(source.read(index), other.read(index), strict=True)
    )


def test_the_archives_are_the_unpacked_folder(unpacked, archives):
    inside, outside = reader(archives), reader(unpacked)
    assert [sample.name for sample in inside.samples] == [sample.name for sample in outside.samples]
    assert inside.samples[0].mask.relative_to(archives / MASKS) == outside.samples[0].mask.relative_to(unpacked)
    assert same_pixels(inside, outside)
    assert fingerprint(inside) == fingerprint(outside)


def test_a_run_finds_its_files_unchanged_in_the_archive(archives, tmp_path):
    source = reader(archives, "val")
    key = data_files.keep(data_files.sizes(path for sample in source.samples for path in sample.files), tmp_path)
    assert data_files.difference(key, tmp_path) is None
    gone = remove(archives / MASKS, "val/*/*labelIds.png")
    data_files.difference.cache_clear()
    assert f"1 of 4 files differ; '{archives / MASKS / gone}' is gone" in data_files.difference(key, tmp_path)


def test_a_folder_goes_before_an_archive(unpacked, archives):
    shutil.copytree(unpacked / "leftImg8bit", archives / "leftImg8bit")
    (archives / IMAGES).write_bytes(b"never looked at")
    source = reader(archives)
    assert source.samples[0].image.is_file()
    assert MASKS in str(source.samples[0].mask)


def _mean(source: Cityscapes, index: int) -> tuple[float, float]:
    image, mask = source.read(index)
    return image.mean(), mask.mean()


def test_worker_processes_cache_and_statistics_read_it(unpacked, archives, tmp_path):
    inside, outside = reader(archives), reader(unpacked)
    assert list(map_samples(_mean, inside, title="", processes=2)) == [_mean(outside, i) for i in range(33)]
    options = {"size": (16, 32), "title": "x", "recipe": "x"}
    kept = [cached(source, folder=tmp_path / "cache", **options) for source in (inside, outside)]
    assert same_pixels(*kept)
    assert cached(inside, folder=tmp_path / "cache", **options).folder == kept[0].folder
    counted = [class_statistics(source, folder=tmp_path / "counts", title="") for source in (inside, outside)]
    assert counted[0] == counted[1]
    assert check_split("train", inside).contents == check_split("train", outside).contents


def test_another_content_of_the_same_size_is_another_cache(archives, tmp_path):
    options = {"folder": tmp_path, "size": (16, 32), "title": "x", "recipe": "x"}
    before = cached(reader(archives, "val"), **options).folder
    with zipfile.ZipFile(archives / IMAGES) as file:
        content = {name: file.read(name) for name in file.namelist()}
    changed = next(name for name in content if "/val/" in name and name.endswith(".png"))
    pixels = cv2.imdecode(np.frombuffer(content[changed], np.uint8), cv2.IMREAD_COLOR)
    other = cv2.imencode(".png", 255 - pixels)[1].tobytes()
    with zipfile.ZipFile(archives / IMAGES, "w") as file:
        for name, data in content.items():
            file.writestr(name, other if name == changed else data)
    assert cached(reader(archives, "val"), **options).folder != before


def test_the_official_scores_read_it(unpacked, archives, tmp_path):
    assert has_official("auto", reader(archives, "val"))
    for path in (unpacked / "gtFine" / "val").rglob("*_labelIds.png"):
        shutil.copy(path, tmp_path / path.name.replace("_gtFine_labelIds", ""))
    inside, outside = (
        evaluate_pairs(find_pairs(tmp_path, truth), processes=1).compute()
        for truth in (archives / MASKS / "gtFine" / "val", unpacked / "gtFine" / "val")
    )
    np.testing.assert_equal(inside, outside)  # with its NaN
    remove(archives / MASKS, "val/*/*instanceIds.png")
    assert not has_official("auto", reader(archives, "val"))


def test_what_an_archive_lacks_is_named(archives):
    missing = remove(archives / MASKS, "train/*/*labelIds.png")
    name = missing.name.removesuffix("_gtFine_labelIds.png")
    with pytest.raises(SeglabError, match=rf"there is no '{name}' in '.*{MASKS}/gtFine/train"):
        reader(archives)
    (archives / MASKS).unlink()
    with pytest.raises(SeglabError, match=f"gtFine/val', or an archive that has it; neither is there, only {IMAGES} "):
        reader(archives, "val")


def test_a_damaged_archive_or_member_is_named(archives):
    source = reader(archives, "val")
    data = bytearray((archives / IMAGES).read_bytes())
    with zipfile.ZipFile(archives / IMAGES) as file:
        data[file.getinfo(str(source.samples[0].image.relative_to(archives / IMAGES))).header_offset + 300] ^= 0xFF
    (archives / IMAGES).write_bytes(data)
    with pytest.raises(SeglabError, match="damaged in its archive") as caught:
        source.read(0)
    assert str(source.samples[0].image) in str(caught.value)
    (archives / IMAGES).write_bytes(data[:-30])
    with pytest.raises(SeglabError, match=f"{IMAGES}' is damaged, or not downloaded completely .* - download it again"):
        reader(archives, "val")


def test_two_archives_with_one_folder_are_refused(archives):
    shutil.copy(archives / IMAGES, archives / "copy.zip")
    with pytest.raises(SeglabError, match=f"in one archive .*copy.zip/leftImg8bit/val' and '.*{IMAGES}/leftImg8bit/"):
        reader(archives, "val")


@pytest.mark.parametrize(("name", "kind"), [("bdd", BDD100K), ("image_pairs", ImagePairs)])
def test_other_data_sets_in_their_archives(standins, tmp_path, name, kind):
    standin = standins[name]
    above = {"bdd": "bdd100k", "image_pairs": "cityscapes_data"}[name]
    pack(tmp_path / "archive.zip", standin.root, below="", inside=above)
    options = {"labels": "bdd_19"} if name == "bdd" else {"labels": "cityscapes_19", "palette": 35, "distance": None}
    assert same_pixels(kind(tmp_path, "train", **options), kind(standin.root, "train", **options))


def test_an_archive_may_end_in_capitals(archives):
    names = [sample.name for sample in reader(archives).samples]
    (archives / MASKS).rename(archives / "gt (1).ZIP")
    assert [sample.name for sample in reader(archives).samples] == names


def test_an_archive_with_other_folders_at_its_top_is_told_of_with_what_it_holds(unpacked, tmp_path):
    pack(tmp_path / "all.zip", unpacked, below="gtFine", inside="cityscapes")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as file:
        file.writestr(IMAGES, b"an archive in an archive")
    with pytest.raises(
        SeglabError, match=rf"all.zip \(in it: README, cityscapes\), outer.zip \(in it: {IMAGES}\) - .*unpack"
    ):
        reader(tmp_path)


def test_an_archive_is_no_root(archives):
    with pytest.raises(SeglabError, match=rf"is a file - data.root is the folder that it lies in: '{archives}'"):
        reader(archives / IMAGES)
