"""What is asked of an evaluation, and what the record of its run keeps."""

import pytest

from seglab import runs
from seglab.errors import SeglabError
from seglab.evaluation import score
from tests.evaluation.painted import CRF, settings


def test_the_record_is_extended_and_nothing_is_replaced(run):
    first = score.evaluate(settings(run))
    second = score.evaluate(settings(run))
    assert first["folder"] != second["folder"]
    record = runs.read_record(run)
    assert record["status"] == "finished"
    assert record["best"] == {"epoch": 4}
    assert list(record["evaluations"]) == ["camvid_val_best_size-8x16", "camvid_val_best_size-8x16_2"]
    assert record["evaluations"]["camvid_val_best_size-8x16"]["ended"] == first["ended"]
    assert record["evaluations"]["camvid_val_best_size-8x16_2"]["protocol"] == second["protocol"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"checkpoint": "bst"}, "checkpoint is 'bst'; expected one of best, last - did you mean 'best'?"),
        ({"extra": ["bounday"]}, "extra holds 'bounday'; expected some of boundary, calibration, named - did you mean"),
        ({"threads": 0}, "threads is 0; expected a whole number >= 1"),
        ({"tile": [3]}, r"tile is \[3\]; expected null, or \[height, width\] of whole numbers >= 1"),
        ({"size": [3]}, r"size is \[3\]; expected run, image, or \[height, width\] of whole"),
        ({"post": "cfr"}, "post is 'cfr'; expected null or crf - did you mean 'crf'?"),
        ({"crf": {**CRF, "iterations": 0}}, r"crf\.iterations is 0; expected a whole number >= 1"),
        ({"crf": {**CRF, "spatial_weight": -1}}, r"crf\.spatial_weight is -1; expected a number >= 0"),
        ({"crf": {**CRF, "spatial_sd": 0}}, r"crf\.spatial_sd is 0; expected a number > 0"),
        ({"crf": {**CRF, "bilateral_sd_xy": 0.5}}, r"crf\.bilateral_sd_xy is 0.5; expected a number >= 1"),
        ({"crf": {**CRF, "bilateral_sd_rgb": 0}}, r"crf\.bilateral_sd_rgb is 0; expected a number >= 1"),
        ({"run": "nowhere"}, "run=nowhere: expected the folder of a trained run, with record.json"),
        ({"official": True, "resolution": "network"}, "official=true is for original size; expected resolution=both"),
        ({"data": {}, "root": "x"}, "root is for the run's own data set; expected data.root beside data="),
    ],
)
def test_mistakes(run, changes, message):
    score.check(settings(run))
    with pytest.raises(SeglabError, match=message):
        score.check(settings(run, **changes))


def test_a_damaged_record_is_told_of_before_anything_is_scored(run):
    (run / runs.RECORD).write_text("{")
    with pytest.raises(SeglabError, match=r"record\.json is not JSON.* delete it to run the job again"):
        score.check(settings(run))
