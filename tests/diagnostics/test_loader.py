"""The goals of the data loader."""

from seglab.diagnostics import loader


def test_goals_are_judged_by_the_ratios() -> None:
    rates = {
        loader.NAIVE: 10.0, loader.OPENCV: 20.0, loader.FILES: 18.0, loader.CACHED: 399.0,
        loader.UNAUGMENTED: 1000.0, loader.COPIES: 3000.0,
    }  # fmt: skip
    ends = [line.split()[-1] for line in loader.report(rates, size=(256, 512), workers=2).splitlines()[-3:]]
    assert ends == ["missed", "reached", "missed"]
    rates |= {loader.CACHED: 400.0, loader.COPIES: 3001.0, loader.FILES: 20.0}
    ends = [line.split()[-1] for line in loader.report(rates, size=(256, 512), workers=2).splitlines()[-3:]]
    assert ends == ["reached", "missed", "reached"]
