"""What a protocol says of several predictions in one, and of calibrated ones, in words and in the name of a folder."""

from collections.abc import Mapping
from typing import Any

# The keys of a protocol; there are none where one prediction is scored as it is.
MEMBERS, UNCERTAINTY, CALIBRATED = "members", "uncertainty", "calibrated"
_TITLES = {"mc_dropout": "MC dropout", "tta": "views as members", "ensemble": "ensemble"}
CALIBRATIONS = {  # by the methods of seglab.runs.calibration
    "temperature": "temperature scaling", "per_class": "a temperature per class", "local": "local temperatures",
}  # fmt: skip


def uncertainty_words(uncertainty: Mapping[str, Any]) -> str:
    """'MC dropout (samples 20, seed 1)'."""
    details = ", ".join(f"{key} {value}" for key, value in uncertainty.items() if key != "method")
    title = _TITLES.get(str(uncertainty.get("method")), "?")
    return f"{title} ({details})" if details else title


def several_words(protocol: Mapping[str, Any]) -> list[str]:
    """['ensemble of 3', 'temperature scaling'], as far as the protocol says something of it."""
    words = []
    if UNCERTAINTY in protocol:
        members = protocol.get(MEMBERS)
        words.append(uncertainty_words(protocol[UNCERTAINTY]) + (f" of {len(members)}" if members else ""))
    if CALIBRATED in protocol:
        words.append(CALIBRATIONS.get(protocol[CALIBRATED], "?"))
    return words


def several_names(protocol: Mapping[str, Any]) -> list[str]:
    """['ensemble-3', 'temperature']: parts of the name of a folder."""
    names = []
    if UNCERTAINTY in protocol:
        details = [str(value) for value in protocol[UNCERTAINTY].values()]
        names.append("-".join(details + ([str(len(protocol[MEMBERS]))] if MEMBERS in protocol else [])))
    if CALIBRATED in protocol:
        names.append(str(protocol[CALIBRATED]))
    return names
