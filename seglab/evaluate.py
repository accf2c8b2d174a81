"""`python -m seglab.evaluate`: the scores of a trained run, or of a folder of predictions, stored with their protocol.

Nothing heavy is imported before the configuration is composed and checked.
"""

import hydra
from omegaconf import DictConfig

from seglab import config, runs
from seglab.config import command
from seglab.evaluation.score import check, evaluate
from seglab.multirun import process
from seglab.runs import find

config.register()


@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="evaluate")
@command.reported
def task(cfg: DictConfig) -> None:
    config.check(cfg, config.EvaluateConfig)
    settings = find.with_run(runs.plain(cfg))
    check(settings)
    evaluate(settings)


def main() -> None:
    process.watch_lifeline()
    command.run(task)


if __name__ == "__main__":
    main()
