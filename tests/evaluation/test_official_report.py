"""The official scores as tables of classes and of categories."""

from pathlib import Path

from omegaconf import OmegaConf

from seglab import config
from seglab.evaluation import official_report, score


def settings(**changes) -> dict:
    defaults = OmegaConf.to_container(OmegaConf.load(config.FOLDER / "evaluate.yaml"))
    keys = {key: value for key, value in defaults.items() if key not in ("defaults", "hydra")}
    return {**keys, "data": None, **changes}


def of_folders(folders: tuple[Path, Path], **changes) -> dict:
    return settings(predictions=str(folders[0]), truth=str(folders[1]), **changes)


def test_tables(city):
    classes, categories = official_report.sheets(score.evaluate(of_folders(city)))
    assert [row[0].text for row in classes.rows][:2] == ["road", "sidewalk"]
    assert len(classes.rows) == 19
    assert [row[0].text for row in categories.rows][-2:] == ["human", "vehicle"]
    assert len(categories.rows) == 7
    road, bus = classes.rows[0], next(row for row in classes.rows if row[0].text == "bus")
    assert road[2].text == bus[1].text == "–"  # no instances of road; no bus anywhere
