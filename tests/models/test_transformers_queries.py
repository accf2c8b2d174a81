"""Mask2Former, MaskFormer and EoMT answer as the library's own networks do."""

import pytest
import torch

from seglab.models.queries import Queries, class_scores
from seglab.models.transformers_queries import Eomt, Mask2Former, MaskFormer

transformers = pytest.importorskip("transformers")

IMAGE = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
SWIN = {
    "model_type": "swin", "embed_dim": 24, "depths": [2, 1, 1, 1], "num_heads": [3, 6, 12, 24], "window_size": 4,
    "drop_path_rate": 0.0, "out_features": ["stage1", "stage2", "stage3", "stage4"],
}  # fmt: skip
MASK2FORMER = {
    "backbone_config": SWIN, "num_queries": 7, "hidden_dim": 32, "feature_size": 32, "mask_feature_size": 16,
    "encoder_layers": 1, "encoder_feedforward_dim": 32, "decoder_layers": 3, "dim_feedforward": 32,
}  # fmt: skip
MASKFORMER = {
    "backbone_config": SWIN, "fpn_feature_size": 32, "mask_feature_size": 16,
    "decoder_config": {
        "model_type": "detr", "decoder_layers": 3, "num_queries": 7, "d_model": 32, "decoder_ffn_dim": 32,
        "dropout": 0.0,
    },
}  # fmt: skip
EOMT = {
    "image_size": 64, "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "num_queries": 7,
    "num_blocks": 2,
}  # fmt: skip


def mask2former():
    return Mask2Former(config=MASK2FORMER, weights=None, classes=5)


def maskformer():
    return MaskFormer(config=MASKFORMER, weights=None, classes=5)


def eomt(masked_attention=True):
    return Eomt(masked_attention=masked_attention, config=EOMT, weights=None, classes=5)


PAIRS = [
    (mask2former, "Mask2FormerForUniversalSegmentation", "Mask2FormerConfig", MASK2FORMER, 2),
    (maskformer, "MaskFormerForInstanceSegmentation", "MaskFormerConfig", MASKFORMER, 2),
    (eomt, "EomtForUniversalSegmentation", "EomtConfig", EOMT, 2),
]


def pair(ours, network, config, numbers):
    torch.manual_seed(1)
    built = ours()
    torch.manual_seed(1)
    return built, getattr(transformers, network)(getattr(transformers, config)(**numbers, num_labels=5))


@pytest.mark.parametrize(("ours", "network", "config", "numbers", "earlier"), PAIRS)
def test_queries_are_the_librarys(ours, network, config, numbers, earlier):
    built, theirs = pair(ours, network, config, numbers)
    with torch.inference_mode():
        expected = theirs.eval()(IMAGE)
        scores = built.eval()(IMAGE)
        queries = built.train()(IMAGE)  # without dropout, the same
    assert isinstance(queries, Queries)
    assert len(queries.auxiliary) == earlier
    torch.testing.assert_close(queries.class_logits, expected.class_queries_logits, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(queries.mask_logits, expected.masks_queries_logits, rtol=1e-4, atol=1e-5)
    assert all(masks.shape == queries.mask_logits.shape for _, masks in queries.auxiliary)
    assert scores.shape == (2, 5, 64, 64)
    torch.testing.assert_close(scores, class_scores(queries, size=(64, 64)), rtol=1e-4, atol=1e-4)


def test_earlier_readings_are_the_librarys_of_mask2former():
    built, theirs = pair(*PAIRS[0][:4])
    with torch.inference_mode():
        auxiliary = theirs.train()(IMAGE, output_auxiliary_logits=True).auxiliary_logits
        queries = built(IMAGE)
    for (class_logits, mask_logits), expected in zip(queries.auxiliary, auxiliary, strict=True):
        torch.testing.assert_close(class_logits, expected["class_queries_logits"])
        torch.testing.assert_close(mask_logits, expected["masks_queries_logits"])


def test_without_masked_attention_eomt_is_the_librarys_after_its_annealing():
    built, theirs = pair(lambda: eomt(masked_attention=False), *PAIRS[2][1:4])
    theirs.attn_mask_probs.zero_()
    with torch.inference_mode():
        expected = theirs.eval()(IMAGE)
        queries = built.eval().queries(IMAGE)
        masked = eomt().eval()
        masked.load_state_dict(built.state_dict())
        other = masked.queries(IMAGE)
    torch.testing.assert_close(queries.mask_logits, expected.masks_queries_logits, rtol=1e-4, atol=1e-5)
    assert (other.class_logits - queries.class_logits).abs().max() > 1e-4


def test_annealed_eomt_is_the_librarys_with_the_same_probabilities():
    built, theirs = pair(lambda: eomt(masked_attention="annealed"), *PAIRS[2][1:4])
    built.set_progress(0.25)
    theirs.attn_mask_probs.copy_(torch.tensor([0.5**0.9, 0.99]))  # the library draws no numbers at 1
    built.mask_probability[1] = 0.99
    readings = []
    for network in (built, theirs):
        torch.manual_seed(4)
        with torch.inference_mode():
            readings.append(network.train()(IMAGE))
    ours, expected = readings
    torch.testing.assert_close(ours.mask_logits, expected.masks_queries_logits, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.class_logits, expected.class_queries_logits, rtol=1e-4, atol=1e-5)
    built.set_progress(1)
    with torch.inference_mode():
        free = built(IMAGE)
    assert (free.class_logits - ours.class_logits).abs().max() > 1e-4


def test_annealed_eomt_is_evaluated_without_masks_whenever_it_is():
    annealed, free = eomt(masked_attention="annealed").eval(), eomt(masked_attention=False).eval()
    free.load_state_dict(annealed.state_dict())  # without the probabilities, which follow from the step
    with torch.inference_mode():
        assert torch.equal(annealed(IMAGE), free(IMAGE))
        annealed.set_progress(1)
        assert torch.equal(annealed(IMAGE), free(IMAGE))


def test_eomt_takes_images_of_other_sizes():
    with torch.inference_mode():
        assert eomt().eval()(torch.randn(1, 3, 32, 96)).shape == (1, 5, 32, 96)


@pytest.mark.parametrize("build", [mask2former, maskformer, eomt])
def test_every_part_learns(build):
    network = build()
    answer = network(IMAGE)
    readings = [*answer[:2], *(part for reading in answer.auxiliary for part in reading)]
    sum((part * torch.randn_like(part)).mean() for part in readings).backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []
