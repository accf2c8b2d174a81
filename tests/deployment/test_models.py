"""The networks of conf/model in ONNX: onnxruntime gives their logits, for images of any number and size."""

import numpy as np
import onnxruntime
import pytest
import torch

from seglab.deployment.camera import Camera
from seglab.deployment.programs import onnx_of, program_of
from tests.models.test_matrix import MODELS, built

pytestmark = pytest.mark.slow

# One of each kind of network; a minute of tests each would be too much. The others are of the same classes, wider,
# deeper or with parts of these, and were compared in the same way when this list was made: all within the same bound,
# but smp_unet_scse, whose gates bring it to 1e-3 of the largest logit.
EXPORTED = (
    "deeplabv3plus", "fcn8s", "fcn_basic", "fpn", "lraspp", "manet", "modern_unet", "pan", "pspnet", "segformer",
    "segnet_basic", "fpn_lite0", "torchvision_fcn", "u_lite", "unet", "unet_self_attention", "upernet",
)  # fmt: skip
ALIKE = {
    "deeplabv3": "deeplabv3plus", "encoder_decoder": "unet", "fcn16s": "fcn8s", "fcn32s": "fcn8s",
    "fcn_basic_no_addition": "fcn_basic", "fcn_basic_no_addition_no_dim_reduction": "fcn_basic",
    "fcn_basic_no_dim_reduction": "fcn_basic", "linknet": "fpn", "modern_unet_k2": "modern_unet",
    **dict.fromkeys(("segformer_b1", "segformer_b2", "segformer_b3", "segformer_b4", "segformer_b5"), "segformer"),
    **dict.fromkeys(
        ("segnet", "segnet_basic_bayesian", "segnet_basic_bilinear", "segnet_basic_encoder_addition",
         "segnet_basic_single_channel", "segnet_bayesian"), "segnet_basic",
    ),
    **dict.fromkeys(("smp_unet", "smp_unet_efficientnet", "smp_unet_mobilenet", "smp_unet_scse"), "manet"),
    "unetplusplus": "manet", "torchvision_deeplabv3": "torchvision_fcn",
    **dict.fromkeys(
        ("unet64", "unet_aspp", "unet_attention_gates", "unet_cbam", "unet_original", "unet_ppm",
         "unet_spatial_attention"), "unet",
    ),
}  # fmt: skip


def test_every_model_is_exported_or_like_one_that_is():
    assert sorted([*EXPORTED, *ALIKE]) == MODELS
    assert {*ALIKE.values()} <= {*EXPORTED}


@pytest.mark.parametrize("model", EXPORTED)
def test_onnxruntime_gives_the_logits_of_the_network(model):
    module = built(model, "native").eval()
    torch.manual_seed(1)
    with torch.no_grad():  # some begin with zeros, which would hide a mistake
        for parameter in module.network.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    camera = Camera(module, size=(64, 64), layout="nhwc").eval()
    model_proto = onnx_of(program_of(camera, input_size=None, channels=3, example=(70, 90), layout="nhwc"))
    images = torch.randint(0, 256, (3, 50, 77, 3), dtype=torch.uint8)
    with torch.inference_mode():
        labels, logits = camera(images)
    session = onnxruntime.InferenceSession(model_proto.SerializeToString())
    came = dict(zip(("labels", "logits"), session.run(["labels", "logits"], {"image": images.numpy()}), strict=True))
    assert np.abs(came["logits"] - logits.numpy()).max() < 1e-4 * max(1.0, float(logits.abs().max()))
    assert (came["labels"] == labels.numpy()).mean() > 0.999
