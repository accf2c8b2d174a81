"""A few steps of each row are timed in a process of its own."""

from pathlib import Path

from seglab.tables.costs.estimate import timed


def test_a_process_that_dies_costs_one_row_its_estimate(tmp_path: Path) -> None:
    program = tmp_path / "seglab_steps_that_die.py"
    program.write_text(
        "import json, os, sys\n"
        "for config in json.load(sys.stdin):\n"
        "    if config['dies']:\n"
        "        print('no memory', file=sys.stderr, flush=True)\n"
        "        os._exit(9)\n"
        "    print(json.dumps({'train_step': 1.0}), flush=True)\n"
    )
    found = timed({row: {"dies": row == "b"} for row in "abc"}, ("-I", str(program)))
    assert found["a"] == found["c"] == {"train_step": 1.0}
    assert found["b"] == {"error": "the process ended with code 9: no memory"}
