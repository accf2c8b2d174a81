import pytest
import torch
import torch.nn.functional as F

from seglab.models.unpooling import pool, unpool

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def test_maxima_return_to_their_places():
    features = torch.tensor([[[[1.0, 5.0, 2.0], [3.0, 4.0, 9.0], [7.0, 6.0, 8.0]]]])
    pooled, places = pool(features)
    assert pooled.tolist() == [[[[5.0, 9.0], [7.0, 8.0]]]]  # 3 is rounded up to 2
    maps = unpool(-pooled, places, size=features.shape[-2:])
    assert maps.tolist() == [[[[0.0, -5.0, 0.0], [0.0, 0.0, -9.0], [-7.0, 0.0, -8.0]]]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [(8, 6), (7, 9), (1, 1)])
def test_values_and_gradients_are_those_of_max_unpool2d(size, layout, dtype):
    image = torch.randn(2, 3, *size, dtype=dtype).contiguous(memory_format=layout)
    pooled, places = pool(image)
    ours, theirs = pooled.clone().requires_grad_(), pooled.clone().requires_grad_()
    maps = unpool(ours, places, size=image.shape[-2:])
    expected = F.max_unpool2d(theirs, places, 2, 2, output_size=size)
    assert torch.equal(maps, expected)
    factors = torch.randn_like(maps)
    (maps * factors).sum().backward()
    (expected * factors).sum().backward()
    assert torch.equal(ours.grad, theirs.grad)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_of_the_features_is_kept(layout):
    pooled, places = pool(torch.randn(2, 3, 8, 6).contiguous(memory_format=layout))
    assert unpool(pooled, places, size=torch.Size([8, 6])).is_contiguous(memory_format=layout)


def test_places_and_features_may_differ_in_layout():
    image = torch.randn(2, 3, 7, 9)
    pooled, places = pool(image)
    turned = pooled.contiguous(memory_format=torch.channels_last)
    assert torch.equal(unpool(turned, places, size=image.shape[-2:]), unpool(pooled, places, size=image.shape[-2:]))


def test_deterministic_algorithms_are_obeyed():
    features = torch.randn(1, 2, 6, 6, requires_grad=True)
    torch.use_deterministic_algorithms(True)
    try:
        pooled, places = pool(features)
        with pytest.raises(RuntimeError, match="deterministic"):  # once this passes, torch's own could be used
            F.max_unpool2d(pooled, places, 2)
        unpool(pooled, places, size=features.shape[-2:]).sum().backward()
    finally:
        torch.use_deterministic_algorithms(False)
    assert features.grad.sum() == 2 * 9
