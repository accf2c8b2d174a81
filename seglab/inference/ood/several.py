"""Several detectors, compared on the same images."""

from collections.abc import Mapping

import seglab.lean_imports  # noqa: F401

from seglab.errors import SeglabError
from seglab.inference.ood.contract import Detector


class Several:
    """Detectors by their names, each of which is scored.

    Raises:
        SeglabError: there are none.
    """

    def __init__(self, *, detectors: Mapping[str, Detector]) -> None:
        self.detectors = {name: detector for name, detector in detectors.items() if detector is not None}
        if not self.detectors:
            raise SeglabError("ood.detectors: expected one detector or more; came none")
