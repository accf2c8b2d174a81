"""HRNet with object-contextual representations, with the smallest of timm's HRNets."""

import pytest
import torch

from seglab.errors import SeglabError
from seglab.models.auxiliary import WithAuxiliary
from seglab.models.ocr import OCRNet, object_representations


def built(context=True, **changes):
    arguments = {
        "encoder_name": "tu-hrnet_w18_small",
        "encoder_weights": None,
        "width": 16,
        "key_width": 8,
        "classes": 5,
    }
    return OCRNet(**{**arguments, "context": context, **changes})


def test_representations_by_hand():
    """Two places: class 0 holds the first alone, class 1 both equally."""
    pixels = torch.tensor([[[[1.0, 3.0]], [[10.0, 20.0]]]])
    regions = torch.tensor([[[[50.0, -50.0]], [[7.0, 7.0]]]])
    objects = object_representations(pixels, regions)
    torch.testing.assert_close(objects, torch.tensor([[[1.0, 2.0], [10.0, 15.0]]]))


@pytest.mark.parametrize("context", [True, False])
def test_training_has_the_regions_beside_the_logits_and_every_part_learns(context):
    network = built(context)
    answer = network(torch.randn(2, 3, 64, 96))
    assert isinstance(answer, WithAuxiliary)
    assert answer.logits.shape == answer.auxiliary["regions"].shape == (2, 5, 16, 24)
    (answer.logits.square().mean() + answer.auxiliary["regions"].square().mean()).backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []
    with torch.inference_mode():
        assert network.eval()(torch.randn(1, 3, 64, 32)).shape == (1, 5, 16, 8)


def test_a_pixel_sees_the_whole_image_through_the_regions_alone():
    """A change at the far end, beyond what the last layers of the encoder carry, moves a logit only by the objects."""
    moved = {}
    for context in (True, False):
        torch.manual_seed(0)
        network = built(context).eval()
        stacked = [torch.randn(1, channels, 16 // 2**i, 16 // 2**i) for i, channels in enumerate((16, 32, 64, 128))]
        network.encoder.forward = lambda image, maps=stacked: maps
        with torch.inference_mode():
            before = network(torch.empty(1, 3, 64, 64))
            stacked[0] = stacked[0].clone()
            stacked[0][..., 15, 15] += 5
            after = network(torch.empty(1, 3, 64, 64))
        moved[context] = bool((after - before)[..., 0, 0].abs().max() > 0)
    assert moved == {True: True, False: False}


def test_an_unknown_encoder_is_told():
    told = r"network of timm.models.hrnet, such as hrnet_w18; came 'tu-hrnet_w84' - did you mean 'hrnet_w48'"
    with pytest.raises(SeglabError, match=told):
        built(encoder_name="tu-hrnet_w84")
