"""`python -m seglab.dashboard`: the workspace of the project on W&B, as code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import hydra
from omegaconf import MISSING, DictConfig

from seglab import config, runs
from seglab.config import command
from seglab.errors import SeglabError, did_you_mean
from seglab.labels import label_space
from seglab.loggers import account


@dataclass
class DashboardConfig:
    """Root keys of conf/dashboard.yaml."""

    entity: str | None = None
    project: str = MISSING
    name: str = MISSING
    labels: Any = MISSING
    group_by: str = MISSING
    write: str | None = None
    upload: bool = MISSING


config.register({"dashboard_schema": DashboardConfig})


@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="dashboard")
@command.reported
def task(cfg: DictConfig) -> None:
    config.check(cfg, DashboardConfig)
    settings = runs.plain(cfg)
    check(settings)
    classes = label_space(settings["labels"]).names
    from seglab.loggers.workspace import as_json, upload, workspace  # brought by an extra, see `check`

    view = workspace(
        entity=settings["entity"] or "",
        classes=classes,
        **{key: settings[key] for key in ("project", "name", "group_by")},
    )
    if settings["write"] is not None:
        path = Path(settings["write"])
        path.parent.mkdir(parents=True, exist_ok=True)
        runs.write_atomically(path, json.dumps(as_json(view), indent=1) + "\n")
        print(runs.shown(path.absolute()))
    if settings["upload"]:
        upload(view)
    if settings["write"] is None and not settings["upload"]:
        print("\n".join(f"{section.name}: {len(section.panels)} panels" for section in view.sections))
        print("write=FILE writes them as JSON, upload=true saves them on W&B")


def main() -> None:
    command.run(task)


def check(settings: Mapping[str, Any]) -> None:
    """Raises SeglabError where the package or the account is missing, or `group_by` is no key of a run."""
    if find_spec("wandb_workspaces") is None:
        raise SeglabError(
            "seglab.dashboard: expected the package wandb-workspaces, which seglab's extra `dashboard` brings; "
            "it is not installed - python -m pip install 'wandb-workspaces>=0.4.13'"
        )
    check_group_by(settings["group_by"])
    if settings["upload"] and not account.has_account():
        raise SeglabError(
            "upload=true: expected an account on W&B; there is no key in $WANDB_API_KEY or ~/.netrc"
            " - `wandb login`, or write=FILE for the JSON alone"
        )


def check_group_by(key: str) -> None:
    """Raises SeglabError where the configurations of runs have no such key, or no such group to choose from."""
    folders = [path.name for path in config.FOLDER.iterdir() if path.is_dir()]
    groups = [f"choices.{name}" for name in folders if name not in ("hydra", "table")]
    roots = [field.name for field in fields(config.TrainConfig)]
    looked_for, keys = (key, groups) if key.startswith("choices.") else (key.partition(".")[0], roots)
    if looked_for not in keys:
        raise SeglabError(
            f"group_by={key}: expected choices.GROUP or a key of a run's configuration; "
            f"there is no {looked_for}{did_you_mean(looked_for, [*groups, *roots])}"
            " - python -m seglab.train --cfg job shows the keys"
        )


if __name__ == "__main__":
    main()
