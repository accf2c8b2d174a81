"""Images that are not three channels of 8 bits are read as they are, and everything behind the reader follows."""

from pathlib import Path

import albumentations
import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from seglab import compose, config, runs
from seglab.data.cache import cached
from seglab.data.dataset import SegmentationDataset
from seglab.data.folder import Folder
from seglab.data.image_files import read_image
from seglab.data.transforms import Augmentation, resize
from seglab.display.rgb import as_rgb
from seglab.errors import SeglabError
from seglab.inference.predictor import Predictor
from seglab.training.build import build_module
from tests.training.test_module import Quarter, module

MODELS = sorted(path.stem for path in (config.FOLDER / "model").glob("*.yaml"))
LABELS = {"name": "mine", "names": ["other", "field"], "colors": None, "ignore_values": [255], "mapping": None}
PLACES = {"images": "{split}/images", "masks": "{split}/masks"}
BANDS = ("data=folder", "augment=flip", "data.size=[32,32]", "data.batch_size=2", "data.num_workers=0")


def picture(channels: int, dtype: type = np.uint16, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, (32, 48, channels), dtype=dtype)


def save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, image)
    else:
        order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}.get(image.shape[2])
        assert cv2.imwrite(str(path), image if order is None else cv2.cvtColor(image, order))


def write(root: Path, *, channels: int, dtype: type = np.uint16, suffix: str = ".npy", count: int = 4) -> Path:
    """A data set of a bright field on dark ground, in every channel."""
    for number, split in enumerate(("train", "val", "test")):
        for index in range(count):
            image, mask = picture(channels, dtype, seed=10 * number + index) // 3, np.zeros((32, 48), np.uint8)
            mask[4 * index : 4 * index + 16, 8:24] = 1
            image[mask == 1] += np.iinfo(dtype).max // 2
            save(root / split / "images" / f"{index}{suffix}", image)
            save(root / split / "masks" / f"{index}.png", mask[..., None])
    return root


def folder(root: Path, channels: int) -> Folder:
    return Folder(root, "train", labels=LABELS, channels=channels, **PLACES)


@pytest.mark.parametrize(
    ("name", "channels", "dtype"),
    [
        ("grey.png", 1, np.uint8), ("grey.png", 1, np.uint16), ("grey.tif", 1, np.uint16), ("color.png", 3, np.uint16),
        ("color.tif", 3, np.uint8), ("four.png", 4, np.uint8), ("four.tif", 4, np.uint16), ("seven.npy", 7, np.uint8),
        ("seven.npy", 7, np.uint16),
    ],
)  # fmt: skip
def test_an_image_is_read_as_it_is(tmp_path, name, channels, dtype):
    image = picture(channels, dtype)
    save(tmp_path / name, image)
    got = read_image(tmp_path / name, channels=channels)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, image)


def test_the_pages_of_a_tiff_are_channels_and_a_flat_array_is_one(tmp_path):
    image = picture(5, np.uint8)
    first, *others = (Image.fromarray(image[..., channel]) for channel in range(5))
    first.save(tmp_path / "bands.tif", save_all=True, append_images=others)
    np.testing.assert_array_equal(read_image(tmp_path / "bands.tif", channels=5), image)
    np.save(tmp_path / "flat.npy", image[..., 0])
    np.testing.assert_array_equal(read_image(tmp_path / "flat.npy", channels=1), image[..., :1])
    Image.fromarray(image[..., 0]).save(tmp_path / "grey.jpg", quality=100)
    assert read_image(tmp_path / "grey.jpg", channels=1).shape == (32, 48, 1)
    assert read_image(tmp_path / "grey.jpg").shape == (32, 48, 3)  # as ever: grey is repeated


@pytest.mark.parametrize(
    ("name", "channels", "message"),
    [
        ("four.png", 1, r"data.channels=1 channels of 8 or 16 bits; '.*four.png' is uint8 32 x 48 x 4"),
        ("deep.png", 3, "data.channels=3 .*deep.png' is uint16 32 x 48 x 1 .* set data.channels, and module.mean"),
        ("seven.npy", 3, "data.channels=3 .*seven.npy' is uint16 32 x 48 x 7"),
        ("float.npy", 2, "float.npy' is float32 32 x 48 x 2"),
        ("object.npy", 2, "expected an image as .npy; '.*object.npy': Object arrays cannot be loaded"),
        ("half.npy", 7, "expected an image as .npy; '.*half.npy'"),
        ("half.tif", 4, "half.tif' is damaged or has more than four channels a page"),
        ("seven.tif", 7, "seven.tif' is uint8 32 x 48 x 4"),
    ],
)
def test_another_image_gets_one_message_that_names_it(tmp_path, name, channels, message):
    save(tmp_path / "four.png", picture(4, np.uint8))
    save(tmp_path / "deep.png", picture(1))
    save(tmp_path / "seven.npy", picture(7))
    save(tmp_path / "whole.tif", picture(4))
    save(tmp_path / "seven.tif", picture(4, np.uint8))
    np.save(tmp_path / "float.npy", picture(2).astype(np.float32))
    np.save(tmp_path / "object.npy", np.array([{}], dtype=object))
    for half, whole in (("half.npy", "seven.npy"), ("half.tif", "whole.tif")):
        data = (tmp_path / whole).read_bytes()
        (tmp_path / half).write_bytes(data[: len(data) // 2])
    with pytest.raises(SeglabError, match=message):
        read_image(tmp_path / name, channels=channels)


def test_resizing_keeps_channels_and_depth():
    for channels in (1, 3, 7):
        for size in ((16, 24), (15, 22), (40, 50)):
            image, mask = resize(picture(channels), np.zeros((32, 48), np.uint8), size)
            assert (image.shape, image.dtype, mask.shape) == ((*size, channels), np.uint16, size)
            last = cv2.resize(picture(channels)[..., -1], size[::-1], interpolation=cv2.INTER_AREA)
            if size != (40, 50):
                np.testing.assert_array_equal(image[..., -1], last)


def test_cache_and_batches_hold_what_the_files_do(tmp_path):
    source = folder(write(tmp_path / "data", channels=7), 7)
    settings = {"folder": tmp_path / "cache", "size": (16, 24), "title": "t", "recipe": "r", "channels": 7}
    for _ in ("built", "found"):
        cache = cached(source, **settings)
        for index in range(4):
            for got, expected in zip(cache.read(index), resize(*source.read(index), (16, 24)), strict=True):
                assert got.dtype == expected.dtype
                np.testing.assert_array_equal(got, expected)
    flip = Augmentation([albumentations.HorizontalFlip(p=1.0)])
    batch = SegmentationDataset(cache, size=(16, 24), augmentation=flip).__getitems__([(0, 1), (1, 2)])
    assert batch["image"].dtype == torch.uint16
    for position in range(2):
        np.testing.assert_array_equal(
            batch["image"][position].numpy(), np.moveaxis(cache.read(position)[0][:, ::-1], 2, 0)
        )


def test_files_of_two_depths_are_refused_with_and_without_a_cache(tmp_path):
    root = write(tmp_path / "data", channels=4, suffix=".png")
    save(root / "train/images/2.png", picture(4, np.uint8))
    source = folder(root, 4)
    with pytest.raises(SeglabError, match=r"one depth in a split; the first is uint16 and '.*2.png' uint8"):
        cached(source, folder=tmp_path / "cache", size=(16, 24), title="t", recipe="r", channels=4)
    with pytest.raises(SeglabError, match="one depth in a split; '1' is uint16 and '2' uint8"):
        SegmentationDataset(source, size=None, augmentation=None).__getitems__([(1, 0), (2, 0)])


def test_a_transform_that_is_for_colours_is_refused_by_one_message():
    jitter = Augmentation([albumentations.ColorJitter(p=1.0)])
    with pytest.raises(SeglabError, match=r"of uint8 with 4 channels; one of augment.transforms does not: .*flip"):
        jitter(picture(4, np.uint8), np.zeros((32, 48), np.uint8), 0)


@pytest.mark.parametrize("channels", [1, 4, 7])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_shapes_of_the_shipped_augmentations_keep_every_channel(channels, dtype):
    transforms = Augmentation(
        [
            albumentations.HorizontalFlip(p=1.0),
            albumentations.RandomScale(scale_limit=(-0.25, 0.5), p=1.0),
            albumentations.PadIfNeeded(min_height=32, min_width=48, p=1.0),
            albumentations.RandomCrop(height=32, width=48, p=1.0),
        ]
    )
    for seed in range(4):
        image, mask = transforms(picture(channels, dtype), np.zeros((32, 48), np.uint8), seed)
        assert (image.shape, image.dtype, mask.shape) == ((32, 48, channels), dtype, (32, 48))


def test_16_bits_are_normalised_on_the_scale_of_8():
    torch.manual_seed(0)
    network = module(Quarter())
    image = torch.randint(0, 256, (2, 3, 16, 24), dtype=torch.uint8)
    deep = (image.int() * 257).to(torch.uint16)
    assert torch.equal(network(image), network(deep))


def test_pictures_show_the_first_three_channels():
    image = picture(7)
    np.testing.assert_array_equal(as_rgb(image), image[..., :3] // 257)
    np.testing.assert_array_equal(as_rgb(picture(1, np.uint8))[..., 2], picture(1, np.uint8)[..., 0])
    rgb = picture(3, np.uint8)
    assert as_rgb(rgb).base is rgb


@pytest.mark.parametrize("model", MODELS)
def test_every_network_follows_the_channels_of_the_data(model):
    text = (config.FOLDER / "model" / f"{model}.yaml").read_text()
    assert "in_channels: 3" not in text
    assert "in_channels: ${oc.select:data.channels,3}" in text or "defaults:" in text


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data=folder", "data.channels=2"], r"module.mean has 3 numbers, module.std has 3 numbers; expected 2, .* for "
                                             r"example module.mean=\[0.5,0.5\] module.std=\[0.25,0.25\]"),
        (["module.mean=[0.5]"], "module.mean has 1 numbers, module.std has 3 numbers; expected 3"),
        (["data=folder", "data.channels=1", "module.mean=[0.5]", "module.std=[0.5]", "model.in_channels=3"],
         "model.in_channels is 3; expected 1, which is data.channels - write in_channels: "),
        (["data=camvid", "+data.channels=1", "module.mean=[0.5]", "module.std=[0.5]"],
         "data.channels is 1; expected 3, as seglab.data.camvid.CamVid reads RGB - data=folder reads others"),
        (["data=folder", "data.channels=0"], "data.channels is 0; expected a whole number >= 1"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_channels_is_refused_in_the_configuration(overrides, message):
    with pytest.raises(SeglabError, match=message):
        compose(["data.root=/nowhere", *overrides])


def test_a_network_of_seven_bands_is_built():
    values = ("module.mean=[" + ",".join(["0.5"] * 7) + "]", "module.std=[" + ",".join(["0.25"] * 7) + "]")
    built = build_module(runs.plain(compose(["data=folder", "data.channels=7", "model.base=4", *values])))
    assert built(torch.zeros(1, 7, 32, 32, dtype=torch.uint16)).shape == (1, 2, 32, 32)


class Single(nn.Module):
    """Class 1 where the only channel is bright."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.cat([-image, image], 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_is_predicted_in_every_view(tmp_path, dtype):
    image, mask = folder(write(tmp_path, channels=1, dtype=dtype, suffix=".png"), 1).read(0)
    grey = module(Single(), class_names=("dark", "bright"), size_divisor=1, mean=[0.42], std=[1.0])
    for views in ({}, {"flip": True, "scales": [1.0, 1.0]}, {"tile": (16, 16)}):
        np.testing.assert_array_equal(Predictor(grey, size=None, **views).label_map(image), mask)


@pytest.mark.slow
def test_a_run_on_other_images_from_its_check_to_its_predictions(command, tmp_path):
    channels, root = 7, write(tmp_path / "bands", channels=7)
    numbers = [f"module.{key}=[{','.join([value] * channels)}]" for key, value in (("mean", "0.4"), ("std", "0.3"))]
    data = [*BANDS, f"data.root={root}", f"data.channels={channels}"]
    checked = command("check_data", "data=folder", f"data.root={root}", f"data.channels={channels}", small=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    small = ["model.base=4", "trainer=cpu", "trainer.max_epochs=2", "output=out"]
    trained = command("train", *data, *numbers, *small, small=False)
    assert trained.returncode == 0, trained.stdout + trained.stderr
    (run,) = (tmp_path / "out" / "runs").iterdir()
    evaluated = command("evaluate", f"run={run}", "flip=true", "scales=[0.75,1.0]", small=False)
    assert evaluated.returncode == 0, evaluated.stdout + evaluated.stderr
    images = f"input={root / 'test' / 'images'}"
    predicted = command("predict", f"run={run}", images, "output=masks", "write=[masks,overlays]", small=False)
    assert predicted.returncode == 0, predicted.stdout + predicted.stderr
    assert len(list((tmp_path / "masks" / "overlays").glob("*.png"))) == 4
