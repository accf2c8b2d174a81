"""An exported network: a file of its own that onnxruntime runs, and what is written in it about itself."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

import numpy as np
import torch
from torch import Tensor

from seglab.data.transforms import resize
from seglab.errors import SeglabError, first_line
from seglab.inference.predictor import Size, size_of

ABOUT = "seglab"  # the entry of the file's metadata
INPUT, LABELS, LOGITS = "image", "labels", "logits"

_NEEDED = {"input", "outputs", "labels", "has_other_outputs", "data", "checkpoint"}
Call = Callable[[np.ndarray], Mapping[str, np.ndarray]]  # images uint8 (B, H, W, C) or (B, C, H, W) -> {output: array}


class ExportedPredictor:
    """What `seglab.inference.Predictor` is, of an exported file: it resizes and normalises by itself.

    Args:
        call: runs the program on images uint8, in the layout of the file, and gives its outputs by their names.
        about: what the export wrote into the file: classes, colours, the input, the run, its scores.
        path: of the file, for messages.
    """

    scales, flip, tile, overlap, post = (1.0,), False, None, 0.0, None

    def __init__(self, call: Call, about: Mapping[str, Any], *, path: Path) -> None:
        self.path = path
        self.about = about
        self.call = call
        self._input = about["input"]
        self._outputs = about["outputs"]

    @property
    def size(self) -> Size | None:
        """(H, W) at which the network sees an image."""
        return None if self._input["seen_at"] is None else (self._input["seen_at"][0], self._input["seen_at"][1])

    @property
    def has_other_outputs(self) -> bool:
        return bool(self.about["has_other_outputs"])

    @property
    def channels(self) -> int:
        return int(self._input["channels"])

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def label_map_batch(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """uint8 (H, W) of each image uint8 (H, W, C); those of one size go through the network together.

        Raises:
            SeglabError: the file does not take one of them.
        """
        together: dict[Size, list[int]] = {}
        for index, image in enumerate(images):
            self._require_taken(image)
            together.setdefault(size_of(image), []).append(index)
        maps: dict[int, np.ndarray] = {}
        for indices in together.values():
            labels = self.outputs(np.stack([images[index] for index in indices]))[LABELS]
            maps |= dict(zip(indices, labels, strict=True))
        return [maps[index] for index in range(len(images))]

    def label_maps(self, image: np.ndarray, *, sizes: Sequence[Size]) -> list[np.ndarray]:
        """A label map uint8 (H, W) at each of `sizes`: that of the image, or that at which the network sees it."""
        return [self.outputs(_resized(image, size)[None])[LABELS][0] for size in sizes]

    def probabilities(self, image: np.ndarray, *, size: Size | None = None) -> Tensor:
        """float32 (K, H, W). Raises SeglabError where the file gives no logits."""
        if LOGITS not in self._outputs:
            raise SeglabError(
                f"'{self.path}' gives label maps alone; expected logits as well - export it with "
                "outputs=[labels,logits]"
            )
        logits = self.outputs(_resized(image, size or size_of(image))[None])[LOGITS]
        return torch.from_numpy(logits[0]).softmax(0)

    def outputs(self, images: np.ndarray) -> Mapping[str, np.ndarray]:
        """{"labels": uint8 (B, H, W), "logits": float32 (B, K, H, W)}, as far as the file has them, of uint8 images
        (B, H, W, C)."""
        self._require_taken(images[0])
        if self._input["layout"] == "nchw":
            images = images.transpose(0, 3, 1, 2)
        return self.call(np.ascontiguousarray(images))

    def _require_taken(self, image: np.ndarray) -> None:
        fixed = self._input["size"]
        if fixed is not None and list(size_of(image)) != fixed:
            raise SeglabError(
                f"'{self.path}' takes images of {fixed[0]}x{fixed[1]} alone (height x width); came "
                f"{image.shape[0]}x{image.shape[1]} - export it with input_size=null for images of any size"
            )
        if image.dtype != np.uint8:
            raise SeglabError(f"'{self.path}' takes images of 8 bits; came {image.dtype} - use the run itself")


def load_exported(path: Path, *, threads: int | None = None) -> ExportedPredictor:
    """The predictor of the ONNX file at `path`.

    Args:
        threads: None for one a core.

    Raises:
        SeglabError: no such file, one that seglab did not export, or a damaged one.
    """
    if not path.is_file():
        raise SeglabError(f"run={path}: expected an exported network; there is no such file")
    try:
        import onnxruntime  # an extra
    except ImportError as error:
        raise SeglabError(f"run={path}: onnxruntime is not installed - pip install 'seglab[export]'") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = threads or 0
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of half a dozen classes, for bytes of another kind
        raise SeglabError(f"run={path}: expected an ONNX file; it cannot be read: {first_line(error)} - "
                          "export the run again") from error  # fmt: skip
    names = [output.name for output in session.get_outputs()]

    def call(images: np.ndarray) -> Mapping[str, np.ndarray]:
        return dict(zip(names, session.run(names, {INPUT: images}), strict=True))

    return ExportedPredictor(call, _about(session.get_modelmeta().custom_metadata_map.get(ABOUT), path), path=path)


def _about(text: str | None, path: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads(text or "", object_hook=_whole_keys)
        if not about.keys() >= _NEEDED:
            raise ValueError
    except (ValueError, AttributeError) as error:
        raise SeglabError(
            f"run={path}: expected a network that python -m seglab.export wrote; it says nothing of its classes - "
            "export the run again"
        ) from error
    return about


def _whole_keys(node: dict[str, Any]) -> dict[Any, Any]:
    """JSON has no numbers as keys, which a mapping of mask values needs."""
    return {int(key): value for key, value in node.items()} if all(map(str.isdecimal, node)) else node


def _resized(image: np.ndarray, size: Size) -> np.ndarray:
    return resize(image, np.empty(size, dtype=np.uint8), size)[0]
