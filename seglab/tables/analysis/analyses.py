"""All analyses. Each looks at the comparison and the plan in it, and finds nothing where it is not asked for."""

from collections.abc import Callable

from seglab.tables.analysis.effects import effects
from seglab.tables.analysis.finding import Finding
from seglab.tables.analysis.noise import noise
from seglab.tables.analysis.placed import published_among_ours
from seglab.tables.analysis.ranks import ranks
from seglab.tables.analysis.tuned import tuned
from seglab.tables.comparison.comparison import Comparison

ANALYSES: tuple[Callable[[Comparison], Finding | None], ...] = (  # in the order in which they are shown
    effects,
    ranks,
    published_among_ours,
    noise,
    tuned,
)


def findings(comparison: Comparison) -> list[Finding]:
    """What the analyses find in a comparison."""
    return [found for analysis in ANALYSES if (found := analysis(comparison)) is not None]
