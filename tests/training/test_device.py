import pytest
import torch

from seglab.errors import SeglabError
from seglab.training.device import device_of


def test_a_device_is_there_or_named_in_the_message():
    assert device_of("cpu") == torch.device("cpu")
    assert device_of("auto").type in ("cpu", "cuda")
    with pytest.raises(SeglabError, match=r"expected a device that is there .*device='cuda:99'"):
        device_of("cuda:99")
