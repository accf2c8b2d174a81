"""The printed table of an evaluation."""

from seglab.evaluation import report


def test_sheet_of_one_resolution_has_no_second_column():
    classes = {"a": {"iou": 0.5, "dice": 0.6, "accuracy": 0.7, "pixels": 3}}
    metrics = {"miou": 0.5, "mdice": 0.6, "mean_accuracy": 0.7, "accuracy": 0.8, "fwiou": 0.4}
    protocol = {"dataset": "d", "split": "s", "images": 1, "labels": "l", "resolutions": ["network"], "size": [2, 3],
                "checkpoint": "best", "epoch": 0, "flip": True, "scales": [1.0, 2.0], "tile": None}  # fmt: skip
    sheet = report.evaluation_sheet({"protocol": protocol, "network": {"classes": classes, "metrics": metrics}})
    assert sheet.header == ("class", "IoU %", "Dice %", "accuracy %", "pixels %", "")
    assert sheet.caption.startswith("d s (1 images, l), at network size 2x3, ")
    assert sheet.caption.endswith("best, epoch 1, flipped, scales 1 2")
    protocol["post"] = {"name": "crf", "iterations": 5, "spatial_weight": 3.0}
    sheet = report.evaluation_sheet({"protocol": protocol, "network": {"classes": classes, "metrics": metrics}})
    assert sheet.caption.endswith("scales 1 2, CRF (iterations 5, spatial weight 3)")
