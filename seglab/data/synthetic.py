"""Generated street scenes as a data set on disk, laid out exactly like Cityscapes."""

import json
import logging
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import cv2
import numpy as np

from seglab.data.scenes import Scene, draw_scene
from seglab.data.scenes.weather import LIGHTS, Weather
from seglab.data.workers import leave_signals_to_parent
from seglab.errors import SeglabError, did_you_mean
from seglab.labels import CITYSCAPES_LABELS
from seglab.runs.png import write_png

VERSION = 1  # of the drawing: raise it when the same parameters give other pictures
CITIES = {
    "train": ("ahrenbach", "birkenfurt", "dornstadt", "eschenau", "falkenmoor", "grauhafen", "hohenlind", "jungbrunn"),
    "val": ("kaltenried", "lindenthor", "moosburg"),
    "test": ("nordwalden", "ostermark", "quellheim"),
}  # none of them is on a map; no split shares a city with another
_SMALLEST = 32  # pixels: below it a scene has no room for its parts
_FEW = 48  # scenes: for fewer, starting processes takes longer than drawing
_MOST_PROCESSES = 16
_FAST = (cv2.IMWRITE_PNG_COMPRESSION, 2)
_FRAME = 19  # of the 30 frames of a Cityscapes sequence, the annotated one

_log = logging.getLogger("seglab")
_COLORS = np.zeros((256, 4), np.uint8)
for _label in CITYSCAPES_LABELS:
    if _label.id >= 0:
        _COLORS[_label.id] = (*_label.color, 255)


class _Order(NamedTuple):
    """The scenes to be written: all that another process has to know."""

    seed: int
    train: int
    val: int
    test: int
    height: int
    width: int
    weather: Weather | None = None

    @property
    def scenes(self) -> list[tuple[str, int]]:
        """Split and index of every scene."""
        counts = {"train": self.train, "val": self.val, "test": self.test}
        return [(split, index) for split, count in counts.items() for index in range(count)]


def scene_at(*, seed: int, split: str, index: int, height: int, width: int, weather: Weather | None = None) -> Scene:
    """Scene number `index` of a split: the same whatever else is drawn, before or after it, here or elsewhere.

    In another weather it is the same street, with the same labels.
    """
    generator = np.random.default_rng([seed, list(CITIES).index(split), index])
    return draw_scene(generator, height=height, width=width, weather=weather)


def write_scenes(
    root: str | Path, *, seed: int, train: int, val: int, test: int, height: int, width: int,
    weather: Weather | None = None,
) -> Path:  # fmt: skip
    """The folder of a data set with so many scenes of height x width pixels; it is drawn at the first call.

    The folder's name holds every parameter, hence a folder that exists is complete and right. A writer that is killed
    leaves at most a hidden folder that nobody reads; of two writers one wins, and the other takes the winner's folder.
    Args:
        weather: rain or night, of all scenes; None: as a camera car meets it by day.

    Raises SeglabError for a number that is out of range, or another weather.
    """
    order = _Order(seed=seed, train=train, val=val, test=test, height=height, width=width, weather=weather)
    _check(order)
    suffix = "" if weather is None else f"-{weather}"
    folder = Path(root) / f"{height}x{width}-seed{seed}-{train}-{val}-{test}-v{VERSION}{suffix}"
    if folder.is_dir():
        return folder
    start = time.perf_counter()
    draft = folder.with_name(f".{folder.name}.{uuid4().hex}")
    try:
        draft.mkdir(parents=True)
        _write_all(draft, order)
        size = sum(path.stat().st_size for path in draft.rglob("*.png"))
        (draft / "scenes.json").write_text(json.dumps({"version": VERSION, **_stated(order)}, indent=2) + "\n")
        _publish(draft, folder)
    except BaseException:  # a keyboard interrupt too leaves nothing behind
        shutil.rmtree(draft, ignore_errors=True)
        raise
    seconds = time.perf_counter() - start
    _log.info("drew %d street scenes in %s: %.0f MB, %.1f s", len(order.scenes), folder, size / 1e6, seconds)
    return folder


def _stated(order: _Order) -> dict[str, object]:
    """What scenes.json says; of the weather alone where one was asked for, as the first files did."""
    return {key: value for key, value in order._asdict().items() if value is not None}


def _check(order: _Order) -> None:
    if order.weather not in (None, *LIGHTS):
        raise SeglabError(f"data.prepare.weather: expected {' or '.join(LIGHTS)}, or null; came {order.weather!r}"
                          f"{did_you_mean(str(order.weather), LIGHTS) or ' - correct it'}")  # fmt: skip
    for name, value in order._asdict().items():
        if name == "weather":
            continue
        least = _SMALLEST if name in ("height", "width") else 0
        if value < least:
            raise SeglabError(
                f"data.prepare.{name}: expected an integer of at least {least}; came {value!r} - raise it"
            )


def _publish(draft: Path, folder: Path) -> None:
    """Give the finished draft its final name, unless another process was faster."""
    try:
        os.replace(draft, folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(draft, ignore_errors=True)


def _write_all(folder: Path, order: _Order) -> None:
    """Write every scene, in several processes if there are many.

    Threads would wait for each other, as drawing holds Python's lock; a process that has loaded torch must not fork;
    and multiprocessing's spawn imports the caller's main module again. So each process is this module, started afresh.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(cpus, _MOST_PROCESSES) if len(order.scenes) >= _FEW else 1
    if workers == 1:
        _write_share(folder, order, first=0, step=1)
        return
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    call = [sys.executable, "-m", __spec__.name, str(folder), json.dumps(order._asdict())]
    processes = [subprocess.Popen([*call, str(i), str(workers)], env=environment) for i in range(workers)]
    try:
        codes = [process.wait() for process in processes]
    finally:
        for process in processes:
            process.kill()  # does nothing to one that has ended
            process.wait()
    if any(codes):
        raise SeglabError(
            f"expected {len(order.scenes)} scenes in {folder.parent}; a process that draws them ended with code "
            f"{next(filter(None, codes))}, its own message stands above - is the disk full?"
        )


def _write_share(folder: Path, order: _Order, *, first: int, step: int) -> None:
    """Write every `step`-th scene from number `first` on."""
    for split, index in order.scenes[first::step]:
        scene = scene_at(seed=order.seed, split=split, index=index, height=order.height, width=order.width,
                         weather=order.weather)  # fmt: skip
        _write_scene(folder, scene, split=split, index=index)


def _write_scene(folder: Path, scene: Scene, *, split: str, index: int) -> None:
    """Write the four files of a scene."""
    cities = CITIES[split]
    city = cities[index % len(cities)]
    name = f"{city}_{index // len(cities):06d}_{_FRAME:06d}"
    images, masks = (folder / kind / split / city for kind in ("leftImg8bit", "gtFine"))
    write_png(images / f"{name}_leftImg8bit.png", scene.image, options=_FAST)
    write_png(masks / f"{name}_gtFine_labelIds.png", scene.label_ids, options=_FAST)
    write_png(masks / f"{name}_gtFine_instanceIds.png", scene.instance_ids, options=_FAST)
    write_png(masks / f"{name}_gtFine_color.png", _COLORS[scene.label_ids], options=_FAST)


if __name__ == "__main__":  # one process of _write_all
    leave_signals_to_parent()  # which ends this process where it stops early
    cv2.setNumThreads(1)
    _write_share(Path(sys.argv[1]), _Order(**json.loads(sys.argv[2])), first=int(sys.argv[3]), step=int(sys.argv[4]))
