"""The corruptions by group, without what draws them: commands check what is asked for by these names."""

from collections.abc import Mapping
from typing import Any

CORRUPTION = "corruption"  # the key of a protocol, of metrics.json and of conf/evaluate.yaml
VERSION = 1  # of the drawing: raise it when the same parameters give other pictures; stands in protocols
SEVERITIES = (1, 2, 3, 4, 5)

# The four groups of Hendrycks & Dietterich (ICLR 2019), and what a car meets beside them.
GROUPS = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather": ("snow", "frost", "fog", "brightness"),
    "digital": ("contrast", "elastic", "pixelate", "jpeg"),
    "road": ("rain", "night", "lens_dirt"),
}
NAMES = tuple(name for names in GROUPS.values() for name in names)
ALL, PUBLISHED = "all", "published"  # what may be asked for in the place of a list: all of them; the fifteen


def chosen(asked: str | list[str]) -> tuple[str, ...]:
    """The corruptions that `asked` means: all, published, one or a list, each once and in the order of `NAMES`."""
    if asked == ALL:
        return NAMES
    if asked == PUBLISHED:
        return tuple(name for name in NAMES if name not in GROUPS["road"])
    names = [asked] if isinstance(asked, str) else asked
    return tuple(name for name in NAMES if name in names)


def protocol(asked: str | list[str] | None, severity: int | list[int], seed: int) -> dict[str, object] | None:
    """What decides the corrupted images of a data set, as a protocol holds it; None where none are asked for."""
    if asked is None:
        return None
    severities = [severity] if isinstance(severity, int) else sorted(set(severity))
    return {"names": list(chosen(asked)), "severities": severities, "seed": seed, "version": VERSION}


def words(protocol: Mapping[str, Any]) -> str:
    """'18 corruptions, severities 1 2 3 4 5', or 'rain, snow, severity 3'."""
    names, severities = protocol["names"], protocol["severities"]
    told = f"{len(names)} corruptions" if len(names) > 3 else ", ".join(names)
    return f"{told}, {'severity' if len(severities) == 1 else 'severities'} {' '.join(map(str, severities))}"
