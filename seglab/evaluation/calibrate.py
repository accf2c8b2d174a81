"""What `python -m seglab.calibrate` does: fits temperatures by NLL on the split that the training was validated on."""

import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

import numpy as np
import torch
from torch import Tensor, nn

from seglab import runs
from seglab.data.progress import tracked
from seglab.data.source import Source
from seglab.data.transforms import resize
from seglab.display.numbers import words
from seglab.errors import SeglabError
from seglab.evaluation.data import data_config, open_source
from seglab.inference.file_loop import ahead
from seglab.inference.opened import open_run
from seglab.inference.predictor import Predictor, load_predictor, size_of
from seglab.labels import IGNORE_INDEX
from seglab.metrics.calibration import CalibrationError
from seglab.metrics.proper_scores import ProperScores
from seglab.models.temperature import ClassTemperatures, LocalTemperature, OneTemperature, to_be_stored
from seglab.runs import calibration
from seglab.runs.class_names import dataset_name
from seglab.training.outputs import resize_logits

log = logging.getLogger("seglab")

_WINDOW = 16, 128  # least and largest side of the part of an image to which a local temperature is fitted, pixels
_USUAL = 0.05, 20  # beyond them a temperature makes one class certain, or all alike
_STEPS, _BATCH, _RATE = 200, 8, 0.01  # of Adam, for the head


@dataclass
class Samples:
    """What is fitted: parts of all images, of a bounded size in all."""

    logits: list[Tensor] = field(default_factory=list)  # (1, K, h, w) each
    labels: list[Tensor] = field(default_factory=list)  # int64 (1, h, w) each, IGNORE_INDEX where nothing is counted


def calibrate(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What was fitted, which is printed and kept in the folder of the run; see seglab.runs.calibration.

    Args:
        settings: the checked values of conf/calibrate.yaml.

    Raises:
        SeglabError: there is no such split, or it has no labelled pixel.
    """
    run, method, checkpoint = Path(settings["run"]), settings["method"], settings["checkpoint"]
    opened = open_run({**settings, "scales": [1.0], "flip": False, "tile": None, "post": None, "calibrated": None})
    data = data_config({**settings, "data": None}, opened.data)
    source = open_source(data, own=True)
    predictor = load_predictor(run, checkpoint=f"{checkpoint}.ckpt", device=settings["device"], size=settings["size"])
    samples, before = _seen(predictor, source, settings)
    if not samples.logits:
        raise SeglabError(
            f"split={settings['split']}: expected labelled pixels; {dataset_name(data)} {data['test_split']} "
            f"({len(source.samples)} images) has none - choose another split"
        )
    fitted = fit(samples, method=method, seed=settings["seed"])
    predictor.module.calibration = fitted.to(predictor.device).eval()
    _, after = _seen(predictor, source, {**settings, "pixels": 0})
    stored = {
        "method": method,
        "classes": predictor.module.num_scores,
        "epoch": opened.origin["epoch"],
        "step": opened.origin["step"],
        "dataset": dataset_name(data),
        "split": data["test_split"],
        "images": len(source.samples),
        "limit": settings["limit"],
        "size": None if predictor.size is None else list(predictor.size),
        "seed": settings["seed"],
        "fitted": "by negative log-likelihood",
        "before": before,
        "after": after,
        "values": to_be_stored(fitted.cpu()),
    }
    path = calibration.write(run, stored, checkpoint=checkpoint)
    print(
        f"{stored['dataset']} {stored['split']} ({stored['images']} images): {_told(fitted)}NLL "
        f"{before['nats']:.3f} to {after['nats']:.3f} nats, ECE {words(before['calibration_error'])} to "
        f"{words(after['calibration_error'])}: {runs.shown(path.absolute())}"
    )
    return stored


def fit(samples: Samples, *, method: str, seed: int) -> OneTemperature | ClassTemperatures | LocalTemperature:
    """The temperatures of least negative log-likelihood over the samples; the same on every call."""
    classes = samples.logits[0].shape[1]
    one = OneTemperature(classes)
    _descend(one, samples)
    temperature = float(one.log_temperature.detach().exp())
    if not _USUAL[0] < temperature < _USUAL[1]:
        log.warning(
            "a temperature of %.3g fits best: what the network gives says next to nothing of these labels, as before a "
            "training, or nearly everything - look at its scores before its confidence", temperature
        )  # fmt: skip
    if method == "temperature":
        return one
    if method == "per_class":
        each = ClassTemperatures(classes)
        with torch.no_grad():
            each.log_temperature.copy_(one.log_temperature.expand(classes))
        _descend(each, samples)
        return each
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        local = LocalTemperature(classes)
        local.set_constant(temperature)
        _train(local, samples)
    return local


def _descend(module: OneTemperature | ClassTemperatures, samples: Samples) -> None:
    """By L-BFGS, in double precision; a temperature for each class or for all."""
    flat = torch.cat([part.flatten(2)[0].T for part in samples.logits])  # (N, K)
    labels = torch.cat([part.flatten() for part in samples.labels])
    valid = labels != IGNORE_INDEX
    flat, labels = flat[valid].double(), labels[valid]
    logs = module.log_temperature.detach().double().clone().requires_grad_()
    optimizer = torch.optim.LBFGS([logs], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(flat / logs.exp(), labels)
        loss.backward()
        return loss

    with torch.enable_grad():
        optimizer.step(closure)
    with torch.no_grad():
        module.log_temperature.copy_(logs)


def _train(module: LocalTemperature, samples: Samples) -> None:
    """By Adam on batches of parts; keeps the best of what was reached, from the constant temperature on."""
    best, values = _nats(module, samples), _copied(module)
    optimizer = torch.optim.Adam(module.parameters(), lr=_RATE)
    count = len(samples.logits)
    for step in range(_STEPS):
        chosen = torch.randint(count, (min(_BATCH, count),)).tolist()
        nats, pixels = zip(*(_sum_of_nats(module, samples, index) for index in chosen), strict=True)
        optimizer.zero_grad()
        (torch.stack(nats).sum() / sum(pixels)).backward()
        optimizer.step()
        if (step + 1) % 20 == 0 and (reached := _nats(module, samples)) < best:
            best, values = reached, _copied(module)
    module.load_state_dict(values)


def _copied(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


@torch.no_grad()
def _nats(module: nn.Module, samples: Samples) -> float:
    """The mean negative log-likelihood over all samples."""
    parts = [_sum_of_nats(module, samples, index) for index in range(len(samples.logits))]
    return sum(float(nats) for nats, _ in parts) / sum(pixels for _, pixels in parts)


def _sum_of_nats(module: nn.Module, samples: Samples, index: int) -> tuple[Tensor, int]:
    labels = samples.labels[index]
    loss = nn.functional.cross_entropy(
        module(samples.logits[index]), labels, ignore_index=IGNORE_INDEX, reduction="sum"
    )
    return loss, int((labels != IGNORE_INDEX).sum())


def _seen(predictor: Predictor, source: Source, settings: Mapping[str, Any]) -> tuple[Samples, dict[str, float]]:
    """Samples of the logits, unless `pixels` is 0; NLL in nats and ECE of all pixels at the size of the labels."""
    samples, count = Samples(), len(source.samples)
    proper, top = ProperScores(len(predictor.module.class_names)), CalibrationError()
    read = ahead(source.read, count=count, threads=settings["threads"])
    for index, (image, mask) in enumerate(tracked(read, count=count, title="calibrating")):
        with torch.inference_mode():
            logits = predictor.network_logits(image)  # (1, K, h, w)
            probabilities = resize_logits(logits, size_of(mask))[0].softmax(0)  # (K, H, W)
        proper.update(probabilities, mask)
        confidence, pred = (part.cpu().numpy() for part in probabilities.max(0))
        top.update(confidence, pred == mask, mask != IGNORE_INDEX)
        if settings["pixels"]:
            generator = np.random.default_rng([settings["seed"], index])
            pixels = math.ceil(settings["pixels"] / count)
            take = _window if settings["method"] == "local" else _scattered
            for part, labels in take(logits, image, mask, pixels=pixels, generator=generator):
                samples.logits.append(part.clone().cpu())
                samples.labels.append(torch.from_numpy(labels.astype(np.int64)))
    return samples, {"nats": proper.nll(), "calibration_error": top.compute()}


def _scattered(
    logits: Tensor, image: np.ndarray, mask: np.ndarray, *, pixels: int, generator: np.random.Generator
) -> Iterator[tuple[Tensor, np.ndarray]]:
    """Labelled pixels from anywhere, at the size of the labels: (1, K, 1, N) and (1, 1, N)."""
    places = np.flatnonzero(mask.ravel() != IGNORE_INDEX)
    if places.size:
        chosen = np.sort(generator.choice(places, min(pixels, places.size), replace=False))
        at_labels = resize_logits(logits, size_of(mask)).flatten(2)[..., torch.from_numpy(chosen).to(logits.device)]
        yield at_labels[:, :, None], mask.ravel()[chosen][None, None]


def _window(
    logits: Tensor, image: np.ndarray, mask: np.ndarray, *, pixels: int, generator: np.random.Generator
) -> Iterator[tuple[Tensor, np.ndarray]]:
    """A square part of the image, at the size at which the network saw it: (1, K, h, w) and (1, h, w)."""
    height, width = logits.shape[-2:]
    labels = resize(image, mask, (height, width))[1]
    side = int(np.clip(math.isqrt(pixels), *_WINDOW))
    top, left = (int(generator.integers(max(length - side, 0) + 1)) for length in (height, width))
    part = (..., slice(top, top + side), slice(left, left + side))
    if (labels[part] != IGNORE_INDEX).any():
        yield logits[part], labels[part][None]


def _told(fitted: OneTemperature | ClassTemperatures | LocalTemperature) -> str:
    """'temperature 1.43, '; of several the least and the largest."""
    if isinstance(fitted, LocalTemperature):
        return ""
    values = fitted.log_temperature.detach().exp()
    if isinstance(fitted, OneTemperature):
        return f"temperature {float(values):.3f}, "
    return f"temperatures {float(values.min()):.3f} to {float(values.max()):.3f}, "
