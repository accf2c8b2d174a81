"""The corruptions by group, without what draws them: commands check what is asked for by these names."""

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
