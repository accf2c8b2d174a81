import torch

from seglab.models.pidnet import PIDNet


def small(*, auxiliary=True):
    torch.manual_seed(0)
    return PIDNet(11, in_channels=3, width=8, context_width=16, head_width=8, auxiliary=auxiliary, activation=None)


def test_branches_stay_at_an_eighth_and_go_down_to_a_64th():
    with torch.inference_mode():
        branches = small().eval().encoder(torch.randn(1, 3, 128, 192))
    assert {name: tuple(maps.shape) for name, maps in branches._asdict().items()} == {
        "p": (1, 32, 16, 24), "i": (1, 128, 2, 3), "d": (1, 32, 16, 24),
        "early_p": (1, 16, 16, 24), "early_d": (1, 16, 16, 24),
    }  # fmt: skip


def test_boundary_is_one_map_of_the_logits_size():
    answer = small()(torch.randn(2, 3, 72, 88))
    assert answer.logits.shape == (2, 11, 9, 11)
    assert answer.boundary.shape == (2, 1, 9, 11)
    assert small(auxiliary=False)(torch.randn(2, 3, 64, 64)).boundary is None


def test_p_is_replaced_by_i_where_both_say_the_same():
    guide = small().eval().encoder.guide_1
    p, i = torch.randn(1, 16, 4, 4), torch.randn(1, 16, 2, 2)
    low = torch.nn.functional.interpolate(i, size=(4, 4), mode="bilinear", align_corners=False)
    with torch.inference_mode():
        mixed = guide(p, i)
        assert ((mixed >= torch.minimum(p, low) - 1e-6) & (mixed <= torch.maximum(p, low) + 1e-6)).all()
        for part in (guide.of_p, guide.of_i):
            part.register_forward_hook(lambda _, given, output: torch.full_like(output, 100.0))
        torch.testing.assert_close(guide(p, i), low)


def test_details_near_a_boundary_and_context_elsewhere():
    fusion = small().eval().fusion
    p, i, sure = torch.randn(1, 32, 4, 4), torch.randn(1, 32, 4, 4), torch.full((1, 32, 4, 4), 100.0)
    with torch.inference_mode():
        torch.testing.assert_close(fusion(p, i, sure), fusion.of_p(p) + fusion.of_i(i + p))
        torch.testing.assert_close(fusion(p, i, -sure), fusion.of_p(i + p) + fusion.of_i(i))


def test_scales_are_joined_apart():
    joins = small().context.joins[-1]
    assert (joins.groups, joins.in_channels, joins.out_channels) == (4, 64, 64)
