"""What `python -m seglab.predict` does with its inputs: label maps, a submission, or masks converted.

Nothing heavy is imported before every cheap way to fail has been tried.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seglab import runs
from seglab.config.of_run import of_run
from seglab.inference import inputs
from seglab.runs.find import is_exported, require_run


def predict(settings: Mapping[str, Any]) -> list[str]:
    """One message for each input that could not be read; the others are written.

    Args:
        settings: the checked values of conf/predict.yaml.

    Raises:
        SeglabError: there is no such run, no input, or a file that would be replaced.
    """
    output = Path(settings["output"])
    if settings["mode"] == "masks":
        from seglab.inference import convert  # numpy and OpenCV

        masks = convert.find_masks(settings["input"], output=output)
        return convert.convert(masks, folder=output, to=settings["to"], overwrite=settings["overwrite"])
    suffixes = [*inputs.IMAGES, *inputs.VIDEOS]
    if is_exported(settings["run"]):
        suffixes += inputs.OTHER_IMAGES
    else:
        require_run(Path(settings["run"]), runs.CONFIG, f"checkpoints/{settings['checkpoint']}.ckpt")
        if of_run(Path(settings["run"]))["data"].get("channels", 3) != 3:
            suffixes += inputs.OTHER_IMAGES
    files = inputs.find(settings["input"], suffixes=tuple(suffixes), output=output)
    from seglab.inference import prediction  # torch and all the rest

    if settings["format"] == "cityscapes":
        return prediction.predict_submission(settings, files)
    return prediction.predict_files(settings, files)
