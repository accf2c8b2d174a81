"""`python -m seglab.predict`: label maps of images, folders and videos by a trained run, or masks converted.

Nothing heavy is imported before the configuration is composed and checked.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig

from seglab import config, runs
from seglab.config import command
from seglab.errors import SeglabError, did_you_mean
from seglab.inference import inputs

UNREADABLE = 1  # exit code where some inputs could not be read and the rest is written

_CHOICES = {
    "mode": ("predict", "masks"),
    "write": ("masks", "colors", "overlays", "side_by_side"),
    "ids": ("train_ids", "label_ids"),
    "format": ("files", "cityscapes"),
    "to": ("train_ids", "foreground"),
}

log = logging.getLogger("seglab")
_problems: list[str] = []

config.register()


@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="predict")
@command.reported
def task(cfg: DictConfig) -> None:
    config.check(cfg, config.PredictConfig)
    settings = runs.plain(cfg)
    check(settings)
    _problems.extend(predict(settings))


def main() -> None:
    command.run(task, finish=_report)


def predict(settings: Mapping[str, Any]) -> list[str]:
    """One message for each input that could not be read."""
    output = Path(settings["output"])
    if settings["mode"] == "masks":
        from seglab.inference import convert

        found = convert.find_masks(settings["input"], output=output)
        return convert.convert(found, folder=output, to=settings["to"], overwrite=settings["overwrite"])
    require_run(Path(settings["run"]))
    found = inputs.find(settings["input"], suffixes=(*inputs.IMAGES, *inputs.VIDEOS), output=output)
    from seglab.inference import prediction  # torch and all the rest are imported here, after every cheap way to fail

    if settings["format"] == "cityscapes":
        return prediction.predict_submission(settings, found)
    return prediction.predict_files(settings, found)


def require_run(run: Path) -> None:
    """Raises SeglabError when `run` is not the folder of a run."""
    if not (run / runs.CONFIG).is_file():
        raise SeglabError(
            f"expected the folder of a trained run, with {runs.CONFIG} and checkpoints/ in it; run='{run}' "
            f"{f'has no {runs.CONFIG}' if run.is_dir() else 'does not exist'} - look into outputs/runs/"
        )


def check(settings: Mapping[str, Any]) -> None:
    """Raises SeglabError for a value that is none of its key's choices, out of range, or not there."""
    for key, choices in _CHOICES.items():
        values = settings[key] if key == "write" else [settings[key]]
        if not isinstance(values, list) or not values:
            raise SeglabError(f"{key} is {values!r}; expected a list with some of {', '.join(choices)}")
        for value in values:
            if value not in choices:
                raise SeglabError(
                    f"{key}: {value!r} is no choice; expected {', '.join(choices)}{did_you_mean(str(value), choices)}"
                )
    needed = {"input": "the path of an image, a folder, a glob or a video"}
    if settings["mode"] == "predict":
        needed["run"] = "the folder of a trained run, such as outputs/runs/NAME"
    for key, meaning in needed.items():
        if settings[key] is None:
            raise SeglabError(f"{key} is not set; expected {meaning} - add {key}=PATH")
    if not 0 <= settings["opacity"] <= 1:
        raise SeglabError(
            f"opacity is {settings['opacity']}; expected a number from 0 (bare image) to 1 (colours only)"
        )
    if settings["batch_size"] < 1:
        raise SeglabError(
            f"batch_size is {settings['batch_size']}; expected a whole number >= 1 - 1 shows the network one at a time"
        )
    for key, words in (("size", ("run", "image")), ("tile", (None,))):
        value = settings[key]
        if value not in words and not _is_size(value):
            raise SeglabError(f"{key} is {value!r}; expected [height, width] or {' or '.join(map(_yaml, words))}")


def _is_size(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(one) is int and one > 0 for one in value)


def _yaml(word: str | None) -> str:
    return "null" if word is None else word


def _report() -> int:
    for problem in _problems:
        log.error("%s", problem)
    if _problems:
        log.error("%d inputs could not be used, see above", len(_problems))
    return UNREADABLE if _problems else 0


if __name__ == "__main__":
    main()
