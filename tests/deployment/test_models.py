"""Every network of conf/model leaves the laboratory: an exported file gives its logits, for images of any number and
size."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch.export import ExportedProgram

from seglab.deployment.camera import Camera
from seglab.deployment.programs import onnx_of, program_of
from tests.exhaustive import few_of
from tests.models.test_matrix import built

pytestmark = pytest.mark.slow

# In ONNX one of each kind of operation, as each takes 10 s: the default, dilation and pyramids, tokens with positions
# that are resampled, transposed convolutions, queries, LayerNorm of images, pools of any grid, attention over reduced
# keys, pools with indices, axial convolutions, shifted windows. The program of torch that ONNX is made of is tested of
# all others: test_model_programs.py. hf_beit, hf_mask2former and hf_upernet_swin have no form in ONNX for images of any
# size: torch 2.15 stops at the windows of Swin and the positions of BEiT, as transformers has them.
IN_ONNX = (
    "deeplabv3plus", "dpt_mae", "fcn8s", "hf_eomt", "modern_unet", "pspnet", "segformer", "segnet_basic", "u_lite",
    "unet", "upernet_swin",
)  # fmt: skip


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


@pytest.mark.parametrize("model", few_of(IN_ONNX, ["deeplabv3plus", "unet"]))
def test_onnxruntime_gives_the_logits_of_the_network(model):
    camera = camera_of(model)
    model_proto = onnx_of(free_program_of(camera))
    with torch.inference_mode():
        labels, logits = camera(IMAGES)
    session = onnxruntime.InferenceSession(model_proto.SerializeToString())
    came = dict(zip(("labels", "logits"), session.run(["labels", "logits"], {"image": IMAGES.numpy()}), strict=True))
    assert np.abs(came["logits"] - logits.numpy()).max() < 1e-4 * max(1.0, float(logits.abs().max()))
    assert (came["labels"] == labels.numpy()).mean() > 0.999
