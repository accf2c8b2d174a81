"""PSPNet and DeepLabV3 with an auxiliary head: the library's networks, and one output more in training."""

import pytest
import segmentation_models_pytorch as smp
import torch

from seglab.models.auxiliary import WithAuxiliary
from seglab.models.smp_auxiliary import DeepLabV3, PSPNet

ARGUMENTS = {"encoder_name": "resnet18", "encoder_weights": None, "classes": 5}


@pytest.mark.parametrize(("ours", "theirs"), [(PSPNet, smp.PSPNet), (DeepLabV3, smp.DeepLabV3)])
def test_evaluation_is_the_librarys_and_training_has_one_head_more(ours, theirs):
    network, plain = ours(**ARGUMENTS), theirs(**ARGUMENTS)
    plain.load_state_dict({name: value for name, value in network.state_dict().items() if "auxiliary" not in name})
    image = torch.randn(2, 3, 64, 96)
    seen = []
    network.auxiliary.register_forward_hook(lambda *_: seen.append(True))
    with torch.inference_mode():
        assert torch.equal(network.eval()(image), plain.eval()(image))
    assert not seen
    answer = network.train()(image)
    assert isinstance(answer, WithAuxiliary)
    assert answer.auxiliary["stage4"].shape[:2] == answer.logits.shape[:2] == (2, 5)
    sum(logits.sum() for logits in (answer.logits, *answer.auxiliary.values())).backward()
    assert all(parameter.grad is not None for parameter in network.auxiliary.parameters())
