"""What the YAML of a table of losses holds, and the same with other values."""

import copy

GOOD = {
    "title": "Losses", "source": "measured here", "seeds": [1, 2], "baseline": "ce",
    "common": ["data.size=[32,64]"],
    "rows": [
        {"label": "ce", "overrides": ["loss=ce"]},
        {"label": "dice", "overrides": ["loss=dice"], "note": "smooth"},
    ],
    "columns": ["miou", "iou/pole", "iou/small", "parameters"],
    "groups": {"small": ["pole", "traffic sign"]},
    "evaluation": {"split": "test", "scales": [0.75, 1.0], "flip": True},
    "published": [{"label": "Theirs", "values": {"miou": 0.46, "parameters": 31e6}, "source": "arXiv"}],
}  # fmt: skip


def changed(**changes: object) -> dict:
    return {**copy.deepcopy(GOOD), **changes}


def with_rows(row: dict, *others: dict) -> dict:
    """GOOD with a row 'x' and others behind its own."""
    return changed(rows=[*GOOD["rows"], {"label": "x", **row}, *others])
