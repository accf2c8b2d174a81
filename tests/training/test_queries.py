"""Networks of queries in training: which loss sees what, continued runs, and a place beside the others."""

import csv

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from seglab import config, runs
from seglab.errors import Interrupted, SeglabError
from seglab.losses import CrossEntropy, Mask2FormerLoss
from seglab.models.queries import Queries, class_scores
from seglab.models.transformers_queries import Eomt
from seglab.training.outputs import checked
from tests.callbacks.test_exact import SignalAt, fit, state
from tests.composed import compose
from tests.conftest import TINY as UNET
from tests.models.tiny_transformers import TINY
from tests.training.test_module import batch, module, validate
from tests.waiting import PATIENCE

# conftest.TINY but for what it says of U-Net
DATA = [override for override in UNET if not override.startswith("model.")]


class Five(nn.Module):
    """Five queries at a quarter of the size, of three classes."""

    def __init__(self, classes=3):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 4, stride=4)
        self.classes = nn.Parameter(torch.randn(5, classes + 1, generator=torch.Generator().manual_seed(1)))

    def forward(self, image):
        masks = self.conv(image)
        classes = self.classes.expand(len(image), -1, -1)
        queries = Queries(classes, masks, ((classes, -masks),))
        return queries if self.training else class_scores(queries, size=image.shape[-2:])


def matching():
    return Mask2FormerLoss(
        class_weight=2.0,
        mask_weight=5.0,
        dice_weight=5.0,
        no_object=0.1,
        num_points=64,
        oversample=3.0,
        importance=0.75,
    )


def test_a_loss_of_pixels_sees_the_scores_of_evaluation():
    torch.manual_seed(0)
    trained, data = module(Five()), batch(2)
    in_training = trained.train().outputs(data["image"])
    assert torch.equal(in_training, trained.eval().outputs(data["image"]))


def test_a_matching_loss_sees_queries_and_what_is_padded_is_ignored():
    torch.manual_seed(0)
    data = batch(2)
    trained = module(Five(), loss=matching(), size_divisor=48).train()
    torch.manual_seed(1)
    value, terms = trained._loss_and_terms(trained._answer(data["image"]), data["mask"])
    assert set(terms) == {"class", "mask", "dice"}
    height, width = data["mask"].shape[-2:]
    assert (height % 48, width % 48) != (0, 0)
    padded = nn.functional.pad(data["mask"], (0, -width % 48, 0, -height % 48), value=255)
    torch.manual_seed(1)
    assert torch.equal(
        value, trained.loss.combine(trained.loss.terms_of_queries(trained._answer(data["image"]), padded))
    )


def test_its_validation_is_the_cross_entropy_of_the_scores_whatever_the_batch():
    torch.manual_seed(0)
    plain, matched = module(Five(), loss=CrossEntropy()), module(Five(), loss=matching())
    matched.load_state_dict(plain.state_dict())
    data = batch(4)
    whole = validate(matched, [data])
    assert whole == validate(plain, [data])
    single = [{key: value[index : index + 1] for key, value in data.items()} for index in range(4)]
    assert validate(matched, single)["val/loss"] == pytest.approx(whole["val/loss"], rel=1e-6)


def test_queries_of_other_classes_are_refused():
    queries = Queries(torch.zeros(1, 5, 3), torch.zeros(1, 5, 4, 4))
    with pytest.raises(
        SeglabError, match=r"class_logits \(B, Q, 4\).* came a tensor \(1, 5, 3\) and a tensor \(1, 5, 4"
    ):
        checked(queries, num_outputs=3, of="X")


@pytest.fixture
def query_config(data_folder, tmp_path, monkeypatch):
    """`query_config("hf_eomt", ...)`: the configuration of a training of that network, made tiny."""
    pytest.importorskip("transformers")
    monkeypatch.setenv("SEGLAB_DATA", str(data_folder))
    config.register()

    def composed(model, *overrides):
        chosen = [f"model={model}", f"output={tmp_path}", "callbacks.pictures=null", *DATA, *TINY[model], *overrides]
        return runs.plain(compose("train", overrides=chosen))

    return composed


@pytest.mark.parametrize(
    "model", ["hf_mask2former", pytest.param("vltseg", marks=[pytest.mark.slow, pytest.mark.exhaustive])]
)
def test_a_continued_run_with_the_matching_loss_equals_a_straight_one(query_config, tmp_path, model):
    settings = query_config(model, "loss=mask2former", "loss.num_points=100", "scheduler=poly")
    fit(settings, tmp_path / "straight")
    for at in (3, 5):
        folder = tmp_path / f"stopped-{at}"
        with pytest.raises(Interrupted):
            fit(settings, folder, SignalAt(at))
        fit(settings, folder)
        assert state(folder) == state(tmp_path / "straight"), f"stopped during batch {at}"
        assert (folder / "metrics.csv").read_text() == (tmp_path / "straight" / "metrics.csv").read_text()


def test_a_continued_run_abandons_masked_attention_as_a_straight_one(query_config, tmp_path, monkeypatch):
    told = []
    set_progress = Eomt.set_progress

    def remembered(network, progress):
        told.append(progress)
        set_progress(network, progress)

    monkeypatch.setattr(Eomt, "set_progress", remembered)
    settings = query_config("hf_eomt", "loss=mask2former", "loss.num_points=100")
    fit(settings, tmp_path / "straight")
    straight, told[:] = list(told), []
    assert straight == [step / len(straight) for step in range(len(straight))]
    with pytest.raises(Interrupted):
        fit(settings, tmp_path / "stopped", SignalAt(3))
    fit(settings, tmp_path / "stopped")
    assert told == straight
    assert state(tmp_path / "stopped") == state(tmp_path / "straight")


def test_a_network_of_pixels_with_the_matching_loss_is_told(query_config, tmp_path):
    settings = query_config("hf_segformer", "loss=mask2former")
    with pytest.raises(SeglabError, match="expected a network of queries; came one that scores pixels"):
        fit(settings, tmp_path / "run")


@pytest.mark.exhaustive
@pytest.mark.slow
def test_they_stand_beside_a_u_net_in_one_table(command, tmp_path):
    """Each with the loss of its paper, by an experiment of the user's own, and EoMT with one of pixels as well."""
    pytest.importorskip("transformers")
    folder = tmp_path / "my_conf" / "experiment"
    for name, model, small in (
        ("unet_ce", "unet", ("model.base=4", "model.depth=2")),
        ("mask2former", "hf_mask2former", TINY["hf_mask2former"]),
        ("eomt", "hf_eomt", TINY["hf_eomt"]),
        ("eomt_ce", "hf_eomt", TINY["hf_eomt"]),
    ):
        loss = "ce" if name.endswith("ce") else "mask2former"
        values = OmegaConf.from_dotlist([*DATA, *small, *(["loss.num_points=100"] if loss == "mask2former" else [])])
        head = f"# @package _global_\ndefaults:\n  - override /model: {model}\n  - override /loss: {loss}\n"
        (folder / f"{name}.yaml").write_text(head + OmegaConf.to_yaml(values))
    done = command(
        "train", "-m", "--config-dir", "my_conf", "experiment=unet_ce,mask2former,eomt,eomt_ce", "sweep=beside",
        "callbacks.pictures=null", small=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    table = command("sweeps", "sweep=beside", small=False)
    assert (table.returncode, table.stderr) == (0, "")
    assert "beside: 4/4 finished" in table.stdout
    rows = list(csv.DictReader((tmp_path / "outputs/sweeps/beside/comparison.csv").read_text().splitlines()))
    assert [row["experiment"] for row in rows] == ["unet_ce", "mask2former", "eomt", "eomt_ce"]
    assert all(float(row["mIoU"]) >= 0 and float(row["val loss"]) > 0 and float(row["GFLOPs"]) > 0 for row in rows)
