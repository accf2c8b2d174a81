"""Label maps by the network beside this file: python infer.py IMAGE... (needs onnxruntime, numpy and Pillow alone)."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession(str(Path(__file__).with_name("model.onnx")), providers=["CPUExecutionProvider"])
about = json.loads(session.get_modelmeta().custom_metadata_map["seglab"])
palette = [part for color in about["colors"] for part in color]


def label_map(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W) of class ids, in the order of about["classes"], of an RGB image uint8 (H, W, 3)."""
    batch = image[None] if about["input"]["layout"] == "nhwc" else image.transpose(2, 0, 1)[None]
    return session.run(["labels"], {"image": np.ascontiguousarray(batch)})[0][0]


for name in sys.argv[1:]:
    labels = label_map(np.asarray(Image.open(name).convert("RGB")))
    picture = Image.fromarray(labels)
    picture.putpalette(palette)  # the pixels stay class ids, viewers show the colours of the classes
    path = Path(name).with_name(f"{Path(name).stem}_labels.png")
    picture.save(path)
    shares = np.bincount(labels.ravel(), minlength=len(about["classes"])) / labels.size
    most = sorted(zip(shares, about["classes"], strict=False), reverse=True)[:3]
    print(path, ", ".join(f"{title} {100 * share:.0f} %" for share, title in most))
