"""A workspace is saved on W&B. That its panels show what runs log: tests/callbacks/test_tracking.py."""

from types import SimpleNamespace

import pytest
import wandb

from seglab.errors import SeglabError

pytest.importorskip("wandb_workspaces")

from seglab.loggers import workspace


class View:
    """A workspace that W&B takes, or refuses with `error`."""

    url = "https://wandb.example.org/me/p?nw=abc"

    def __init__(self, *, entity: str, error: Exception | None = None) -> None:
        self.entity, self.project, self.error = entity, "p", error
        self.saved_for: list[str] = []

    def save(self):
        if self.error is not None:
            raise self.error
        self.saved_for.append(self.entity)


@pytest.mark.parametrize(("entity", "expected"), [("team", "team"), ("", "me")])
def test_upload_saves_for_the_entity_given_or_the_default_one(monkeypatch, capsys, entity, expected):
    monkeypatch.setattr(wandb, "Api", lambda: SimpleNamespace(default_entity="me"))
    view = View(entity=entity)
    workspace.upload(view)
    assert view.saved_for == [expected]
    assert capsys.readouterr().out == f"{View.url}\n"


def test_what_wandb_refuses_is_told_with_what_to_check():
    expected = (
        r"upload=true: expected W&B to take .* for me/p; it did not \(ValueError: project not found\) - do entity"
    )
    with pytest.raises(SeglabError, match=expected):
        workspace.upload(View(entity="me", error=ValueError("project not\nfound")))
