"""Label maps by the network beside this file: python infer.py IMAGE... (needs onnxruntime, numpy and Pillow alone)."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession(str(Path(__file__).with_name("model.onnx")), providers=["CPUExecutionProvider"])
about = json.loads(session.get_modelmeta().custom_metadata_map["seglab"])


def label_map(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W) of class ids, in the order of about["classes"], of an RGB image uint8 (H, W, 3)."""
    batch = image[None] if about["input"]["layout"] == "nhwc" else image.transpose(2, 0, 1)[None]
    return session.run(["labels"], {"image": np.ascontiguousarray(batch)})[0][0]


def write(name: str) -> None:
    path = Path(name).with_name(f"{Path(name).stem}_labels.png")
    with Image.open(name) as picture:
        if picture.mode[0] in "IF":  # which Pillow would cut off above 255
            raise ValueError(f"expected 8 bits a channel; came more ({picture.mode})")
        labels = label_map(np.asarray(picture.convert("RGB")))
    result = Image.fromarray(labels)  # the pixels stay class ids, viewers show the colours of the classes
    result.putpalette([part for color in about["colors"] for part in color])
    with path.open("xb") as file:  # never over another file
        result.save(file, "PNG")
    print(path)


failed = []
for image_name in sys.argv[1:]:
    try:
        write(image_name)
    except Exception as error:  # the other images are done
        failed.append(f"{image_name}: {error}")
sys.exit("\n".join(failed) or (None if sys.argv[1:] else "usage: python infer.py IMAGE..."))
