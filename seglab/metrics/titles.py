"""What the scores of a confusion matrix are called where people read them, each once. Imports nothing.

One more score is a line of `means` in seglab.metrics.means, and a line here.
"""

TITLES = {
    "miou": "mIoU",
    "mdice": "mean Dice",
    "accuracy": "pixel accuracy",
    "mean_accuracy": "mean accuracy",
    "fwiou": "frequency-weighted IoU",
}
NARROW = TITLES | {"mdice": "mDice", "accuracy": "accuracy"}  # over the columns of a sweep's comparison
FIRST = ("miou", "mdice", "accuracy")  # that every overview shows, the first of them where there is room for one


def val_titles(names: tuple[str, ...] = FIRST) -> dict[str, str]:
    """{"val/miou": "mIoU", ...}: by the names under which validations are logged."""
    return {f"val/{name}": TITLES[name] for name in names}
