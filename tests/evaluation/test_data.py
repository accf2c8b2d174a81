"""The data on which a run is scored: its own, or another set with the same classes."""

import numpy as np
import pytest
from omegaconf import OmegaConf

from seglab import runs
from seglab.errors import SeglabError
from seglab.evaluation import score
from tests.evaluation.painted import CAMVID, POLE, settings, write_pair


def test_another_data_set_needs_the_classes_of_the_run(run):
    other = OmegaConf.to_container(OmegaConf.load(run / runs.CONFIG))["data"]
    names = [name for name in CAMVID.names if name != "pole"] + ["kiosk"]
    labels = {"name": "mine", "names": names, "colors": None, "ignore_values": [255], "mapping": None}
    with pytest.raises(SeglabError, match=r"only in the run \(camvid_11\): pole; only in the data \(mine\): kiosk"):
        score.evaluate(settings(run, data={**other, "labels": labels}))
    labels["names"] = list(reversed(CAMVID.names))
    with pytest.raises(SeglabError, match="mine has another order than camvid_11"):
        score.evaluate(settings(run, data={**other, "labels": labels}))


def test_another_data_set_with_the_same_classes(run, tmp_path):
    write_pair(tmp_path / "other", "0003_c", np.full((16, 16), POLE, dtype=np.uint8))
    data = OmegaConf.to_container(OmegaConf.load(run / runs.CONFIG))["data"]
    result = score.evaluate(settings(run, data={**data, "root": str(tmp_path / "other")}))
    assert result["protocol"]["images"] == 1
    assert result["protocol"]["size"] == [8, 16]
    assert result["original"]["metrics"]["miou"] == 1.0


def test_where_the_data_set_lies_is_asked_by_the_key_that_takes_it(run):
    with pytest.raises(SeglabError, match=r"(?s); root='gone' does not exist.*<root>/.* set root=FOLDER") as caught:
        score.evaluate(settings(run, root="gone"))
    assert "data.root" not in str(caught.value)
    data = OmegaConf.to_container(OmegaConf.load(run / runs.CONFIG))["data"]
    with pytest.raises(SeglabError, match=r"; data.root='gone' does not exist"):
        score.evaluate(settings(run, data={**data, "root": "gone"}))


def test_official_scores_are_refused_where_there_are_no_instances(run):
    with pytest.raises(SeglabError, match="official=true: expected the 19 classes of Cityscapes"):
        score.evaluate(settings(run, official=True))
