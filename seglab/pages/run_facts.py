"""How a run stands, what its configuration changes of the defaults, where it comes from and what it cost."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seglab.config.defaults import chosen_defaults, is_option, usual_choices
from seglab.display.numbers import duration, sides
from seglab.metrics.titles import FIRST
from seglab.pages.html import bullets, facts, folded, scrolling, table, text, warnings
from seglab.pages.run_files import RunFiles
from seglab.pages.run_scores import headline
from seglab.pages.values import mapping, number, whole
from seglab.runs.identity import decides

_ABSENT = "(not there)"
_STATES = {
    "pending": "holds no record: nothing was begun, or it cannot be read",
    "running": "is running: the page shows what was there when it was written",
    "interrupted": "was interrupted and can be continued with resume=; the page shows what was there",
    "stale": "died without a word and can be continued with resume=; the page shows what was there",
    "failed": "failed; the page shows what was there",
}
_MOST_SHOWN = 300  # characters of a value of the configuration


def status(run: RunFiles) -> str:
    """A line with the state and the score."""
    best = run.best
    score = headline(best, names=FIRST)
    where = f" at epoch {best.epoch}" if score and best.epoch else ""
    told = f"{score}{where}" if score else "nothing was validated" if run.state.status == "finished" else ""
    badge = f'<span class="tag {run.state.status}">{run.state.status}</span>'
    return f'<p class="status">{badge} {text(told)}</p><p class="source">{text(protocol(run))}</p>'


def protocol(run: RunFiles) -> str:
    """'val, 64x128, dataset-level, void removed, best epoch'; "" where nothing is known of it."""
    known = mapping(run.record.get("protocol"))
    if not known:
        return ""
    size = known.get("size")
    seen = sides(size) if isinstance(size, list) else "original size"
    return f"{known.get('split')}, {seen}, {known.get('reading')}-level, void removed, scores of the best epoch"


def caveats(run: RunFiles, *, key: str) -> str:
    """The box that has to be read first, with the traceback of a failure; "" where all is well."""
    lines = list(_caveats(run))
    trace = folded("Traceback", f"<pre>{text(run.traceback)}</pre>") if run.traceback else ""
    return warnings(lines, key=f"{key}-first") + trace


def _caveats(run: RunFiles) -> Iterator[str]:
    state = run.state
    if (told := _STATES.get(state.status)) is not None:
        done = f" ({state.epoch} of {state.max_epochs or '?'} epochs are done)" if state.epoch is not None else ""
        yield f"The run {told}{done}"
    if state.error:
        yield state.error
    if len(set(map(str, run.record.get("codes") or ()))) > 1:
        yield "Its attempts ran by different code: the end is not that of one code"
    if mapping(run.record.get("git")).get("dirty") is True:
        yield "The code had uncommitted changes: the commit alone does not give this run again"
    if gaps := sum(value != value for row in run.history for name, value in row.items() if name.endswith("loss")):
        yield f"The loss is NaN in {gaps} rows of metrics.csv"
    yield from run.problems


def configuration(run: RunFiles) -> str:
    """What the run chose and changed; "" where it has no configuration."""
    if not run.config:
        return ""
    usual, chosen = usual_choices(), mapping(run.record.get("choices"))
    options = [
        (group, option if is_option(group, option) else f"{option} (an option of its own)", usual[group] or "none")
        for group, option in chosen.items()
        if group in usual and option != usual[group]
    ]
    changed = differences(run.config, {**usual, **chosen})
    decisive = [line for line in changed if decides(line[0])]
    others = [line for line in changed if not decides(line[0])]
    parts = [
        _changes("options", ("group", "this run", "default"), options),
        _changes("keys", ("key", "this run", "default of its options"), decisive),
        folded(
            f"{len(others)} changed keys that decide no result",
            _changes("keys", ("key", "this run", "default"), others),
        ),
        folded("As it was typed", bullets([str(override) for override in run.record.get("overrides") or ()])),
    ]
    differs = (
        "What differs from the defaults"
        if options or decisive
        else "Nothing that decides the result differs from the defaults"
    )
    return f"<p>{differs}.</p>{''.join(parts)}"


def differences(config: Mapping[str, Any], choices: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """(key, value of the run, value of the options) where they differ.

    Left out are keys whose default depends on the environment: what it holds stays there.
    """
    before, after = dict(_leaves(chosen_defaults(choices, config))), dict(_leaves(config))
    return [
        (key, after.get(key, _ABSENT), before.get(key, _ABSENT))
        for key in dict.fromkeys([*after, *before])
        if after.get(key, _ABSENT) != before.get(key, _ABSENT) and "${" not in str(before.get(key))
    ]


def _leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """("optimizer.lr", 0.1), ("augment.transforms.0.p", 0.5) and so on; a list of plain values is one value."""
    if isinstance(node, list) and any(isinstance(inner, list | Mapping) for inner in node):
        node = dict(enumerate(node))
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from _leaves(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, node


def _changes(label: str, heads: Sequence[str], lines: Sequence[tuple[str, Any, Any]]) -> str:
    if not lines:
        return ""
    rows = [
        f'<tr><th scope="row">{text(key)}</th><td class="word">{text(_value(value))}</td>'
        f'<td class="word before">{text(_value(default))}</td></tr>'
        for key, value, default in lines
    ]
    written = table((f'<th scope="col">{head}</th>' for head in heads), rows, kind="numbers changes")
    return scrolling(written, label=f"{label} that differ from the defaults")


def _value(value: Any) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}…"


def provenance(run: RunFiles) -> str:
    """Where the run comes from."""
    record = run.record
    git = mapping(record.get("git"))
    commit = f"{git.get('commit')}{' with uncommitted changes' if git.get('dirty') is True else ''}" if git else ""
    origin = mapping(record.get("init_from"))
    versions = mapping(record.get("versions"))
    return facts([
        ("command", record.get("command")),
        ("started", record.get("started")),
        ("ended", record.get("ended")),
        ("attempts", record.get("attempts")),
        ("commit", commit),
        ("code", record.get("code")),
        ("weights from", _value(dict(origin)) if origin else ""),
        ("seed", record.get("seed")),
        ("fingerprint", record.get("fingerprint")),
        ("data fingerprint", record.get("data_fingerprint")),
        ("host", record.get("host")),
        ("platform", record.get("platform")),
        ("SLURM job", record.get("slurm_job")),
        ("python", record.get("python")),
        *versions.items(),
    ])  # fmt: skip


def costs(run: RunFiles) -> str:
    """What the run took."""
    record = run.record
    parameters, flops = whole(record.get("parameters")), number(record.get("flops"))
    trainable = whole(record.get("trainable"))
    seconds, epochs = number(record.get("seconds")), whole(record.get("epochs"))
    speed, threads = number(record.get("images_per_second")), whole(record.get("threads"))
    devices = whole(record.get("devices")) or 1
    attempts = whole(record.get("attempts")) or 1
    once = seconds == seconds and attempts == 1 and epochs
    return facts([
        ("training" if attempts == 1 else "the last attempt", duration(seconds) if seconds == seconds else ""),
        ("an epoch", f"{seconds / epochs:.3g} s" if once and epochs else ""),
        ("epochs, steps", f"{epochs}, {record.get('steps')}" if epochs is not None else ""),
        ("device", f"{record.get('device')}{f' x {devices}' if devices > 1 else ''}" if record.get("device") else ""),
        ("threads", threads),
        ("images a second", f"{speed:.3g}" if speed == speed else ""),
        ("parameters", f"{parameters:,}" if parameters is not None else ""),
        ("learn in training", f"{trainable:,}" if trainable is not None else ""),
        ("GFLOPs of one image", f"{flops / 1e9:.3g}" if flops == flops else ""),
    ])  # fmt: skip
