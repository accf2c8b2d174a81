"""Tables are printed as in a pipe or a log file, whatever terminal the tests run in."""

import pytest


@pytest.fixture(autouse=True)
def _narrow_file(monkeypatch):
    """As in a pipe or a log file, whatever terminal the tests run in."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
