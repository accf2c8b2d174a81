"""`python -m seglab.table`: the table of an ablation, from finished runs and committed measurements.

Nothing heavy is imported: what is to be trained is trained by other processes.
"""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import MISSING, DictConfig, OmegaConf

from seglab import config, runs
from seglab.config import command
from seglab.config.ranges import require, some_of
from seglab.errors import SeglabError

log = logging.getLogger("seglab")


@dataclass
class TableConfig:
    """Root keys of conf/table.yaml."""

    table: Any = None
    budget: str = MISSING
    cost: bool = MISSING
    speed: bool = MISSING
    run: bool = MISSING
    rows: list[str] | None = None
    retry_failed: bool = MISSING
    power: bool = MISSING
    difference: float | None = None
    column: str | None = None
    pilot: Any = None
    overrides: list[str] = MISSING
    output: str = MISSING
    write: list[str] = MISSING
    folder: str | None = None
    record: bool = MISSING
    readme: str | None = None


config.register({"table_schema": TableConfig})


@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="table")
@command.reported
def task(cfg: DictConfig) -> int:
    """The exit code: 1 where something is left that was to be run."""
    config.check(cfg, TableConfig)
    settings = runs.plain(cfg)
    check(settings)
    sources = HydraConfig.get().runtime.config_sources
    folders = [Path(source.path) / "table" for source in sources if source.schema == "file"]
    own = [source.path for source in sources if source.provider not in ("main", "hydra", "schema")]
    # Here, so that --help and --cfg need not wait for numpy and all that draws a page.
    from seglab.tables import table
    from seglab.tables.plan.budgets import reduced
    from seglab.tables.plan.read import plan_of
    from seglab.tables.render import readme

    if settings["readme"] is not None:
        changed = readme.update(Path(settings["readme"]))
        print(f"{settings['readme']}: {'rendered again' if changed else 'is up to date'}")
    elif cfg.table is None:
        table.list_tables(folders, settings, search_path=own)
    else:
        name = HydraConfig.get().runtime.choices["table"]
        plan = reduced(plan_of(OmegaConf.to_container(cfg.table, resolve=False), name=name), settings["budget"])
        home = table.home_of(name, folders)
        return table.Table(plan, settings, home=home, search_path=own).make()
    return 0


def main() -> None:
    command.run(task, finish=lambda codes: max(codes, default=0))


def check(settings: Mapping[str, Any]) -> None:
    """Raises SeglabError for a value that is none of its key's choices, or keys that do not go together."""
    from seglab.tables.table import FORMATS  # see `task`

    require(settings, {"write": some_of(*FORMATS)})
    if settings["readme"] is not None and not Path(settings["readme"]).is_file():
        raise SeglabError(f"readme={settings['readme']}: expected a Markdown file; nothing is there - correct the path")
    asked = [key for key in ("cost", "speed", "run", "record", "power") if settings[key]]
    if asked and (settings["table"] is None or settings["readme"] is not None):
        raise SeglabError(f"{asked[0]}=true is for one table; expected table=NAME and no readme=... - name the table")
    if settings["rows"] is not None and not settings["run"]:
        raise SeglabError("rows=[...] picks what is trained; expected run=true with it - add it, or leave rows out")
    _check_power(settings)
    if settings["record"] and settings["budget"] == "smoke":
        raise SeglabError("record=true: expected measurements; budget=smoke makes none - take budget=short or full")


def _check_power(settings: Mapping[str, Any]) -> None:
    """Raises SeglabError for keys of power=true that stand alone, and for those that it does not go with."""
    if not settings["power"]:
        alone = [key for key in ("difference", "column", "pilot") if settings[key] is not None]
        if alone:
            raise SeglabError(f"{alone[0]}={settings[alone[0]]} is for power=true; came without it - add it, or leave "
                              f"{alone[0]} out")  # fmt: skip
        return
    beside = [key for key in ("run", "speed", "record") if settings[key]]
    if beside:
        raise SeglabError(
            f"power=true trains and keeps nothing; expected it without {beside[0]}=true - type one after the other"
        )
    difference = settings["difference"]
    if difference is not None and not 0 < difference < math.inf:
        raise SeglabError(f"difference={difference:g}: expected percentage points > 0, such as 0.5 - correct it")
    pilot = settings["pilot"]
    is_text = isinstance(pilot, str) and pilot != ""
    is_list = isinstance(pilot, list) and pilot and all(isinstance(name, str) and name for name in pilot)
    if pilot is not None and not is_text and not is_list:
        raise SeglabError(f"pilot={pilot!r}: expected names of tables, pilot=[NAME, ...] - name one or more")


if __name__ == "__main__":
    main()
