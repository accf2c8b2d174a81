"""The server that jobs are forked from: what it has imported, and that a job is of the code that was imported."""

import importlib
import os
import sys

import pytest

import seglab.training.fit
from seglab.multirun import fork_server, process
from seglab.runs import provenance


class Server:
    """Of multiprocessing's context: notes what the server is told to import, and starts nothing."""

    def set_forkserver_preload(self, modules: list[str]) -> None:
        self.modules = modules

    def Process(self, **options) -> "Server":
        return self

    def start(self) -> None: ...


def test_the_server_is_told_to_import_it(monkeypatch, tmp_path):
    """It says nothing of a module that is not there: every job would import torch again."""
    server = Server()
    monkeypatch.setattr(process, "_forking", server)
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "0")  # put back at the end
    process.start([], output=tmp_path / "output.log", fork=True)
    assert server.modules == [fork_server.__name__]
    assert os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] == "1"  # CUDA, once initialised, is of no use to a fork


@pytest.fixture
def as_in_a_new_process(monkeypatch):
    """Neither the training has been imported nor the code been read."""
    monkeypatch.setattr(seglab.training, "fit", seglab.training.fit)  # put back, as the next line's is
    monkeypatch.delitem(sys.modules, "seglab.training.fit")
    provenance.code.cache_clear()
    yield
    provenance.code.cache_clear()


@pytest.mark.usefixtures("as_in_a_new_process")
def test_the_training_is_imported():
    importlib.reload(fork_server)
    assert "seglab.training.fit" in sys.modules


@pytest.mark.usefixtures("as_in_a_new_process")
def test_the_code_of_a_job_is_that_which_was_imported(monkeypatch, tmp_path):
    (tmp_path / "train.py").write_text("before = 1")
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    importlib.reload(fork_server)
    (tmp_path / "train.py").write_text("edited = 2")
    imported = provenance.code()
    provenance.code.cache_clear()
    assert provenance.code() != imported
