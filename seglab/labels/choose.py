"""The label spaces that seglab knows by name, and the one that a configuration means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seglab.errors import SeglabError, did_you_mean
from seglab.labels import (
    ade20k,
    apolloscape,
    bdd,
    camvid,
    cityscapes,
    cocostuff,
    idd,
    mapillary,
    streethazards,
    voc,
    wilddash,
)
from seglab.labels.described import described
from seglab.labels.space import BLACK, LabelSpace

_BINARY_255 = LabelSpace("binary_255", ("background", "foreground"), (BLACK, (220, 20, 60)), to_train={0: 0, 255: 1})
_LABEL_SPACES: Mapping[str, LabelSpace] = {
    space.name: space
    for space in (
        _BINARY_255,
        *ade20k.SPACES,
        *apolloscape.SPACES,
        *bdd.SPACES,
        *camvid.SPACES,
        *cityscapes.SPACES,
        *cocostuff.SPACES,
        *idd.SPACES,
        *mapillary.SPACES,
        *streethazards.SPACES,
        *voc.SPACES,
        *wilddash.SPACES,
    )
}


def label_space(labels: str | Mapping[str, Any] | LabelSpace) -> LabelSpace:
    """The label space called `labels`, or the one that a mapping describes; a label space is returned as it is.

    A mapping has the keys `name`; `names` of the K classes, a single one being told from a background (raw value 0)
    that is added before it; `colors`, K times [red, green, blue], or null for colours
    of our choice; `ignore_values`, the raw values that are not counted; `mapping` from raw value to class name, or
    null where the raw values are 0..K-1 in the order of `names`. Raises SeglabError for an unknown name or a bad key.
    """
    if isinstance(labels, LabelSpace):
        return labels
    if isinstance(labels, Mapping):
        return described(labels, taken=_LABEL_SPACES)
    if labels not in _LABEL_SPACES:
        names = ", ".join(sorted(_LABEL_SPACES))
        raise SeglabError(f"expected a label space ({names}); got {labels!r}{did_you_mean(labels, _LABEL_SPACES)}")
    return _LABEL_SPACES[labels]


def label_space_of(labels: str | Mapping[str, Any] | LabelSpace, *, family: str) -> LabelSpace:
    """As `label_space`, for masks that hold the raw values of one family: "camvid" for camvid_11 and camvid_12.

    A label space of one's own is taken as it is. Raises SeglabError for a built-in one of another family: where the
    same numbers occur in both, other classes would be read without a word.
    """
    space = label_space(labels)
    fitting = [name for name in sorted(_LABEL_SPACES) if name.startswith(f"{family}_")]
    if space.name in _LABEL_SPACES and space.name not in fitting:
        raise SeglabError(
            f"data.labels={space.name}: expected a label space of the values in these masks ({', '.join(fitting)}); "
            f"came one of other masks - choose one of these, or describe one of your own as conf/data/folder.yaml does"
        )
    return space
