"""The boundary loss: probability far from where its class is costs most."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from torch import Tensor

from seglab.losses.contract import Loss, Pixels, divide_or_zero


class Boundary(Loss):
    """sum_V sum_c w_c phi_c p_c / (|V| sum_c w_c) over the labelled pixels V (Kervadec et al., arXiv 1812.07032).

    phi_c is the distance in pixels to the region of class c, negative inside: see signed_distances. The loss is lowest,
    and below 0, where the prediction is right. By itself it is satisfied with little: it is meant beside cross-entropy
    or Dice, with a small weight. The paper lets this weight rise by 0.01 an epoch from 0.01; here it is a constant.

    The distances are computed from the mask on the processor, whatever the device: OpenCV's transform is linear in the
    pixels, while tensor operations need a pass for every distance that may occur, hundreds of them. The price is that a
    GPU waits for the mask to come down and the distances to go up; images are done in parallel.
    """

    def value(self, pixels: Pixels) -> Tensor:
        num_classes = pixels.log_probs.shape[1]
        measure = _compilable if torch.compiler.is_compiling() else signed_distances
        distances = measure(pixels.labels, pixels.valid, num_classes).to(pixels.log_probs.dtype)
        class_weights = self.weights_for(pixels)
        weights = distances.new_ones(num_classes) if class_weights is None else class_weights
        by_class = (pixels.log_probs.exp() * distances).sum((0, 2, 3))  # (K,)
        return divide_or_zero((by_class * weights).sum(), pixels.valid.sum() * weights.sum())


def signed_distances(labels: Tensor, valid: Tensor, num_classes: int) -> Tensor:
    """float32 (B, K, H, W), in pixels: how far a pixel is from class c; 1 - how far from other classes if it is c.

    So neighbours across a boundary have 1 and 0, as in the code of the paper's authors. Ignored pixels have 0, and as
    nothing is known of them they bound nothing. A class that is absent, or alone, has no boundary: 0 throughout.
    """
    ids = labels.masked_fill(~valid, -1).to("cpu", torch.int16).numpy()  # (B, H, W)
    distances = np.zeros((len(ids), num_classes, *ids.shape[1:]), dtype=np.float32)
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(_measure, ids, distances))
    return torch.from_numpy(distances).to(labels.device)


# For torch.compile, which takes it as it is. Not otherwise: its first call imports the compiler, which takes seconds.
_compilable = torch.library.custom_op("seglab::signed_distances", signed_distances, mutates_args=())


@_compilable.register_fake
def _(labels: Tensor, valid: Tensor, num_classes: int) -> Tensor:
    return labels.new_empty((len(labels), num_classes, *labels.shape[1:]), dtype=torch.float32)


def _measure(ids: np.ndarray, distances: np.ndarray) -> None:
    """Fills the zeros `distances` (K, H, W) of one image, given int16 `ids` (H, W) with -1 where ignored."""
    present = np.flatnonzero(np.bincount(ids.ravel() + 1, minlength=2)[1:])
    if len(present) < 2:
        return
    elsewhere = np.full(ids.shape, np.inf, dtype=np.float32)  # how far it is to the nearest pixel of another class
    for index in present:
        other = ids != index
        # The 5x5 mask is within 2 % of the exact distance, which takes three to ten times as long.
        distance = cv2.distanceTransform(other.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        np.minimum(elsewhere, distance, out=elsewhere, where=other)
        distances[index] = distance
    distances *= ids >= 0
    labelled = np.nonzero(ids >= 0)
    distances[ids[labelled], *labelled] = 1 - elsewhere[labelled]
