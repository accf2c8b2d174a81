"""Whether what is monitored will be logged: told before anything heavy is imported; Lightning fails an epoch later."""

from collections.abc import Mapping, Sequence
from typing import Any

from seglab.errors import SeglabError, did_you_mean
from seglab.labels import label_space
from seglab.metrics.titles import TITLES

_SCORES_OF_A_CLASS = ("iou", "dice")
_KNOWN = ("seglab.", "lightning.")


def check(config: Mapping[str, Any]) -> None:
    """Raises SeglabError for a monitor of a callback or of the schedule that will not be logged.

    What a module or a callback of one's own logs is not known: where there is one, every name may be.
    """
    nodes = {f"callbacks.{name}": node for name, node in config["callbacks"].items() if node}
    if not all(node["_target_"].startswith(_KNOWN) for node in [*nodes.values(), config["module"]]):
        return
    classes = label_space(config["data"]["labels"]).names
    for key, node in {**nodes, "scheduler": config["scheduler"]}.items():
        monitor = node.get("monitor")
        if not isinstance(monitor, str):
            continue
        # Ours look at it after a validation, when the loss of the epoch is not known yet.
        of_epochs = [] if node["_target_"].startswith("seglab.") else ["train/loss"]
        logged = [*of_epochs, *logged_by_validations(classes)]
        if monitor not in logged:
            expected = ", ".join([*of_epochs, *logged_by_validations(["CLASS"])])
            raise SeglabError(
                f"{key}.monitor is {monitor!r}; expected a value that is logged, one of {expected}"
                f"{did_you_mean(monitor, logged)}"
            )
        waits = key == "scheduler" or "patience" in node
        if waits and monitor.startswith("val/") and config["trainer"].get("limit_val_batches") == 0:
            raise SeglabError(
                f"{key} waits for {monitor}; expected validations, came trainer.limit_val_batches=0 - leave one of the "
                "two out"
            )


def logged_by_validations(class_names: Sequence[str]) -> list[str]:
    """The names of seglab.training.module; a test compares them."""
    of_classes = [f"val/{score}/{name}" for name in class_names for score in _SCORES_OF_A_CLASS]
    return ["val/loss", *(f"val/{name}" for name in TITLES), *of_classes]
