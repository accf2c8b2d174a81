"""The command that measures the loader, on tiny scenes: what it prints, not how fast it is."""

from seglab.diagnostics import loader


def test_the_command_prints_every_loader_and_every_goal(command) -> None:
    done = command(
        "benchmark_data", "data=synthetic", "data.prepare.train=8", "data.prepare.val=4", "data.prepare.test=2",
        "data.prepare.height=64", "data.prepare.width=128", "data.size=[32,64]", "data.batch_size=4",
        "workers=1", "passes=1", "repetitions=1", small=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = ("NAIVE", "OPENCV", "FILES", "CACHED", "UNAUGMENTED", "COPIES")
    for name in (getattr(loader, name) for name in names):
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"{name}  ")]
        assert float(line.split()[-1]) > 0
    for goal in (">= 40", "<= 3", ">= 1"):
        assert goal in done.stdout


def test_a_missing_cache_is_a_mistake_that_is_told(command) -> None:
    done = command("benchmark_data", "data=synthetic", "data.prepare.train=8", "data.prepare.val=4",
                   "data.prepare.test=2", "data.prepare.height=64", "data.prepare.width=128", "data.cache=null",
                   small=False)  # fmt: skip
    assert done.returncode == 2
    assert "expected data.cache and data.size" in done.stderr
