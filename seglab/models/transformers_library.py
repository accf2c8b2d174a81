"""Networks of the library transformers, built from what a configuration says and filled from a folder on disk."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from seglab.errors import SeglabError, did_you_mean

log = logging.getLogger("seglab")

_OWN = ("num_labels", "id2label", "label2id", "num_channels")  # what classes and in_channels say
_NESTED = {"backbone_config": ("swin", "convnext", "convnextv2", "resnet"), "decoder_config": ("detr",)}


def library_network(
    name: str, *, config: Mapping[str, Any], weights: str | None, classes: int, in_channels: int
) -> Any:
    """The network of the class transformers.NAME, with as many labels as `classes`.

    Args:
        config: arguments of the class's configuration that differ from their defaults. A nested one, such as
            backbone_config, names its kind by model_type.
        weights: a folder with a published checkpoint: model.safetensors, or its parts with their index. Nothing is
            downloaded, no code of the folder is run and no pickle is read. `config` says what is built, config.json
            nothing; what depends on the number of labels starts at random where that is another, which a log line says.

    Raises:
        SeglabError: transformers is not installed, a key of `config` is unknown, or the folder holds no such weights.
    """
    library = _library()
    kind = getattr(library, name)
    whole = _checked(config, kind.config_class, library, path="model.config")
    whole = _with_channels(whole, kind.config_class, in_channels)
    built = _config_object(kind.config_class, whole, classes=classes)
    network = _loaded(kind, built, Path(weights).expanduser()) if weights else kind(built)
    _name_all_parts(network)
    _without_idle_norm(network)
    return network


def configuration(*, model_type: str, settings: Mapping[str, Any], classes: int) -> Any:
    """The configuration object that a class of transformers is built from, for a `_target_` that names such a class.

    transformers' own configurations are no targets: beside what describes a network they take what fetches code, such
    as an attention of the hub. Here every key is an argument that describes the network.

    Args:
        model_type: transformers' name of the network, such as dpt.
        settings: arguments of its configuration that differ from their defaults.
        classes: as many labels.

    Raises:
        SeglabError: transformers is not installed, it knows no such network, or a key of `settings` is unknown or may
            not be set.
    """
    library = _library()
    known = [name for name in library.CONFIG_MAPPING if not name.startswith("timm_")]  # those fetch by a name
    if model_type not in known:
        raise SeglabError(
            f"model_type: expected the name that transformers gives a network, such as segformer, dpt or beit; came "
            f"{model_type!r}{did_you_mean(model_type, known)}"
        )
    for key, value in settings.items():
        if isinstance(value, Mapping) and key not in _NESTED:
            raise SeglabError(f"settings.{key}: expected a plain value; came a mapping, which may describe anything")
    kind = library.CONFIG_MAPPING[model_type]
    return _config_object(kind, _checked(settings, kind, library, path="settings"), classes=classes)


def _config_object(kind: Any, arguments: Mapping[str, Any], *, classes: int) -> Any:
    from huggingface_hub.errors import StrictDataclassError

    try:
        return kind(**arguments, num_labels=classes)
    except (TypeError, ValueError, StrictDataclassError) as error:
        raise SeglabError(f"model.config: transformers refuses it: {' '.join(str(error).split())}") from error


def _library() -> ModuleType:
    try:
        import transformers
    except ImportError as error:
        raise SeglabError(
            f"model: expected the package transformers, which builds this network; came {error} - "
            "pip install 'seglab[transformers]', or choose another model"
        ) from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _checked(config: Mapping[str, Any], kind: type, library: ModuleType, *, path: str) -> dict[str, Any]:
    """`config` itself, its nested mappings likewise.

    Raises:
        SeglabError: it has a key that `kind`, a configuration of transformers, has not.
    """
    known = {field.name for field in fields(kind) if not field.name.startswith("_")}
    known |= {key for key in ("out_features", "out_indices") if hasattr(kind, key)}
    checked = dict(config)
    for key, value in config.items():
        if key in _OWN:
            raise SeglabError(f"{path}.{key}: set by model.classes and model.in_channels - leave it out")
        if key not in known:
            raise SeglabError(f"{path}: {kind.__name__} has no argument {key!r}{did_you_mean(key, known)}")
        if key in _NESTED:
            checked[key] = _nested(value, library, of=_NESTED[key], path=f"{path}.{key}")
    return checked


def _nested(value: Any, library: ModuleType, *, of: tuple[str, ...], path: str) -> dict[str, Any]:
    model_type = value.get("model_type") if isinstance(value, Mapping) else None
    if model_type not in of:
        raise SeglabError(
            f"{path}.model_type: expected {' or '.join(of)}; came {model_type!r}"
            f"{did_you_mean(str(model_type), of)} - it says what the other keys of {path} are"
        )
    rest = {key: item for key, item in value.items() if key != "model_type"}
    kind = type(library.AutoConfig.for_model(model_type))
    return {"model_type": model_type, **_checked(rest, kind, library, path=path)}


def _with_channels(config: dict[str, Any], kind: type, in_channels: int) -> dict[str, Any]:
    if "num_channels" in {field.name for field in fields(kind)}:
        return {**config, "num_channels": in_channels}
    return {**config, "backbone_config": {**config["backbone_config"], "num_channels": in_channels}}


def _loaded(kind: Any, config: Any, folder: Path) -> nn.Module:
    _check_folder(folder)
    network, report = kind.from_pretrained(
        folder,
        config=config,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
        dtype=torch.float32,
    )
    absent = {*report["missing_keys"], *(entry[0] for entry in report["mismatched_keys"])}
    other = sorted(name for name in absent if not _is_of_labels(network, name))
    if other:
        raise SeglabError(
            f"model.weights: expected all weights of {type(network).__name__} in {folder}; came none that fits "
            f"{other[0]}{f' and {len(other) - 1} more' if len(other) > 1 else ''} - compare model.config with "
            f"{folder / 'config.json'}: it has to describe the same network"
        )
    head = "all of them theirs"
    if absent:
        head = f"{', '.join(sorted(absent))} start at random: the checkpoint is for other labels"
    log.info("weights of %s: %d tensors; %s", folder, len(network.state_dict()) - len(absent), head)
    return network.train()


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise SeglabError(
            f"model.weights: expected a folder with config.json and model.safetensors; came {folder}, which is no "
            "folder - give the path of a checkpoint that you downloaded (nothing is downloaded here)"
        )
    if not any((folder / name).is_file() for name in ("model.safetensors", "model.safetensors.index.json")):
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        raise SeglabError(
            f"model.weights: expected model.safetensors in {folder}; came {found} - pickled weights (.bin, .pth) are "
            "not read: get the checkpoint's safetensors, or convert it where you trust it"
        )


def _is_of_labels(network: Any, name: str) -> bool:
    """Whether a tensor belongs to the layer whose outputs are the labels, or weighs them in the library's own loss."""
    return ".".join(name.split(".")[-2:-1]) in ("classifier", "class_predictor") or name.startswith("criterion.")


def _name_all_parts(network: nn.Module) -> None:
    """What the library calls past the names of its modules is called by name, so that it can be replaced.

    These are children that a module keeps in a list beside, and ReLU as a function.
    """
    for module in network.modules():
        for name, value in list(vars(module).items()):
            if isinstance(value, list) and value and value == list(module._modules.values()):
                setattr(module, name, _Children(module))
            elif value is nn.functional.relu:
                delattr(module, name)
                setattr(module, name, nn.ReLU())


def _without_idle_norm(network: nn.Module) -> None:
    """Swin normalises its last map for classifiers of images; as a backbone it returns others, normalised by stage."""
    for module in network.modules():
        if type(module).__name__ in ("SwinModel", "MaskFormerSwinModel"):
            module.layernorm = nn.Identity()


class _Children:
    """The children of a module in their order, as they are when it is called."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module

    def __iter__(self) -> Iterator[Any]:
        return iter(self._module._modules.values())

    def __len__(self) -> int:
        return len(self._module._modules)
