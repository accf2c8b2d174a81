"""Every network of conf/model leaves the laboratory: an exported file gives its logits, for images of any number and
size."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch.export import ExportedProgram

from seglab.deployment.camera import Camera
from seglab.deployment.programs import onnx_of, program_of
from tests.models.test_matrix import MODELS, built

pytestmark = pytest.mark.slow

# In ONNX one of each kind of network: a minute of tests each would be too much. The others are of the same classes,
# wider, deeper or with parts of these; the program of torch that ONNX is made of is tested of all of them.
EXPORTED = (
    "deeplabv3plus", "dinov2_linear", "dpt_mae", "efficientvit", "enet", "fcn8s", "fcn_basic", "fpn", "hf_eomt",
    "hf_maskformer", "lraspp", "manet", "modern_unet",
    "pan", "pidnet_s", "pspnet", "segformer", "segnet_basic", "fpn_lite0", "torchvision_fcn", "u_lite", "unet",
    "unet_self_attention", "upernet", "upernet_swin",
)  # fmt: skip
ALIKE = {
    "deeplabv3": "deeplabv3plus", "deeplabv3_auxiliary": "deeplabv3plus", "pspnet_auxiliary": "pspnet",
    "encoder_decoder": "unet", "fcn16s": "fcn8s", "fcn32s": "fcn8s",
    "fcn_basic_no_addition": "fcn_basic", "fcn_basic_no_addition_no_dim_reduction": "fcn_basic",
    "fcn_basic_no_dim_reduction": "fcn_basic", "linknet": "fpn",
    "modern_unet_k2": "modern_unet",
    **dict.fromkeys(("dpt_clip", "dpt_dinov3", "dpt_eva02_clip"), "dpt_mae"), "mobilenetv4": "fpn_lite0",
    "upernet_convnext": "upernet", "hrnet": "pidnet_s",
    **dict.fromkeys(("segformer_b1", "segformer_b2", "segformer_b3", "segformer_b4", "segformer_b5"), "segformer"),
    **dict.fromkeys(
        ("segnet", "segnet_basic_bayesian", "segnet_basic_bilinear", "segnet_basic_encoder_addition",
         "segnet_basic_single_channel", "segnet_bayesian"), "segnet_basic",
    ),
    **dict.fromkeys(("smp_unet", "smp_unet_efficientnet", "smp_unet_mobilenet", "smp_unet_scse"), "manet"),
    "ocr": "unet_self_attention", "vltseg": "hf_maskformer",
    "unetplusplus": "manet", "torchvision_deeplabv3": "torchvision_fcn", "erfnet": "enet", "deeplab_largefov": "fcn8s",
    "resnet38": "torchvision_fcn", "hf_segformer": "segformer", "hf_upernet": "upernet",
    **dict.fromkeys(("bisenetv2", "ddrnet_23_slim", "pidnet_m", "stdc1", "stdc2"), "pidnet_s"), "fast_scnn": "pspnet",
    **dict.fromkeys(
        ("unet64", "unet_aspp", "unet_attention_gates", "unet_cbam", "unet_original", "unet_ppm",
         "unet_spatial_attention"), "unet",
    ),
}  # fmt: skip
# Of any size: torch 2.15 stops at the windows of Swin and the positions of BEiT, as transformers has them.
NOT_IN_ONNX = ("hf_beit", "hf_mask2former", "hf_upernet_swin")


def test_every_model_is_exported_or_like_one_that_is():
    assert sorted([*EXPORTED, *ALIKE, *NOT_IN_ONNX]) == MODELS
    assert {*ALIKE.values()} <= {*EXPORTED}


def camera_of(model: str) -> Camera:
    module = built(model, "native").eval()
    torch.manual_seed(1)
    with torch.no_grad():  # some begin with zeros, which would hide a mistake
        for parameter in module.network.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    return Camera(module, size=(64, 64), layout="nhwc").eval()


def free_program_of(camera: Camera) -> ExportedProgram:
    return program_of(camera, input_size=None, channels=3, example=(70, 90), layout="nhwc")


IMAGES = torch.randint(0, 256, (3, 50, 77, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("model", EXPORTED)
def test_onnxruntime_gives_the_logits_of_the_network(model):
    camera = camera_of(model)
    model_proto = onnx_of(free_program_of(camera))
    with torch.inference_mode():
        labels, logits = camera(IMAGES)
    session = onnxruntime.InferenceSession(model_proto.SerializeToString())
    came = dict(zip(("labels", "logits"), session.run(["labels", "logits"], {"image": IMAGES.numpy()}), strict=True))
    assert np.abs(came["logits"] - logits.numpy()).max() < 1e-4 * max(1.0, float(logits.abs().max()))
    assert (came["labels"] == labels.numpy()).mean() > 0.999


@pytest.mark.parametrize("model", [*ALIKE, *NOT_IN_ONNX])
def test_a_program_of_torch_gives_the_logits_of_the_network(model):
    camera = camera_of(model)
    program = free_program_of(camera).module()
    with torch.inference_mode():
        (labels, logits), (came_labels, came_logits) = camera(IMAGES), program(IMAGES)
    assert (came_logits - logits).abs().max() < 1e-5 * max(1.0, float(logits.abs().max()))
    assert (came_labels == labels).float().mean() > 0.999
