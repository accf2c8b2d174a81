"""Gaussian sums over all pairs of points in a few dimensions, in time linear in the points: a permutohedral lattice.

Source: Adams, Baek, Davis 2010, "Fast High-Dimensional Filtering Using the Permutohedral Lattice", with the scaling of
section 3.2; the filter of Krähenbühl and Koltun's dense CRF. Written for torch: the vertices lie in a sorted list in
place of a hash table, and both ways between points and vertices are sums of weighted rows.
"""

import math

import seglab.lean_imports  # noqa: F401

import torch
import torch.nn.functional as F
from torch import Tensor

from seglab.errors import SeglabError

_MOST_KEYS = 2**62


class PermutohedralLattice:
    """Called with values (N, K): for each point i the sum of exp(-|f_i - f_j|^2 / 2) values_j over all points j.

    Approximate, and up to one factor for all points, which a normalisation takes away. Each point lies in a simplex of
    d + 1 vertices and gives each of them a share of its values; the vertices are blurred by [1/2 1 1/2] along each of
    the lattice's d + 1 directions; each point collects from its vertices by the same shares. A vertex that no point has
    given to does not exist, so that what would have come through it is lost, as in the program of the authors.

    Args:
        features: f, (N, d) float32, on a scale where the Gaussian's standard deviation is 1.

    Raises:
        SeglabError: the features reach so far that their lattice cannot be numbered.
    """

    def __init__(self, features: Tensor) -> None:
        count, dimensions = features.shape
        position = _rotation(dimensions, like=features) @ features.T  # (d + 1, N), its sum over the first axis is 0
        corner, rank = _simplex(position)
        shares = _shares(position - corner, rank)  # (d + 1, N)
        keys, strides = _keys(corner, rank)  # (d + 1, N)
        keys, order = keys.flatten().sort()
        is_first = torch.ones_like(keys, dtype=torch.bool)
        is_first[1:] = keys[1:] != keys[:-1]
        vertex = torch.empty_like(order)
        vertex[order] = is_first.cumsum(0) - 1
        self._vertices = keys[is_first]  # (M,), sorted
        # As rows to be summed: of the values for each vertex, and of the vertices for each point.
        self._points_of_vertices = (order % count).int()
        self._beginnings = is_first.nonzero()[:, 0].int()
        self._shares_of_vertices = shares.flatten()[order]
        self._vertices_of_points = vertex.view(-1, count).T.int().contiguous()  # (N, d + 1)
        self._shares_of_points = shares.T.contiguous()
        self._neighbours = [self._pair(step) for step in _steps(strides)]

    @property
    def num_vertices(self) -> int:
        """M, on which the time of the blur depends."""
        return len(self._vertices)

    def __call__(self, values: Tensor) -> Tensor:
        at_vertices = F.embedding_bag(
            self._points_of_vertices,
            values,
            self._beginnings,
            mode="sum",
            per_sample_weights=self._shares_of_vertices,
        )  # (M, K)
        for before, behind in self._neighbours:
            with_none = F.pad(at_vertices, (0, 0, 0, 1))  # the last row stands for a vertex that does not exist
            at_vertices = at_vertices + 0.5 * (with_none[before] + with_none[behind])
        return F.embedding_bag(
            self._vertices_of_points, at_vertices, mode="sum", per_sample_weights=self._shares_of_points
        )  # (N, K)

    def _pair(self, step: int) -> tuple[Tensor, Tensor]:
        """The numbers (M,) of each vertex's two neighbours in one direction; M where there is none."""
        count = self.num_vertices
        wanted = self._vertices + step
        found = torch.searchsorted(self._vertices, wanted).clamp(max=count - 1)
        exists = self._vertices[found] == wanted
        behind = torch.where(exists, found, count)
        before = torch.full_like(behind, count)
        before[found[exists]] = exists.nonzero()[:, 0]
        return before, behind


def _rotation(dimensions: int, *, like: Tensor) -> Tensor:
    """(d + 1, d): orthogonal columns in the plane of sum 0, of a length at which the whole filter has variance 1."""
    rows = torch.arange(dimensions + 1)[:, None]
    columns = torch.arange(dimensions)[None]
    basis = (columns >= rows).float() - rows * (columns == rows - 1)
    length = ((columns + 1) * (columns + 2)).float().sqrt()
    return (basis / length * (math.sqrt(2 / 3) * (dimensions + 1))).to(like)


def _simplex(position: Tensor) -> tuple[Tensor, Tensor]:
    """The simplex of each point: its vertex of remainder 0, (d + 1, N), and the order of the distances to it.

    The coordinates of a lattice point leave one remainder when divided by d + 1. The rank of the largest distance is 0.
    """
    sides = position.shape[0]
    corner = (position / sides).round() * sides
    distance = position - corner
    rank = (corner.sum(0) / sides).round().int().repeat(sides, 1)  # what rounding has taken from the plane, spread
    for one in range(sides):
        for other in range(one + 1, sides):
            is_less = distance[one] < distance[other]
            rank[one] += is_less
            rank[other] += ~is_less
    too_low, too_high = (rank < 0).int(), (rank >= sides).int()
    return corner + sides * (too_low - too_high), rank + sides * (too_low - too_high)


def _shares(distance: Tensor, rank: Tensor) -> Tensor:
    """Barycentric coordinates (d + 1, N): of the vertices of remainder 0 to d."""
    sides = distance.shape[0]
    by_rank = torch.empty_like(distance).scatter_(0, rank.long(), distance / sides)
    shares = by_rank.flip(0)
    shares[1:] -= by_rank.flip(0)[:-1]
    shares[0] += 1 - by_rank[0]
    return shares


def _keys(corner: Tensor, rank: Tensor) -> tuple[Tensor, list[int]]:
    """A number for each of the simplices' vertices, (d + 1, N), and by how much each coordinate but the last counts."""
    sides = corner.shape[0]
    corner = corner[:-1].long()  # the last coordinate follows from the others
    lowest = corner.min(1, keepdim=True).values - 2 * sides  # a vertex is below d + 1 away, its neighbour as much
    ranges = (corner.max(1).values - lowest[:, 0] + 2 * sides + 1).tolist()
    if math.prod(ranges) >= _MOST_KEYS:
        raise SeglabError(
            "crf: expected standard deviations at which an image has fewer than 2**62 cells; "
            f"came one with {' x '.join(map(str, ranges))} - raise crf.bilateral_sd_xy or crf.bilateral_sd_rgb"
        )
    strides = [math.prod(ranges[:index]) for index in range(sides - 1)]
    weights = corner.new_tensor(strides)[:, None]
    base = ((corner - lowest) * weights).sum(0)  # (N,)
    keys = [
        base + remainder * sum(strides) - sides * ((rank[:-1] > sides - 1 - remainder) * weights).sum(0)
        for remainder in range(sides)
    ]
    return torch.stack(keys), strides


def _steps(strides: list[int]) -> list[int]:
    """What leads from a vertex's number to its neighbour's, in each of the d + 1 directions."""
    return [(len(strides) + 1) * stride - sum(strides) for stride in [*strides, 0]]
