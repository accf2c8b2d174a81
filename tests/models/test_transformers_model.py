"""SegFormer, UPerNet and BEiT answer as the library's own networks do."""

import pytest
import torch

from seglab.config.instantiate import instantiate
from seglab.models.auxiliary import WithAuxiliary
from seglab.models.transformers_model import Beit, SegFormer, UperNet
from tests.models.test_transformers_library import SMALL

transformers = pytest.importorskip("transformers")

IMAGE = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(2))
CONVNEXT = {
    "model_type": "convnext", "depths": [1, 1, 1, 1], "hidden_sizes": [8, 16, 24, 32],
    "out_features": ["stage1", "stage2", "stage3", "stage4"],
}  # fmt: skip
UPERNET = {"backbone_config": CONVNEXT, "hidden_size": 16, "auxiliary_channels": 8}
BEIT = {
    "image_size": 64, "hidden_size": 32, "num_hidden_layers": 5, "num_attention_heads": 4, "intermediate_size": 64,
    "out_indices": [0, 1, 2, 3], "auxiliary_channels": 8, "use_relative_position_bias": True,
}  # fmt: skip
PAIRS = [
    (SegFormer, "SegformerForSemanticSegmentation", "SegformerConfig", SMALL),
    (UperNet, "UperNetForSemanticSegmentation", "UperNetConfig", UPERNET),
    (Beit, "BeitForSemanticSegmentation", "BeitConfig", BEIT),
]


@pytest.mark.parametrize(("ours", "network", "config", "numbers"), PAIRS)
def test_logits_are_the_librarys(ours, network, config, numbers):
    torch.manual_seed(1)
    built = ours(config=numbers, weights=None, classes=5).eval()
    torch.manual_seed(1)
    if ours is Beit:  # the library reads two blocks earlier
        numbers = {**numbers, "out_indices": [index + 2 for index in numbers["out_indices"]]}
    theirs = getattr(transformers, network)(getattr(transformers, config)(**numbers, num_labels=5)).eval()
    with torch.inference_mode():
        logits, expected = built(IMAGE), theirs(IMAGE).logits
        assert logits.shape == (2, 5, 16, 24)
        if expected.shape != logits.shape:  # UPerNet's are enlarged
            logits = torch.nn.functional.interpolate(logits, size=expected.shape[2:], mode="bilinear")
    torch.testing.assert_close(logits, expected)


@pytest.mark.parametrize(("ours", "numbers"), [(SegFormer, SMALL), (UperNet, UPERNET), (Beit, BEIT)])
def test_every_part_learns(ours, numbers):
    network = ours(config={**numbers, **({"num_hidden_layers": 4} if ours is Beit else {})}, weights=None, classes=5)
    with torch.inference_mode():
        network(IMAGE)  # as validation does before
    answer = network(IMAGE)
    maps = [answer] if isinstance(answer, torch.Tensor) else [answer.logits, *answer.auxiliary.values()]
    sum((part * torch.randn_like(part)).mean() for part in maps).backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize(("ours", "numbers"), [(UperNet, UPERNET), (Beit, BEIT)])
def test_the_second_head_answers_in_training_alone(ours, numbers):
    network = ours(config=numbers, weights=None, classes=5)
    answer = network(IMAGE)
    assert isinstance(answer, WithAuxiliary)
    assert answer.logits.shape == (2, 5, 16, 24)
    assert {name: logits.shape for name, logits in answer.auxiliary.items()} == {"third": (2, 5, 4, 6)}
    sum(part.mean() for part in (answer.logits, *answer.auxiliary.values())).backward()
    assert all(parameter.grad is not None for parameter in network.auxiliary.parameters())
    assert isinstance(network.eval()(IMAGE), torch.Tensor)
    without = ours(config={**numbers, "use_auxiliary_head": False}, weights=None, classes=5)
    assert isinstance(without(IMAGE), torch.Tensor)


DPT = {
    "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 16, "image_size": 32,
    "backbone_out_indices": [0, 1, 2, 3], "neck_hidden_sizes": [4, 4, 4, 4], "fusion_hidden_size": 4,
}  # fmt: skip


def test_any_network_can_be_named_in_a_configuration():
    config = {
        "_target_": "seglab.models.transformers_library.configuration",
        "model_type": "dpt",
        "settings": DPT,
        "classes": 5,
    }
    node = {"_target_": "transformers.DPTForSemanticSegmentation", "config": config}
    network = instantiate({"_target_": "seglab.models.transformers_model.LogitsOf", "network": node}).eval()
    with torch.inference_mode():
        logits = network(IMAGE[..., :32, :32])
        expected = network.network(IMAGE[..., :32, :32]).logits
    assert logits.shape[:2] == (2, 5)
    assert torch.equal(logits, expected)
