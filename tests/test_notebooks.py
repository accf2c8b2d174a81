"""The notebooks run from top to bottom, leave nothing behind, and show what they showed when they were stored."""

import asyncio
import re
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from tests.exhaustive import few_of
from tests.waiting import PATIENCE

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|mnt|opt|private|root|tmp|usr|Users|var|work|workspace)/|\b[A-Z]:\\")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def executed(path, folder, environment):
    """The notebook after a run in `folder`, by this interpreter; an error in a cell is raised."""
    notebook = nbformat.read(path, as_version=4)
    # Without folders to look into, "python3" is this interpreter and not whichever was registered last under the name.
    kernel = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    # Of a cell: the longest takes half a minute on a free core, and ten times that on a busy machine.
    client = NotebookClient(notebook, km=kernel, timeout=PATIENCE, resources={"metadata": {"path": str(folder)}})
    return asyncio.run(client.async_execute(env=environment, cleanup_kc=True))


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def kinds(cell):
    """Such as {"stdout", "image/png"}: what the cell shows, except warnings."""
    shown = {kind for output in cell.outputs for kind in output.get("data", {})}
    return shown | {output.name for output in cell.outputs if output.output_type == "stream"} - {"stderr"}


def texts(notebook):
    """Everything that a reader can read, so not the pictures."""
    for cell in notebook.cells:
        yield cell.source
        for output in cell.get("outputs", []):
            yield output.get("text", "")
            yield from (str(value) for kind, value in output.get("data", {}).items() if not kind.startswith("image/"))


def test_notebooks_are_found():
    assert {"ablation", "camvid", "datasets", "quickstart"} <= {path.stem for path in NOTEBOOKS}


@pytest.mark.parametrize(
    "path", few_of(NOTEBOOKS, [FOLDER / "camvid.ipynb", FOLDER / "datasets.ipynb"]), ids=lambda path: path.stem
)
def test_runs_and_leaves_nothing(path, environment, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    working, temporary = tmp_path / "working", tmp_path / "t"  # short: a Unix socket in it has room for 108 bytes
    working.mkdir()
    temporary.mkdir()
    beside = sorted(FOLDER.iterdir())

    folders = {"IPYTHONDIR": str(tmp_path / "ipython"), "TMPDIR": str(temporary)}
    fresh = executed(path, working, {**environment, **folders})

    assert not [output for cell in code_cells(fresh) for output in cell.outputs if output.output_type == "error"]
    assert list(working.iterdir()) == []
    assert list(temporary.rglob("record.json")) == []  # torch leaves an empty folder of its own in there
    assert sorted(FOLDER.iterdir()) == beside
    for stored, cell in zip(code_cells(nbformat.read(path, as_version=4)), code_cells(fresh), strict=True):
        missing = kinds(cell) - kinds(stored) - {"image/jpeg"}  # the same picture again
        assert not missing, f"stored without {missing}; run the notebook again:\n{cell.source}"


@each_notebook
def test_stored_outputs_are_those_of_one_clean_run(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    assert any("image/png" in kinds(cell) for cell in cells)
    assert [text for text in texts(notebook) if MACHINE_PATH.search(text)] == []
    assert path.stat().st_size < 500_000
