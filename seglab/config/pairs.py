"""Choices that do not fit each other, and values that nothing would read: told before anything is built."""

from collections.abc import Iterator, Mapping
from typing import Any

from seglab.config.defaults import content
from seglab.config.signatures import Definition, find_definition

_MATCHING = "seglab.losses.matching.MatchingLoss"
_SHARDING = "lightning.pytorch.strategies.ModelParallelStrategy"
# Whose networks answer as their classes declare; what a class of the user's own returns is known at its first step.
_KNOWN = ("seglab", "segmentation_models_pytorch", "torchvision", "torch")
_POST = ("evaluate.yaml", "predict.yaml")  # whose values below `crf` are those of post=crf


def pair_problems(values: Mapping[str, Any]) -> list[str]:
    """Of resolved values: a loss that the network gives nothing to, and weights or filters that would be passed over.

    What a network returns in training is read from the annotation of its `forward`: see seglab.models.auxiliary and
    seglab.models.queries. A value counts as typed where it is not that of conf/.
    """
    return [
        *_loss_problems(values.get("loss"), values.get("model")),
        *_post_problems(values),
        *_compile_problems(values),
        *_sharding_problems(values),
    ]


def _compile_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """Sizes that torch.compile would compile one by one, until it gives up in silence."""
    trainer, data, augment = (values.get(group) for group in ("trainer", "data", "augment"))
    if not isinstance(trainer, dict) or trainer.get("compile") is not True:
        return
    crops = isinstance(augment, dict) and augment.get("crop") is not None
    if isinstance(data, dict) and "size" in data and data["size"] is None and not crops:
        yield (
            "trainer.compile=true with data.size=null: each size of an image is compiled for itself; expected one size "
            "- write data.size=[HEIGHT,WIDTH], augment=crop, or leave trainer.compile out"
        )


def _sharding_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """What needs whole weights on each device, of a training that divides them."""
    trainer, adapt, callbacks = (values.get(group) for group in ("trainer", "adapt", "callbacks"))
    strategy = trainer.get("strategy") if isinstance(trainer, dict) else None
    if not isinstance(trainer, dict) or not isinstance(strategy, dict) or strategy.get("_target_") != _SHARDING:
        return
    if isinstance(adapt, dict) and str(adapt.get("_target_")).endswith(".Lora"):
        yield (
            "trainer.strategy divides the weights among the devices, and adapt=lora needs them whole to add to them; "
            "expected adapt=full or linear_probe - or train it with trainer=ddp"
        )
    for name, node in callbacks.items() if isinstance(callbacks, dict) else ():
        if isinstance(node, dict) and "Averag" in str(node.get("_target_")):
            yield (
                f"callbacks.{name} averages weights, which trainer.strategy divides among the devices; expected null "
                "there - or train it with trainer=ddp"
            )
    if trainer.get("compile") is True:
        yield (
            "trainer.compile=true is not tried with weights that are divided among devices; expected one of both - "
            "leave trainer.compile out, or train with trainer=ddp"
        )
    if trainer.get("precision") == "16-mixed":
        yield (
            "trainer.precision=16-mixed does not go with weights that are divided among devices; expected 32-true or "
            "bf16-mixed"
        )


def _loss_problems(loss: Any, model: Any) -> Iterator[str]:
    if not isinstance(loss, dict):
        return
    for path, target in _targets(loss, path="loss"):
        if path != "loss" and _is_matching(target):
            yield (
                f"{path}: {target} is a whole loss, of queries; expected a term that sees pixels - train it alone: "
                "loss=mask2former"
            )
    definition = _definition(model)
    if definition is None or definition.module.split(".")[0] not in _KNOWN:
        return
    answer = definition.answer or ""
    if _is_matching(loss.get("_target_")) and "Queries" not in answer:
        yield (
            f"loss matches queries with classes ({loss['_target_']}); expected a network of queries, came "
            f"{model['_target_']}, which scores pixels - choose model=hf_mask2former, hf_maskformer, hf_eomt or "
            "vltseg, or a loss such as loss=ce"
        )
    usual = content("train.yaml")["loss"]
    without = model.get("auxiliary") is False
    for key, found, what in (
        ("auxiliary", ("WithAuxiliary", "WithBoundary"), "an auxiliary head"),
        ("boundary", ("WithBoundary",), "a head that finds boundaries"),
    ):
        has = any(name in answer for name in found) and not without
        if not has and loss.get(key, usual[key]) not in (usual[key], 0):
            reason = "model.auxiliary=false leaves it out" if without else f"{model['_target_']} has none"
            yield (
                f"loss.{key}={loss[key]} has no effect: it weighs {what}, and {reason}; expected {usual[key]:g} "
                f"there - leave loss.{key} out"
            )


def _post_problems(values: Mapping[str, Any]) -> Iterator[str]:
    asked = values.get("crf")
    if not isinstance(asked, dict) or values.get("post", "") is not None:
        return
    usual = [content(name)["crf"] for name in _POST]
    for key, value in asked.items():
        if all(value != of_conf.get(key) for of_conf in usual):
            yield (
                f"crf.{key}={value} has no effect with post=null; expected post=crf beside it - write post=crf, or "
                f"leave crf.{key} out"
            )


def _targets(node: Any, *, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        if "_target_" in node:
            yield path, node["_target_"]
        for key, inner in node.items():
            yield from _targets(inner, path=f"{path}.{key}")
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from _targets(inner, path=f"{path}.{index}")


def _is_matching(target: Any) -> bool:
    definition = find_definition(target) if isinstance(target, str) else None
    return definition is not None and _MATCHING in definition.lineage


def _definition(node: Any) -> Definition | None:
    target = node.get("_target_") if isinstance(node, dict) else None
    return find_definition(target) if isinstance(target, str) else None
