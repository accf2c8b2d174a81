"""Pretrained weights, or one error that says which file to get and where to put it; never a silent random start."""

import hashlib
import http.client
import pickle
import re
import socket
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seglab.errors import SeglabError, first_line

_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,})\.")  # torch hub's files: NAME-HASH.pth, the first digits of the SHA-256
_HUGGING_FACE_FILE = re.compile(r"https?://[^\s'\"]+?/([^/\s]+/[^/\s]+)/resolve/([^/\s]+)/([^\s'\"?:]+)")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LIBRARIES = ("huggingface_hub", "httpx", "httpcore", "requests", "urllib3", "safetensors")  # have errors of their own
# What the constructors of timm and smp end with, given arguments that do not fit.
_OF_ARGUMENTS = (KeyError, RuntimeError, TypeError, ValueError, AssertionError, IndexError, AttributeError)
_UNREADABLE = (RuntimeError, pickle.UnpicklingError, EOFError, ValueError)  # of torch.load, given something else
_SECONDS = 5.0  # to reach a server; huggingface_hub itself would try six times, for 23 s and more


def state_dict(url: str) -> dict[str, Tensor]:
    """Parameters by name, of the file at `url`: from torch hub's folder, into which it is downloaded the first time.

    Raises:
        SeglabError: it cannot be downloaded, or the file that is there is truncated or another one.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    prefix = _HASH_IN_NAME.search(path.name)
    try:
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with _time_limit():
                torch.hub.download_url_to_file(url, str(path), prefix.group(1) if prefix else None)
        elif prefix and not _sha256(path).startswith(prefix.group(1)):
            raise SeglabError(_file_message(url, path, came="a file with another content there (its hash is wrong)"))
        loaded: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, http.client.HTTPException) as error:
        raise SeglabError(_file_message(url, path, came=_words(error))) from error
    except _UNREADABLE as error:
        if isinstance(error, SeglabError):
            raise
        raise SeglabError(_file_message(url, path, came=f"what PyTorch cannot read: {_words(error)}")) from error
    return loaded


@contextmanager
def explained(model: Mapping[str, Any]) -> Iterator[None]:
    """While a library builds what `model` configures: a failed download becomes the error of `state_dict`, soon.

    So does one that a library raises at the arguments of an encoder that `model` names. Other exceptions pass.

    Raises:
        SeglabError: the weights cannot be had, the library knows no such encoder or weights, or refuses its arguments.
    """
    asked = ", ".join(f"model.{key}={model[key]}" for key in _asking(model))
    is_own = str(model.get("_target_", "")).startswith("seglab.") and "encoder_name" not in model
    uses_hub = bool(asked) and not is_own
    try:
        with warnings.catch_warnings(), _time_limit(), _offline_if_unreachable(uses_hub) as unreachable:
            # smp, about any text for a timm encoder; which weights these are is said by the encoder's name
            warnings.filterwarnings("ignore", message="For 'tu-'")
            try:
                yield
            except Exception as error:
                if asked and _is_failed_download(error):
                    raise SeglabError(_download_message(asked, error, unreachable=unreachable)) from error
                raise
    except SeglabError:
        raise
    except _OF_ARGUMENTS as error:
        message = _unknown_name_message(error)
        if message is None and "encoder_name" in model:
            message = (
                f"model: expected arguments that {model['encoder_name']} takes; {type(error).__name__} came: "
                f"{first_line(error)} - it is another kind of network than the model is for, or a key of model or of "
                "model.encoder_options does not fit it"
            )
        if message is None:
            raise
        raise SeglabError(message) from error


def without_weights(model: Mapping[str, Any]) -> dict[str, Any]:
    """`model` with null for every key that asks for pretrained weights: the same network, before a checkpoint's."""
    return {**model, **dict.fromkeys(_asking(model))}


def _asking(model: Mapping[str, Any]) -> list[str]:
    return [key for key, value in model.items() if ("weights" in key or "pretrained" in key) and value]


class _HubFile(NamedTuple):
    url: str
    repository: str
    revision: str
    name: str


def _download_message(asked: str, error: Exception, *, unreachable: OSError | None) -> str:
    file = _hub_file(error)
    if file is None:
        return (
            f"{asked}: expected pretrained weights; came {_words(error)}.\n  Run it again with a network, or copy the "
            "folders ~/.cache/torch and ~/.cache/huggingface of a machine that has them (TORCH_HOME and HF_HOME name "
            f"other folders). {_random(asked)}"
        )
    came = _words(unreachable or error)
    return f"{asked}: expected the weights {file.repository}; came {came}.\n  {_hub_advice(file)}.\n  {_random(asked)}"


def _hub_advice(file: _HubFile) -> str:
    """Where smp and timm look for `file`; both ask for two files each, one after the other."""
    from huggingface_hub import constants  # as heavy as a network library is; whoever gets here has loaded it

    folder = Path(constants.HF_HUB_CACHE) / f"models--{file.repository.replace('/', '--')}"
    if not _COMMIT.fullmatch(file.revision):  # timm's: an index in the folder says which commit the name stands for
        return (
            f"Where there is a network run `hf download {file.repository} model.safetensors`, "
            f"then copy the folder {folder.name} that it makes to {folder.parent} (HF_HOME names another place)"
        )
    base = file.url.removesuffix(file.name)
    names = ("config.json", "model.safetensors") if file.name == "config.json" else (file.name,)
    return (
        f"Get {' and '.join(base + name for name in names)} and put {'it' if len(names) == 1 else 'both'} "
        f"into {folder / 'snapshots' / file.revision} (HF_HOME names another place)"
    )


def _random(asked: str) -> str:
    return "A random start is " + ", ".join(f"{part.partition('=')[0]}=null" for part in asked.split(", "))


def _file_message(url: str, path: Path, *, came: str) -> str:
    there = f"Delete {path}, then " if path.exists() else ""
    return (
        f"expected the pretrained weights {path.name}; came {came}.\n  {there or 'Either '}run it again with a "
        f"network, or get {url} elsewhere and put it at {path} (TORCH_HOME names another folder)"
    )


def _unknown_name_message(error: Exception) -> str | None:
    """smp's and timm's refusals of a name; their lists of all names are hundreds long."""
    text = str(error.args[0]) if error.args else ""
    wrong = re.match(r"Wrong (encoder name|pretrained weights) `([^`]*)`(?: for encoder `([^`]*)`)?", text)
    if wrong is None:
        unknown = re.match(r"Unknown model \((.*)\)", text)
        advice = "timm lists its names on huggingface.co/timm" if unknown else ""
        return unknown and f"model.encoder_name: expected a model of timm after 'tu-'; came {unknown[1]!r}; {advice}"
    names = re.findall(r"'([^']*)'", text.partition("[")[2])
    if wrong[1] == "pretrained weights":
        return f"model.encoder_weights: expected {', '.join(names)} or null for {wrong[3]}; came {wrong[2]!r}"
    near = ", ".join(get_close_matches(wrong[2], names, n=5)) or "resnet34, mit_b0, efficientnet-b0, ..."
    return f"model.encoder_name: expected such as {near}, or tu-NAME for any of timm's; came {wrong[2]!r}"


def _is_failed_download(error: Exception) -> bool:
    of_library = any(kind.__module__.split(".")[0].startswith(_LIBRARIES) for kind in type(error).__mro__)
    wrong_hash = isinstance(error, RuntimeError) and "invalid hash value" in str(error)
    return of_library or wrong_hash or isinstance(error, OSError | http.client.HTTPException)


def _hub_file(error: BaseException | None) -> _HubFile | None:
    """The file of the Hugging Face hub that was asked for: in the words of the error, of its request, or its cause."""
    if error is None:
        return None
    # the attribute `request` of httpx's errors raises where there is none
    request = vars(error).get("_request") or vars(error).get("request")
    file = _HUGGING_FACE_FILE.search(f"{error} {getattr(request, 'url', '')}")
    if file:
        return _HubFile(file[0], urllib.parse.unquote(file[1]), file[2], file[3])
    return _hub_file(error.__cause__ or error.__context__)


def _words(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__} ({lines[0][:200]})"


@contextmanager
def _offline_if_unreachable(wanted: bool) -> Iterator[OSError | None]:
    """Why the Hugging Face hub cannot be reached, in which case only its cache on disk is asked, without retries."""
    unreachable = _unreachable() if wanted else None
    if unreachable is None:
        yield None
        return
    from huggingface_hub import constants

    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield unreachable
    finally:
        constants.HF_HUB_OFFLINE = before


def _unreachable() -> OSError | None:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE or urllib.request.getproxies():  # as wanted; or only the proxy knows
        return None
    address = urllib.parse.urlsplit(constants.ENDPOINT)
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((address.hostname or "", port), timeout=_SECONDS).close()
    except OSError as error:
        return type(error)(f"{address.hostname}: {error}")
    return None


@contextmanager
def _time_limit() -> Iterator[None]:
    """A server that accepts a connection and then is silent is given up; torch hub's downloads have no limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(before or 6 * _SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
