"""Low-rank additions: the network answers as before with them, and merged as with them."""

import copy
import sys

import pytest
import timm
import torch
from torch import nn

from seglab.errors import SeglabError
from seglab.models import lora
from seglab.models.transformers_model import Beit, SegFormer
from tests.models.test_transformers_library import SMALL
from tests.models.test_transformers_model import BEIT

pytest.importorskip("peft")

SETTINGS = {"rank": 2, "alpha": 4, "dropout": 0.0}
ATTENTION = ["attn.qkv", "attn.proj", "attention.q_proj", "attention.v_proj"]  # of conf/adapt/lora.yaml


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(4, 12)
        self.proj = nn.Linear(4, 4)

    def forward(self, tokens):
        query, key, value = self.qkv(tokens).chunk(3, -1)
        return self.proj(query * key * value)


class Encoder(nn.Module):
    """A network with what LoRA is for and what it is not for."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.dilated = nn.Conv2d(4, 4, 3, padding=2, dilation=2)
        self.norm = nn.BatchNorm2d(4)
        self.attn = Attention()
        self.torchs = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, image):
        features = self.norm(self.dilated(self.depthwise(self.stem(image))))
        tokens = self.attn(features.flatten(2).transpose(1, 2))
        return self.torchs(tokens, tokens, tokens)[0]


IMAGE = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def added(encoder: nn.Module, *modules: str, **settings) -> list[str]:
    """As `add_adapters`; what begins at zero is moved away from it, as by a training."""
    names = lora.add_adapters(encoder, modules=modules, **{**SETTINGS, **settings})
    torch.manual_seed(2)
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    return names


def test_additions_begin_at_zero_and_alone_have_gradients():
    encoder = Encoder().eval()
    before = encoder(IMAGE)
    assert lora.add_adapters(encoder, modules=ATTENTION, **SETTINGS) == ["attn.qkv", "attn.proj"]
    torch.testing.assert_close(
        encoder(IMAGE), before
    )  # not equal: torch attends by another kernel where nothing learns
    learning = {name: tuple(part.shape) for name, part in encoder.named_parameters() if part.requires_grad}
    assert learning == {
        "attn.qkv.lora_A.default.weight": (2, 4), "attn.qkv.lora_B.default.weight": (12, 2),
        "attn.proj.lora_A.default.weight": (2, 4), "attn.proj.lora_B.default.weight": (4, 2),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("modules", "names"),
    [
        (["qkv"], ["attn.qkv"]),
        (["*"], ["stem", "attn.qkv", "attn.proj"]),  # groups, dilation and torch's own attention cannot be merged
        (["st?m", "attn.*"], ["stem", "attn.qkv", "attn.proj"]),
        (["kv", "proj"], ["attn.proj"]),  # whole words
    ],
)
def test_layers_are_found_by_the_ends_of_their_names(modules, names):
    assert lora.add_adapters(Encoder(), modules=modules, **SETTINGS) == names


def test_a_name_that_no_layer_has_is_refused_with_those_that_there_are():
    encoder = nn.ModuleDict({"blocks": nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])})
    with pytest.raises(
        SeglabError, match=r"adapt.modules: .*ModuleDict, such as blocks\.0, blocks\.1; came attn.qkv, fc1 - name"
    ):
        lora.add_adapters(encoder, modules=["attn.qkv", "fc1"], **SETTINGS)
    with pytest.raises(SeglabError, match="such as none, since it has none"):
        lora.add_adapters(nn.Sequential(nn.BatchNorm2d(2)), modules=["*"], **SETTINGS)


def test_merged_is_the_plain_network_with_the_answers_of_the_adapted_one():
    network = nn.Sequential()
    network.encoder = Encoder().eval()
    plain = copy.deepcopy(network)
    added(network.encoder, "*")
    saved = {f"network.{name}": tensor for name, tensor in network.state_dict().items()} | {"loss": torch.ones(1)}
    kept = {name: tensor.clone() for name, tensor in saved.items()}
    merged, adapters = lora.merged(network, saved, prefix="network.")
    assert merged.keys() == {f"network.{name}" for name in plain.state_dict()} | {"loss"}
    plain.load_state_dict({name.removeprefix("network."): part for name, part in merged.items() if name != "loss"})
    answer = network.encoder(IMAGE)
    assert not torch.allclose(answer, Encoder()(IMAGE), atol=1e-2)
    torch.testing.assert_close(plain.encoder(IMAGE), answer)
    back = lora.unmerged(merged, adapters)
    assert back.keys() == kept.keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in kept.items())
    assert all(torch.equal(tensor, kept[f"network.{name}"]) for name, tensor in network.state_dict().items())


def test_what_is_merged_is_the_state_and_not_what_the_network_holds():
    """An average of the weights is saved while the network has others."""
    encoder = Encoder()
    added(encoder, "qkv")
    name = "attn.qkv.lora_B.default.weight"
    state = {key: tensor.clone() for key, tensor in encoder.state_dict().items()}
    state[name] = torch.zeros_like(state[name])
    merged, _ = lora.merged(encoder, state, prefix="")
    assert torch.equal(merged["attn.qkv.weight"], state["attn.qkv.base_layer.weight"])


@pytest.mark.parametrize(("kind", "numbers"), [(Beit, {**BEIT, "num_hidden_layers": 4}), (SegFormer, SMALL)])
def test_queries_and_values_of_transformers(kind, numbers):
    pytest.importorskip("transformers")
    network = kind(config=numbers, weights=None, classes=5).eval()
    image = torch.randn(1, 3, 64, 64)
    before = network(image)
    names = added(network.encoder, *ATTENTION)
    assert {name.rpartition(".")[2] for name in names} == {"q_proj", "v_proj"}
    assert not torch.allclose(network(image), before)
    whole = kind(config=numbers, weights=None, classes=5).eval()
    merged, _ = lora.merged(network, network.state_dict(), prefix="")
    whole.load_state_dict(merged)
    torch.testing.assert_close(whole(image), network(image), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["eva02_tiny_patch14_224", "beit_base_patch16_224"])
def test_timms_encoders_that_read_the_weights_of_a_layer_call_it_instead(name):
    """They add biases to queries and values alone."""
    settings = {"embed_dim": 16, "depth": 2, "num_heads": 2, "img_size": 32, "patch_size": 16}
    torch.manual_seed(1)
    plain = timm.create_model(name, **settings).eval()
    with torch.no_grad():
        plain.blocks[0].attn.q_bias.normal_()
    encoder = copy.deepcopy(plain)
    image = torch.randn(1, 3, 32, 32)
    lora.add_adapters(encoder, modules=ATTENTION, **SETTINGS)
    torch.testing.assert_close(encoder.forward_features(image), plain.forward_features(image))
    encoder.forward_features(image).mean().backward()
    assert all(part.grad is not None for name, part in encoder.named_parameters() if "lora_" in name)
    plain.load_state_dict(lora.merged(encoder, encoder.state_dict(), prefix="")[0])


def test_without_peft_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(SeglabError, match=r"adapt=lora: expected the package peft; .*pip install 'seglab\[peft\]'"):
        lora.add_adapters(Encoder(), modules=["*"], **SETTINGS)
