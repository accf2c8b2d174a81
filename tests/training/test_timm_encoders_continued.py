"""Networks on encoders of timm: an interrupted and continued run equals a straight one."""

import pytest

from seglab import config, runs
from seglab.errors import Interrupted
from tests.callbacks.test_exact import SignalAt, fit, state
from tests.composed import compose
from tests.conftest import TINY as UNET
from tests.exhaustive import few_of
from tests.models.tiny_encoders import TINY

# conftest.TINY but for what it says of U-Net
DATA = [override for override in UNET if not override.startswith("model.")]
SETTINGS = {
    "dpt_mae": ["+model.encoder_options.drop_path_rate=0.2", "trainer.precision=bf16-mixed"],
    "upernet_swin": [],
    "efficientvit": [],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "overrides"), few_of(list(SETTINGS.items()), [("upernet_swin", [])]), ids=SETTINGS.keys()
)
def test_a_continued_run_equals_a_straight_one(data_folder, tmp_path, monkeypatch, model, overrides):
    monkeypatch.setenv("SEGLAB_DATA", str(data_folder))
    config.register()
    chosen = [f"model={model}", f"output={tmp_path}", "callbacks.pictures=null", *DATA, *TINY[model], *overrides]
    settings = runs.plain(compose("train", overrides=[*chosen, "scheduler=poly"]))
    fit(settings, tmp_path / "straight")
    with pytest.raises(Interrupted):
        fit(settings, tmp_path / "stopped", SignalAt(3))
    fit(settings, tmp_path / "stopped")
    assert state(tmp_path / "stopped") == state(tmp_path / "straight")
    assert (tmp_path / "stopped" / "metrics.csv").read_text() == (tmp_path / "straight" / "metrics.csv").read_text()
