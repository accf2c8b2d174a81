"""`--help` shows meanings: every key with its comment, every option with its first line."""

import pytest

from seglab import config
from seglab.__main__ import show
from seglab.config.help import comment, group_text, help_text
from seglab.config.suggest import all_groups
from seglab.errors import SeglabError

COMMANDS = sorted(path.stem for path in config.FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_comment_beside_a_key_is_shown(command: str) -> None:
    text = help_text(command, [])
    lines = (config.FOLDER / f"{command}.yaml").read_text(encoding="utf-8").splitlines()
    beside = [line for line in lines[: lines.index("hydra:")] if line[:1].isalpha() and "  # " in line]
    assert beside
    assert all(line in text for line in beside)
    assert "$" not in text.replace("${", "")  # every part of the template has been filled in
    assert "${hydra" not in text
    assert f"seglab.{command}" in text


def test_the_training_shows_the_keys_of_its_groups_with_their_comments() -> None:
    text = help_text("train", ["model=segformer", "trainer=cpu"])
    assert "  batch_size: 4\n" in text
    assert "  label_smoothing: 0.0    # 0..1; 0.1 is usual" in text
    assert "model:  # model=segformer" in text
    assert "  accelerator: cpu" in text
    assert "  max_epochs: 12" in text  # of the option that trainer=cpu is based on
    assert "  loss: boundary, ce, " in text
    assert "  table: " not in text  # a group of another command


@pytest.mark.parametrize("group", all_groups())
def test_every_option_has_a_first_line(group: str) -> None:
    options = list((config.FOLDER / group).glob("*.yaml"))
    assert all(comment(path) for path in options if group != "class_weights")
    assert len(group_text(group).splitlines()) == 1 + len(options)


def test_a_group_of_ones_own_and_a_misspelt_one(tmp_path) -> None:
    (tmp_path / "loss").mkdir()
    (tmp_path / "loss" / "mine.yaml").write_text("# My loss\n_target_: mine.Loss\n")
    text = help_text("train", ["loss"], config_dir=str(tmp_path))
    assert "mine" in text
    assert "My loss" in text
    assert "Cross-entropy, mean over the labelled pixels" in text
    with pytest.raises(SeglabError, match=r"--help los: expected the name of a group, .* did you mean 'loss'"):
        help_text("train", ["los"])


def test_seglab_itself_lists_commands_groups_and_options(capsys) -> None:
    show()
    text = capsys.readouterr().out
    for command in COMMANDS:
        assert f"python -m seglab.{command} " in text
    assert "Padded U-Net with BatchNorm" in text
    assert "loss=\n" in text
