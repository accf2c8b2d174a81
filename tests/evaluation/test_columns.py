"""Each score stands once: what the counters compute lies where its line says, and nothing else names it."""

import ast
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from seglab import PACKAGE, config
from seglab.data.corruptions.names import CORRUPTION, NAMES
from seglab.display.ood import OOD
from seglab.evaluation import robustness
from seglab.evaluation import score as scoring
from seglab.evaluation.columns import (
    CORRUPTION_MIOU,
    COSTS,
    DEGRADATION,
    EXTRAS,
    LINES,
    MCE,
    OFFICIAL,
    SCORES,
    UNCERTAINTY,
    class_of,
    lower_is_better,
    measured,
    measured_by,
    title,
)
from seglab.evaluation.contract import Finished, View
from seglab.evaluation.counts import Pixels
from seglab.evaluation.extras import extra_of
from seglab.evaluation.report import evaluation_lines
from seglab.inference.members import Belief
from seglab.labels import label_space
from seglab.metrics import readings

CITYSCAPES = label_space("cityscapes_19")
DETECTORS = sorted(path.stem for path in (config.FOLDER / "ood").glob("*.yaml"))
DETECTORS = [name for name in DETECTORS if name not in ("several", "image", "mc_dropout_mi", "rejected_by_all")]


@pytest.fixture(scope="module")
def results() -> dict[str, dict]:
    """{kind: what is measured} of one image, a road whose right half is taken for a sidewalk."""
    mask = np.zeros((16, 32), dtype=np.uint8)
    pred = np.where(np.arange(32) < 16, mask, 1).astype(np.uint8)
    confidence = torch.nn.functional.one_hot(torch.from_numpy(pred.astype(np.int64)), 19).permute(2, 0, 1).float()
    ids = np.full(mask.shape, 7, dtype=np.uint8)  # road
    belief = Belief(confidence, torch.full(mask.shape, 0.5), torch.full(mask.shape, 0.25), 3)
    image = np.zeros((*mask.shape, 3), dtype=np.uint8)
    view = View(0, "a", image, pred, mask, lambda: confidence, (ids, ids.astype(np.int32)), lambda: belief)
    finished = Finished(0.25, "", lambda: iter(()))
    found = {}
    for kind in (OFFICIAL, *EXTRAS, UNCERTAINTY):
        counter = extra_of(kind, CITYSCAPES.names, batch_size=1)
        counter.update(view)
        found[kind] = counter.compute(finished)
    pixels = Pixels(CITYSCAPES.names)
    pixels.update(pred, mask)
    corrupted = robustness.result_of({name: {"1": 0.2, "5": 0.1} for name in NAMES}, clean=0.25)
    anomalies = {"auroc": 0.5, "ap": 0.25, "fpr95": 0.75, "siou": 0.125, "f1": 0.0, "protocol": {"detector": "knn"}}
    anomalies |= {"accepted_in": 0.95, "accepted_out": 0.05}
    return {**found, OOD: anomalies, "original": pixels.compute(), CORRUPTION: {**corrupted, MCE: 1.1}}


def test_every_score_is_found_where_its_line_says_and_no_other_one_is_measured(results: dict[str, dict]) -> None:
    everywhere = measured(results["original"])
    beside = measured(results)
    of_several = {f"{detector}_{key}" for detector in DETECTORS for key in ("auroc", "ap", "fpr95", "siou", "f1")}
    assert {*everywhere, *beside} == set(SCORES) - of_several
    assert (beside["ood_ap"], beside["ood_f1"]) == (0.25, 0.0)
    assert set(measured({OOD: {"detectors": dict.fromkeys(DETECTORS, results[OOD])}})) == of_several
    assert (beside["ood_accepted_in"], beside["ood_accepted_out"]) == (0.95, 0.05)
    assert not everywhere.keys() & beside.keys()
    assert set(everywhere) == set(readings.summary(torch.eye(2, dtype=torch.int64)))
    assert set(results["named"]) - {"batch_size"} == {name for name in beside if measured_by(name) == "named"}
    assert set(results["boundary"]) == {name for name in beside if measured_by(name) == "boundary"}
    assert everywhere["accuracy"] == 0.5
    assert beside["ece"] == 0.5  # sure of everything, right in a half
    assert {name for name in beside if measured_by(name) == CORRUPTION} == {
        CORRUPTION_MIOU, DEGRADATION, MCE, *(f"miou/{name}" for name in NAMES),
    }  # fmt: skip
    assert [beside[name] for name in (CORRUPTION_MIOU, DEGRADATION, "miou/rain")] == pytest.approx([0.15, 0.4, 0.15])
    assert beside["official_iou"] == pytest.approx(results[OFFICIAL]["averageScoreClasses"])


def test_what_is_not_there_is_left_out() -> None:
    assert measured({"boundary": {"boundary_f1": {"mean": 1, "classes": {}}}, "named": {"batch_size": 4}}) == {
        "boundary_f1": 1.0
    }


def test_a_line_of_an_evaluation_tells_each_kind_of_score(results: dict[str, dict]) -> None:
    protocol = {"resolutions": ["original"]}
    *lines, last = evaluation_lines({**results, "protocol": protocol, "folder": "outputs/e", "seconds": 3.0})
    assert lines[0].startswith("official Cityscapes protocol: IoU class ")
    assert lines[0].count(" %, iIoU ") == 2
    assert lines[1].startswith("boundary F1 ")
    assert ", boundary IoU " in lines[1]
    assert lines[2] == (
        "expected calibration error 50.0 %, maximum 50.0 %, class-wise 5.3 %, its maximum 10.5 %, Brier score 100.0 %, "
        "NLL 43.668 nats, area under the risk-coverage curve 50.0 %, mIoU at 80 % coverage 25.0 %, mIoU at 90 % "
        "coverage 25.0 %, mIoU at 95 % coverage 25.0 % (15 bins)"
    )
    assert lines[3].startswith("as others count, in batches of 1: batch_absent1 ")
    assert lines[3].endswith("accuracy_void_wrong 50.0 %")
    assert lines[4] == "mean over the pixels, of 3 predictions: entropy 0.500 nats, mutual information 0.250 nats"
    assert lines[5].startswith("anomalies by knn: AUROC 50.0 %, AP 25.0 %, FPR95 75.0 %, sIoU 12.5 %, component F1 0.0")
    assert lines[5].endswith(", accepted in 95.0 %, accepted out 5.0 %")
    assert last.startswith("mIoU 25.0 % at original size, 3 s: ")


def test_titles_and_what_a_column_needs() -> None:
    assert [title(column) for column in ("miou", "iou/pole", "iou/small", "flops", "ece", "official_iiou")] == [
        "mIoU %", "IoU pole %", "IoU small %", "GFLOPs", "ECE %", "class iIoU %",
    ]  # fmt: skip
    assert [measured_by(column) for column in ("miou", "iou/pole", "seconds", "ece", "boundary_f1")] == [
        None, None, None, "calibration", "boundary",
    ]  # fmt: skip
    assert (title("nll"), title("miou_at_90")) == ("NLL nats/100", "mIoU at 90 % coverage %")
    lower = {
        "ece", "max_calibration_error", "classwise_ece", "classwise_max_error", "brier", "nll", "aurc", "mean_entropy",
        "mean_mutual_information", DEGRADATION, MCE, "ood_fpr95", "ood_accepted_out",
        *(f"{detector}_fpr95" for detector in DETECTORS),
    }  # fmt: skip
    assert {column for column in (*SCORES, *COSTS, "iou/pole") if lower_is_better(column)} == lower
    assert (title("ood_ap"), title("max_logit_fpr95"), measured_by("knn_ap")) == ("AP %", "FPR95 max logit %", OOD)
    assert (class_of("iou/traffic light"), class_of("miou")) == ("traffic light", None)


def test_every_extra_can_be_asked_for() -> None:
    assert set(EXTRAS) == {"boundary", "calibration", "named"} == set(LINES) - {OFFICIAL, UNCERTAINTY, OOD}
    assert scoring._RANGES["extra"].choices == EXTRAS


def quoted(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_a_score_beside_those_of_every_evaluation_is_named_in_three_places_alone() -> None:
    """One more is a line of columns.py, a file of seglab.metrics, a class of extras.py."""
    beside = {score.name for score in SCORES.values() if score.measured_by}
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        if str(place) not in ("evaluation/columns.py", "evaluation/extras.py") and place.parts[0] != "metrics":
            assert beside.isdisjoint(quoted(path.read_text())), path


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, seglab.evaluation.columns; print({'torch', 'numpy', 'cv2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert done.stdout == "set()\n"


def test_titles():
    assert [title(column) for column in ("miou", "iou/traffic sign", "flops", "boundary_f1")] == [
        "mIoU %", "IoU traffic sign %", "GFLOPs", "boundary F1 %",
    ]  # fmt: skip
