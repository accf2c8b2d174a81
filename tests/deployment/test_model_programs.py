"""Every network of conf/model as a program of torch, for images of any number and size; ONNX is made of these."""

import pytest
import torch

from tests.deployment.test_models import IMAGES, IN_ONNX, camera_of, free_program_of
from tests.exhaustive import few_of
from tests.models.test_matrix import MODELS

OTHERS = [model for model in MODELS if model not in IN_ONNX]


@pytest.mark.slow
@pytest.mark.parametrize("model", few_of(OTHERS, ["pidnet_s", "unet_attention_gates"]))
def test_a_program_of_torch_gives_the_logits_of_the_network(model):
    camera = camera_of(model)
    program = free_program_of(camera).module()
    with torch.inference_mode():
        (labels, logits), (came_labels, came_logits) = camera(IMAGES), program(IMAGES)
    assert (came_logits - logits).abs().max() < 1e-5 * max(1.0, float(logits.abs().max()))
    assert (came_labels == labels).float().mean() > 0.999
