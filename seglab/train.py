"""`python -m seglab.train`: one run, or with -m one for each combination of values.

Nothing heavy is imported before the configuration is composed and checked.
"""

from functools import partial
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from seglab import config, runs
from seglab.config import command
from seglab.errors import SeglabError
from seglab.multirun import launch, process
from seglab.runs.files import remove_empty
from seglab.training.further import Continued, continued_run
from seglab.training.run import train

config.register()


@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="train")
@command.reported
def task(cfg: DictConfig) -> float | None:
    """One job; what it returns is the monitored value, for hyper-parameter searches."""
    settings = HydraConfig.get()
    folder = Path(settings.runtime.output_dir)
    overrides = list(settings.overrides.task)
    choices = {group: option for group, option in settings.runtime.choices.items() if not group.startswith("hydra/")}
    if "trainer" not in cfg:
        raise SeglabError(
            f"--config-name={settings.job.config_name}: expected the configuration of a training; came that of another "
            "command - leave it out, or call the command that it belongs to"
        )
    if settings.mode == RunMode.MULTIRUN:
        try:
            config.check(cfg)
        except SeglabError:
            remove_empty(folder)
            raise
        job = partial(train, cfg, folder, overrides=overrides, choices=choices)
        return launch.run_job(cfg, settings, folder, train=job)
    try:
        run = Continued(cfg, overrides, goes_further=False) if cfg.resume is None else continued_run(folder, overrides)
        config.check(run.cfg)
        _require_common_folder(cfg)
        record = train(run.cfg, folder, overrides=run.overrides, choices=choices, goes_further=run.goes_further)
    except Exception:
        remove_empty(folder)  # which Hydra has made
        raise
    return runs.monitored_value(record)


def _require_common_folder(cfg: DictConfig) -> None:
    """Raises SeglabError where each process of a training, started by itself, would name a folder of its own."""
    if cfg.name is None and cfg.resume is None and cfg.trainer.get("num_nodes", 1) > 1:
        raise SeglabError(
            f"trainer.num_nodes={cfg.trainer.num_nodes}: expected a name, by which the processes of all machines find "
            "one folder; came none - write name=NAME"
        )


def main() -> None:
    process.watch_lifeline()
    command.run(launch.to_the_end(task), finish=lambda results: launch.finish())


if __name__ == "__main__":
    main()
