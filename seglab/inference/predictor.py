"""Label maps of images of any size, by one trained module: whole or in tiles, with test-time augmentation."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

import numpy as np
import torch
from torch import Tensor, nn

from seglab.config.of_run import of_run
from seglab.data.image_files import RGB
from seglab.data.transforms import resize
from seglab.errors import SeglabError, first_line
from seglab.inference.crf import DenseCRF
from seglab.models import temperature
from seglab.runs import calibration
from seglab.runs.files import BEST
from seglab.training.build import load
from seglab.training.device import device_of
from seglab.training.module import SegmentationModule, on_scale_of_bytes
from seglab.training.outputs import label_maps, resize_logits

Size = tuple[int, int]  # height, width
AS_TRAINED, AS_IMAGE = "run", "image"  # sizes at which the network sees an image, beside [height, width]


class Predictor:
    """Probabilities and label maps at the size of the image, whatever the size at which the network sees it.

    Args:
        module: predicts on the device where it lies; it is put into evaluation mode.
        size: (H, W) to which an image is resized for the network, by area as in training; None keeps its size.
        scales: the network sees the image at `size` times each of them.
        flip: it sees each of these mirrored as well.
        tile: (H, W) of the windows in which a larger image is shown to the network; None shows it whole.
        overlap: share of a window that the next one repeats, at least; logits are averaged where windows overlap.
        post: refines the probabilities, at the size at which they are asked for, by the image at that size; None leaves
            them as they are.

    With several scales or with `flip` the probabilities (softmax) of all views are averaged. An image is RGB,
    uint8 (H, W, 3), or has the channels of the training; one of 16 bits is uint16.

    Raises:
        SeglabError: an argument outside its range.
    """

    def __init__(
        self,
        module: SegmentationModule,
        *,
        size: Size | None,
        scales: Sequence[float] = (1.0,),
        flip: bool = False,
        tile: Size | None = None,
        overlap: float = 0.25,
        post: DenseCRF | None = None,
    ) -> None:
        _check(scales=scales, tile=tile, overlap=overlap)
        if post is not None and module.channels != RGB:
            raise SeglabError(
                f"post=crf: expected a run on images of {RGB} channels, whose colours tell edges; came one of "
                f"{module.channels} - leave post out"
            )
        self.module = module.eval()
        self.size = size
        self.scales = tuple(scales)
        self.flip = flip
        self.tile = tile
        self.overlap = overlap
        self.post = post

    @property
    def has_other_outputs(self) -> bool:
        """Whether the network has outputs beyond the classes, so that a label map may hold 255."""
        return self.module.num_scores > len(self.module.class_names)

    @property
    def channels(self) -> int:
        """C of the images, as in training."""
        return self.module.channels

    @property
    def device(self) -> torch.device:
        return self.module.device

    def probabilities(self, image: np.ndarray, *, size: Size | None = None) -> Tensor:
        """(K, H, W) float32 on the module's device, of an image (H, W, C); at `size`, else at the image's."""
        with torch.inference_mode():
            return self._probabilities(image, list(self._views([image])), size or size_of(image))

    def logits(self, image: np.ndarray) -> Tensor:
        """(K, H, W) float32 on the module's device, at the size of the image (H, W, C), not mirrored, at scale 1."""
        with torch.inference_mode():
            return resize_logits(next(iter(self._views([image]))), size_of(image))[0]

    def network_logits(self, image: np.ndarray) -> Tensor:
        """(1, K, h, w) float32 at the size at which the network sees the image (H, W, C), scaled by the first scale."""
        with torch.inference_mode():
            return next(iter(self._views([image])))

    def seen(self, image: np.ndarray) -> Tensor:
        """(1, C, h, w) on the scale of bytes: the image (H, W, C) as the network sees it, not mirrored, at scale 1."""
        pixels = torch.from_numpy(_resized(image, self.network_size(image))).to(self.device)
        return on_scale_of_bytes(pixels).permute(2, 0, 1)[None]

    def label_map(self, image: np.ndarray) -> np.ndarray:
        """uint8 (H, W) of train ids, for an image (H, W, C); 255 where an output beyond the classes wins."""
        return self.label_maps(image, sizes=[size_of(image)])[0]

    def label_map_batch(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """`label_map` of each; those that the network sees at one size go through it together, whatever their own.

        Bytes and images of 16 bits go apart: in one array the bytes would be read as the lowest of 16 bits.

        The last bit of a logit may depend on the size of the batch, and a pixel between two classes on that bit.
        """
        together: dict[tuple[Size, np.dtype], list[int]] = {}
        for index, image in enumerate(images):
            together.setdefault((self.network_size(image), image.dtype), []).append(index)
        maps: dict[int, np.ndarray] = {}
        with torch.inference_mode():
            for indices in together.values():
                views = list(self._views([images[index] for index in indices]))  # (B, K, h, w) each
                for row, index in enumerate(indices):
                    of_image = [view[row : row + 1] for view in views]
                    maps[index] = self._label_map(images[index], of_image, size_of(images[index]))
        return [maps[index] for index in range(len(images))]

    def label_maps(self, image: np.ndarray, *, sizes: Sequence[Size]) -> list[np.ndarray]:
        """A label map uint8 (H, W) for each of `sizes`; the network sees the image once, its logits are resized."""
        with torch.inference_mode():
            views = list(self._views([image]))
            return [self._label_map(image, views, size) for size in sizes]

    def views(self, image: np.ndarray, *, sizes: Sequence[Size]) -> Iterator[list[Tensor]]:
        """Of each view in turn, probabilities (K, H, W) at each of `sizes`; `post` is left out. In inference mode."""
        for logits in self._views([image]):
            yield [resize_logits(logits, size)[0].softmax(0) for size in sizes]

    def network_size(self, image: np.ndarray) -> Size:
        """(H, W) at which the network sees the image, at scale 1."""
        return self.size or size_of(image)

    def _label_map(self, image: np.ndarray, views: Sequence[Tensor], size: Size) -> np.ndarray:
        """uint8 (H, W) at `size`, of an image (H, W, C) and its views (1, K, h, w)."""
        if len(views) == 1 and self.post is None:  # needs no softmax, which changes no order
            scores = resize_logits(views[0], size)
        else:
            scores = self._probabilities(image, views, size)[None]
        return label_maps(scores, num_classes=len(self.module.class_names))[0].cpu().numpy()

    def _probabilities(self, image: np.ndarray, views: Sequence[Tensor], size: Size) -> Tensor:
        total = torch.zeros((), device=self.device)
        for logits in views:
            total = total + resize_logits(logits, size)[0].softmax(0)  # (K, H, W)
        mean = total / len(views)
        if self.post is None:
            return mean
        pixels = torch.from_numpy(_resized(image, size)).to(self.device)  # (H, W, 3)
        return self.post(mean, on_scale_of_bytes(pixels))

    def _views(self, images: Sequence[np.ndarray]) -> Iterator[Tensor]:
        """Logits (B, K, h, w) float32 for each scale, not mirrored and mirrored (and mirrored back).

        Args:
            images: B of one network size and one type.
        """
        height, width = self.network_size(images[0])
        for scale in self.scales:
            size = max(1, round(height * scale)), max(1, round(width * scale))
            seen = np.stack([_resized(image, size) for image in images])  # (B, h, w, C)
            batch = on_scale_of_bytes(torch.from_numpy(seen).permute(0, 3, 1, 2).to(self.device))
            yield self._logits(batch)  # (B, K, h, w)
            if self.flip:
                yield self._logits(batch.flip(3)).flip(3)

    def _logits(self, images: Tensor) -> Tensor:
        """Logits (B, K, h, w) float32 for one view (B, C, h, w)."""
        height, width = images.shape[-2:]
        if self.tile is None or (height <= self.tile[0] and width <= self.tile[1]):
            return self.module(images).float()
        total, count = None, torch.zeros(height, width, device=images.device)
        for top in _starts(height, window=self.tile[0], overlap=self.overlap):
            for left in _starts(width, window=self.tile[1], overlap=self.overlap):
                part = (..., slice(top, top + self.tile[0]), slice(left, left + self.tile[1]))
                logits = self.module(images[part]).float()  # (B, K, <= tile)
                if total is None:
                    total = logits.new_zeros(*logits.shape[:2], height, width)
                total[part] += logits
                count[part] += 1
        assert total is not None
        return total.div_(count)


def load_predictor(
    run: Path,
    *,
    checkpoint: str = BEST,
    device: str = "auto",
    size: str | Sequence[int] = AS_TRAINED,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    tile: Sequence[int] | None = None,
    overlap: float = 0.25,
    post: DenseCRF | None = None,
    calibrated: str | None = None,
) -> Predictor:
    """The predictor of a trained run.

    Args:
        size: at which the network sees an image: run (as trained), image (its own), or [height, width].
        calibrated: the method by which `python -m seglab.calibrate` has fitted temperatures; None for none.

    Raises:
        SeglabError: there is no such run, checkpoint, calibration or device, or an argument is outside its range.
    """
    module = load(run, checkpoint=checkpoint)
    if calibrated is not None:
        module.calibration = _calibration(run, checkpoint=checkpoint, method=calibrated, outputs=module.num_scores)
    module = module.to(device_of(device))
    trained_at = of_run(run)["data"]["size"]
    seen_at = trained_at if size == AS_TRAINED else None if size == AS_IMAGE else size
    return Predictor(
        module,
        size=None if seen_at is None else (int(seen_at[0]), int(seen_at[1])),
        scales=scales,
        flip=flip,
        tile=None if tile is None else (int(tile[0]), int(tile[1])),
        overlap=overlap,
        post=post,
    )


def predictor_of(settings: Mapping[str, Any]) -> Predictor:
    """The predictor that the checked values of conf/predict.yaml or conf/evaluate.yaml describe."""
    keys = ("device", "size", "scales", "flip", "tile", "overlap")
    checkpoint = f"{settings['checkpoint']}.ckpt"
    post = None if settings["post"] is None else DenseCRF(**settings["crf"])
    asked = {key: settings[key] for key in keys}
    calibrated = settings["calibrated"]
    return load_predictor(Path(settings["run"]), checkpoint=checkpoint, post=post, calibrated=calibrated, **asked)


def size_of(image: np.ndarray) -> Size:
    """(H, W) of an image or a mask."""
    return image.shape[0], image.shape[1]


def _calibration(run: Path, *, checkpoint: str, method: str, outputs: int) -> nn.Module:
    """What was fitted for the checkpoint as it is.

    Raises:
        SeglabError: nothing was, or for other weights.
    """
    fitted = calibration.read(run, checkpoint=checkpoint.removesuffix(".ckpt"), method=method)
    state = torch.load(run / "checkpoints" / checkpoint, map_location="cpu", mmap=True, weights_only=True)
    came, now = (fitted["epoch"], fitted["step"], fitted["classes"]), (state["epoch"], state["global_step"], outputs)
    if came != now:
        raise SeglabError(
            f"calibrated={method}: expected a fit of {checkpoint} as it is (epoch {now[0]}, step {now[1]}, {now[2]} "
            f"outputs); it is of epoch {came[0]}, step {came[1]}, {came[2]} outputs - python -m seglab.calibrate again"
        )
    try:
        return temperature.from_stored(method, classes=outputs, values=fitted["values"])
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:  # of another shape, or no numbers
        path = calibration.path_of(run, checkpoint=checkpoint.removesuffix(".ckpt"), method=method)
        raise SeglabError(
            f"'{path}': expected the temperatures of a calibration; they cannot be read: {first_line(error)} - "
            "python -m seglab.calibrate again"
        ) from error


def _starts(length: int, *, window: int, overlap: float) -> list[int]:
    """Where the windows begin: as few as reach the end with at least this overlap, at even distances."""
    if length <= window:
        return [0]
    stride = max(1, int(window * (1 - overlap)))
    steps = -(-(length - window) // stride)
    return [round(step * (length - window) / steps) for step in range(steps + 1)]


def _resized(image: np.ndarray, size: Size) -> np.ndarray:
    """The image at `size` as a training at that size would have read it."""
    return resize(image, np.empty(size, dtype=np.uint8), size)[0]


def _check(*, scales: Sequence[float], tile: Size | None, overlap: float) -> None:
    if not scales or min(scales) <= 0:
        raise SeglabError(f"expected scales as a list of numbers above 0; got {list(scales)} - 1.0 is the plain image")
    if tile is not None and (len(tile) != 2 or min(tile) < 1):
        raise SeglabError(f"expected tile as [height, width], or null for none; got {list(tile)}")
    if not 0 <= overlap < 1:
        raise SeglabError(f"expected overlap as a share of the tile, 0 <= overlap < 1; got {overlap}")
