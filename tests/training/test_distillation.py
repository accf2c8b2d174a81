"""Learning from a teacher: exactly resumed, nothing of it left in the student, the same classes."""

import json
import shutil

import pytest
import torch
from omegaconf import OmegaConf

import seglab
from seglab import config, runs
from seglab.config.compose import compose
from seglab.errors import SeglabError
from seglab.labels import label_space
from seglab.runs.files import BEST, LAST
from seglab.training import build as building
from tests.callbacks.test_exact import KillAt, fit, killed, state
from tests.conftest import TINY


@pytest.fixture(scope="module")
def teacher(data_folder, tmp_path_factory):
    """The folder of a finished run with a network of other widths than TINY's."""
    output = tmp_path_factory.mktemp("teachers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGLAB_DATA", str(data_folder))
        record = seglab.fit([*TINY, f"output={output}", "name=teacher", "trainer.max_epochs=1", "model.base=6"])
    return output / "runs" / "teacher", record


@pytest.fixture
def student(tiny_config, teacher):
    """`student("loss=dice")`: the configuration of a run that learns from `teacher`."""

    def composed(*overrides):
        return runs.plain(tiny_config("callbacks.pictures=null", f"teacher={teacher[0]}", *overrides))

    return composed


@pytest.fixture
def other(teacher, tmp_path):
    """A copy of the teacher, to be changed."""
    return shutil.copytree(teacher[0], tmp_path / "runs" / "other")


def tensors(folder):
    return torch.load(folder / "checkpoints" / LAST, weights_only=True)["state_dict"]


@pytest.mark.exhaustive
def test_a_killed_student_continues_exactly_and_holds_no_teacher(student, tiny_config, tmp_path):
    chosen = ("loss=distill", "callbacks.last.every_n_steps=1")
    fit(student(*chosen), tmp_path / "straight")
    killed(student(*chosen), tmp_path / "killed", KillAt(3))
    fit(student(*chosen), tmp_path / "killed")
    assert state(tmp_path / "killed") == state(tmp_path / "straight")
    text = (tmp_path / "killed" / "metrics.csv").read_text()
    assert text == (tmp_path / "straight" / "metrics.csv").read_text()
    assert "train/loss_step/distillation" in text
    plain = runs.plain(tiny_config("callbacks.pictures=null", "trainer.max_epochs=1"))
    fit(plain, tmp_path / "plain")
    taught, alone = tensors(tmp_path / "straight"), tensors(tmp_path / "plain")
    assert {key: value.shape for key, value in taught.items()} == {key: value.shape for key, value in alone.items()}


def test_the_loss_is_that_of_the_labels_and_the_weighted_divergence(student, tmp_path):
    run = building.build(student("loss.distillation.weight=2.0", "loss.distillation.temperature=3.0"), tmp_path)
    image = torch.randint(0, 256, (2, 3, 32, 64), dtype=torch.uint8)
    batch = {"image": image, "mask": torch.zeros(2, 32, 64, dtype=torch.uint8), "name": ["a", "b"]}
    module = run.module
    module._is_logged = lambda _: False  # it is in no trainer
    loss = module.training_step(batch, 0)
    teacher = module._distillation._teacher
    assert not teacher.training
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    with torch.no_grad():
        target = (teacher(image) / 3).softmax(1)
        logits = module.outputs(image)
        divergence = 9 * torch.nn.functional.kl_div((logits / 3).log_softmax(1), target, reduction="none").sum(1).mean()
        torch.testing.assert_close(loss, module.loss(logits, batch["mask"]) + 2 * divergence)
    assert not any(parameter is other for parameter in module.parameters() for other in teacher.parameters())


def test_the_teacher_is_a_part_of_the_fingerprint_wherever_it_lies(student, tiny_config, teacher, other):
    folder, record = teacher
    told = student()
    assert told["teacher_run"] == record["fingerprint"]
    named = runs.plain(tiny_config("callbacks.pictures=null", f"teacher=run:{record['fingerprint']}"))
    moved = runs.plain(tiny_config("callbacks.pictures=null", f"teacher={other}"))
    assert runs.fingerprint(told) == runs.fingerprint(named) == runs.fingerprint(moved)
    last = runs.plain(tiny_config("callbacks.pictures=null", f"teacher={folder / 'checkpoints' / LAST}"))
    alone = runs.plain(tiny_config("callbacks.pictures=null"))
    assert len({runs.fingerprint(each) for each in (told, last, alone)}) == 3
    assert "teacher_run" not in runs.identity.identity(alone)


def test_a_student_is_trained_kept_and_opened_without_its_teacher(other, tmp_path, data_folder, monkeypatch):
    monkeypatch.setenv("SEGLAB_DATA", str(data_folder))
    typed = [*TINY, f"output={tmp_path}", "name=student", "trainer.max_epochs=1", f"teacher={other}"]
    record = seglab.fit(typed)
    assert record["teacher"]["path"] == str(other / "checkpoints" / BEST)
    assert len(record["teacher"]["sha256"]) == 64
    checkpoint = other / "checkpoints" / BEST
    content = torch.load(checkpoint, weights_only=True)
    content["state_dict"]["network.head.bias"] = content["state_dict"].get("network.head.bias", torch.zeros(1)) + 1
    torch.save(content, checkpoint)
    with pytest.raises(SeglabError, match=r"expected the weights that .* began to learn from \(sha256 .*; came others"):
        seglab.fit(typed)
    shutil.rmtree(other)
    assert seglab.load(record["folder"]).class_names == label_space("cityscapes_19").names


def test_a_teacher_that_is_not_finished_or_of_other_classes_is_refused(student, tiny_config, other, tmp_path):
    with pytest.raises(SeglabError, match=r"expected a run of the classes of data.labels, .*: 8, .*; came one of 19"):
        config.check(tiny_config(f"teacher={other}", "data.labels=cityscapes_8"))
    names = list(label_space("cityscapes_19").names)
    turned = {"name": "turned", "names": names[::-1], "colors": None, "ignore_values": [255], "mapping": None}
    cfg = tiny_config(f"teacher={other}")
    OmegaConf.update(cfg, "data.labels", turned, force_add=True)
    with pytest.raises(SeglabError, match=r"came one of 19 in another order, road, sidewalk"):
        config.check(cfg)
    outputs = student("model.classes=21")
    with pytest.raises(SeglabError, match=r"of 21 outputs for images of 3 channels.*; came one of 19 outputs"):
        building.build(outputs, tmp_path / "student")
    path = other / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"status": "interrupted"}))
    with pytest.raises(SeglabError, match=r"expected a finished run, .*; came one that is interrupted - finish it"):
        config.check(tiny_config(f"teacher={other}"))
    with pytest.raises(SeglabError, match=r"^teacher_run: teacher=nobody: expected a run - its name or the beginning"):
        config.check(tiny_config("teacher=nobody"))


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["loss=distill"], "loss.distillation.temperature=4.0 has no effect without a teacher; expected teacher=RUN"),
        (["teacher=run:0", "loss.distillation.weight=0"], "teacher has no effect with loss.distillation.weight=0"),
        (["teacher=run:0", "loss.distillation.temperature=0"], "temperature is 0; expected a number > 0"),
        (["teacher=run:0", "+loss.distillation.T=2"], "expected weight and temperature - leave the rest out"),
        (["teacher=run:0", "loss=mse_rgb", "model.classes=3"], "teacher has no classes to teach with loss=mse_rgb"),
    ],
)
def test_each_mistake_is_told_once(overrides, told):
    with pytest.raises(SeglabError) as caught:
        config.check(compose("train", overrides).cfg)
    assert told in str(caught.value)
    assert "mistakes" not in str(caught.value)


@pytest.mark.exhaustive
@pytest.mark.slow
def test_two_processes_learn_from_a_teacher_what_one_learns(command, teacher, tmp_path):
    two = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "trainer.sync_batchnorm=false")
    chosen = (f"teacher={teacher[0]}", "loss=distill", "trainer.max_epochs=1", "callbacks.pictures=null")
    result = command("train", *two, *chosen, "name=two", "data.batch_size=1", fresh=True)
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "outputs/runs/two/record.json").read_text())["devices"] == 2
