"""A trained run as files that need no seglab: an ONNX model, a program of torch, or bare weights."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from seglab.deployment.camera import Camera
from seglab.errors import SeglabError, first_line
from seglab.inference.exported import ABOUT, INPUT, LABELS, LOGITS
from seglab.inference.predictor import Size

_EXAMPLE = 2  # images of it: a batch of one would be taken for the only size there is
_OPSET = 20
_LEAST = 8  # pixels of a side, where the size of the images is free


def require_onnx() -> None:
    """Raises SeglabError where the packages of the extra are not installed."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise SeglabError(
            f"format=onnx needs packages that are not installed ({error.name}) - pip install 'seglab[export]'"
        ) from error


def program_of(
    camera: Camera, *, input_size: Size | None, channels: int, example: Size, layout: str
) -> ExportedProgram:
    """The graph of the camera, for any number of images.

    Args:
        input_size: (H, W) of all images; None for images of any size.
        example: (H, W) of the images that are followed through the network.

    Raises:
        SeglabError: the network does something that a graph cannot hold.
    """
    height, width = input_size or example
    shape = (_EXAMPLE, height, width, channels) if layout == "nhwc" else (_EXAMPLE, channels, height, width)
    rows, columns = (1, 2) if layout == "nhwc" else (2, 3)
    free: dict[int, Any] = {0: Dim("batch")}
    if input_size is None:
        free |= {rows: Dim("height", min=_LEAST), columns: Dim("width", min=_LEAST)}
    image = torch.randint(0, 256, shape, dtype=torch.uint8)
    try:
        with _quiet():
            return torch.export.export(camera.eval(), (image,), dynamic_shapes={INPUT: free}, strict=False)
    except Exception as error:  # of many classes: what a network may not do, and what torch does not know
        raise SeglabError(
            f"{type(camera.network).__name__} cannot be exported: {first_line(error)} - "
            + ("give input_size=[height,width]" if input_size is None else "use format=safetensors")
        ) from error


def onnx_of(program: ExportedProgram) -> Any:
    """The same as an onnx.ModelProto, its weights inside."""
    try:
        with _quiet():
            exported = torch.onnx.export(
                program, input_names=[INPUT], output_names=[LABELS, LOGITS], dynamo=True, opset_version=_OPSET,
                verbose=False,
            )  # fmt: skip
    except Exception as error:
        raise SeglabError(f"the network has no form in ONNX: {first_line(error)} - use format=torch") from error
    assert exported is not None
    model = exported.model_proto
    _name_the_axes(model)
    return model


def describe(model: Any, about: Mapping[str, Any]) -> None:
    """Writes what is known of the network into the model."""
    import onnx

    onnx.helper.set_model_props(model, {ABOUT: json.dumps(about, ensure_ascii=False)})


def save_onnx(model: Any, path: Path) -> None:
    import onnx

    onnx.save(model, path)


def remove_logits(path: Path) -> None:
    """Takes the second output away; what computes the label maps stays."""
    import onnx

    model = onnx.load(path)
    kept = [output for output in model.graph.output if output.name != LOGITS]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    describe(model, {**json.loads(properties[ABOUT]), "outputs": [LABELS]})
    save_onnx(model, path)


def save_program(program: ExportedProgram, path: Path, about: Mapping[str, Any]) -> None:
    content = io.BytesIO()
    with _quiet():
        torch.export.save(program, content, extra_files={f"{ABOUT}.json": json.dumps(about, ensure_ascii=False)})
    path.write_bytes(content.getbuffer())  # torch's own error of a full disk says nothing of it


def save_weights(network: nn.Module, path: Path, about: Mapping[str, Any]) -> None:
    """The state of the bare network as safetensors, and in its header what is known of it."""
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in network.state_dict().items():
        shared = tensor.data_ptr() in seen and tensor.numel() > 0  # safetensors holds no tensor twice
        seen.add(tensor.data_ptr())
        tensors[name] = (tensor.clone() if shared else tensor).contiguous()
    path.write_bytes(save(tensors, metadata={ABOUT: json.dumps(about, ensure_ascii=False)}))


def _name_the_axes(model: Any) -> None:
    """batch, height and width in place of s40, s62 and s73."""
    free = [axis.dim_param for axis in model.graph.input[0].type.tensor_type.shape.dim if axis.dim_param]
    names = dict(zip(free, ("batch", "height", "width"), strict=False))
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param in names:
                axis.dim_param = names[axis.dim_param]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporters tell their own developers about each step."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "torch.export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
