"""A trained run, and what it was exported to, once for all tests of the room."""

from collections.abc import Callable
from pathlib import Path

import pytest

import seglab
from seglab import config, runs
from seglab import export as command
from seglab.config.compose import compose
from seglab.deployment.export import export
from seglab.runs import find
from tests.conftest import TINY


@pytest.fixture(scope="session")
def trained(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two epochs, whose network sees images at half of their size."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGLAB_DATA", str(data_folder))
        record = seglab.fit([*TINY, "callbacks.pictures=null", f"output={folder}", "name=tiny"])
    return Path(record["folder"])


@pytest.fixture(scope="session")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`exported("precision=int8")`: the folder of the tiny run's export; each is made once."""
    made: dict[tuple[str, ...], Path] = {}

    def made_once(*overrides: str) -> Path:
        if overrides not in made:
            output = tmp_path_factory.mktemp("exports") / "new"
            cfg = compose("export", [f"run={trained}", f"output={output}", "latency=false", *overrides]).cfg
            config.check(cfg, command.ExportConfig)
            settings = find.with_run(runs.plain(cfg))
            command.check(settings)
            made[overrides] = export(settings)
        return made[overrides]

    return made_once
