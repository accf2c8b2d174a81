"""A share of a split by its name: `train:10%` is about a tenth of its images, `train:-10%` all the others.

With the one as validation split and the other as training split, choices are made on images that are reported nowhere.
Imports nothing heavy.
"""

import re
from typing import NamedTuple

from seglab.errors import SeglabError

_NAME = re.compile(r"(?P<split>.+):(?P<rest>-?)(?P<percent>\d+)%")


class Share(NamedTuple):
    """What a name of a split says of it."""

    split: str
    percent: int  # 1 to 99
    rest: bool  # all but that share

    @property
    def fraction(self) -> float:
        return (100 - self.percent if self.rest else self.percent) / 100


def share_of(name: str) -> Share | None:
    """None for a whole split.

    Raises:
        SeglabError: it is a share of none or of all images.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    percent = int(found["percent"])
    if not 0 < percent < 100:
        raise SeglabError(f"split {name!r}: expected a share from 1 to 99 %; came {percent} % - correct it")
    return Share(found["split"], percent, bool(found["rest"]))


def overlap(one: str, other: str) -> bool:
    """Whether two splits of one data set may have images in common, as far as their names say.

    A share and its own rest have none. Shares of other sizes are drawn each by itself: one may hold images of another.
    """
    first, second = share_of(one), share_of(other)
    if (first.split if first else one) != (second.split if second else other):
        return False
    if first is None or second is None:
        return True
    return first.percent != second.percent or first.rest == second.rest
