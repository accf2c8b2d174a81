"""Whether W&B knows who asks."""

import os

from seglab.loggers import trackers


def test_account_is_found_in_environment_and_netrc(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("WANDB_") or name == "NETRC"]:
        monkeypatch.delenv(name)
    assert trackers._mode_without_asking(tmp_path) == "offline"
    (tmp_path / ".netrc").write_text("machine api.wandb.ai\n  login user\n  password " + "k" * 40 + "\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert trackers._mode_without_asking(tmp_path) is None
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org:8080/")
    assert trackers._mode_without_asking(tmp_path) == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert trackers._mode_without_asking(tmp_path) is None
