"""What seglab is from Python: `seglab.load`, `seglab.fit`, `seglab.score`, `seglab.compose`. The commands do the same.

Mistakes are raised as SeglabError, with the message that a command would print.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from seglab import config, runs
from seglab.config import compose as composing
from seglab.evaluation import score as scoring
from seglab.runs import find, naming
from seglab.training.further import Continued, continued_run
from seglab.training.run import train

if TYPE_CHECKING:
    from seglab.inference.model import Model

_one_at_a_time = threading.Lock()  # trainings: they seed the random numbers of the whole process


def load(run: str | Path, *, device: str = "auto", calibrated: str | None = None) -> "Model":
    """The trained network of a run, which predicts label maps.

    Args:
        run: its folder or name, for the best checkpoint; or one of its checkpoints, still in the run's folder.
        device: auto (the GPU where there is one), cpu, cuda, cuda:1.
        calibrated: temperature, per_class or local, where the run was calibrated so; None for the plain network.

    Raises:
        SeglabError: there is no such run, checkpoint, calibration or device.
    """
    from seglab.inference import model  # torch, which the other calls do not need at once

    return model.load(run, device=device, calibrated=calibrated)


def fit(overrides: Sequence[str] = (), *, config_dir: str | Path | None = None) -> runs.Record:
    """Trains as `python -m seglab.train OVERRIDES` does, in this process.

    Args:
        overrides: such as ["loss=dice", "trainer.max_epochs=2"]; ["resume=NAME"] continues a run.
        config_dir: a folder with groups of your own, as after --config-dir.

    Returns:
        The content of record.json, with the run's folder under "folder".

    Raises:
        SeglabError: a mistake in the overrides, in the data or in the folder.
        Interrupted: Ctrl-C or SIGTERM came; the run has saved its state, and resume=FOLDER goes on.
    """
    composed = composing.compose("train", overrides, search_path=_folders(config_dir))
    cfg = composed.cfg
    run = Continued(cfg, list(overrides), goes_further=False)
    if cfg.resume is not None:
        folder = find.named_run(cfg.resume, key="resume", output=cfg.output)
        run = continued_run(folder, list(overrides))
    elif cfg.name is not None:
        folder = Path(naming.run_folder(cfg.output, cfg.name))
    else:
        folder = Path(naming.new_run_folder(cfg.output))
    config.check(run.cfg)
    with _one_at_a_time:
        record = train(
            run.cfg, folder, overrides=run.overrides, choices=composed.choices, goes_further=run.goes_further
        )
    return {**record, "folder": str(folder)}


def score(run: str | Path, *, split: str = "val", overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Scores a trained run as `python -m seglab.evaluate run=RUN split=SPLIT OVERRIDES` does; its record keeps them.

    Args:
        run: its folder or its name.
        split: train, val, test, or the name of a split of the data set.
        overrides: of conf/evaluate.yaml, such as ["flip=true", "extra=[boundary]"].

    Returns:
        The content of metrics.json: {"protocol", "original": {"metrics", "classes"}, ...}, scores as fractions, and
        the "folder" with the files.

    Raises:
        SeglabError: there is no such run or split, or a mistake in the overrides.
    """
    cfg = composing.compose("evaluate", overrides).cfg
    cfg.run, cfg.split = str(run), split
    config.check(cfg, config.EvaluateConfig)
    settings = find.with_run(runs.plain(cfg))
    scoring.check(settings)
    return scoring.evaluate(settings)


def compose(overrides: Sequence[str] = (), *, config_dir: str | Path | None = None) -> DictConfig:
    """The configuration of `python -m seglab.train OVERRIDES`, checked.

    Args:
        overrides: such as ["data=camvid", "data.root=/data/CamVid"].
        config_dir: a folder with groups of your own, as after --config-dir.

    Raises:
        SeglabError: an override that cannot be read, a key that is not there, or a value that cannot be.
    """
    cfg = composing.compose("train", overrides, search_path=_folders(config_dir)).cfg
    config.check(cfg)
    return cfg


def _folders(config_dir: str | Path | None) -> list[str | Path]:
    return [] if config_dir is None else [config_dir]
