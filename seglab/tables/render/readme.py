"""The tables in a Markdown file, rendered from committed measurements alone: the same on every machine."""

import re
from dataclasses import replace
from pathlib import Path

from seglab.display import sheet
from seglab.errors import SeglabError
from seglab.tables.comparison.comparison import compare
from seglab.tables.plan.budgets import FULL, reduced
from seglab.tables.plan.read import FOLDER, read_plan
from seglab.tables.render.sheets import scores, sheets
from seglab.tables.survey import looks, trials_file
from seglab.tables.survey.inventory import committed_csv
from seglab.tables.survey.measurements import read_csv
from seglab.tables.survey.trials import known

_BLOCK = re.compile(
    r"<!-- table (?P<name>\S+)(?: budget=(?P<budget>\S+))?(?P<only> only=scores)? -->\n"
    r"(?P<content>.*?)<!-- end table -->",
    re.DOTALL,
)
_MARK = re.compile(r"<!-- (?:end )?table\b[^>]*-->")


def rendered(text: str) -> str:
    """`text` with what stands between `<!-- table NAME -->` and `<!-- end table -->` rendered again.

    `<!-- table NAME budget=short -->` shows the short form, and `<!-- table NAME only=scores -->` nothing of what the
    analyses find.

    A table without committed measurements leaves its block as it is.

    Raises:
        SeglabError: a marker has no partner, or names no table.
    """
    blocks = list(_BLOCK.finditer(text))
    if len(_MARK.findall(text)) != 2 * len(blocks):
        raise SeglabError(
            "expected each <!-- table NAME --> closed by <!-- end table -->, every one at the start of a line of its "
            f"own; came {', '.join(_MARK.findall(text))} - complete the pairs"
        )
    return _BLOCK.sub(lambda block: _rendered(block) or block[0], text)


def table_names(text: str) -> list[str]:
    """The tables that a text shows, in their order."""
    return [block["name"] for block in _BLOCK.finditer(text)]


def update(path: Path) -> bool:
    """Whether the file was out of date; its tables are up to date now."""
    text = path.read_text(encoding="utf-8")
    new = rendered(text)
    if new != text:
        path.write_text(new, encoding="utf-8")
    return new != text


def _rendered(block: re.Match[str]) -> str | None:
    name, budget, only = block["name"], block["budget"] or FULL, block["only"] or ""
    plan = reduced(read_plan(name), budget)
    measurements = read_csv(committed_csv(plan, FOLDER))
    if not measurements:
        return None
    trials = known(plan, trials_file.read(trials_file.committed(plan, FOLDER)))
    comparison = compare(plan, measurements, trials=trials)
    warning = looks.warning(comparison, [looks.committed_looks(plan, FOLDER)])
    if warning is not None:
        comparison = replace(comparison, warnings=(*comparison.warnings, warning))
    parts = (scores if only else sheets)(comparison, differences=False)
    table = "\n".join(map(sheet.markdown, parts))
    mark = (f"table {name}" if budget == FULL else f"table {name} budget={budget}") + only
    return f"<!-- {mark} -->\n\n{table}\n<!-- end table -->"
