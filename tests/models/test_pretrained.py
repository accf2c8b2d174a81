"""Weights that cannot be had; no test leaves this machine: file:// addresses, a closed door on localhost, a cache."""

import hashlib
import socket
from types import SimpleNamespace

import pytest
import torch
from huggingface_hub import constants, hf_hub_download

from seglab.errors import SeglabError
from seglab.models import pretrained

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """torch hub's folder of files, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def server(tmp_path):
    """`server({...})`: the file:// address of those weights, whose name holds their hash as torch hub's do."""

    def put(weights):
        torch.save(weights, tmp_path / "new")
        content = (tmp_path / "new").read_bytes()
        path = tmp_path / f"net-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        path.write_bytes(content)
        return path.as_uri(), path

    return put


@pytest.fixture
def no_hugging_face(tmp_path, monkeypatch):
    """An empty cache, and no one listens at the hub's address; no proxy either."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr("urllib.request.getproxies", dict)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and does not listen: nobody else can on that port
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        yield tmp_path / "hf"


def test_downloads_once_and_then_reads_the_file(hub, server):
    url, source = server({"w": torch.arange(3.0)})
    assert torch.equal(pretrained.state_dict(url)["w"], torch.arange(3.0))
    source.unlink()
    assert torch.equal(pretrained.state_dict(url)["w"], torch.arange(3.0))
    assert [path.name for path in hub.iterdir()] == [source.name]


def test_unreachable_file_says_what_to_get_and_where_to_put_it(hub, server):
    url, source = server({"w": torch.zeros(1)})
    content = source.read_bytes()
    source.unlink()
    with pytest.raises(SeglabError) as error:
        pretrained.state_dict(url)
    message = str(error.value)
    assert message.startswith(f"expected the pretrained weights {source.name}; came URLError (")
    assert f"get {url} elsewhere and put it at {hub / source.name} (TORCH_HOME" in message
    (hub / source.name).write_bytes(content)  # as the message says
    assert torch.equal(pretrained.state_dict(url)["w"], torch.zeros(1))


def test_truncated_download_leaves_nothing_behind(hub, server):
    url, source = server({"w": torch.zeros(1)})
    source.write_bytes(source.read_bytes()[:-100])
    with pytest.raises(SeglabError, match="invalid hash value"):
        pretrained.state_dict(url)
    assert list(hub.iterdir()) == []


def test_truncated_file_in_the_folder_is_named(hub, server):
    url, source = server({"w": torch.zeros(1)})
    hub.mkdir(parents=True)
    (hub / source.name).write_bytes(source.read_bytes()[:-100])
    with pytest.raises(SeglabError, match=f"its hash is wrong(?s:.*)Delete {hub / source.name}, then run it again"):
        pretrained.state_dict(url)


def test_file_without_a_hash_that_is_no_weights(hub):
    hub.mkdir(parents=True)
    (hub / "net.pth").write_text("<html>not found</html>")
    with pytest.raises(SeglabError, match=f"came what PyTorch cannot read(?s:.*)Delete {hub / 'net.pth'}"):
        pretrained.state_dict("https://example.org/net.pth")


def test_library_download_ends_at_once_in_one_error_whose_advice_works(no_hugging_face):
    def build():
        for name in ("config.json", "model.safetensors"):
            hf_hub_download("smp-hub/net.imagenet", filename=name, revision=COMMIT)

    with pytest.raises(SeglabError) as error, pretrained.explained({"encoder_weights": "imagenet"}):
        build()
    message = str(error.value)
    folder = no_hugging_face / "models--smp-hub--net.imagenet" / "snapshots" / COMMIT
    assert message.startswith("model.encoder_weights=imagenet: expected the weights smp-hub/net.imagenet; came Connect")
    assert f"/smp-hub/net.imagenet/resolve/{COMMIT}/config.json and http" in message
    assert f"/{COMMIT}/model.safetensors and put both into {folder} (HF_HOME" in message
    assert "A random start is model.encoder_weights=null" in message
    folder.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (folder / name).touch()
    with pretrained.explained({"encoder_weights": "imagenet"}):
        build()
    assert constants.HF_HUB_OFFLINE is False


def test_file_of_a_branch_is_got_with_its_folder(no_hugging_face):
    """timm names no commit: the folder's index of branches is needed as well."""
    with pytest.raises(SeglabError) as error, pretrained.explained({"encoder_weights": "imagenet"}):
        hf_hub_download("timm/net.a1_in1k", filename="pytorch_model.bin")
    assert "run `hf download timm/net.a1_in1k model.safetensors`" in str(error.value)
    assert f"copy the folder models--timm--net.a1_in1k that it makes to {no_hugging_face} (HF" in str(error.value)


def test_wish_to_be_offline_is_heeded(no_hugging_face, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(SeglabError, match="came LocalEntryNotFoundError"), pretrained.explained({"weights": "x"}):
        hf_hub_download("smp-hub/net", filename="config.json", revision=COMMIT)
    assert constants.HF_HUB_OFFLINE is True


@pytest.mark.parametrize("error", [FileNotFoundError("x"), KeyError("x"), RuntimeError("x"), ConnectionError("x")])
def test_other_errors_pass(error):
    with pytest.raises(type(error)) as raised, pretrained.explained({"encoder_weights": None, "classes": 3}):
        raise error
    assert raised.value is error


def test_own_networks_on_a_librarys_encoder_ask_the_hub(no_hugging_face):
    asking = {"_target_": "seglab.models.dpt.DPT", "encoder_name": "tu-net", "encoder_weights": "timm"}
    with pretrained.explained(asking):
        assert constants.HF_HUB_OFFLINE is True  # no one listens there
    assert constants.HF_HUB_OFFLINE is False


def test_own_networks_do_not_wait_for_the_hub(monkeypatch):
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("asked for a connection"))
    with pretrained.explained({"_target_": "seglab.models.fcn.FCN", "encoder_weights": "imagenet"}):
        pass


def test_error_of_a_library_that_names_no_file(no_hugging_face):
    with (
        pytest.raises(SeglabError, match=r"came ConnectionError \(refused\)\.\n.*TORCH_HOME"),
        pretrained.explained({"weights": "COCO"}),
    ):
        raise ConnectionError("refused")


@pytest.mark.parametrize(
    ("encoder", "weights", "message"),
    [
        ("resnet81", None, r"model.encoder_name: expected such as resnet18, .*; came 'resnet81'"),
        ("resnet18", "coco", r"model.encoder_weights: expected imagenet, ssl, swsl or null for resnet18; came 'coco'"),
        ("tu-resnot", None, r"model.encoder_name: expected a model of timm after 'tu-'; came 'resnot'"),
    ],
)
def test_unknown_encoder_and_weights(no_hugging_face, encoder, weights, message):
    smp = pytest.importorskip("segmentation_models_pytorch")
    with pytest.raises(SeglabError, match=message), pretrained.explained({"encoder_weights": weights}):
        smp.Unet(encoder, encoder_weights=weights)


def test_without_weights_is_the_same_network():
    model = {"encoder_name": "resnet18", "encoder_weights": "imagenet", "weights": None, "classes": 3}
    assert pretrained.without_weights(model) == {**model, "encoder_weights": None}


def test_time_limit_ends_with_the_block(no_hugging_face):
    inside = SimpleNamespace()
    with pretrained.explained({}):
        inside.limit = socket.getdefaulttimeout()
    assert inside.limit == 30
    assert socket.getdefaulttimeout() is None
