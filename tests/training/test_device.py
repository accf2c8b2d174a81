import pytest
import torch

from seglab.errors import SeglabError
from seglab.training.device import cpu_name, device_of


def test_a_device_is_there_or_named_in_the_message():
    assert device_of("cpu") == torch.device("cpu")
    assert device_of("auto").type in ("cpu", "cuda")
    with pytest.raises(SeglabError, match=r"expected a device that is there .*device='cuda:99'"):
        device_of("cuda:99")


def test_a_cpu_has_the_name_that_the_system_gives_it(monkeypatch, tmp_path):
    assert cpu_name().strip()
    monkeypatch.setattr("builtins.open", lambda *_, **__: (tmp_path / "no_such_file").open())
    assert cpu_name() == "cpu"
