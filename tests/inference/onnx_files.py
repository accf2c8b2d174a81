"""ONNX files as the export writes them, of a network that a test can follow: the class is the red value."""

import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper

ABOUT = {
    "input": {"layout": "nhwc", "size": None, "seen_at": [4, 6], "channels": 3},
    "outputs": ["labels", "logits"], "has_other_outputs": False, "precision": "fp32",
    "labels": {"name": "mine", "names": ["a", "b"], "colors": None,
               "ignore_values": [255], "mapping": {0: "a", 7: "b"}},
    "data": {"_target_": "seglab.data.module.DataModule", "root": None, "labels": "camvid_11"},
    "checkpoint": {"checkpoint": "best", "epoch": 3, "step": 40},
}  # fmt: skip


def write(path: Path, *, logits: bool = True, text: str | None = None, **changes) -> Path:
    """An ONNX file at `path` whose label map is the red channel, and whose logits of two classes are 1 and 0.

    Args:
        text: of its metadata; None for ABOUT with `changes`.
    """
    nodes = [
        helper.make_node("Slice", ["image", "zero", "one", "axis"], ["red"]),
        helper.make_node("Squeeze", ["red", "axis"], ["labels"]),
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node("Slice", ["first", "zero", "two", "one"], ["two_channels"]),
        helper.make_node("Mul", ["two_channels", "nothing"], ["none"]),
        helper.make_node("Add", ["none", "scores"], ["logits"]),
    ]
    whole = [
        helper.make_tensor(name, TensorProto.INT64, [1], [value])
        for name, value in (("zero", 0), ("one", 1), ("two", 2), ("axis", 3))
    ]
    numbers = [
        helper.make_tensor("nothing", TensorProto.FLOAT, [1], [0.0]),
        helper.make_tensor("scores", TensorProto.FLOAT, [1, 2, 1, 1], [1.0, 0.0]),
    ]
    shape = ["batch", "height", "width"]
    outputs = [helper.make_tensor_value_info("labels", TensorProto.UINT8, shape)]
    if logits:
        outputs.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2, "height", "width"]))
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [*shape, 3])
    graph = helper.make_graph(nodes, "red", [image], outputs, [*whole, *numbers])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    about = {**ABOUT, "outputs": ["labels", "logits"] if logits else ["labels"], **changes}
    helper.set_model_props(model, {"seglab": json.dumps(about) if text is None else text})
    onnx.save(model, path)
    return path
