"""Which files a run was trained on, and that a change is noticed without reading them."""

import os
from pathlib import Path

import pytest

from seglab import runs
from seglab.data.source import Sample
from seglab.errors import SeglabError
from seglab.runs import data_files


@pytest.fixture(autouse=True)
def nothing_remembered():
    data_files.difference.cache_clear()


@pytest.fixture
def samples(tmp_path) -> list[Sample]:
    (tmp_path / "data").mkdir()
    made = []
    for number in range(3):
        image, mask = (tmp_path / "data" / f"{number}_{kind}.png" for kind in ("image", "mask"))
        image.write_bytes(b"x" * (10 + number))
        mask.write_bytes(b"y")
        made.append(Sample(image, mask if number else None, str(number), "all"))
    return made


def sizes(samples: list[Sample]) -> dict[Path, int]:
    return data_files.sizes(path for sample in samples for path in sample.files)


def test_fingerprint_is_of_names_and_sizes(samples, tmp_path):
    before = data_files.fingerprint(sizes(samples))
    os.utime(samples[0].image, (1, 1))
    assert data_files.fingerprint(sizes(samples)) == before
    there = tmp_path / "data2"
    moved = [
        Sample(there / sample.image.name, sample.mask and there / sample.mask.name, sample.name, "x")
        for sample in samples
    ]
    (tmp_path / "data").rename(tmp_path / "data2")
    assert data_files.fingerprint(sizes(moved)) == before
    assert data_files.fingerprint(sizes(moved[:2])) != before
    moved[1].mask.write_bytes(b"yy")
    assert data_files.fingerprint(sizes(moved)) != before


def trained(tmp_path: Path, samples: list[Sample]) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    key = data_files.keep(sizes(samples), tmp_path)
    runs.update_record(folder, status="finished", data_fingerprint=key)
    return folder


def test_changed_and_missing_files_are_named(samples, tmp_path):
    folder = trained(tmp_path, samples)
    data_files.check(folder, output=tmp_path)
    samples[2].image.write_bytes(b"longer than it was")
    samples[1].mask.unlink()
    data_files.difference.cache_clear()
    with pytest.raises(SeglabError, match=r"2 of 5 files differ; '.*1_mask\.png' is gone - restore them"):
        data_files.check(folder, output=tmp_path)
    samples[1].mask.write_bytes(b"y")
    data_files.difference.cache_clear()
    with pytest.raises(SeglabError, match=r"1 of 5 files differ; '.*2_image\.png' had 12 bytes and has 18"):
        data_files.check(folder, output=tmp_path)


def test_a_data_set_that_is_elsewhere_now_is_no_change(samples, tmp_path):
    folder = trained(tmp_path, samples)
    (tmp_path / "data").rename(tmp_path / "data2")
    data_files.check(folder, output=tmp_path)
    data_files.check(folder, output=tmp_path / "another output")


def test_other_samples_are_another_data_set(samples, tmp_path):
    folder = trained(tmp_path, samples)
    now = data_files.keep(sizes(samples[:2]), tmp_path)
    with pytest.raises(SeglabError, match="other files, or other samples"):
        data_files.check(folder, output=tmp_path, now=now)
    runs.update_record(folder, data_fingerprint=None)
    data_files.check(folder, output=tmp_path, now=now)
