"""Masks at random points in place of all pixels: a mask loss of few megabytes (PointRend, arXiv 1912.08193)."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from seglab.losses.contract import divide_or_zero


class Truth(NamedTuple):
    """The label map at points that lie between its pixels."""

    target: Tensor  # (..., P) 0..1: share of the class among the labelled of the four pixels around a point
    weight: Tensor  # (..., P) 0..1: share of the pixels around it that are not ignored


def logits_at(masks: Tensor, points: Tensor) -> Tensor:
    """(N, C, P): bilinear values of masks (N, C, h, w) at points (N, P, 2), x and y in 0..1 over the whole map."""
    return F.grid_sample(masks, 2 * points.unsqueeze(2) - 1, align_corners=False).squeeze(3)


def truth_of_all_classes(labels: Tensor, valid: Tensor, points: Tensor, *, num_classes: int) -> Truth:
    """Of every class, for label maps (B, H, W) and points (B, P, 2): target (B, K, P), weight (B, P)."""
    around = _neighbours(labels, valid, points)
    found = around.shares.new_zeros(*points.shape[:2], num_classes).scatter_add_(2, around.labels, around.shares)
    return Truth(divide_or_zero(found, around.weight.unsqueeze(2)).transpose(1, 2), around.weight)


def truth_of_one_class(labels: Tensor, valid: Tensor, points: Tensor, classes: Tensor) -> Truth:
    """Of the class (N,) of each label map (N, H, W) at points (N, P, 2): target and weight (N, P)."""
    around = _neighbours(labels, valid, points)
    found = (around.shares * (around.labels == classes.view(-1, 1, 1))).sum(2)
    return Truth(divide_or_zero(found, around.weight), around.weight)


def uncertain_points(
    masks: Tensor, labels: Tensor, valid: Tensor, *, count: int, oversample: float, importance: float
) -> Tensor:
    """(N, P, 2): `count` points for each mask (N, h, w), where it is least sure of itself, and the rest anywhere.

    Of `oversample` times as many random points, those with the smallest |logit| make the share `importance`. A point
    among ignored pixels (`valid` (N, H, W) is False) is the last to be chosen.
    """
    sampled, chosen = int(count * oversample), int(importance * count)
    points = torch.rand(len(masks), sampled, 2, device=masks.device)
    certainty = logits_at(masks.unsqueeze(1), points).squeeze(1).abs()  # (N, sampled)
    certainty = certainty.masked_fill(_neighbours(labels, valid, points).weight == 0, torch.inf)
    best = certainty.topk(chosen, largest=False).indices
    best_points = points.gather(1, best.unsqueeze(2).expand(-1, -1, 2))
    return torch.cat([best_points, torch.rand(len(masks), count - chosen, 2, device=masks.device)], 1)


class _Neighbours(NamedTuple):
    labels: Tensor  # (N, P, 4) of the four pixels around a point
    shares: Tensor  # (N, P, 4) their bilinear shares, 0 of what is ignored or beyond the border
    weight: Tensor  # (N, P) share of the labelled in those that are not beyond the border


def _neighbours(labels: Tensor, valid: Tensor, points: Tensor) -> _Neighbours:
    """Beyond the border nothing belongs to a class, as `logits_at` takes 0 there."""
    height, width = labels.shape[-2:]
    x, y = points[..., 0] * width - 0.5, points[..., 1] * height - 0.5  # (N, P)
    left, top = x.floor(), y.floor()
    columns = torch.stack([left, left + 1, left, left + 1], 2).long()  # (N, P, 4)
    rows = torch.stack([top, top, top + 1, top + 1], 2).long()
    right, below = x - left, y - top
    shares = torch.stack([(1 - right) * (1 - below), right * (1 - below), (1 - right) * below, right * below], 2)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    index = (rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)).flatten(1)
    is_valid = valid.flatten(1).gather(1, index).view_as(rows)
    shares = shares * inside
    counted = shares * is_valid
    return _Neighbours(
        labels.flatten(1).gather(1, index).view_as(rows), counted, divide_or_zero(counted.sum(2), shares.sum(2))
    )
