"""What a network has to return, and the label maps that are made of it."""

from collections.abc import Callable, Mapping, Sequence

import seglab.lean_imports  # noqa: F401

import torch
from torch import Tensor, nn

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX
from seglab.models.auxiliary import WithAuxiliary
from seglab.models.queries import Queries, class_scores


def checked(outputs: object, *, num_outputs: int, of: str) -> WithAuxiliary | Queries:
    """What the network called `of` returned: queries, or logits and what is beside them.

    Raises:
        SeglabError: it is neither logits (B, K, h, w) nor a WithAuxiliary of such; says how to adapt the network. Or
            its queries have another number of classes.
    """
    if isinstance(outputs, Queries):
        _check_queries(outputs, num_outputs=num_outputs, of=of)
        return outputs
    answer = outputs if isinstance(outputs, WithAuxiliary) else WithAuxiliary(outputs)  # type: ignore[arg-type]
    for logits in (answer.logits, *answer.auxiliary.values()):
        if not (isinstance(logits, Tensor) and logits.ndim == 4 and logits.shape[1] == num_outputs):
            raise SeglabError(
                f"model: expected {of} to return logits (B, {num_outputs}, h, w), one tensor with an output for each "
                f"class; came {_described(logits)} - {_advice(logits, num_outputs)}"
            )
    return answer


def per_pixel(answer: WithAuxiliary | Queries, *, size: Sequence[int]) -> WithAuxiliary:
    """The same, but in place of queries the scores (B, K, H, W) at `size` that they give the pixels."""
    return WithAuxiliary(class_scores(answer, size=size)) if isinstance(answer, Queries) else answer


def mapped(outputs: WithAuxiliary, function: Callable[[Tensor], Tensor]) -> WithAuxiliary:
    """The function of each of the outputs."""
    return WithAuxiliary(
        function(outputs.logits),
        {name: function(logits) for name, logits in outputs.auxiliary.items()},
        None if outputs.boundary is None else function(outputs.boundary),
    )


def resize_logits(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Logits (B, K, H, W) at `size`, bilinear; the corners of the corner pixels are aligned, not their centres."""
    if logits.shape[-2:] == tuple(size):
        return logits
    return nn.functional.interpolate(logits, size=tuple(size), mode="bilinear", align_corners=False)


def label_maps(scores: Tensor, *, num_classes: int) -> Tensor:
    """uint8 (B, H, W): the strongest of the scores (B, K, H, W); IGNORE_INDEX where it is none of the classes."""
    pred = scores.max(1).indices  # 5 times faster than argmax(1) on the CPU
    if scores.shape[1] > num_classes:
        pred = torch.where(pred < num_classes, pred, IGNORE_INDEX)
    return pred.to(torch.uint8)


def _check_queries(queries: Queries, *, num_outputs: int, of: str) -> None:
    for class_logits, mask_logits in (queries[:2], *queries.auxiliary):
        fits = class_logits.ndim == 3 and mask_logits.ndim == 4 and class_logits.shape[:2] == mask_logits.shape[:2]
        if not (fits and class_logits.shape[2] == num_outputs + 1):
            raise SeglabError(
                f"model: expected {of} to return queries with class_logits (B, Q, {num_outputs + 1}), one for each "
                "class and one for none, and mask_logits (B, Q, h, w); came "
                f"{_described(class_logits)} and {_described(mask_logits)} - {_advice(mask_logits, num_outputs)}"
            )


def _described(outputs: object) -> str:
    if isinstance(outputs, Tensor):
        return f"a tensor {tuple(outputs.shape)}"
    if isinstance(outputs, Mapping):
        return f"a {type(outputs).__name__} of " + ", ".join(f"{key}: {_described(outputs[key])}" for key in outputs)
    if isinstance(outputs, tuple | list):
        return f"a {type(outputs).__name__} of " + ", ".join(map(_described, outputs))
    return f"a {type(outputs).__name__}"


def _advice(outputs: object, num_outputs: int) -> str:
    if not isinstance(outputs, Tensor):
        which = repr(next(iter(outputs))) if isinstance(outputs, Mapping) and outputs else "0"
        return (
            "let its forward return the logits alone, or name in model._target_ a class of yours around it whose "
            f"forward returns outputs[{which}]"
        )
    if outputs.ndim != 4:
        return "a map of logits is needed: keep the axes of the classes, the rows and the columns"
    return "write classes: ${num_classes:${data.labels}} in the model's YAML, and let its class make that many outputs"
