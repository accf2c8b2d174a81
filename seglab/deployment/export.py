"""What `python -m seglab.export` does with a run: a program or weights, compared with the run, timed and described."""

import copy
import json
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

import numpy as np
import torch
from torch import nn

from seglab import __version__, runs
from seglab.config.of_run import of_run
from seglab.data.source import Source
from seglab.deployment import latency, parity, programs
from seglab.deployment.camera import Camera
from seglab.deployment.card import model_card
from seglab.deployment.int8 import quantised
from seglab.deployment.latency import Latency
from seglab.display.numbers import sides
from seglab.display.several import CALIBRATED
from seglab.display.sheet import show
from seglab.errors import SeglabError
from seglab.evaluation.data import check_same_classes, data_config, open_source
from seglab.evaluation.files import new_folder
from seglab.inference.exported import LABELS, LOGITS, Call, ExportedPredictor, load_exported
from seglab.inference.opened import open_run
from seglab.inference.predictor import Predictor, Size, load_predictor, size_of
from seglab.labels import LabelSpace
from seglab.runs import calibration
from seglab.runs.class_names import dataset_name
from seglab.training.build import build_network, without_weights
from seglab.training.device import cpu_name

log = logging.getLogger("seglab")

FILES = {"onnx": "model.onnx", "torch": "model.pt2", "safetensors": "model.safetensors"}
_PLACES = ("root", "cache")  # of a machine: they are no part of what is given away
# Where conf/export.yaml says null. A byte that is resized inside the program may be rounded the other way.
_BOUNDS: dict[str, dict[str, float | None]] = {
    "fp32": {"logits": 0.1, "equal_pixels": 0.999, "miou": 0.001},
    "fp16": {"logits": None, "equal_pixels": 0.99, "miou": 0.005},
    "int8": {"logits": None, "equal_pixels": 0.8, "miou": 0.03},
}


@dataclass(frozen=True)
class Subject:
    """The run on its way out: its network, the images that it is scored on, and all that is known of both."""

    predictor: Predictor
    labels: LabelSpace
    source: Source
    config: Mapping[str, Any]  # of the run
    about: dict[str, Any]  # what is written into the file


def export(settings: Mapping[str, Any]) -> Path:
    """The new folder with the file and what is known of it, which is printed.

    Args:
        settings: the checked values of conf/export.yaml.

    Raises:
        SeglabError: the network cannot be exported so, or the file is further from the run than the bounds allow.
    """
    if settings["format"] == "onnx":
        programs.require_onnx()
    subject = _subject(settings)
    run, what = Path(settings["run"]), f"{settings['format']} {settings['precision']}"
    usual = run / "exports" / what.replace(" ", "-")
    bounds = {key: value for key, value in settings["bounds"].items() if value is not None}
    with new_folder(usual, output=settings["output"]) as draft:
        path = draft.path / FILES[settings["format"]]
        exported = _write(subject, path, settings)
        compared = parity.compare(subject.predictor, exported, subject.source, size=_fixed(settings))
        parity.require(compared, {**_BOUNDS[settings["precision"]], **bounds}, what=what)
        if settings["format"] == "onnx":
            _finish(path, settings)
        latencies = _latencies(subject, path, settings) if settings["latency"] else []
        found = {"about": subject.about, "parity": compared.as_dict(), "latency": [one.as_dict() for one in latencies]}
        runs.write_atomically(draft.path / "export.json", json.dumps(found, indent=2, ensure_ascii=False) + "\n")
        card = model_card(subject.about, compared, latencies, file=path, run=run)
        runs.write_atomically(draft.path / "MODEL_CARD.md", card)
        if settings["format"] == "onnx" and subject.predictor.channels == 3:
            shutil.copyfile(Path(__file__).with_name("infer.py"), draft.path / "infer.py")
    _remember_speed(run, latencies, size=_example(subject, settings))
    caption = f"{what} beside {runs.shown(run.absolute())}: {_where(subject)}, {compared.images} images"
    show(parity.parity_sheet(compared, caption=caption))
    if latencies:
        show(latency.latency_sheet(latencies, caption="from bytes to label maps"))
    published = draft.published / path.name
    print(f"{runs.shown(published.absolute())}, {published.stat().st_size / 1e6:.1f} MB")
    return draft.published


def _subject(settings: Mapping[str, Any]) -> Subject:
    run = Path(settings["run"])
    asked = {**settings, "device": "cpu", "scales": [1.0], "flip": False, "tile": None, "overlap": 0.0, "post": None}
    opened = open_run(asked)
    data = data_config(settings, opened.data)
    source = open_source(data, own=settings["data"] is None)
    check_same_classes(opened.labels, source.labels)
    predictor = load_predictor(
        run, checkpoint=f"{settings['checkpoint']}.ckpt", device="cpu", size=settings["size"],
        calibrated=settings[CALIBRATED],
    )  # fmt: skip
    config, record = of_run(run), runs.read_record(run) or {}
    about = {
        "seglab": __version__,
        "format": settings["format"],
        "precision": settings["precision"],
        "classes": list(opened.labels.names),
        "colors": [list(color) for color in opened.labels.colors],
        "label_ids": [_raw_values(opened.labels, train_id) for train_id in range(opened.labels.num_classes)],
        "input": {
            "layout": settings["layout"],
            "size": settings["input_size"],
            "seen_at": None if predictor.size is None else list(predictor.size),
            "channels": predictor.channels,
        },
        "outputs": settings["outputs"] if settings["format"] == "onnx" else [LABELS, LOGITS],
        "has_other_outputs": predictor.has_other_outputs,
        "network": {"model": without_weights(config)["model"], "activation": config["activation"]},
        "normalisation": {"mean": config["module"]["mean"], "std": config["module"]["std"]},  # on the scale 0..1
        "labels": config["data"]["labels"],
        "data": _without_places(config["data"]),
        "choices": record.get("choices"),
        "checkpoint": {key: value for key, value in opened.origin.items() if key != CALIBRATED},
        **_calibrated(run, settings),
        "fingerprint": record.get("fingerprint"),
        "scored_on": {"dataset": dataset_name(data), "split": data["test_split"], "limit": settings["limit"]},
        "scores": (record.get(settings["checkpoint"]) or {}).get("metrics"),
    }
    return Subject(predictor, opened.labels, source, config, about)


def _calibrated(run: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Of what is written into the file: by which calibration, and on what it was fitted; nothing without one."""
    if settings[CALIBRATED] is None:
        return {}
    fitted = calibration.read(run, checkpoint=settings["checkpoint"], method=settings[CALIBRATED])
    return {CALIBRATED: {key: fitted[key] for key in ("method", "dataset", "split")}}


def _write(subject: Subject, path: Path, settings: Mapping[str, Any]) -> ExportedPredictor:
    """The file at `path`, and what it predicts."""
    if settings["format"] == "safetensors":
        return _weights(subject, path)
    camera = _camera(subject, settings)
    program = programs.program_of(
        camera,
        input_size=_fixed(settings),
        channels=subject.predictor.channels,
        example=_example(subject, settings),
        layout=settings["layout"],
    )
    about = {**subject.about, "outputs": [LABELS, LOGITS]}
    if settings["format"] == "torch":
        programs.save_program(program, path, subject.about)
        module = torch.export.load(path).module()  # of the file that was written just now
        return ExportedPredictor(_call_of(module), about, path=path)
    model = programs.onnx_of(program)
    if settings["precision"] == "int8":
        model = quantised(model, _calibration(subject, settings))
    programs.describe(model, about)
    programs.save_onnx(model, path)
    return load_exported(path)


def _finish(path: Path, settings: Mapping[str, Any]) -> None:
    """Leaves the outputs that were asked for."""
    if LOGITS not in settings["outputs"]:
        programs.remove_logits(path)


def _weights(subject: Subject, path: Path) -> ExportedPredictor:
    """The bare weights, and what a network predicts that was built of the file alone."""
    from safetensors.torch import load_file

    programs.save_weights(subject.predictor.module.network, path, subject.about)
    runs.write_atomically(path.with_suffix(".json"), json.dumps(subject.about, indent=2, ensure_ascii=False) + "\n")
    module = copy.deepcopy(subject.predictor.module)
    module.network = build_network(subject.about["network"])
    module.network.load_state_dict(load_file(path))
    camera = Camera(module.eval(), size=subject.predictor.size, layout="nhwc").eval()
    about = {**subject.about, "input": {**subject.about["input"], "layout": "nhwc", "size": None}}
    return ExportedPredictor(_call_of(camera), about, path=path)


def _camera(subject: Subject, settings: Mapping[str, Any]) -> Camera:
    module = copy.deepcopy(subject.predictor.module)
    half = settings["precision"] == "fp16"
    return Camera(module, size=subject.predictor.size, layout=settings["layout"], half=half).eval()


def _call_of(module: nn.Module) -> Call:
    def call(images: np.ndarray) -> Mapping[str, np.ndarray]:
        with torch.inference_mode():
            labels, logits = module(torch.from_numpy(images))
        return {LABELS: labels.numpy(), LOGITS: logits.numpy()}

    return call


def _calibration(subject: Subject, settings: Mapping[str, Any]) -> Iterator[np.ndarray]:
    """Images of the training split, one by one as the program takes them; none that is scored.

    Raises:
        SeglabError: all of them are scored as well.
    """
    own = {**settings, "data": None, "split": "train", "limit": None}
    source = open_source(data_config(own, subject.config["data"]), own=True)
    scored = {sample.image for sample in subject.source.samples}
    free = [index for index, sample in enumerate(source.samples) if sample.image not in scored]
    if not free:
        raise SeglabError(
            f"split={settings['split']}: precision=int8 is calibrated on the training split, whose images must not be "
            "scored; expected another split - choose split=val or split=test"
        )
    chosen = [
        free[place] for place in np.linspace(0, len(free) - 1, min(len(free), settings["calibration"])).astype(int)
    ]
    for index in chosen:
        image = parity.at_size(source.read(index)[0], _fixed(settings))[None]
        yield np.ascontiguousarray(image if settings["layout"] == "nhwc" else image.transpose(0, 3, 1, 2))


def _latencies(subject: Subject, path: Path, settings: Mapping[str, Any]) -> list[Latency]:
    """Torch and what runs the file, for each number of images and threads."""
    camera = _camera(subject, {**settings, "precision": "fp32"})
    height, width = _example(subject, settings)
    channels, device = subject.predictor.channels, cpu_name()
    measured = []
    for batch in latency.BATCHES:
        sides = (height, width, channels) if settings["layout"] == "nhwc" else (channels, height, width)
        for threads in latency.thread_counts():
            calls: dict[str, Callable[[np.ndarray], object]] = {"torch": _call_of(camera)}
            if settings["format"] == "onnx":
                exported = load_exported(path, threads=threads)
                calls[f"onnxruntime, {settings['precision']}"] = exported.call
            elif settings["format"] == "torch":
                calls["torch.export"] = _call_of(torch.export.load(path).module())
            for program, call in calls.items():
                measured.append(
                    latency.measure(
                        program, call, shape=(batch, *sides), threads=threads, device=device,
                        repetitions=settings["repetitions"],
                    )
                )  # fmt: skip
    return measured


def _remember_speed(run: Path, latencies: Sequence[Latency], *, size: Size) -> None:
    """What the columns latency and images_per_second of a table show: the run in torch, one image, all threads."""
    of_torch = [one for one in latencies if one.program == "torch" and one.batch == 1]
    if of_torch:
        one = of_torch[-1]
        place = f"{one.device}, {one.threads} threads, an image of {sides(size)}, torch {torch.__version__}"
        speed = {"latency": one.milliseconds, "images_per_second": one.images_per_second, "timed_on": place}
        runs.update_record(run, speed=speed)


def _example(subject: Subject, settings: Mapping[str, Any]) -> Size:
    """(H, W) of the images that the program is made for: as they are fixed, else those of the data set."""
    fixed = _fixed(settings)
    return fixed if fixed is not None else size_of(subject.source.read(0)[0])


def _fixed(settings: Mapping[str, Any]) -> Size | None:
    size: Sequence[int] | None = settings["input_size"]
    return None if size is None else (size[0], size[1])


def _where(subject: Subject) -> str:
    scored = subject.about["scored_on"]
    return f"{scored['dataset']} {scored['split']}"


def _raw_values(labels: LabelSpace, train_id: int) -> list[int]:
    """The values that stand for a class in the masks of its data set."""
    return sorted(raw for raw, train in labels.to_train.items() if train == train_id)


def _without_places(node: Any) -> Any:
    """A part of a configuration with null for every folder of this machine."""
    if not isinstance(node, Mapping):
        return node
    return {key: None if key in _PLACES else _without_places(value) for key, value in node.items()}
