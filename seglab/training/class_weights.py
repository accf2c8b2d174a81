"""Loss weights for each class: computed from a split's statistics, or read from a list.

n_c are the pixels of class c. A class that never occurs gets 0, whatever the formula: it has no pixel to weigh, and
the limit would be infinite for some formulas and arbitrary for the others.
"""

import copy
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, Literal

import seglab.lean_imports  # noqa: F401

import numpy as np
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seglab import config, runs
from seglab.config.instantiate import instantiate
from seglab.data.statistics import ClassStatistics, class_statistics
from seglab.errors import SeglabError, did_you_mean, listed
from seglab.labels import LabelSpace, label_space
from seglab.runs import yaml_file
from seglab.runs.json_file import read_object

log = logging.getLogger("seglab")

FOLDER = config.FOLDER / "class_weights"  # of the published lists
CLASS_WEIGHTS = "class_weights.json"  # in the run's folder: what names and files stood for
_EFFECTIVE = "effective_number"


def inverse(statistics: ClassStatistics) -> np.ndarray:
    """float64 (K,): N / (K n_c) with N = sum_c n_c, which is 1 for every class of a balanced split."""
    pixels = _floats(statistics.pixels)
    return _where_present(pixels.sum() / _ones_for_zeros(len(pixels) * pixels), statistics)


def sqrt_inverse(statistics: ClassStatistics) -> np.ndarray:
    """float64 (K,): f_c^-0.5 with f_c = n_c / sum_c n_c: the same order as `inverse`, but milder."""
    return _where_present(_ones_for_zeros(statistics.shares) ** -0.5, statistics)


def median_frequency(statistics: ClassStatistics) -> np.ndarray:
    """float64 (K,): median(F) / F_c with F_c = n_c / (all pixels of the images that contain c).

    Eigen and Fergus, arXiv 1411.4734, section 6.3.2. The denominator is often forgotten; the median is taken over the
    classes that occur.
    """
    frequency = _floats(statistics.pixels) / _ones_for_zeros(_floats(statistics.pixels_of_images_with))
    present = frequency[frequency > 0]
    median = float(np.median(present)) if len(present) else 0.0
    return _where_present(median / _ones_for_zeros(frequency), statistics)


def enet(statistics: ClassStatistics) -> np.ndarray:
    """float64 (K,), 1.4 to 50.5: 1 / ln(1.02 + p_c), p_c = n_c / all pixels (ENet, arXiv 1606.02147, section 5.2).

    Void pixels count as pixels, as they did for the lists that circulate with the public code.
    """
    return _logarithmic(statistics, offset=1.02)


def erfnet(statistics: ClassStatistics) -> np.ndarray:
    """float64 (K,), 1.3 to 10.5: ENet's formula with 1.10, which gives the published weights of ERFNet's decoder."""
    return _logarithmic(statistics, offset=1.10)


def effective_number(
    statistics: ClassStatistics, *, beta: float = 0.999, of: Literal["images", "pixels"] = "images"
) -> np.ndarray:
    """float64 (K,), summing to the number of classes that occur: (1 - beta) / (1 - beta^n_c), normalised.

    Cui et al., arXiv 1901.05555, equation 2. Their n_c are samples, here the images that contain c; of pixels there
    are so many that beta has to be about 1 - 1e-9 to make a difference.
    """
    counts = _floats(statistics.images_with if of == "images" else statistics.pixels)
    weights = _where_present((1 - beta) / _ones_for_zeros(-np.expm1(counts * np.log(beta))), statistics)
    return weights * np.count_nonzero(weights) / _ones_for_zeros(weights.sum())


SCHEMES: Mapping[str, Callable[[ClassStatistics], np.ndarray]] = {
    "inverse": inverse,
    "sqrt_inverse": sqrt_inverse,
    "median_frequency": median_frequency,
    "enet": enet,
    "erfnet": erfnet,
    _EFFECTIVE: effective_number,
}


def resolve(asked: str, labels: LabelSpace, *, count: Callable[[], ClassStatistics]) -> list[float]:
    """The weights that `asked` stands for, in the order of `labels.names`.

    `asked` is a scheme (`enet`, `effective_number:0.9999`, `effective_number:0.999999999:pixels`), for which `count`
    is called; the name of a published list in conf/class_weights; or the path of a YAML or JSON file.
    Raises SeglabError when it is none of them, or the list has other classes.
    """
    name, _, options = asked.partition(":")
    if name in SCHEMES and (not options or name == _EFFECTIVE):
        scheme = _effective(asked, options) if options else SCHEMES[name]
        return [float(weight) for weight in scheme(count())]
    if Path(asked).suffix in (".yaml", ".yml", ".json"):
        return read_list(Path(asked), labels)
    published = {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}
    if asked not in published:
        near = did_you_mean(asked, [*SCHEMES, *published])
        raise SeglabError(
            f"loss.class_weights={asked}: expected a scheme ({', '.join(SCHEMES)}), a published list "
            f"({', '.join(published)}), a .yaml or .json file, or a list of numbers{near}"
        )
    return read_list(published[asked], labels)


def read_list(path: Path, labels: LabelSpace) -> list[float]:
    """The weights in a YAML or JSON file: a list in the order of the classes, or `weights: {class name: number}`."""
    try:
        content = OmegaConf.to_container(yaml_file.load(path))  # unlike PyYAML, it reads 1e-5 as a number
    except (OSError, UnicodeError, YAMLError, OmegaConfBaseException) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())
        raise SeglabError(
            f"loss.class_weights={path}: expected a YAML or JSON file with weights; {why} - a relative path begins at "
            f"'{Path.cwd()}'"
        ) from error
    weights = content.get("weights") if isinstance(content, dict) else content
    if isinstance(weights, dict):
        weights = _in_order(weights, labels, path)
    if not isinstance(weights, list) or not all(_is_number(weight) for weight in weights):
        raise SeglabError(
            f"loss.class_weights={path}: expected a list of numbers, or 'weights:' with class names and numbers; "
            f"got {content!r:.80}"
        )
    if len(weights) != labels.num_classes:
        raise SeglabError(
            f"loss.class_weights={path}: expected {labels.num_classes} weights, one for each class of {labels.name}; "
            f"got {len(weights)} - is it the list of another data set?"
        )
    bad = [f"{name}: {weight}" for name, weight in zip(labels.names, weights, strict=True) if not 0 <= weight < inf]
    if bad or not any(weights):
        came = ", ".join(bad) or "nothing but 0"
        raise SeglabError(
            f"loss.class_weights={path}: expected finite weights >= 0, not all of them 0; got {came} - a class that "
            "never occurs gets 0 or 1"
        )
    return [float(weight) for weight in weights]


def as_text(weights: Sequence[float], labels: LabelSpace, *, comment: str) -> str:
    """A YAML file that `read_list` reads: by class name, so that no one has to trust an order."""
    lines = [f"  {name}: {weight:.6g}" for name, weight in zip(labels.names, weights, strict=True)]
    return "\n".join([f"# {comment}", f"labels: {labels.name}", "weights:", *lines]) + "\n"


def with_class_weights(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The configuration with numbers for every `class_weights` of the loss that is a name or a file.
    They are kept in the run's folder: a run that is continued or loaded has the weights that it began with. Counting is
    of the training split; the counts are kept in `output`/statistics and serve every run with the same files.
    """
    path = folder / CLASS_WEIGHTS
    what, cure = (
        "the class weights that the run began with",
        "restore it, or delete it to ask for them anew",
    )
    kept = read_object(path, what=what, cure=cure, values=dict) or {}
    before = dict(kept)
    labels = label_space(config["data"]["labels"])
    loss = copy.deepcopy(config["loss"])
    for key, node in with_names(loss):
        asked = node["class_weights"]
        if kept.get(key, {}).get("asked") != asked:
            weights = resolve(asked, labels, count=partial(_counted, config))
            kept[key] = {"asked": asked, "weights": dict(zip(labels.names, weights, strict=True))}
            shown = listed(f"{name} {weight:.3g}" for name, weight in kept[key]["weights"].items())
            log.info("%s=%s: %s", key, asked, shown)
        node["class_weights"] = list(kept[key]["weights"].values())
    if kept != before and runs.is_first_process():
        folder.mkdir(parents=True, exist_ok=True)
        runs.write_atomically(path, json.dumps(kept, indent=1) + "\n")
    return {**config, "loss": loss}


def for_outputs(loss: Any, *, num_classes: int, num_outputs: int) -> Any:
    """The configuration of the loss with weights of 0 for outputs beyond the classes in its lists of `num_classes`."""
    if not isinstance(loss, dict):
        return loss
    longer = {key: for_outputs(node, num_classes=num_classes, num_outputs=num_outputs) for key, node in loss.items()}
    weights = loss.get("class_weights")
    if isinstance(weights, list) and len(weights) == num_classes:
        longer["class_weights"] = weights + [0.0] * (num_outputs - num_classes)
    return longer


def with_names(loss: dict[str, Any], *, key: str = "loss") -> Iterator[tuple[str, dict[str, Any]]]:
    """(dotted key of `class_weights`, node that holds it) of the losses in `loss` that give a name or a file there."""
    if isinstance(loss.get("class_weights"), str):
        yield f"{key}.class_weights", loss
    for name, node in loss.items():
        if isinstance(node, dict):
            yield from with_names(node, key=f"{key}.{name}")


def _counted(config: Mapping[str, Any]) -> ClassStatistics:
    """Of the training split."""
    data = instantiate(config["data"])
    data.prepare_data()
    folder = Path(config["output"]) / "statistics"
    return class_statistics(data.source("train"), folder=folder, title="counting labels")


def _in_order(weights: Mapping[Any, Any], labels: LabelSpace, path: Path) -> list[Any]:
    missing = [name for name in labels.names if name not in weights]
    unknown = [str(name) for name in weights if name not in labels.names]
    if missing or unknown:
        raise SeglabError(
            f"loss.class_weights={path}: expected the {labels.num_classes} classes of {labels.name}; "
            f"missing {listed(missing) or 'none'}, unknown {listed(unknown) or 'none'} - "
            "is it the list of another data set?"
        )
    return [weights[name] for name in labels.names]


def _effective(asked: str, options: str) -> Callable[[ClassStatistics], np.ndarray]:
    """The scheme that is written effective_number:BETA or effective_number:BETA:pixels."""
    written, _, of = options.partition(":")
    try:
        beta = float(written)
    except ValueError:
        beta = -1.0
    if not 0 < beta < 1 or of not in ("", "images", "pixels"):
        raise SeglabError(
            f"loss.class_weights={asked}: expected effective_number:BETA or effective_number:BETA:pixels with "
            "0 < BETA < 1 - for example effective_number:0.999, or effective_number:0.999999999:pixels"
        )
    return partial(effective_number, beta=beta, of="pixels" if of == "pixels" else "images")


def _logarithmic(statistics: ClassStatistics, *, offset: float) -> np.ndarray:
    share = _floats(statistics.pixels) / max(1, statistics.total)
    return _where_present(1 / np.log(offset + share), statistics)


def _where_present(weights: np.ndarray, statistics: ClassStatistics) -> np.ndarray:
    return np.where(_floats(statistics.pixels) > 0, weights, 0.0)


def _ones_for_zeros(values: Any) -> np.ndarray:
    """A divisor: what is divided by these ones is thrown away."""
    return np.where(np.asarray(values) == 0, 1.0, values)


def _floats(values: Sequence[int]) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
