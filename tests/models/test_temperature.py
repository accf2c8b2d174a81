"""Temperatures divide logits, and nothing more."""

import pytest
import torch

from seglab.models.temperature import METHODS, ClassTemperatures, LocalTemperature, from_stored, to_be_stored
from seglab.runs import calibration

K = 5


@pytest.fixture
def logits() -> torch.Tensor:
    return 4 * torch.randn(2, K, 6, 7, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("method", METHODS)
def test_what_is_stored_comes_back_to_the_bit(method, logits) -> None:
    torch.manual_seed(1)
    module = METHODS[method](K)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    again = from_stored(method, classes=K, values=to_be_stored(module))
    assert torch.equal(again(logits), module(logits))
    assert not any(parameter.requires_grad for parameter in again.parameters())


@pytest.mark.parametrize("method", ["temperature", "local"])
def test_a_temperature_for_all_classes_changes_no_label(method, logits) -> None:
    torch.manual_seed(1)
    module = METHODS[method](K)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    assert not torch.allclose(module(logits), logits)
    assert torch.equal(module(logits).argmax(1), logits.argmax(1))


def test_one_for_each_class_divides_the_logits_of_that_class(logits) -> None:
    module = ClassTemperatures(K)
    with torch.no_grad():
        module.log_temperature[2] = torch.tensor(2.0).log()
    torch.testing.assert_close(module(logits)[:, 2], logits[:, 2] / 2)
    torch.testing.assert_close(module(logits)[:, 3], logits[:, 3])


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_a_local_one_begins_as_a_constant(temperature, logits) -> None:
    module = LocalTemperature(K)
    module.set_constant(temperature)
    assert module.temperatures(logits).detach().numpy() == pytest.approx(temperature, abs=1e-5)


def test_the_methods_are_named_alike_where_torch_is_not_there() -> None:
    assert tuple(METHODS) == calibration.METHODS
