"""VLTSeg: timm's EVA-02 read after four blocks, a pyramid, and the decoder of transformers."""

import pytest
import torch

from seglab.errors import SeglabError
from seglab.models.queries import Queries, class_scores
from seglab.models.transformers_queries import Mask2Former
from seglab.models.vltseg import VLTSeg

pytest.importorskip("transformers")

CONFIG = {
    "num_queries": 7, "hidden_dim": 32, "feature_size": 32, "mask_feature_size": 16, "encoder_layers": 1,
    "encoder_feedforward_dim": 32, "decoder_layers": 3, "dim_feedforward": 32,
}  # fmt: skip
ENCODER = {"embed_dim": 32, "depth": 5, "num_heads": 2, "img_size": 56}
IMAGE = torch.randn(2, 3, 56, 84, generator=torch.Generator().manual_seed(2))


def built(**changes):
    arguments = {"encoder_name": "tu-eva02_large_patch14_clip_224", "encoder_weights": None, "encoder_options": ENCODER}
    return VLTSeg(**{**arguments, "out_indices": [0, 1, 2, 4], "config": CONFIG, "classes": 5, **changes})


def test_training_returns_queries_and_evaluation_their_scores():
    network = built()
    queries = network(IMAGE)
    assert isinstance(queries, Queries)
    assert queries.class_logits.shape == (2, 7, 6)
    assert queries.mask_logits.shape == (2, 7, 16, 24)  # 4/14 of the image
    assert len(queries.auxiliary) == 2
    with torch.inference_mode():
        scores = network.eval()(IMAGE)
        torch.testing.assert_close(scores, class_scores(network.queries(IMAGE), size=(56, 84)))
    assert scores.shape == (2, 5, 56, 84)


def test_the_pyramid_is_made_of_the_blocks_that_are_asked_for():
    network = built().eval()
    seen = {}
    for index in (0, 1, 2, 4):
        network.encoder.blocks[index].register_forward_hook(lambda _, __, out, key=index: seen.__setitem__(key, out))
    with torch.inference_mode():
        levels = []
        network.pyramid.register_forward_hook(lambda _, maps, out: levels.extend([*maps[0], *out]))
        network(IMAGE)
    for index, came in zip((0, 1, 2, 4), levels, strict=False):
        assert torch.equal(came, seen[index][:, 1:].transpose(1, 2).unflatten(2, (4, 6)))  # without the class token
    assert [tuple(level.shape[2:]) for level in levels[4:]] == [(16, 24), (8, 12), (4, 6), (2, 3)]


def test_the_decoder_is_that_of_mask2former_with_other_channels():
    swin = {"model_type": "swin", "embed_dim": 24, "depths": [1] * 4, "num_heads": [3] * 4, "window_size": 4}
    swin["out_features"] = ["stage1", "stage2", "stage3", "stage4"]
    other = Mask2Former(config={**CONFIG, "backbone_config": swin}, weights=None, classes=5)
    ours = {name: tuple(value.shape) for name, value in built().state_dict().items()}
    theirs = {name: tuple(value.shape) for name, value in other.state_dict().items()}
    for part in ("pixel_decoder.encoder", "decoder.", "class_predictor"):
        assert {k: v for k, v in ours.items() if k.startswith(part)} == {
            k: v for k, v in theirs.items() if k.startswith(part)
        }


def test_every_part_learns():
    network = built()
    answer = network(IMAGE)
    readings = [*answer[:2], *(part for reading in answer.auxiliary for part in reading)]
    sum((part * torch.randn_like(part)).mean() for part in readings).backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"encoder_name": "eva03"},
            r"model.encoder_name: expected a network of timm.models.eva, such as eva02_\w+; came 'eva03'",
        ),
        ({"out_indices": [0, 1, 2]}, r"model.out_indices: expected four blocks from 0 to 4; came \[0, 1, 2\]"),
        ({"out_indices": [0, 1, 2, 5]}, r"expected four blocks from 0 to 4; came \[0, 1, 2, 5\]"),
        (
            {"encoder_options": {"dpth": 3}},
            r"model.encoder_options: timm refuses them for eva02_large_patch14_clip_224: .*'dpth'",
        ),
        ({"config": {"num_querys": 3}}, "has no argument 'num_querys' - did you mean 'num_queries'"),
    ],
)
def test_mistakes_are_told(changes, told):
    with pytest.raises(SeglabError, match=told):
        built(**changes)
