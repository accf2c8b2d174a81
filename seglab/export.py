"""`python -m seglab.export`: a trained run as a file that needs no seglab, compared with the run before it is kept.

Nothing heavy is imported before the configuration is composed and checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from omegaconf import MISSING, DictConfig

from seglab import config, runs
from seglab.config import command
from seglab.config.ranges import CALIBRATED, one_of, require, size, some_of, whole
from seglab.errors import SeglabError
from seglab.runs import calibration, find

_RANGES = {
    "checkpoint": one_of("best", "last"),
    "format": one_of("onnx", "torch", "safetensors"),
    "precision": one_of("fp32", "fp16", "int8"),
    "layout": one_of("nhwc", "nchw"),
    "outputs": some_of("labels", "logits", at_least=1),
    "size": size("run", "image"),
    "input_size": size(None),
    "limit": whole(1, also=(None,)),
    "calibration": whole(1),
    "repetitions": whole(1),
    "calibrated": CALIBRATED,
}


@dataclass
class ExportConfig:
    """Root keys of conf/export.yaml."""

    run: str | None = None
    checkpoint: str = MISSING
    format: str = MISSING
    precision: str = MISSING
    output: str | None = None
    layout: str = MISSING
    input_size: list[int] | None = None
    size: Any = MISSING
    calibrated: str | None = None
    outputs: list[str] = MISSING
    data: Any = None
    split: str = MISSING
    root: str | None = None
    limit: int | None = None
    calibration: int = MISSING
    bounds: dict[str, Any] = MISSING
    latency: bool = MISSING
    repetitions: int = MISSING
    augment: Any = None
    seed: int = MISSING


config.register({"export_schema": ExportConfig})


@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="export")
@command.reported
def task(cfg: DictConfig) -> None:
    config.check(cfg, ExportConfig)
    settings = find.with_run(runs.plain(cfg))
    check(settings)
    from seglab.deployment.export import export  # torch and all the rest

    export(settings)


def main() -> None:
    command.run(task)


def check(settings: Mapping[str, Any]) -> None:
    """Raises SeglabError for a value that is none of its key's choices, out of range, or a run that is not there."""
    require(settings, _RANGES)
    if settings["run"] is None:
        raise SeglabError("run is not set; expected the name or the folder of a trained run - add run=NAME")
    if find.is_exported(settings["run"]):
        raise SeglabError(f"run={settings['run']} is exported already; expected the run that it came from")
    find.require_run(Path(settings["run"]), runs.RECORD, runs.CONFIG, f"checkpoints/{settings['checkpoint']}.ckpt")
    if settings["precision"] != "fp32" and settings["format"] != "onnx":
        raise SeglabError(
            f"precision={settings['precision']} is for format=onnx; came format={settings['format']} - choose "
            "precision=fp32"
        )
    if settings["calibrated"] is not None:
        if settings["format"] == "safetensors":
            raise SeglabError(
                f"calibrated={settings['calibrated']}: expected a program, of which the temperatures are a part; came "
                "format=safetensors, the bare weights - choose format=onnx or torch"
            )
        calibration.read(Path(settings["run"]), checkpoint=settings["checkpoint"], method=settings["calibrated"])
    if "labels" not in settings["outputs"]:
        raise SeglabError(f"outputs={settings['outputs']}: expected labels among them - write outputs=[labels,logits]")
    if settings["data"] is not None and settings["root"] is not None:
        raise SeglabError("root is for the run's own data set; expected data.root beside data=... - rename it")
    if settings["output"] is not None and Path(settings["output"]).exists():
        raise SeglabError(f"output={settings['output']} exists; expected the name of a new folder")


if __name__ == "__main__":
    main()
