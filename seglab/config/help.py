"""What `--help` shows: the keys of conf/ with the comments that stand beside them, groups with their options."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template

import yaml

from seglab import PACKAGE
from seglab.config.schemas import FOLDER
from seglab.config.suggest import all_groups
from seglab.errors import SeglabError, did_you_mean
from seglab.runs.yaml_file import LOADER

_WIDTH = 100
_COMMAND = re.compile(r'"""`(python -m seglab\.(\w+)[^`]*)`: ([^"\n]*)')


def help_text(command: str, typed: Sequence[str], *, config_dir: str | None = None) -> str:
    """The help of `python -m seglab.COMMAND`; with the name of a group among what was `typed`, its options.

    Args:
        typed: group=option shows the keys of that option in place of the default's.
        config_dir: a folder with groups of the user's own.
    """
    folders = [*([Path(config_dir)] if config_dir else []), FOLDER]
    chosen = dict(word.lstrip("+").split("=", 1) for word in typed if "=" in word)
    topics = [word for word in typed if "=" not in word]
    if topics:
        return "\n\n".join(group_text(topic, folders) for topic in topics)
    text = (FOLDER / f"{command}.yaml").read_text(encoding="utf-8")
    content = yaml.load(text, Loader=LOADER)
    groups = {group: option for line in content["defaults"] if isinstance(line, dict) for group, option in line.items()}
    help_node = content["hydra"]["help"]
    template = help_node["template"].replace("${hydra.help.header}", help_node["header"].strip())
    return Template(template).safe_substitute(
        APP_CONFIG_GROUPS="\n".join(_groups_lines(groups, folders)),
        CONFIG="\n".join([*_root_lines(text), *_default_lines(groups, chosen, folders)]),
    )


def commands() -> dict[str, tuple[str, str]]:
    """{name: (how it is called, what it is for)}, as the first lines of the commands' files say."""
    paths = sorted([*PACKAGE.glob("*.py"), PACKAGE / "runs" / "__main__.py"])
    lines = (_COMMAND.match(path.read_text(encoding="utf-8")) for path in paths)
    return {line[2]: (line[1], line[3]) for line in lines if line}


def group_text(group: str, folders: Sequence[Path] = (FOLDER,)) -> str:
    """The options of a group, each with the first line of its comment. Raises SeglabError where there is no group."""
    options = _options(group, folders)
    if not options:
        near = did_you_mean(group, all_groups())
        raise SeglabError(f"--help {group}: expected the name of a group, one of {', '.join(all_groups())}{near}")
    width = max(map(len, options))
    return "\n".join([f"{group}=", *(f"  {name:{width}}  {comment(path)}".rstrip() for name, path in options.items())])


def comment(path: Path) -> str:
    """The first line of the comment at the head of a YAML file; nothing where there is none."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            return ""
        if not line.startswith("# @package"):
            return line.lstrip("# ")
    return ""


def _options(group: str, folders: Sequence[Path]) -> dict[str, Path]:
    """{option: its file}, those of the first folder before others of the same name."""
    paths = sorted(path for folder in reversed(folders) for path in (folder / group).glob("*.yaml"))
    return {path.stem: path for path in paths}


def _groups_lines(groups: Iterable[str], folders: Sequence[Path]) -> Iterator[str]:
    for group in groups:
        names = ", ".join(_options(group, folders))
        if names:
            yield from textwrap.wrap(f"{group}: {names}", _WIDTH, initial_indent="  ", subsequent_indent="    ")
    yield "  what each option is: --help GROUP"


def _root_lines(text: str) -> Iterator[str]:
    """The keys of a command with their comments, without the list of defaults and the settings of Hydra."""
    section = None
    for line in text.splitlines():
        if line and line[0] not in " #":
            section = line.partition(":")[0]
        if section not in (None, "defaults", "hydra") and line.strip():
            yield line


def _default_lines(
    groups: Mapping[str, str | None], chosen: Mapping[str, str], folders: Sequence[Path]
) -> Iterator[str]:
    """The keys of each group's option with their comments."""
    for group, default in groups.items():
        if group.startswith("override ") or (option := chosen.get(group, default)) is None:
            continue
        path = _options(group, folders).get(option)
        if path is not None:
            yield f"{group}:  # {group}={option}"
            yield from (f"  {line}" for line in _option_lines(path))


def _option_lines(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    for base in yaml.load(text, Loader=LOADER).get("defaults", ()):
        if isinstance(base, str) and (path.parent / f"{base}.yaml").is_file():
            yield from _option_lines(path.parent / f"{base}.yaml")
    yield from (line for line in text.splitlines() if line.strip() and not line.startswith("defaults:"))
