"""Starting from the weights of another training: what is taken over, what is refused, and that it happens once."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch
from lightning import Callback
from safetensors.torch import save_file
from torch import nn

from seglab import runs
from seglab.errors import Interrupted, SeglabError
from seglab.models.fcn import FCN
from seglab.runs import init_from
from seglab.runs.files import BEST, LAST
from seglab.training import fit as fit_module
from seglab.training import transfer
from seglab.training.build import build, build_network
from seglab.training.run import train
from seglab.training.transfer import head_axes

NAMES = ("road", "car", "sky")
QUIET = ("callbacks.pictures=null", "trainer.max_epochs=1", "trainer.limit_train_batches=2")


class Net(nn.Module):
    def __init__(self, classes: int = 3, *, width: int = 4) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))
        self.head = nn.Conv2d(width, classes, 1)
        self.up = nn.ConvTranspose2d(classes, classes, 2)  # classes on two axes, as in FCN


def weights_of(network: nn.Module, *, prefix: str = "", class_names: tuple[str, ...] | None = None):
    tensors = {prefix + name: tensor + 1 for name, tensor in network.state_dict().items()}
    return transfer.Weights(Path("file.pt"), "00", tensors, class_names)


def fit(config: dict, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    if runs.read_record(folder) is None:
        runs.write_record(folder, {"status": "running"})
    fit_module.fit(config, folder)


def head_of(classes: int) -> dict[str, tuple[int, ...]]:
    return transfer.class_axes(Net(classes), Net(classes + 1))


def load(weights: transfer.Weights, network: nn.Module, *, class_names=NAMES, head=None) -> transfer.Report:
    return transfer.load(weights, network, class_names=class_names, head=head)


@pytest.mark.parametrize("prefix", ["", "network.", "module.", "model."])
def test_every_tensor_is_loaded_whatever_its_prefix(prefix):
    network = Net()
    network.encoder[1].running_mean.fill_(7)
    weights = weights_of(network, prefix=prefix)
    report = load(weights, network)
    assert set(report.loaded) == set(network.state_dict())
    assert (report.skipped, report.missing, report.reinitialised, report.share) == ((), (), (), 1.0)
    assert torch.equal(network.head.weight, weights.tensors[f"{prefix}head.weight"])
    assert network.encoder[1].running_mean.tolist() == [8.0] * 4


def test_what_is_on_one_side_alone_is_reported_and_the_networks_own_kept():
    network = Net()
    tensors = dict(weights_of(network, prefix="network.").tensors)
    tensors["aux.weight"] = torch.ones(2)
    del tensors["network.up.weight"]
    before = network.up.weight.clone()
    report = load(transfer.Weights(Path("file.pt"), "00", tensors, None), network)
    assert (report.skipped, report.missing) == (("aux.weight",), ("up.weight",))
    assert torch.equal(network.up.weight, before)
    text = "\n".join(report.lines())
    assert "loaded 10 of 11 tensors" in text
    assert "missing in the file, keeps its fresh start: 1 (up.weight)" in text
    assert "skipped, in the file alone: 1 (aux.weight)" in text


def test_long_lists_are_shortened_in_the_log_and_whole_in_the_record():
    report = transfer.Report(
        path="p", sha256="0" * 64, loaded=("w",), skipped=tuple(f"s{n}" for n in range(9)), missing=(),
        reinitialised=(), share=0.4,
    )  # fmt: skip
    assert "9 (s0, s1, s2, s3, s4, s5, and 3 more)" in report.lines()[1]
    assert len(report.record()["skipped"]) == 9


def test_another_number_of_classes_is_refused_and_nothing_was_copied():
    network = Net(3)
    before = network.encoder[0].weight.clone()
    with pytest.raises(SeglabError, match=r"head.weight \(5, 4, 1, 1\) for \(3, 4, 1, 1\).*needs replace_head=true"):
        load(weights_of(Net(5)), network)
    assert torch.equal(network.encoder[0].weight, before)


@pytest.mark.parametrize("classes", [5, 3])
def test_replaced_head_keeps_its_fresh_start_even_where_the_shapes_agree(classes):
    network = Net(3)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    report = load(weights_of(Net(classes), class_names=("other",) * classes), network, head=head_of(3))
    assert set(report.reinitialised) == {"head.weight", "head.bias", "up.weight", "up.bias"}
    assert report.missing == ()
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]) == (name in report.reinitialised), name


def test_other_widths_are_refused_with_a_replaced_head_too():
    for source in (Net(5, width=6), Net(3, width=6)):
        with pytest.raises(SeglabError, match=r"encoder.0.weight \(6, 3, 3, 3\) for \(4, 3, 3, 3\)"):
            load(weights_of(source), Net(3), head=head_of(3))
    lone = weights_of(nn.ModuleDict({"head": nn.Conv2d(6, 5, 1), "encoder": Net().encoder}))
    with pytest.raises(SeglabError, match=r"came 1 others: head.weight \(5, 6, 1, 1\)"):
        load(lone, Net(3), head=head_of(3))


def test_same_number_of_other_classes_is_refused_by_name():
    weights = weights_of(Net(), class_names=("car", "road", "sky"))
    with pytest.raises(SeglabError, match=r"road, car, sky; came weights for 3, car, road, sky - replace_head=true"):
        load(weights, Net())
    assert load(weights, Net(), class_names=("car", "road", "sky")).share == 1


def test_nothing_in_common_is_an_error():
    with pytest.raises(SeglabError, match=r"named as in Net .*; came 0.weight, 0.bias - it is the file of another"):
        load(weights_of(nn.Sequential(nn.Conv2d(3, 4, 3))), Net())


def test_a_file_with_little_of_the_network_is_warned_of():
    report = load(weights_of(nn.ModuleDict({"head": nn.Conv2d(4, 3, 1)})), Net())
    assert report.level() > load(weights_of(Net()), Net()).level()


@pytest.mark.parametrize("up", ["fixed", "learned"])
def test_stages_of_an_fcn_follow_each_other(up):
    def stage(stride: int) -> FCN:
        return FCN(
            3, in_channels=3, stride=stride, widths=[2] * 5, fc_width=4, dropout=0.5, up=up, encoder_weights=None,
            activation=None,
        )  # fmt: skip

    report = load(weights_of(stage(32), class_names=NAMES), stage(16))
    assert {"scores.fc7.weight", "classifier.0.weight"} <= set(report.loaded)
    assert {"scores.pool4.weight", "scores.pool4.bias"} <= set(report.missing)
    assert not any(name.startswith("encoder") for name in report.missing + report.skipped)


def test_files_of_every_kind_are_read(tmp_path):
    state = {"w": torch.ones(2)}
    torch.save(state, tmp_path / "plain.pth")
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "nested.ckpt")
    save_file(state, tmp_path / "safe.safetensors")
    for name in ("plain.pth", "nested.ckpt", "safe.safetensors"):
        weights = transfer.read(tmp_path / name)
        assert torch.equal(weights.tensors["w"], state["w"])
        assert weights.sha256 == init_from.sha256(tmp_path / name)


def test_files_that_are_no_weights_are_refused(tmp_path):
    torch.save({"w": torch.ones(4000)}, tmp_path / "whole.pt")
    whole = (tmp_path / "whole.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.pt").write_bytes(b"")
    (tmp_path / "text.ckpt").write_text("no checkpoint at all")
    (tmp_path / "text.safetensors").write_text("no checkpoint at all")
    torch.save(nn.Linear(2, 2), tmp_path / "object.pt")
    for name in ("cut.pt", "empty.pt", "text.ckpt", "text.safetensors", "object.pt"):
        with pytest.raises(SeglabError, match=f"{name}: expected a checkpoint.*save state_dict"):
            transfer.read(tmp_path / name)
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(SeglabError, match="came a list"):
        transfer.read(tmp_path / "list.pt")
    torch.save({"epoch": 1, "net": {"w": torch.ones(2)}}, tmp_path / "other.pt")
    with pytest.raises(SeglabError, match="came a dict with the keys epoch, net"):
        transfer.read(tmp_path / "other.pt")


def test_a_file_runs_no_code(tmp_path):
    class Bomb:
        def __reduce__(self):
            return Path.touch, (tmp_path / "exploded",)

    torch.save({"state_dict": Bomb()}, tmp_path / "bomb.ckpt")
    with pytest.raises(SeglabError, match="would run code"):
        transfer.read(tmp_path / "bomb.ckpt")
    assert not (tmp_path / "exploded").exists()


@pytest.fixture
def source(tiny_config, tmp_path) -> Path:
    """The folder of a short finished training."""
    folder = tmp_path / "source"
    fit(runs.plain(tiny_config(*QUIET, "seed=7")), folder)
    return folder


def test_a_run_starts_from_another_and_says_so(tiny_config, tmp_path, source):
    config = runs.plain(tiny_config(*QUIET, f"init_from={source}", "optimizer.lr=1e-30", "optimizer.weight_decay=0"))
    fit(config, tmp_path / "run")
    before = torch.load(source / "checkpoints" / BEST, weights_only=True)["state_dict"]
    after = torch.load(tmp_path / "run" / "checkpoints" / LAST, weights_only=True)["state_dict"]
    for name in (name for name in before if name.startswith("network.") and "running" not in name):
        assert torch.allclose(before[name].float(), after[name].float(), atol=1e-12) or "num_batches" in name, name
    noted = json.loads((tmp_path / "run" / "record.json").read_text())["init_from"]
    assert noted["path"] == str(source / "checkpoints" / BEST)
    assert noted["sha256"] == init_from.sha256(source / "checkpoints" / BEST)
    assert "head.weight" in noted["loaded"]
    assert (noted["skipped"], noted["missing"], noted["reinitialised"]) == ([], [], [])


def test_a_run_starts_from_another_by_fingerprint(tiny_config, tmp_path):
    first = runs.plain(tiny_config(*QUIET, "seed=7"))
    folder = tmp_path / "sweeps" / "t" / "first"
    train(tiny_config(*QUIET, "seed=7"), folder, overrides=[])
    second = tiny_config(*QUIET, f"init_from=run:{runs.fingerprint(first)}")
    record = train(second, tmp_path / "runs" / "second", overrides=[])
    assert record["init_from"]["path"] == str(folder / "checkpoints" / BEST)
    again = train(second, tmp_path / "runs" / "second", overrides=[])  # finished, from the same weights
    assert again["ended"] == record["ended"]
    (folder / "checkpoints" / BEST).write_bytes(b"other weights")
    with pytest.raises(SeglabError, match=r"init_from=run:\w+: expected the weights that .* began with"):
        train(second, tmp_path / "runs" / "second", overrides=[])


def test_other_classes_are_refused_and_trained_with_a_new_head(tiny_config, tmp_path, source):
    overrides = (*QUIET, f"init_from={source}", "data.labels=cityscapes_19", "model.classes=19")
    changed = torch.load(source / "checkpoints" / BEST, weights_only=True)
    names = changed["seglab"]["class_names"]
    changed["seglab"]["class_names"] = [names[1], names[0], *names[2:]]
    torch.save(changed, source / "checkpoints" / BEST)
    with pytest.raises(SeglabError, match="replace_head=true"):
        fit(runs.plain(tiny_config(*overrides)), tmp_path / "refused")
    config = runs.plain(tiny_config(*overrides, "replace_head=true", "optimizer.lr=1e-30"))
    fit(config, tmp_path / "run")
    noted = json.loads((tmp_path / "run" / "record.json").read_text())["init_from"]
    assert noted["reinitialised"] == ["head.weight", "head.bias"]
    fresh = build(config, tmp_path / "fresh").module.network.head.weight
    after = torch.load(tmp_path / "run" / "checkpoints" / LAST, weights_only=True)["state_dict"]["network.head.weight"]
    assert torch.allclose(fresh, after, atol=1e-12)


def test_head_is_found_where_a_width_is_the_number_of_classes(tiny_config):
    config = runs.plain(tiny_config())
    config["model"] = {
        "_target_": "segmentation_models_pytorch.Segformer", "encoder_name": "mit_b0", "encoder_weights": None,
        "decoder_segmentation_channels": 19, "in_channels": 3, "classes": 19, "size_divisor": 32,
    }  # fmt: skip
    network = build_network(config)
    assert head_axes(config, network) == {
        "segmentation_head.0.weight": (0,),
        "segmentation_head.0.bias": (0,),
    }


class SignalAt(Callback):
    """Sends this process a signal while batch number `batch` (counted from 1 over all epochs) is trained."""

    def __init__(self, batch: int) -> None:
        self.batch = batch

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.fit_loop.epoch_loop.batch_progress.total.ready == self.batch:
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_continued_run_equals_a_straight_one_and_needs_the_file_no_more(tiny_config, tmp_path, source, monkeypatch):
    overrides = ("callbacks.pictures=null", f"init_from={source}", "module.encoder_lr=0.1")
    config = runs.plain(tiny_config(*overrides))
    fit(config, tmp_path / "straight")
    expected = torch.load(tmp_path / "straight" / "checkpoints" / LAST, weights_only=True)

    def build_and_signal(config, folder):
        run = build(config, folder)
        run.trainer.callbacks[1:1] = [SignalAt(3)]
        return run

    with monkeypatch.context() as patched:
        patched.setattr(transfer, "build", build_and_signal)
        with pytest.raises(Interrupted):
            fit(config, tmp_path / "stopped")
    for file in (source / "checkpoints").iterdir():
        file.unlink()
    fit(config, tmp_path / "stopped")
    continued = torch.load(tmp_path / "stopped" / "checkpoints" / LAST, weights_only=True)
    assert continued["global_step"] == expected["global_step"] == 8
    for name, tensor in expected["state_dict"].items():
        assert torch.equal(tensor, continued["state_dict"][name]), name
    assert "sha256" in json.loads((tmp_path / "stopped" / "record.json").read_text())["init_from"]


@pytest.mark.slow
def test_mistakes_are_told_before_anything_is_made(command, tmp_path):
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    for value, expected in {"outputs/nothing": "there is none", "text.ckpt": "damaged"}.items():
        done = command("train", f"init_from={value}")
        assert done.returncode == 2
        assert expected in done.stderr
        assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("outputs/*/*/checkpoints"))


def test_weights_of_others_are_scored_as_they_are(tiny_config, tmp_path):
    """Without an epoch: the record and best.ckpt are of what was loaded."""
    fit(runs.plain(tiny_config(*QUIET)), tmp_path / "trained")
    config = tiny_config(*QUIET, "trainer.max_epochs=0", f"init_from={tmp_path / 'trained'}")
    fit(runs.plain(config), tmp_path / "scored")
    trained, scored = (fit_module.scores(tmp_path / name) for name in ("trained", "scored"))
    assert scored["best"]["metrics"] == trained["best"]["metrics"]
    assert (list(scored), scored["best"]["epoch"], scored["best"]["step"]) == (["best"], -1, 0)
    of_both = [torch.load(tmp_path / name / "checkpoints" / BEST)["state_dict"] for name in ("trained", "scored")]
    assert all(torch.equal(of_both[0][name], of_both[1][name]) for name in of_both[0] if name.startswith("network."))
