"""The scores of corrupted images as a table: mIoU by corruption and severity."""

from collections.abc import Mapping
from typing import Any

from seglab.display.numbers import percent, word, words
from seglab.display.sheet import Sheet
from seglab.evaluation.columns import CORRUPTION_MIOU, DEGRADATION, MCE


def corruption_sheet(result: Mapping[str, Any]) -> Sheet:
    """A line for each corruption; of metrics.json what stands at "corruption"."""
    severities = list(next(iter(result["miou"].values())))
    errors = result.get("errors")
    rows = [
        [
            word(name.replace("_", " ")),
            *(percent(values[severity]) for severity in severities),
            percent(result["mean"][name]),
            *([] if errors is None else [percent(errors[name])]),
        ]
        for name, values in result["miou"].items()
    ]
    means = [sum(values[severity] for values in result["miou"].values()) / len(rows) for severity in severities]
    mean = [word("mean"), *map(percent, means), percent(result[CORRUPTION_MIOU])]
    notes = [f"without corruption {words(result['clean'])}; {words(result[DEGRADATION])} of it is lost on average"]
    if errors is not None:
        mean.append(percent(result[MCE]))
        notes.append(f"CE: the error 1 - mIoU over that of {result['reference']}, in percent")
    header = ["corruption", *(f"severity {severity}" for severity in severities), "mean"]
    header += [] if errors is None else ["CE %"]
    return Sheet(caption="mIoU % of corrupted images", header=header, rows=rows, mean=mean, notes=notes)
