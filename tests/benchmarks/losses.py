"""`python -m tests.benchmarks.losses`: forward and backward of each loss, in units of torch's cross-entropy.

One thread, logits of (4, 19, 256, 512). The distance maps of the boundary loss, the loader's work, are made before.
"""

import torch
from torch.nn import functional

from seglab.losses import boundary
from tests.benchmarks.interleaved import medians
from tests.losses.test_cost import CLASSES, NAMES, batch, read


def ratio(name: str) -> float:
    loss = read(name)
    logits, mask = batch(4, 256, 512)
    inputs = logits[:, :3].detach().clone().requires_grad_() if name == "mse_rgb" else logits
    ours, theirs = medians(
        lambda: loss(inputs, mask).backward(),
        lambda: functional.cross_entropy(logits, mask, ignore_index=255).backward(),
    )
    return ours / theirs


if __name__ == "__main__":
    torch.set_num_threads(1)
    _, mask = batch(4, 256, 512)
    maps = boundary.signed_distances(mask.where(mask != 255, 0), mask != 255, CLASSES)
    boundary.signed_distances = lambda *_: maps
    for name in NAMES:
        print(f"{name:16}{ratio(name):6.1f}")
