"""What a protocol says of the search for what a network does not know, in words and in the name of a folder."""

import re
from collections.abc import Mapping
from typing import Any

OOD = "ood"  # the key of a protocol; there is none where nothing is searched


def asked(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """{"detector", its parameters, "components"} of the resolved values of conf/evaluate.yaml; None without one."""
    node = settings["ood"]
    if node is None:
        return None
    return {**_described(node), "components": settings["ood_components"]}


def ood_name(ood: Mapping[str, Any]) -> str:
    """'ood-max_logit'."""
    return f"ood-{ood['detector']}"


def ood_words(ood: Mapping[str, Any]) -> str:
    """'anomalies by max_logit', 'anomalies by knn (images 100, bank 2000, k 10, seed 1)'."""
    if "detectors" in ood:
        return f"anomalies by {len(ood['detectors'])} detectors"
    words = ", ".join(f"{key} {value}" for key, value in ood.items() if key != "detector" and value is not None)
    return f"anomalies by {ood['detector']}{f' ({words})' if words else ''}".replace("_", " ")


def _described(node: Mapping[str, Any]) -> dict[str, Any]:
    """The name of a detector, and its parameters; of several, those of each that is not left out."""
    name, parameters = snake_case(node["_target_"].rpartition(".")[2]), dict(node)
    del parameters["_target_"]
    if "detectors" in parameters:
        parameters["detectors"] = {name: _described(one) for name, one in parameters["detectors"].items() if one}
    return {"detector": name, **parameters}


def snake_case(name: str) -> str:
    """'max_logit' of MaxLogit."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
