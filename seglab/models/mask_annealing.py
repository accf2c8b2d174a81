"""How EoMT abandons its masked attention in the course of a training (Kerssies et al., arXiv 2503.19108)."""

_POWER = 0.9
_LENGTH = 1 / 6  # share of the training in which one block abandons its masks
_BEGIN, _END = 1 / 6, 5 / 6  # of the training, between which all do


def mask_probabilities(progress: float, *, blocks: int) -> list[float]:
    """Of each block, the first one first: the probability that a query keeps to its mask there, after `progress` 0..1.

    1 before the block's turn, 0 after it and (1 - t) ** 0.9 while the part t of it is done, t from 0 to 1: the paper's
    polynomial schedule (its code: training/lightning_module.py, mask_annealing). The turns are equally long and equally
    far apart. So are the authors' steps, from which the shares here are read: for Cityscapes, 3 blocks and 19,902 steps
    they begin at 3317, 8292 and 13268 and end at 6634, 11609 and 16585; for COCO's instances, 4 blocks and 88,692
    steps, they begin at 14782, 29564, 44346 and 59128 and each ends where the next begins.
    """
    apart = (_END - _BEGIN - _LENGTH) / max(blocks - 1, 1)
    done = ((progress - _BEGIN - index * apart) / _LENGTH for index in range(blocks))
    return [(1 - min(max(part, 0.0), 1.0)) ** _POWER for part in done]
