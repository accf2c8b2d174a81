"""MODEL_CARD.md: what an exported network is, what it was measured on, and what it was not."""

import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seglab import runs
from seglab.config.of_run import of_run
from seglab.deployment.latency import Latency, latency_sheet
from seglab.deployment.parity import Parity, parity_sheet
from seglab.display.numbers import percent, word, words
from seglab.display.sheet import Sheet, escaped, markdown
from seglab.errors import SeglabError
from seglab.metrics.titles import TITLES
from seglab.runs.find import find_runs
from seglab.runs.identity import differences

_CONFUSIONS = 10  # the largest are told


def model_card(about: Mapping[str, Any], parity: Parity, latencies: Sequence[Latency], *, file: Path, run: Path) -> str:
    """The card as Markdown with Hugging Face's front matter; what its author has to add is marked FILL IN."""
    name = (about["choices"] or {}).get("model") or about["network"]["model"]["_target_"].rpartition(".")[2]
    scored = about["scored_on"]
    parts = [
        _front_matter(about, parity, name),
        f"# {escaped(name)}, {escaped(scored['dataset'])}",
        _what_it_is(about, file),
        "## Scores",
        f"{parity.images} images of {escaped(scored['dataset'])}, split {escaped(scored['split'])}, at their own size; "
        "void removed, the counts of the whole split.",
        markdown(parity_sheet(parity, caption="The run in torch, and this file")),
        *_seeds(run),
        "## What is taken for what",
        *_confusions(about["classes"], parity.confusion),
        *(["## Speed", markdown(latency_sheet(latencies, caption="From bytes to label maps"))] if latencies else []),
        "## What it was not tested on",
        "Anything but the images above: other cameras, places, weather and light, images of other sizes, and whatever "
        f"is none of the {len(about['classes'])} classes - each pixel gets one of them, an unknown thing as well. FILL "
        "IN what it must not be used for.",
        "## Licence",
        "FILL IN: of the weights, which may be bound by the licence of the data set and of pretrained weights.",
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _front_matter(about: Mapping[str, Any], parity: Parity, name: str) -> str:
    scored = about["scored_on"]
    dataset = json.dumps(scored["dataset"])
    lines = [
        "---",
        "license: other  # FILL IN",
        "pipeline_tag: image-segmentation",
        f"library_name: {'onnx' if about['format'] == 'onnx' else 'pytorch'}",
        "tags: [semantic-segmentation, seglab]",
    ]
    if not math.isnan(parity.exported):
        lines += [
            "model-index:",
            f"- name: {json.dumps(name)}",
            "  results:",
            "  - task: {type: image-segmentation}",
            f"    dataset: {{type: {dataset}, name: {dataset}, split: {json.dumps(scored['split'])}}}",
            f"    metrics: [{{type: mean_iou, value: {parity.exported:.4f}}}]",
        ]
    return "\n".join([*lines, "---"])


def _what_it_is(about: Mapping[str, Any], file: Path) -> str:
    takes = about["input"]
    shape = "(B, H, W, {})" if takes["layout"] == "nhwc" else "(B, {}, H, W)"
    size = "any size" if takes["size"] is None else "{} x {} (height x width)".format(*takes["size"])
    seen = "its own size" if takes["seen_at"] is None else "{} x {}".format(*takes["seen_at"])
    lines = [
        f"`{file.name}`: {about['format']}, {about['precision']}, exported by seglab {about['seglab']} from the run "
        f"`{about['fingerprint']}`, epoch {about['checkpoint']['epoch'] + 1} ({about['checkpoint']['checkpoint']}).",
        "",
    ]
    if about["format"] == "safetensors":
        lines.append("It holds the weights of the bare network; `model.json` names its class and arguments.")
    else:
        channels = "RGB" if takes["channels"] == 3 else f"{takes['channels']} channels"
        lines += [
            f"- input `image`: uint8 {shape.format(takes['channels'])}, {channels}, of {size}; the network sees it at "
            f"{seen}. Resizing and normalisation are inside.",
            "- output `labels`: uint8 (B, H, W), the place of the class in the list below"
            + (", 255 for none of them" if about["has_other_outputs"] else ""),
        ]
        if "logits" in about["outputs"]:
            lines.append(f"- output `logits`: float32 (B, {len(about['classes'])}, H, W)")
    if about["scores"]:
        scores = {TITLES[key]: value for key, value in about["scores"].items() if key in TITLES}
        told = ", ".join(f"{title} {words(value)}" for title, value in scores.items())
        lines += ["", f"In training, on the validation split at the network's size: {told}."]
    return "\n".join([*lines, "", f"Classes: {', '.join(map(escaped, about['classes']))}."])


def _seeds(run: Path) -> Iterator[str]:
    """Mean and standard deviation of the mIoU, where the same was trained with other seeds."""
    scores = list(_of_other_seeds(run))
    if len(scores) > 1:
        mean, deviation = statistics.mean(scores), statistics.stdev(scores)
        yield (
            f"Trained with {len(scores)} seeds, the mIoU of the validation split at the network's size is "
            f"{100 * mean:.1f} ± {100 * deviation:.1f} % (mean and standard deviation)."
        )


def _of_other_seeds(run: Path) -> Iterator[float]:
    """The mIoU of the run, and of those beside it that differ in the seed alone."""
    own, record = of_run(run), runs.read_record(run) or {}
    folder = run.absolute()
    output = next((place.parent for place in folder.parents if place.name in ("runs", "sweeps")), folder.parent)
    for group in find_runs(output).values():
        for other in group:
            if other.record.get("choices") != record.get("choices") or other.record["status"] != "finished":
                continue
            metrics = (other.record.get("best") or {}).get("metrics") or {}
            try:
                different = differences(own, of_run(other.folder))
            except SeglabError:  # of a class that is not allowed any more, say
                continue
            if "miou" in metrics and all(line.partition(":")[0].rpartition(".")[2] == "seed" for line in different):
                yield metrics["miou"]
                break  # equal configurations have equal scores


def _confusions(names: Sequence[str], matrix: Sequence[Sequence[int]]) -> Iterator[str]:
    """The largest shares of a class that are taken for another."""
    wrong = []
    for row, name in enumerate(names):
        total = sum(matrix[row])
        wrong += [
            (matrix[row][column] / total, name, other)
            for column, other in enumerate(names)
            if row != column and total and matrix[row][column]
        ]
    if not wrong:
        yield "Nothing was taken for something else, or nothing is labelled."
        return
    largest = sorted(wrong, reverse=True)[:_CONFUSIONS]
    rows = [[word(name), word(other), percent(share)] for share, name, other in largest]
    yield markdown(Sheet("The largest shares", ("class", "taken for", "% of its pixels"), rows, words=2))
