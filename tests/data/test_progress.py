"""The bar that counts items: on a terminal alone, and without a thread of its own."""

import io
import threading

from seglab.data.progress import progress_bar, tracked


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_items_are_counted_on_a_terminal_without_a_thread(monkeypatch):
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", terminal)
    threads = threading.active_count()
    items = tracked(iter("abc"), count=3, title="reading")
    assert next(items) == "a"
    assert threading.active_count() == threads  # processes may be forked now
    assert list(items) == ["b", "c"]
    assert "reading" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()


def test_nothing_is_shown_elsewhere(capsys):
    assert list(tracked(iter("abc"), count=3, title="reading")) == ["a", "b", "c"]
    with progress_bar() as progress:
        assert list(progress.track("ab", description="all")) == ["a", "b"]
    assert capsys.readouterr().err == ""
