"""Where published rows come from, as every form of a table says it below them."""

from collections.abc import Sequence

from seglab.tables.comparison.comparison import PublishedResult
from seglab.tables.plan.model import Published


def published_notes(results: Sequence[PublishedResult]) -> tuple[list[int], list[str]]:
    """The number of each row's origin, and what is said: the numbered origins, then what is said of rows alone.

    Rows of one origin share its number, and rows of one note its line.
    """
    origins = [_origin(result) for result in results]
    distinct = list(dict.fromkeys(origins))
    own: dict[str, list[str]] = {}
    for result in results:
        if result.published.note:
            own.setdefault(result.published.note, []).append(result.published.label)
    said = [f"{'; '.join(labels)}: {note}" for note, labels in own.items()]
    numbered = [f"[{index}] {origin}" for index, origin in enumerate(distinct, start=1)]
    return [distinct.index(origin) + 1 for origin in origins], [*numbered, *said]


def stated(published: Published) -> dict[str, str]:
    """What the source says of how a row was measured."""
    facts = {"split": published.split, "resolution": published.resolution, "pre-training": published.pretraining}
    return {name: value or "not stated" for name, value in facts.items()}


def _origin(result: PublishedResult) -> str:
    """'paper, Table 2; split test; resolution not stated; ...; not verified; not comparable: ...'."""
    published = result.published
    said = [f"{name} {value}" for name, value in stated(published).items()]
    verified = "verified" if published.verified else "not verified"
    differs = [f"not comparable: {'; '.join(result.differs)}"] if result.differs else []
    return "; ".join([published.source, *said, verified, *differs])
