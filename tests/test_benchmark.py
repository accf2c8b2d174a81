"""`python -m seglab.benchmark` as a user types it."""

import pytest

from seglab.benchmark import _RANGES
from seglab.config.ranges import require
from seglab.errors import SeglabError

SMALL = ("model.base=4", "size=[32,64]", "repetitions=1", "device=cpu")


@pytest.mark.slow
def test_prints_parts_and_speed(command, tmp_path):
    done = command("benchmark", *SMALL, small=False, fresh=True)
    assert done.returncode == 0, done.stderr
    for word in ("encoder", "head", "19 x 32 x 64", "parameters,", "GFLOPs", "inference:", "training step", "images/s"):
        assert word in done.stdout
    assert not list(tmp_path.glob("outputs"))


@pytest.mark.slow
def test_several_networks_make_a_table(command, tmp_path):
    done = command("benchmark", "-m", *SMALL, "model.skip=concat,none", "training=false", small=False)
    assert done.returncode == 0, done.stderr
    (table,) = tmp_path.glob("outputs/benchmarks/*/comparison.csv")
    header, *rows = table.read_text().splitlines()
    assert header.startswith("model,M params,GFLOPs,images/s,latency ms")
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"size": [64]}, r"size is \[64\]; expected \[height, width\]"),
        ({"batch_size": 0}, "batch_size is 0; expected a whole number >= 1"),
        ({"precision": "16-mixd"}, "expected one of 32-true, 16-mixed, bf16-mixed - did you mean"),
    ],
)
def test_mistakes(changed, expected):
    settings = {"size": [64, 64], "batch_size": 1, "repetitions": 1, "precision": "32-true"}
    with pytest.raises(SeglabError, match=expected):
        require(settings | changed, _RANGES)
