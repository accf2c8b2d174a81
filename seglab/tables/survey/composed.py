"""The compositions of a table's rows, kept under `output`: one takes a third of a second, and there are many.

A kept one is valid while the plan, all YAML files that a configuration is composed of, the environment variables that
they name and the code that composes are the same.
"""

import hashlib
import json
import logging
import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seglab import PACKAGE, config, runs
from seglab.errors import SeglabError
from seglab.runs.json_file import read_object
from seglab.tables.plan.budgets import form
from seglab.tables.plan.model import Plan
from seglab.tables.survey.configurations import configurations, evaluation_settings, own_evaluations

FILE = "composed.json"  # in the table's folder

# Below seglab/; a test finds what is missing.
_CODE = ("__init__.py", "errors.py", "labels/*.py", "config/*.py", "runs/*.py", "evaluation/__init__.py",
         "evaluation/columns.py", "metrics/__init__.py", "data/__init__.py",
         "data/corruptions/__init__.py", "data/corruptions/names.py", "metrics/titles.py", "tables/__init__.py",
         "tables/plan/*.py", "tables/survey/*.py")  # fmt: skip
_VARIABLE = re.compile(r"oc\.env:\s*(\w+)")


log = logging.getLogger("seglab")


@dataclass(frozen=True)
class Composed:
    configurations: dict[tuple[str, int], DictConfig]  # of {(label, seed): ...}, as configurations.configurations
    evaluation: dict[str, Any]  # resolved values of conf/evaluate.yaml for the table
    own: dict[str, dict[str, Any]] = field(default_factory=dict)  # {label: the same} of rows that state their own


@dataclass(frozen=True)
class Kept:
    """A composition in plain values: to make configurations of all of them takes longer than to read them."""

    rows: dict[tuple[str, int], tuple[str, dict[str, Any]]]  # {(label, seed): (fingerprint, resolved configuration)}
    evaluation: dict[str, Any]
    own: dict[str, dict[str, Any]]

    def only(self, wanted: Collection[tuple[str, int]]) -> Composed:
        """With the configurations of these rows and seeds."""
        chosen = {which: OmegaConf.create(config) for which, (_, config) in self.rows.items() if which in wanted}
        return Composed(chosen, self.evaluation, self.own)


def compose(plan: Plan, *, overrides: Sequence[str], search_path: Sequence[str]) -> Composed:
    """Composed and checked anew.

    Raises:
        SeglabError: a configuration is wrong.
    """
    composed = configurations(plan, overrides=overrides, search_path=search_path)
    evaluation = runs.plain(evaluation_settings(plan, search_path=search_path))
    return Composed(composed, evaluation, own_evaluations(plan, search_path=search_path))


def kept_or_composed(plan: Plan, *, overrides: Sequence[str], search_path: Sequence[str], output: Path) -> Kept:
    """As `compose`, out of the table's folder where it lies there and is still valid; else it is kept there."""
    path = output / "tables" / form(plan) / FILE
    key = _key(plan, overrides, tuple(search_path))
    with suppress(SeglabError):  # what is damaged is composed anew
        kept = read_object(path, what="composed configurations", cure="delete it") or {}
        if kept.get("key") == key:
            rows = {(label, seed): (fingerprint, config) for label, seed, fingerprint, config in kept["rows"]}
            return Kept(rows, kept["evaluation"], kept["own"])
    log.info("%s: composing %d rows, once", form(plan), len(plan.rows))
    composed = compose(plan, overrides=overrides, search_path=search_path)
    plain = {which: runs.plain(cfg) for which, cfg in composed.configurations.items()}
    rows = {which: (runs.fingerprint(values), values) for which, values in plain.items()}
    fresh = Kept(rows, composed.evaluation, composed.own)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows_to_keep = [(*which, *kept_row) for which, kept_row in fresh.rows.items()]
    kept = {"key": key, "rows": rows_to_keep, "evaluation": fresh.evaluation, "own": fresh.own}
    runs.write_quickly(path, json.dumps(kept))
    return fresh


def _key(plan: Plan, overrides: Sequence[str], search_path: tuple[str, ...]) -> str:
    decisive = [repr(plan), list(overrides), _files(search_path)]
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()


@cache
def _files(search_path: tuple[str, ...]) -> str:
    """A digest of what every composition is made of."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _CODE for path in PACKAGE.glob(pattern)):
        digest.update(path.read_bytes())
    for path in _yaml_files([config.FOLDER, *map(Path, search_path)]):
        text = path.read_text(encoding="utf-8")
        variables = [(name, os.environ.get(name)) for name in _VARIABLE.findall(text)]
        digest.update(f"{path}{text}{variables}".encode())
    return digest.hexdigest()


def _yaml_files(folders: Sequence[Path]) -> Iterator[Path]:
    """Those of the groups; the tables themselves are no part of a composition."""
    for folder in folders:
        for path in sorted(folder.rglob("*.yaml")):
            if path.relative_to(folder).parts[0] != "table":
                yield path
