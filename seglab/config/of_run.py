"""The configuration in a run's folder, which may be a stranger's."""

from pathlib import Path
from typing import Any

from seglab import runs
from seglab.config.targets import refuse
from seglab.errors import SeglabError
from seglab.runs.environment import resolved_where_possible


def of_run(folder: Path) -> dict[str, Any]:
    """The resolved configuration of the run in `folder`, which names nothing that a configuration may not name.

    A value of the environment that the run was begun with and that is not there any more stays "${oc.env:NAME}".

    Raises:
        SeglabError: it names something else.
    """
    config = resolved_where_possible(runs.read_config(folder))
    try:
        for group, node in config.items():
            refuse(node, where=group, group=group)
    except SeglabError as error:
        raise SeglabError(f"'{folder / runs.CONFIG}': {error}") from error
    return config
