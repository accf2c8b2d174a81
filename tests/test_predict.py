"""`python -m seglab.predict` as a user types it, with a run trained once for all of these tests."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from seglab import predict as predict_entry
from seglab import runs
from seglab.data.image_files import read_ids, read_image
from seglab.display import draw
from seglab.errors import SeglabError
from seglab.labels import CITYSCAPES_LABELS, label_space
from tests.composed import compose
from tests.forked import Forked
from tests.waiting import PATIENCE

LABELS = label_space("cityscapes_19")
STREET = (
    "data.prepare.train=8", "data.prepare.val=4", "data.prepare.test=2",
    "data.prepare.height=64", "data.prepare.width=128", "data.size=[32,64]", "data.batch_size=2", "data.num_workers=0",
    "model.base=4", "model.depth=2", "model.size_divisor=4", "callbacks.pictures=null",
    "trainer.accelerator=cpu", "trainer.max_epochs=1", "trainer.log_every_n_steps=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(command_server, environment, tmp_path_factory) -> Path:
    """The folder of a run."""
    folder = tmp_path_factory.mktemp("trained")
    typed = [sys.executable, "-m", "seglab.train", *STREET]
    process = Forked(command_server, typed, folder=folder, environment=environment)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    (run,) = (folder / "outputs" / "runs").iterdir()
    return run


@pytest.fixture
def predict(command, trained) -> Callable[..., subprocess.CompletedProcess[str]]:
    def call(*arguments: str, run: bool = True) -> subprocess.CompletedProcess[str]:
        chosen = (f"run={trained}", "device=cpu") if run else ()
        done = command("predict", *chosen, *arguments, small=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return call


@pytest.fixture
def scenes(data_folder, trained) -> Path:
    (folder,) = (data_folder / "synthetic").glob("64x128-*-8-4-2-*")
    return folder


@pytest.fixture
def image(scenes) -> Path:
    return sorted((scenes / "leftImg8bit" / "val").rglob("*.png"))[0]


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_one_image_gives_every_kind_at_its_own_size(predict, image, tmp_path):
    kinds = "masks,colors,overlays,side_by_side"
    done = predict(f"input={image}", f"write=[{kinds}]", "opacity=0.25")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    assert files(out) == sorted(f"{kind}/{image.name}" for kind in kinds.split(","))
    picture, mask = read_image(image), read_ids(out / "masks" / image.name)
    assert mask.shape == (64, 128)
    assert mask.max() < 19
    overlay = read_image(out / "overlays" / image.name)
    np.testing.assert_array_equal(overlay[:64, :128], draw.overlay(picture, mask, LABELS, opacity=0.25))
    assert overlay.shape[0] > 64  # the legend


@pytest.mark.slow
def test_existing_results_are_replaced_only_when_asked_for(predict, image, tmp_path):
    target = tmp_path / "out" / "masks" / image.name
    target.parent.mkdir(parents=True)
    target.write_bytes(b"precious")
    done = predict(f"input={image}", "write=[masks]")
    assert done.returncode == 2
    assert f"out/masks/{image.name}" in done.stderr
    assert "overwrite=true" in done.stderr
    assert target.read_bytes() == b"precious"
    done = predict(f"input={image}", "write=[masks]", "overwrite=true", "ids=label_ids")
    assert done.returncode == 0, done.stderr
    evaluated = {label.id for label in CITYSCAPES_LABELS if not label.ignore_in_eval}
    assert set(np.unique(read_ids(target))) <= evaluated


@pytest.mark.slow
def test_broken_file_in_a_folder_is_named_and_the_rest_is_written(predict, image, tmp_path):
    photos = tmp_path / "photos"
    (photos / "deep").mkdir(parents=True)
    data = image.read_bytes()
    (photos / "whole.png").write_bytes(data)
    (photos / "broken.png").write_bytes(data[: len(data) // 2])
    (photos / "deep" / "whole.png").write_bytes(data)
    cv2.imwrite(str(photos / "whole.jpg"), cv2.imread(str(image))[:40])
    (photos / "notes.txt").write_text("no picture")
    done = predict(
        "input=photos", "output=photos/predicted", "write=[masks]", "size=image", "tile=[32,32]", "flip=true"
    )
    assert done.returncode == 1
    assert "photos/broken.png" in done.stderr
    assert "cut off" in done.stderr
    written = photos / "predicted" / "masks"
    assert files(written) == ["deep/whole.png", "whole.jpg.png", "whole.png.png"]
    assert read_ids(written / "whole.jpg.png").shape == (40, 128)
    again = predict("input=photos", "output=photos/predicted", "write=[colors]")
    assert "3 of 4 inputs" in again.stderr  # what the first command wrote there is no input


@pytest.mark.slow
def test_glob_chooses_the_images(predict, scenes, tmp_path):
    chosen = sorted((scenes / "leftImg8bit" / "val").rglob("*.png"))
    done = predict(f"input='{scenes}/leftImg8bit/val/**/*.png'", "write=[masks]", "scales=[0.5,1.0]")
    assert done.returncode == 0, done.stderr
    assert [Path(name).name for name in files(tmp_path / "out" / "masks")] == [path.name for path in chosen]


@pytest.mark.slow
def test_a_crf_changes_label_maps_at_the_images_size(predict, image, tmp_path):
    for output, options in (("plain", ()), ("refined", ("post=crf", "crf.spatial_sd=2", "crf.iterations=3"))):
        done = predict(f"input={image}", f"output={output}", "write=[masks]", *options)
        assert done.returncode == 0, done.stderr
    plain, refined = (read_ids(tmp_path / output / "masks" / image.name) for output in ("plain", "refined"))
    assert refined.shape == plain.shape == (64, 128)
    assert (refined != plain).any()


@pytest.mark.slow
def test_batches_change_no_result(predict, scenes, tmp_path):
    (tmp_path / "photos").mkdir()
    for number, source in enumerate(sorted((scenes / "leftImg8bit").rglob("*.png"))[:6]):
        picture = cv2.imread(str(source))
        cv2.imwrite(str(tmp_path / "photos" / source.name), picture if number % 3 else picture[:48])
    write_video(tmp_path / "photos" / "drive.mp4", source, codec="mp4v", frames=5, size=(128, 64))
    for size in (1, 4):
        done = predict("input=photos", f"output={size}", "write=[masks]", "size=image", f"batch_size={size}")
        assert done.returncode == 0, done.stderr
    assert len(files(tmp_path / "1")) == 6 + 5
    assert files(tmp_path / "4") == files(tmp_path / "1")
    for name in files(tmp_path / "1"):
        alone, batched = read_ids(tmp_path / "1" / name), read_ids(tmp_path / "4" / name)
        # The last bit of a logit may depend on the size of the batch, and a border pixel on that bit.
        assert (alone != batched).mean() <= 1e-3


@pytest.mark.slow
def test_video_keeps_its_frames_size_and_rate(predict, image, tmp_path):
    write_video(tmp_path / "drive.mp4", image, codec="mp4v", frames=5, size=(128, 64))
    done = predict("input=drive.mp4", "write=[masks,colors,overlays]", "legend=false")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    assert files(out / "masks") == [f"drive/{index:06d}.png" for index in range(5)]
    for kind in ("colors", "overlays"):
        frames, rate = read_video(out / kind / "drive.mp4")
        assert len(frames) == 5
        assert {frame.shape for frame in frames} == {(64, 128, 3)}
        assert rate == pytest.approx(10)
    assert not list(out.rglob("*partial*"))


@pytest.mark.slow
def test_video_that_is_cut_off_is_named_and_its_readable_frames_are_kept(predict, image, tmp_path):
    write_video(tmp_path / "cut.avi", image, codec="MJPG", frames=20, size=(128, 64))
    data = (tmp_path / "cut.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.mp4").write_text("no video")
    done = predict("input='*.[am][vp]*'", "write=[overlays]")
    assert done.returncode == 1
    assert "cut.avi" in done.stderr
    assert "text.mp4" in done.stderr
    assert "could be read" in done.stderr
    frames, _ = read_video(tmp_path / "out" / "overlays" / "cut.mp4")
    assert 0 < len(frames) < 20
    assert frames[0].shape[0] > 64  # the legend


@pytest.mark.slow
def test_submission_is_named_and_checked_as_the_server_does(predict, image, tmp_path):
    big = cv2.resize(cv2.imread(str(image)), (2048, 1024), interpolation=cv2.INTER_NEAREST)
    for name in ("berlin_000000_000019", "bonn_000003_000019"):
        (tmp_path / "test" / name.split("_")[0]).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "test" / name.split("_")[0] / f"{name}_leftImg8bit.png"), big)
    shutil.make_archive(str(tmp_path / "leftImg8bit"), "zip", tmp_path, "test")  # read in place
    done = predict("input=leftImg8bit.zip/test", "format=cityscapes")
    assert done.returncode == 0, done.stderr
    names = ["berlin_000000_000019_pred_labelIds.png", "bonn_000003_000019_pred_labelIds.png"]
    with zipfile.ZipFile(tmp_path / "out" / "submission.zip") as archive:
        assert sorted(archive.namelist()) == names
        archive.extractall(tmp_path / "sent")
    evaluated = {label.id for label in CITYSCAPES_LABELS if not label.ignore_in_eval}
    for name in names:
        mask = cv2.imread(str(tmp_path / "sent" / name), cv2.IMREAD_UNCHANGED)
        assert mask.shape == (1024, 2048)
        assert mask.dtype == np.uint8
        assert set(np.unique(mask)) <= evaluated
    assert "1525" in done.stderr  # two images are no complete test split


@pytest.mark.slow
def test_submission_without_every_image_is_not_zipped(predict, image, tmp_path):
    (tmp_path / "berlin_000000_000019_leftImg8bit.png").write_bytes(image.read_bytes())
    done = predict("input='*.png'", "format=cityscapes")
    assert done.returncode == 1
    assert "expected an image of 2048x1024" in done.stderr
    assert "has 128x64" in done.stderr
    assert "no zip" in done.stderr
    assert not (tmp_path / "out" / "submission.zip").exists()


@pytest.mark.slow
def test_corrupt_mask_is_named_and_the_rest_is_converted(predict, tmp_path):
    folder = tmp_path / "gt"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.array([[7, 0, 33]], np.uint8))
    cv2.imwrite(str(folder / "b.png"), np.array([[7, 99, 33]], np.uint8))
    done = predict("mode=masks", "input=gt", "to=foreground", run=False)
    assert done.returncode == 1
    assert "gt/b.png" in done.stderr
    assert "99" in done.stderr
    assert files(tmp_path / "out") == ["a_foreground.png"]
    assert read_ids(tmp_path / "out" / "a_foreground.png").tolist() == [[255, 0, 255]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("run=run", "input=nowhere"), "'nowhere' does not exist"),
        (("run=run", "input='*.jpg'"), "match '*.jpg'"),
        (("run=run", "input=empty"), "in the folder 'empty'"),
        (
            ("run=gone", "input=one.png"),
            "run=gone: expected the folder of a trained run, with config.yaml and checkpoints/best.ckpt in it; "
            "it does not exist",
        ),
        (
            ("run=empty", "input=one.png"),
            "it has no config.yaml and no checkpoints/best.ckpt - python -m seglab.runs lists the runs",
        ),
        (
            ("run=run", "input=one.png", "checkpoint=last"),
            "it has no checkpoints/last.ckpt - python -m seglab.runs lists the runs",
        ),
        (("input=one.png",), "run is not set"),
        (("run=run",), "input is not set"),
        (("mode=masks",), "input is not set"),
        (("input=one.png", "write=[overlay]"), "did you mean 'overlays'"),
        (("input=one.png", "write=[]"), "expected a list"),
        (("run=run", "input=one.png", "opacity=2"), "opacity is 2"),
        (("run=run", "input=one.png", "size=[4]"), "size is [4]"),
        (("run=run", "input=one.png", "tile=[0,4]"), "tile is [0, 4]"),
        (("run=run", "input=one.png", "batch_size=0"), "batch_size is 0; expected a whole number >= 1"),
    ],
)
def test_mistakes_are_told_before_anything_heavy_is_imported(tmp_path, monkeypatch, arguments, expected):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "seglab.inference.prediction", None)  # importing it would fail
    for folder in ("empty", "run/checkpoints"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("one.png", "run/config.yaml", "run/checkpoints/best.ckpt"):
        (tmp_path / file).touch()
    (tmp_path / "run" / "config.yaml").write_text("data: {}\n")
    settings = runs.plain(compose("predict", overrides=list(arguments)))

    def checked() -> None:
        predict_entry.check(settings)
        predict_entry.predict(settings)

    with pytest.raises(SeglabError) as caught:
        checked()
    assert expected in str(caught.value)


@pytest.mark.slow
def test_mistake_in_the_command_is_one_message(predict, image, tmp_path):
    done = predict(f"input={image}", "format=cityscapes", "opasity=1")
    assert done.returncode == 2
    assert "did you mean 'opacity'" in done.stderr
    assert not (tmp_path / "out").exists()


def write_video(path: Path, image: Path, *, codec: str, frames: int, size: tuple[int, int]) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 10, size)
    picture = cv2.resize(cv2.imread(str(image)), size)
    for index in range(frames):
        writer.write(np.roll(picture, 4 * index, axis=1))
    writer.release()


def read_video(path: Path) -> tuple[list[np.ndarray], float]:
    capture, frames = cv2.VideoCapture(str(path)), []
    while (frame := capture.read())[0]:
        frames.append(frame[1])
    return frames, capture.get(cv2.CAP_PROP_FPS)
