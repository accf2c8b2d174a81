"""What an evaluation has left in the folder of a run, read for its page."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seglab.display import confusion
from seglab.display.confusion import Confusion
from seglab.errors import SeglabError
from seglab.pages.values import Score, mapping, score_of


@dataclass(frozen=True)
class EvaluationFiles:
    """A folder below evaluations/."""

    name: str
    protocol: Mapping[str, Any]
    scores: Mapping[str, Score]  # {"original": ..., "network": ...}, the headline's first
    matrix: Confusion | None
    pictures: Mapping[str, Path]  # {"best": ..., "worst": ...}


def evaluation_folders(run: Path, record: Mapping[str, Any]) -> list[Path]:
    """Those that the record names: of a run that was trained further, the others are of the shorter one.

    All of them where the record does not say.
    """
    named = record.get("evaluations")
    folders = sorted(path for path in (run / "evaluations").glob("*/") if not path.name.startswith("."))
    if named is None:
        return folders
    names = {*named, *(Path(str(mapping(result).get("folder"))).name for result in named.values())}
    return [folder for folder in folders if folder.name in names]


def read_evaluation(folder: Path) -> EvaluationFiles | None:
    """None where a folder holds no scores."""
    path = folder / "metrics.json"
    if not path.is_file():
        return None
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise SeglabError(f"{path}: expected the scores of an evaluation; came a damaged file ({error})") from error
    protocol = mapping(mapping(result).get("protocol"))
    order = [protocol.get("resolution"), "original", "network"]
    scores = {key: score_of(result[key]) for key in order if isinstance(key, str) and key in mapping(result)}
    table = folder / confusion.NAME
    return EvaluationFiles(
        name=folder.name,
        protocol=protocol,
        scores=scores,
        matrix=confusion.read_confusion(table) if table.exists() else None,
        pictures={name: folder / f"{name}.png" for name in ("best", "worst") if (folder / f"{name}.png").is_file()},
    )
