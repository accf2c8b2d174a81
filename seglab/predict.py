"""`python -m seglab.predict`: label maps of images, folders and videos by a trained run, or masks converted.

Nothing heavy is imported before the configuration is composed and checked.
"""

import logging
from collections.abc import Mapping
from typing import Any

import hydra
from omegaconf import DictConfig

from seglab import config, runs
from seglab.config import command
from seglab.config.ranges import CALIBRATED, POST, one_of, require, share, size, some_of, whole
from seglab.errors import SeglabError
from seglab.inference.predict import predict
from seglab.runs import find

UNREADABLE = 1  # exit code where some inputs could not be read and the rest is written

_RANGES = {
    "mode": one_of("predict", "masks"),
    "write": some_of("masks", "colors", "overlays", "side_by_side", at_least=1),
    "ids": one_of("train_ids", "label_ids"),
    "format": one_of("files", "cityscapes"),
    "to": one_of("train_ids", "foreground"),
    "opacity": share("a number from 0 (bare image) to 1 (colours only)"),
    "batch_size": whole(1),
    "reject_score": one_of("median_probability", "median_max_logit", "max_minus_mean"),
    "size": size("run", "image"),
    "tile": size(None),
    "calibrated": CALIBRATED,
    **POST,
}

log = logging.getLogger("seglab")

config.register()


@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="predict")
@command.reported
def task(cfg: DictConfig) -> list[str]:
    config.check(cfg, config.PredictConfig)
    settings = find.with_run(runs.plain(cfg))
    check(settings)
    return predict(settings)


def main() -> None:
    command.run(task, finish=_report)


def check(settings: Mapping[str, Any]) -> None:
    """Raises SeglabError for a value that is none of its key's choices, out of range, or not there."""
    require(settings, _RANGES)
    if settings["reject"] is not None and (settings["mode"] != "predict" or settings["format"] != "files"):
        raise SeglabError("reject is for mode=predict format=files, beside whose results it writes; came "
                          f"mode={settings['mode']} format={settings['format']} - leave reject out")  # fmt: skip
    needed = {"input": "the path of an image, a folder, a glob or a video"}
    if settings["mode"] == "predict":
        needed["run"] = "the name or the folder of a trained run"
    for key, meaning in needed.items():
        if settings[key] is None:
            raise SeglabError(f"{key} is not set; expected {meaning} - add {key}=PATH")


def _report(results: list[list[str]]) -> int:
    problems = [problem for result in results for problem in result]
    for problem in problems:
        log.error("%s", problem)
    if problems:
        log.error("%d inputs could not be used, see above", len(problems))
    return UNREADABLE if problems else 0


if __name__ == "__main__":
    main()
