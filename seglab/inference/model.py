"""A trained network for use from Python: images in, label maps out."""

from collections.abc import Sequence
from pathlib import Path

import seglab.lean_imports  # noqa: F401

import numpy as np
from torch import nn

from seglab.config.of_run import of_run
from seglab.data.image_files import RGB, read_image
from seglab.errors import SeglabError
from seglab.inference.predictor import Predictor, load_predictor
from seglab.labels import LabelSpace, label_space
from seglab.runs import find
from seglab.runs.files import BEST

Image = str | Path | np.ndarray
_BATCH = 4  # images that go through the network together


class Model:
    """Predicts label maps and probabilities at the size of each image; the network sees it at the size of the training.

    Attributes:
        class_names: K names in the order of the label ids that are predicted.
        palette: uint8 (K, 3) RGB, the colour of each class.
    """

    def __init__(self, predictor: Predictor, labels: LabelSpace) -> None:
        self._predictor = predictor
        self.class_names = labels.names
        self.palette = np.array(labels.colors, dtype=np.uint8)

    @property
    def network(self) -> nn.Module:
        """The bare network: a normalised image float32 (B, 3, H, W) to logits (B, K, h, w)."""
        return self._predictor.module.network

    def predict(self, image: Image | Sequence[Image]) -> np.ndarray | list[np.ndarray]:
        """The label map uint8 (H, W) of an image, ids 0..K-1; a list of them for a list of images.

        Args:
            image: the path of a file, or uint8 (H, W, 3) RGB (the channels of the training, uint16 if of 16 bits); or a
                list, whose images may differ in size.

        Raises:
            SeglabError: a file that is no image, or an array of another kind.
        """
        if isinstance(image, Image):
            return self._predictor.label_map(self._read(image))
        maps: list[np.ndarray] = []
        for start in range(0, len(image), _BATCH):
            maps += self._predictor.label_map_batch([self._read(item) for item in image[start : start + _BATCH]])
        return maps

    def probabilities(self, image: Image) -> np.ndarray:
        """float32 (K, H, W), which add up to 1 over the classes; takes and raises what `predict` does."""
        return self._predictor.probabilities(self._read(image)).cpu().numpy()

    def _read(self, image: Image) -> np.ndarray:
        channels = self._predictor.channels
        if not isinstance(image, np.ndarray):
            return read_image(Path(image), channels=channels)
        right_type = image.dtype in (np.uint8, np.uint16)
        if not right_type or image.ndim != 3 or image.shape[2] != channels or 0 in image.shape:
            expected = f"uint8 (H, W, {channels}){', RGB' if channels == RGB else ' or uint16'}"
            raise SeglabError(
                f"expected an image as {expected}; came {image.dtype} {image.shape} - convert it, or give the "
                "path of its file"
            )
        return image


def load(run: str | Path, *, device: str = "auto", calibrated: str | None = None) -> Model:
    """The trained network of a run.

    Args:
        run: its folder or name, for the best checkpoint; or one of its checkpoints, still in the run's folder.
        device: auto (the GPU where there is one), cpu, cuda, cuda:1.
        calibrated: temperature, per_class or local, where the run was calibrated so; None for the plain network.

    Raises:
        SeglabError: there is no such run, checkpoint, calibration or device.
    """
    if find.is_exported(run):
        raise SeglabError(
            f"'{run}' is an exported network, which holds no torch.nn.Module; expected the run that it came from - or "
            "score and predict with it: seglab evaluate run=FILE, seglab predict run=FILE"
        )
    asked = find.with_run({"run": str(run), "checkpoint": Path(BEST).stem})
    folder, checkpoint = Path(asked["run"]), f"{asked['checkpoint']}.ckpt"
    predictor = load_predictor(folder, checkpoint=checkpoint, device=device, calibrated=calibrated)
    return Model(predictor, label_space(of_run(folder)["data"]["labels"]))
