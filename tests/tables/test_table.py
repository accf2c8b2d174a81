"""What a table needs is imported with it, without torch; its command starts without any of that."""

import subprocess
import sys

from seglab import PACKAGE


def imported(by: str) -> set[str]:
    code = f"import sys, {by}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    return set(done.stdout.split())


def test_a_table_imports_no_torch() -> None:
    modules = imported("seglab.tables.table")
    assert {"numpy", "seglab.tables.render.page", "seglab.tables.launch.launch"} <= modules
    assert "torch" not in modules


def test_its_command_starts_with_nothing_of_it() -> None:
    modules = imported("seglab.table")
    assert modules.isdisjoint({"torch", "numpy", "PIL", "seglab.tables.table"})
