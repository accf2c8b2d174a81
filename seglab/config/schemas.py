"""The root keys of conf/, and what Hydra has to know before it composes: schemas and resolvers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

from seglab import PACKAGE
from seglab.config import monitors
from seglab.labels import label_space
from seglab.runs.find import named_run
from seglab.runs.naming import job_name, run_folder, sweep_folder
from seglab.runs.teacher import decisive

_IN_WHEEL, _IN_REPOSITORY = PACKAGE / "conf", PACKAGE.parent / "conf"
FOLDER = _IN_WHEEL if _IN_WHEEL.is_dir() else _IN_REPOSITORY


@dataclass
class SeedsConfig:
    """What conf/train.yaml says below `seeds`; seglab.training.seeds reads it."""

    init: int | None = None
    order: int | None = None
    augment: int | None = None
    repeat: int | None = None


@dataclass
class TrainConfig:
    """Root keys of conf/train.yaml. The groups are checked against what they instantiate, not here."""

    data: Any = MISSING
    augment: Any = MISSING
    model: Any = MISSING
    activation: Any = MISSING
    loss: Any = MISSING
    optimizer: Any = MISSING
    scheduler: Any = MISSING
    trainer: Any = MISSING
    callbacks: Any = MISSING
    logger: Any = MISSING
    module: Any = MISSING
    seed: int = MISSING
    output: str = MISSING
    name: str | None = None
    sweep: str | None = None
    resume: str | None = None
    retry_failed: bool = False
    init_from: str | None = None
    replace_head: bool = False
    adapt: Any = None
    sampling: Any = None
    mix: Any = None
    teacher: str | None = None
    teacher_run: str | None = None
    seeds: SeedsConfig = field(default_factory=SeedsConfig)


@dataclass
class CrfConfig:
    """What conf/evaluate.yaml and conf/predict.yaml say below `crf`; seglab.inference.crf.DenseCRF takes it."""

    iterations: int = MISSING
    spatial_weight: float = MISSING
    spatial_sd: float = MISSING
    bilateral_weight: float = MISSING
    bilateral_sd_xy: float = MISSING
    bilateral_sd_rgb: float = MISSING


@dataclass
class EvaluateConfig:
    """Root keys of conf/evaluate.yaml."""

    run: Any = None
    predictions: str | None = None
    truth: str | None = None
    processes: Any = MISSING
    checkpoint: str = MISSING
    data: Any = None
    root: str | None = None
    split: str | None = None
    classes: str = MISSING
    limit: int | None = None
    resolution: str = MISSING
    size: Any = MISSING
    scales: list[float] = MISSING
    flip: bool = MISSING
    tile: list[int] | None = None
    overlap: float = MISSING
    post: str | None = None
    crf: CrfConfig = field(default_factory=CrfConfig)
    corruption: Any = None
    severity: Any = MISSING
    reference: str | None = None
    calibrated: str | None = None
    score_fitted_split: bool = MISSING
    uncertainty: Any = None
    official: Any = MISSING
    extra: list[str] = MISSING
    ood: Any = None
    ood_components: int | None = None
    panels: int = MISSING
    device: str = MISSING
    threads: int = MISSING
    output: str | None = None
    augment: Any = None
    seed: int = MISSING


@dataclass
class PredictConfig:
    """Root keys of conf/predict.yaml."""

    run: str | None = None
    input: str | None = None
    output: str = MISSING
    overwrite: bool = MISSING
    mode: str = MISSING
    write: list[str] = MISSING
    ids: str = MISSING
    opacity: float = MISSING
    legend: bool = MISSING
    format: str = MISSING
    to: str = MISSING
    checkpoint: str = MISSING
    device: str = MISSING
    size: Any = MISSING
    scales: list[float] = MISSING
    flip: bool = MISSING
    tile: list[int] | None = None
    overlap: float = MISSING
    post: str | None = None
    crf: CrfConfig = field(default_factory=CrfConfig)
    calibrated: str | None = None
    batch_size: int = MISSING
    reject: float | None = None
    reject_score: str = MISSING


_SCHEMAS = {"train_schema": TrainConfig, "evaluate_schema": EvaluateConfig, "predict_schema": PredictConfig}


def register(schemas: Mapping[str, type] = MappingProxyType({})) -> None:
    """Makes the schemas and the resolvers of conf/ known; calling it again changes nothing.

    Args:
        schemas: {"..._schema": dataclass of the root keys} of an entry point that defines its own.
    """
    for name, schema in {**_SCHEMAS, **schemas}.items():
        ConfigStore.instance().store(name=name, node=schema)
    OmegaConf.register_new_resolver("num_classes", _num_classes, replace=True)
    monitors.register()
    OmegaConf.register_new_resolver("teacher_run", decisive, replace=True)
    OmegaConf.register_new_resolver("job_name", job_name, replace=True)
    # Cached in the configuration: a launcher's worker processes get the folder that the parent made.
    OmegaConf.register_new_resolver("run_folder", _run_folder, replace=True, use_cache=True)
    OmegaConf.register_new_resolver("sweep_folder", sweep_folder, replace=True, use_cache=True)


def _run_folder(output: str, resume: str | None, name: str | None) -> str:
    """Of the run that is to be continued, or of the one that begins."""
    return run_folder(output, name) if resume is None else str(named_run(resume, key="resume", output=output))


def _num_classes(labels: str) -> int:
    return label_space(labels).num_classes
