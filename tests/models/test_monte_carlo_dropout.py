import pytest
import torch
from torch import nn

from seglab.errors import SeglabError
from seglab.models.monte_carlo_dropout import MonteCarloDropout


@pytest.fixture
def network():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(8, 4, 1)]
    network = nn.Sequential(*layers)
    network(torch.randn(4, 3, 9, 9))  # gives BatchNorm something to remember
    return network.eval()


def test_output_is_the_log_of_the_mean_softmax(network):
    image = torch.randn(2, 3, 8, 8)
    torch.manual_seed(1)
    output = MonteCarloDropout(network, samples=5).eval()(image)
    torch.manual_seed(1)
    network[3].train()
    expected = torch.stack([network(image).softmax(1) for _ in range(5)]).mean(0)
    torch.testing.assert_close(output.exp(), expected)
    torch.testing.assert_close(output.softmax(1), expected)
    torch.testing.assert_close(output.exp().sum(1), torch.ones(2, 6, 6))


def test_it_differs_from_the_plain_pass_and_leaves_the_network_as_it_was(network):
    image = torch.randn(2, 3, 8, 8)
    plain = network(image)
    sampled = MonteCarloDropout(network, samples=5).eval()(image)
    assert (sampled.exp() - plain.softmax(1)).abs().max() > 0.01
    assert torch.equal(network(image), plain)
    assert not any(module.training for module in network.modules())


def test_more_samples_vary_less(network):
    image = torch.randn(1, 3, 8, 8)

    def spread(samples):
        sampled = MonteCarloDropout(network, samples=samples).eval()
        return torch.stack([sampled(image).exp() for _ in range(10)]).std(0).mean()

    assert spread(40) < 0.5 * spread(1)


def test_in_training_it_is_the_network(network):
    sampled, image = MonteCarloDropout(network, samples=5).train(), torch.randn(2, 3, 8, 8)
    torch.manual_seed(1)
    output = sampled(image)
    torch.manual_seed(1)
    assert torch.equal(output, network(image))


def test_dropout_is_off_again_after_an_error(network):
    with pytest.raises(RuntimeError):
        MonteCarloDropout(network, samples=5).eval()(torch.randn(2, 5, 8, 8))
    assert not network[3].training


@pytest.mark.parametrize("layers", [[nn.ReLU()], [nn.Dropout(0.0)]])
def test_a_network_without_dropout_is_refused(layers):
    with pytest.raises(SeglabError, match="expected Sequential to have dropout"):
        MonteCarloDropout(nn.Sequential(*layers), samples=5)


def test_no_samples_are_refused(network):
    with pytest.raises(SeglabError, match="expected a whole number >= 1; came 0"):
        MonteCarloDropout(network, samples=0)
