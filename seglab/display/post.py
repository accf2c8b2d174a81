"""What a protocol says of the work on probabilities after the network, in words and in the name of a folder."""

from collections.abc import Mapping
from typing import Any

POST = "post"  # the key of a protocol; there is none where nothing is done


def post_words(post: Mapping[str, Any]) -> str:
    """'CRF (iterations 5, spatial weight 3, spatial sd 3, bilateral weight 10, ...)'."""
    words = ", ".join(f"{key} {_shown(value)}" for key, value in post.items() if key != "name")
    return f"{str(post.get('name', '?')).upper()} ({words.replace('_', ' ')})"


def post_name(post: Mapping[str, Any]) -> str:
    """'crf-5-3-3-10-80-13'."""
    return "-".join(map(_shown, post.values()))


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
