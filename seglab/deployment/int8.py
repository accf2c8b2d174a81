"""Static quantisation by onnxruntime: weights and activations of the network as 8-bit integers."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seglab.inference.exported import INPUT

# With the activations, or the range of a convolution would be that of before its ReLU: on CamVid 9 points of mIoU.
_QUANTISED = (
    "Conv", "ConvTranspose", "Gemm", "MatMul", "Relu", "Clip", "Add", "Mul", "Concat", "Resize", "MaxPool",
    "AveragePool", "GlobalAveragePool",
)  # fmt: skip
_SCOPE = "network"  # of `seglab.deployment.camera.Camera`: the resizing and the normalisation around it stay in float


def quantised(model: Any, images: Iterator[np.ndarray]) -> Any:
    """The onnx.ModelProto with 8-bit integers inside the network; the scales of weights are an axis's own.

    Args:
        images: uint8, batches as the model takes them, of which the ranges of the activations are read.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(images, None)
            return None if image is None else {INPUT: image}

    level = logging.root.level
    logging.root.setLevel(logging.ERROR)  # its advice, to run a step that the exporter has done already
    try:
        with tempfile.TemporaryDirectory() as folder:
            before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
            onnx.save(model, before)
            quantize_static(
                before,
                after,
                Reader(),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=True,  # 7 bits for the weights: sums of 8 overflow on processors without VNNI
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=list(_QUANTISED),
                nodes_to_quantize=_inside(model),
            )
            return onnx.load(after)
    finally:
        logging.root.setLevel(level)


def _inside(model: Any) -> list[str]:
    """The names of the nodes of the network itself."""
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"node_{number}"
    return [node.name for node in model.graph.node if node.op_type in _QUANTISED and _SCOPE in _scopes(node)]


def _scopes(node: Any) -> str:
    return next((entry.value for entry in node.metadata_props if entry.key == "pkg.torch.onnx.name_scopes"), "")
