"""The loss of Mask2Former: queries are matched with the classes of an image; each then learns its class and mask."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX
from seglab.losses.contract import check_labels, divide_or_zero
from seglab.losses.matching import MatchingLoss
from seglab.losses.points import logits_at, truth_of_all_classes, truth_of_one_class, uncertain_points
from seglab.models.queries import Queries

_Layer = tuple[Tensor, Tensor]  # class_logits (B, Q, K + 1), mask_logits (B, Q, h, w)


class _Picture(NamedTuple):
    labels: Tensor  # (B, H, W) int64, 0 where ignored
    valid: Tensor  # (B, H, W) bool
    present: Tensor  # (B, K) bool, classes with a labelled pixel


class _Matches(NamedTuple):
    """One row for each pair of a query and a class of its image."""

    image: Tensor  # (R,) int64
    query: Tensor  # (R,)
    label: Tensor  # (R,)


class Mask2FormerLoss(MatchingLoss):
    """sum over the layers of class_weight CE + mask_weight BCE + dice_weight Dice (Cheng et al., arXiv 2112.01527).

    A target is the mask of one class of the image, as for semantic segmentation. The Hungarian method gives each target
    one query, by the same three terms as costs with the same weights, the probability of the class in place of its
    cross-entropy (section 3.3 there; facebookresearch/Mask2Former, matcher.py and criterion.py). Queries without a
    target learn "no object" with a smaller weight. Masks are compared at random points, at the same ones in all pairs
    while matching, and for the loss at those where the matched mask is least sure (PointRend). CE is the weighted mean
    over the queries of the batch; BCE and Dice are summed over the pairs and divided by the number of targets.

    Unlike in the authors' code an ignored pixel counts for nothing (there it is no part of any mask), an image
    without a labelled pixel teaches nothing (there: "no object" to all queries), and the number of targets is that of
    this process (there: the mean of all).

    Everything is computed in float32. The random numbers are torch's global ones of the device. Once a step the costs
    of all layers go to the processor together, where scipy matches them: the only wait for the device.

    Args:
        no_object: weight of "no object" in the cross-entropy.
        num_points: for each mask.
        oversample: random points for each one that is kept among the least sure.
        importance: share of the points that are such.
    """

    def __init__(
        self,
        *,
        class_weight: float,
        mask_weight: float,
        dice_weight: float,
        no_object: float,
        num_points: int,
        oversample: float,
        importance: float,
        ignore_index: int = IGNORE_INDEX,
    ) -> None:
        super().__init__(ignore_index=ignore_index)
        if num_points < 1 or oversample < 1 or not 0 <= importance <= 1:
            raise SeglabError(
                "loss: expected num_points >= 1, oversample >= 1 and importance in 0..1; "
                f"got {num_points}, {oversample} and {importance} - the paper has 12544, 3 and 0.75"
            )
        self._weights = {"class": class_weight, "mask": mask_weight, "dice": dice_weight}
        self._no_object = no_object
        self._num_points, self._oversample, self._importance = num_points, oversample, importance

    def terms_of_queries(self, queries: Queries, mask: Tensor) -> dict[str, Tensor]:
        with torch.autocast(mask.device.type, enabled=False):
            layers = [
                (class_logits.float(), mask_logits.float())
                for class_logits, mask_logits in [queries[:2], *queries.auxiliary]
            ]
            picture = self._read(mask, num_classes=layers[0][0].shape[2] - 1)
            matches = self._matched(layers, picture)
            terms = [
                {"class": self._of_classes(layer, pairs, picture), **self._of_masks(layer, pairs, picture)}
                for layer, pairs in zip(layers, matches, strict=True)
            ]
            return {name: torch.stack([term[name] for term in terms]).sum() for name in self._weights}

    def combine_queries(self, terms: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([weight * terms[name] for name, weight in self._weights.items()]).sum()

    def _read(self, mask: Tensor, *, num_classes: int) -> _Picture:
        labels = mask.long()
        valid = labels != self.ignore_index
        labels = torch.where(valid, labels, 0)
        check_labels(labels, num_classes, self.ignore_index)
        counts = torch.zeros(len(mask), num_classes, device=mask.device)
        counts.scatter_add_(1, labels.flatten(1), valid.flatten(1).float())
        return _Picture(labels, valid, counts > 0)

    @torch.no_grad()
    def _matched(self, layers: Sequence[_Layer], picture: _Picture) -> list[_Matches]:
        """Of each layer. Its pairs come image by image, in the order of the classes in an image."""
        costs = torch.stack([self._costs(layer, picture) for layer in layers])  # (L, B, Q, K)
        together = torch.cat([costs.flatten(2), picture.present.float().expand(len(layers), -1, -1)], 2).cpu()
        number = costs[0, 0].numel()
        costs, present = together[..., :number].unflatten(2, costs.shape[2:]), together[0, :, number:]
        device = picture.labels.device
        return [_Matches(*_assigned(of_layer, present.bool()).to(device, non_blocking=True)) for of_layer in costs]

    def _costs(self, layer: _Layer, picture: _Picture) -> Tensor:
        """(B, Q, K): of giving a query the mask of a class, whether the image has the class or not."""
        class_logits, mask_logits = layer
        num_classes = class_logits.shape[2] - 1
        points = torch.rand(len(mask_logits), self._num_points, 2, device=mask_logits.device)
        truth = truth_of_all_classes(picture.labels, picture.valid, points, num_classes=num_classes)
        weight, target = truth.weight.unsqueeze(1), truth.target.transpose(1, 2)  # (B, 1, P), (B, P, K)
        logits = logits_at(mask_logits, points)  # (B, Q, P)
        negative, positive = F.softplus(logits) * weight, F.softplus(-logits) * weight
        cross_entropy = divide_or_zero(positive @ target + negative @ (1 - target), weight.sum(2, keepdim=True))
        inside = logits.sigmoid() * weight
        sizes = inside.sum(2, keepdim=True) + weight @ target  # (B, Q, K)
        dice = 1 - (2 * inside @ target + 1) / (sizes + 1)
        probability = class_logits.softmax(2)[..., :-1]
        return (
            self._weights["mask"] * cross_entropy + self._weights["dice"] * dice - self._weights["class"] * probability
        )

    def _of_classes(self, layer: _Layer, pairs: _Matches, picture: _Picture) -> Tensor:
        class_logits = layer[0]
        none = class_logits.shape[2] - 1
        target = torch.full(class_logits.shape[:2], none, device=class_logits.device)  # (B, Q)
        target[pairs.image, pairs.query] = pairs.label
        weight = torch.where(target == none, self._no_object, 1.0) * picture.present.any(1, keepdim=True)
        losses = F.cross_entropy(class_logits.transpose(1, 2), target, reduction="none")
        return divide_or_zero((losses * weight).sum(), weight.sum())

    def _of_masks(self, layer: _Layer, pairs: _Matches, picture: _Picture) -> dict[str, Tensor]:
        masks = layer[1][pairs.image, pairs.query]  # (R, h, w)
        labels, valid = picture.labels[pairs.image], picture.valid[pairs.image]  # (R, H, W)
        with torch.no_grad():
            points = uncertain_points(
                masks, labels, valid,
                count=self._num_points, oversample=self._oversample, importance=self._importance,
            )  # fmt: skip
            target, weight = truth_of_one_class(labels, valid, points, pairs.label)  # (R, P)
        logits = logits_at(masks.unsqueeze(1), points).squeeze(1)  # (R, P)
        losses = F.binary_cross_entropy_with_logits(logits, target, reduction="none") * weight
        cross_entropy = divide_or_zero(losses.sum(1), weight.sum(1))  # (R,)
        inside = logits.sigmoid() * weight
        sizes = inside.sum(1) + (target * weight).sum(1)
        dice = 1 - (2 * (inside * target).sum(1) + 1) / (sizes + 1)
        number = picture.present.sum().clamp(min=1)
        return {"mask": cross_entropy.sum() / number, "dice": dice.sum() / number}


def _assigned(costs: Tensor, present: Tensor) -> Tensor:
    """int64 (3, R): image, query and class of the cheapest pairs, given costs (B, Q, K) and the present (B, K)."""
    # heavy, and no other loss needs it
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

    rows = []
    largest = torch.finfo(costs.dtype).max
    for image, (cost, has) in enumerate(zip(costs, present, strict=True)):
        classes = has.nonzero().squeeze(1)
        finite = torch.nan_to_num(cost[:, classes], nan=largest, posinf=largest, neginf=largest)  # scipy refuses others
        query, column = (torch.as_tensor(index) for index in linear_sum_assignment(finite))
        rows.append(torch.stack([torch.full_like(query, image), query, classes[column]]))
    return torch.cat(rows, 1)
