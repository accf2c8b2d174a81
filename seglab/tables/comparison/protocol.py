"""Which measurements may be compared: those on whose protocols the scores depend in the same way."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any

from seglab.data.corruptions import names
from seglab.data.corruptions.names import CORRUPTION
from seglab.display.numbers import sides
from seglab.display.ood import OOD, ood_words
from seglab.display.post import POST, post_words
from seglab.display.several import CALIBRATED, CALIBRATIONS, MEMBERS, UNCERTAINTY, uncertainty_words
from seglab.tables.plan.model import Published

# The state of training that was scored, and what else was scored beside the headline: no difference of measuring.
NO_DIFFERENCE = ("epoch", "step", "resolutions", MEMBERS)

_WORDS = {
    "dataset": "data set",
    "labels": "label space",
    "size": "size seen by the network",
    "scales": "test-time scales",
    "flip": "test-time flip",
    "tile": "tiles",
    "overlap": "overlap of tiles",
    POST: "post-processing",
    CORRUPTION: "corruption",
    OOD: "detector",
    UNCERTAINTY: "members",
    CALIBRATED: "calibration",
    "limit": "limit of images",
    "fingerprint": "content of the data",
}
_DATA = ("dataset", "split", "limit", "labels")
_FOLLOW_FROM_DATA = ("images", "fingerprint")
OF_DATA = (*_DATA, *_FOLLOW_FROM_DATA, "classes")
_SAME_PIXELS = (*OF_DATA, "resolution", "reading", "void")  # scores of others never compare
# What a key of conf/evaluate.yaml decides of a protocol, where that is not the key of its name.
_DECIDES = {"tile": ("tile", "overlap"), "crf": (POST,), "severity": (CORRUPTION,)}


def identity(protocol: Mapping[str, Any]) -> Hashable:
    """Equal for protocols under which scores are comparable. A key that seglab does not know counts as well."""
    return frozenset((key, _frozen(value)) for key, value in protocol.items() if key not in NO_DIFFERENCE)


def decided_by(evaluation: Mapping[str, Any]) -> frozenset[str]:
    """The keys of a protocol that a row's own `evaluation` decides: in them it may differ from the rows beside it.

    Not those that say which pixels are scored: of other images, or at another size, scores do not compare.
    """
    stated = (str(key).partition(".")[0] for key in evaluation)
    return frozenset(key for one in stated for key in _DECIDES.get(one, (one,)) if key not in _SAME_PIXELS)


def without(protocol: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in protocol.items() if key not in keys}


def differing(protocols: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys in which they differ, without those that follow from others: another split has other images."""
    keys = [key for key in dict.fromkeys(key for protocol in protocols for key in protocol) if key not in NO_DIFFERENCE]
    differ = [key for key in keys if len({_frozen(protocol.get(key, ...)) for protocol in protocols}) > 1]
    shorter = [key for key in differ if key not in _FOLLOW_FROM_DATA]
    if any(key in _DATA for key in shorter) and _distinct(protocols, shorter) == _distinct(protocols, differ):
        return shorter
    return differ


def words(key: str) -> str:
    return _WORDS.get(key, key)


def shown(key: str, protocol: Mapping[str, Any]) -> str:
    """'64x128' for a size, 'yes', 'none', 'not stated': the value as a table prints it."""
    if key not in protocol:
        nothing = dict.fromkeys((POST, CORRUPTION, OOD, UNCERTAINTY, CALIBRATED), "none")
        return {**nothing, "classes": "same"}.get(key, "not stated")
    value = protocol[key]
    if value is None:
        return "that of the image" if key == "size" else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key in ("size", "tile"):
        return sides(value)
    if key == POST:
        return post_words(value)
    if key == CORRUPTION:
        return names.words(value)
    if key == OOD:
        return ood_words(value)
    if key == UNCERTAINTY:
        return uncertainty_words(value)
    if key == CALIBRATED:
        return CALIBRATIONS.get(value, str(value))
    if isinstance(value, list | tuple):
        return ", ".join(f"{item:g}" if isinstance(item, float) else str(item) for item in value)
    return str(value)


def apart(published: Published, protocol: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a published row states and the protocol contradicts; what of the two cannot be compared. Both in words."""
    differs, unchecked = [], []
    for key, stated, ours in (
        ("split", published.split, shown("split", protocol) if "split" in protocol else None),
        ("resolution", published.resolution, _resolution(published.resolution, protocol)),
    ):
        if stated is None:
            unchecked.append(f"{key} (not stated)")
        elif ours is None:
            unchecked.append(f"{key} ({stated})")
        elif _plain(stated) != _plain(ours):
            differs.append(f"{key}: {stated}, here {ours}")
    return tuple(differs), tuple(unchecked)


def _distinct(protocols: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> int:
    return len({tuple(_frozen(protocol.get(key, ...)) for key in keys) for protocol in protocols})


def _resolution(stated: str | None, protocol: Mapping[str, Any]) -> str | None:
    """Ours in the way in which the source states its own; None where a size meets "original", which has many."""
    if stated is None or "resolution" not in protocol:
        return None
    ours = shown("resolution", protocol)
    if _plain(stated) in ("original", "network"):
        return ours
    return shown("size", protocol) if ours == "network" else None


def _plain(text: str) -> str:
    return text.lower().replace("×", "x").replace(" ", "")


def _frozen(value: Any) -> Hashable:
    """Lists as tuples, and equal numbers equal: a protocol that was read from JSON equals the one that was written."""
    if isinstance(value, Mapping):
        return frozenset((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    return value
