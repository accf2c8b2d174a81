"""The README and the guides: what they tell to type is typed, what they show is what is shown, links lead somewhere."""

import importlib.util
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

REPOSITORY = Path(__file__).resolve().parent.parent
README = REPOSITORY / "README.md"
GUIDES = sorted((REPOSITORY / "notebooks").glob("*.md"))
ROOT = "/data/mine"
SMALL = (
    "data.size=[32,64]", "data.batch_size=2", "data.num_workers=0", "trainer=cpu", "trainer.max_epochs=1",
)  # fmt: skip
SMALL_UNET = ("model.base=4", "model.depth=2", "model.size_divisor=4")


def section(path: Path, title: str) -> str:
    """What stands below a heading, up to the next one of its level."""
    text = path.read_text(encoding="utf-8")
    return text[text.index(f"\n## {title}\n") :].split("\n## ", 2)[1]


@pytest.fixture
def follow(
    command: Callable, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tiny: list[str]
) -> Callable[[str], str]:
    """`follow(line)`: what a line of a shell, "A=b seglab train ...", prints; it has to end well."""

    def done(line: str) -> str:
        words = shlex.split(line.replace("python -m seglab.", "seglab "), comments=True)
        while "=" in words[0]:
            monkeypatch.setitem(environment, *words.pop(0).split("=", 1))
        assert words[0] == "seglab"
        entry, arguments = words[1], words[2:]
        if entry == "train":
            own_data = any(word.startswith(("data=folder", "data=leaves")) for word in arguments)
            own_model = any(word.startswith("model=") for word in arguments)
            arguments += [*SMALL, *(() if own_model else SMALL_UNET)] if own_data or own_model else tiny[2:]
            if own_model:
                arguments += ["data.prepare.train=4", "data.prepare.val=2", "data.prepare.test=2"]
        ended = command(entry, *arguments, small=False)
        assert ended.returncode == 0, (line, ended.stderr)
        return ended.stdout + ended.stderr

    return done


@pytest.fixture
def follow_all(follow: Callable[[str], str], standins: dict[str, StandIn], tmp_path: Path) -> Callable[[str], str]:
    """`follow_all(text)`: files are written and commands typed as its blocks say, in their order; what was printed."""

    def done(text: str) -> str:
        printed = ""
        for language, block in re.findall(
            r"```(\w+)\n(.*?)```", text.replace(ROOT, str(standins["folder"].root)), re.DOTALL
        ):
            if language == "sh":
                for line in block.splitlines():
                    printed += follow(line)
                continue
            path = tmp_path / block.splitlines()[0].removeprefix("# ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block)
        return printed

    return done


def records(folder: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in folder.glob("outputs/*/**/record.json")]


@pytest.mark.slow
def test_ones_own_data_model_loss_and_callback_are_used_as_the_readme_says(follow_all, tmp_path: Path) -> None:
    text = section(README, "Your own")
    assert [language for language, _ in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)] == [
        "sh", *["python", "yaml", "sh"] * 3,
    ]  # fmt: skip
    follow_all(text)
    done = records(tmp_path)
    assert [record["status"] for record in done] == ["finished"] * 5
    assert sum({"ground", "leaf"} == set(record["best"]["classes"]) for record in done) == 1
    assert len([*tmp_path.glob("outputs/checks/*")]) == 1
    shown = [path for path in tmp_path.glob("outputs/**/metrics.csv") if "val/share_of_road" in path.read_text()]
    assert len(shown) == 1


@pytest.mark.exhaustive
@pytest.mark.slow
def test_ones_own_data_are_read_as_the_guide_says(follow_all, tmp_path: Path) -> None:
    follow_all(section(REPOSITORY / "notebooks" / "data.md", "Your own"))
    done = records(tmp_path)
    assert [record["status"] for record in done] == ["finished"] * 2
    assert all({"ground", "leaf"} == set(record["best"]["classes"]) for record in done)


@pytest.mark.exhaustive
@pytest.mark.slow
def test_masks_of_0_and_255_are_read_with_the_line_that_it_gives(
    follow: Callable[[str], str], standins: dict[str, StandIn], tmp_path: Path
) -> None:
    root = shutil.copytree(standins["folder"].root, tmp_path / "mine")
    for path in root.rglob("masks/*.png"):
        Image.fromarray((np.array(Image.open(path)) == 1).astype(np.uint8) * 255).save(path)
    (given,) = re.findall(r"`('data.labels.mapping=.*?)`", section(REPOSITORY / "notebooks" / "data.md", "Your own"))
    follow(f"python -m seglab.train data=folder data.root={root} 'data.labels.names=[ground,leaf]' {given}")
    follow(f"python -m seglab.train data=folder data.root={root} data.labels=binary_255")


CONSOLES = [
    (path, block)
    for path in (README, *GUIDES)
    for block in re.findall(r"```console\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
]


@pytest.mark.slow
@pytest.mark.parametrize(("path", "block"), CONSOLES, ids=[path.stem for path, _ in CONSOLES])
def test_what_is_shown_is_what_the_command_prints(path: Path, block: str, command: Callable) -> None:
    typed, _, shown = block.partition("\n")
    words = shlex.split(typed.removeprefix("$ ").replace("python -m seglab.", "seglab "))
    done = command(words[1], *words[2:], small=False)
    assert done.stdout + done.stderr == shown


def test_the_readme_is_short() -> None:
    text = re.sub(r"```.*?```|<!--.*?-->", "", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    words = [word for word in text.split() if re.search(r"\w", word)]  # and no lines of a table
    assert len(words) <= 1500


@pytest.mark.parametrize("path", [README, *GUIDES], ids=lambda path: path.name)
def test_links_lead_to_what_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("http"):
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file) if file else path
        assert linked.exists(), f"{path.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{path.name}: {target}"


def test_the_figure_of_the_flow_is_the_one_that_the_code_draws() -> None:
    script = REPOSITORY / "notebooks" / "flow.py"
    spec = importlib.util.spec_from_file_location("flow", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert script.with_suffix(".svg").read_text(encoding="utf-8") == module.drawn(), "type python notebooks/flow.py"
    assert "prefers-color-scheme: dark" in module.drawn()
