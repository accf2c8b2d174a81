"""The curves of a run, from the rows of its metrics.csv."""

import math
from dataclasses import replace

from seglab.pages.run_curves import points, run_curves, shared_curves
from seglab.pages.run_files import read_run
from tests.pages.html import Page


def test_a_row_without_an_epoch_is_of_the_one_that_follows():
    history = [{"step": 0, "lr-SGD": 0.1}, {"step": 3, "epoch": 0, "val/miou": 0.2}, {"step": 4, "lr-SGD": 0.05},
               {"step": 7, "epoch": 1, "val/miou": 0.3}, {"step": 8, "lr-SGD": 0.01}]  # fmt: skip
    assert points(history, "lr-SGD") == [(1, 0.1), (2, 0.05), (3, 0.01)]
    assert points(history, "val/miou") == [(1, 0.2), (2, 0.3)]


def test_several_validations_of_an_epoch_are_spread_over_it():
    history = [{"epoch": epoch, "val/loss": epoch + part / 4} for epoch in (0, 1) for part in range(4)]
    assert [x for x, _ in points(history, "val/loss")] == [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2]


def test_losses_scores_rate_and_every_class(run_folder):
    charts = {}
    page = Page(run_curves(read_run(run_folder()), key="r", charts=charts))
    assert [one["text"] for one in page.find("text", class_="axis")][1::2] == [
        "loss", "scores on val, %", "learning rate", "IoU on val, %", "Dice on val, %"
    ]  # fmt: skip
    assert list(charts) == ["r-loss", "r-scores", "r-rate", "r-IoU", "r-Dice"]
    assert [label for label, _, _ in charts["r-IoU"]["lines"]] == ["road", "sky"]
    assert charts["r-scores"]["lines"][0] == ["mIoU", 0, [[1, "0.0"], [2, "10.0"], [3, "5.0"]]]
    assert "mIoU: best 10.0 % at epoch 2" in page.find("svg", **{"data-chart": "r-scores"})[0]["aria-label"]
    numbers = page.find("table", class_="numbers")[0]["text"]
    assert numbers.startswith("epochtrain lossval lossmIoU %mean Dice %pixel accuracy %12")


def test_a_run_without_validation_has_its_training_loss(run_folder):
    run = read_run(run_folder())
    history = [{key: value for key, value in row.items() if not key.startswith("val/")} for row in run.history]
    charts = {}
    assert run_curves(replace(run, history=history), key="r", charts=charts)
    assert list(charts) == ["r-loss", "r-rate"]


def test_a_run_of_a_few_steps_has_the_loss_of_each(run_folder):
    run = replace(
        read_run(run_folder()), history=[{"epoch": 0, "step": step, "train/loss_step": 2} for step in range(3)]
    )
    charts = {}
    assert "train, each step" in run_curves(run, key="r", charts=charts)
    assert len(charts["r-loss"]["lines"][0][2]) == 3


def test_nothing_logged_is_nothing_drawn(run_folder):
    run = replace(read_run(run_folder()), history=[{"epoch": 0, "val/miou": math.nan}])
    assert run_curves(run, key="r", charts={}) == shared_curves({"a": run}, charts={}) == ""


def test_long_trainings_are_thinned(run_folder):
    history = [{"epoch": epoch, "train/loss": 1.0} for epoch in range(5000)]
    charts = {}
    text = run_curves(replace(read_run(run_folder()), history=history), key="r", charts=charts)
    (line,) = charts["r-loss"]["lines"]
    assert len(line[2]) <= 601
    assert line[2][-1][0] == 5000
    assert len(text) < 150_000


def test_several_runs_share_a_chart(run_folder):
    charts = {}
    run = read_run(run_folder())
    page = Page(shared_curves({"loss=dice": run, "loss=ce": run}, charts=charts))
    assert [label for label, _, _ in charts["all-val/miou"]["lines"]] == ["loss=dice", "loss=ce"]
    assert len(page.find("figure")) == 3
