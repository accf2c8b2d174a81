"""The README's section on one's own data, model and loss, followed word by word, at a size that takes seconds."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.standins import StandIn

README = Path(__file__).resolve().parent.parent / "README.md"
ROOT = "/data/mine"
SMALL = (
    "data.size=[32,64]", "data.batch_size=2", "data.num_workers=0", "model.base=4", "model.depth=2",
    "model.size_divisor=4", "trainer=cpu", "trainer.max_epochs=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def section() -> str:
    text = README.read_text(encoding="utf-8")
    return text[text.index("## Your own data, model, loss") : text.index("## From Python")]


@pytest.fixture
def follow(
    command: Callable, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tiny: list[str]
) -> Callable[[str], str]:
    """`follow(line)`: what a line of a shell, "A=b python -m seglab.train ...", prints; it has to end well."""

    def done(line: str) -> str:
        words = shlex.split(line, comments=True)
        while "=" in words[0]:
            monkeypatch.setitem(environment, *words.pop(0).split("=", 1))
        assert words[:2] == ["python", "-m"]
        entry, arguments = words[2].removeprefix("seglab."), words[3:]
        if entry == "train":
            own_data = any(word.startswith(("data=folder", "data=leaves")) for word in arguments)
            arguments += SMALL if own_data else tiny[2:]
        ended = command(entry, *arguments, small=False)
        assert ended.returncode == 0, (line, ended.stderr)
        return ended.stdout + ended.stderr

    return done


@pytest.mark.slow
def test_every_block_does_what_it_says(
    section: str, follow: Callable[[str], str], standins: dict[str, StandIn], tmp_path: Path
) -> None:
    blocks = re.findall(r"```(\w+)\n(.*?)```", section.replace(ROOT, str(standins["folder"].root)), re.DOTALL)
    assert [language for language, _ in blocks] == ["sh", "yaml", "sh", "python", "yaml", "sh"]
    for language, text in blocks:
        if language == "sh":
            for line in text.splitlines():
                follow(line)
            continue
        path = tmp_path / text.splitlines()[0].removeprefix("# ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    records = [json.loads(path.read_text()) for path in tmp_path.glob("outputs/*/**/record.json")]
    assert [record["status"] for record in records] == ["finished"] * 4
    assert sum({"ground", "leaf"} == set(record["best"]["classes"]) for record in records) == 2
    assert len([*tmp_path.glob("outputs/checks/*")]) == 1


@pytest.mark.slow
def test_masks_of_0_and_255_are_read_with_the_line_that_it_gives(
    section: str, follow: Callable[[str], str], standins: dict[str, StandIn], tmp_path: Path
) -> None:
    root = shutil.copytree(standins["folder"].root, tmp_path / "mine")
    for path in root.rglob("masks/*.png"):
        Image.fromarray((np.array(Image.open(path)) == 1).astype(np.uint8) * 255).save(path)
    (given,) = re.findall(r"`('data.labels.mapping=.*?)`", section)
    follow(f"python -m seglab.train data=folder data.root={root} 'data.labels.names=[ground,leaf]' {given}")
    (record,) = tmp_path.glob("outputs/runs/*/record.json")
    classes = json.loads(record.read_text())["best"]["classes"]
    assert classes["leaf"]["pixels"] > 0
