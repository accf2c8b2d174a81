"""Names of seglab's classes that hold for good: what a run is called by must not change when a class moves.

A fingerprint knows a class of seglab by its own name. Those that had a place in fingerprints before this rule keep the
full name that they had then, which is no more than a word by now: nothing has to lie there.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from seglab import PACKAGE

# Frozen: a class that came later is "seglab.NAME", whatever file it lives in. Never add to this table.
_FIRST_HOMES = {
    "seglab.module": ("SegmentationModule",),
    "seglab.schedule": ("Constant", "Cosine", "Plateau", "Poly"),
    "seglab.losses": ("Boundary", "Compound", "CrossEntropy", "Dice", "Focal", "Jaccard", "Lovasz", "MseRgb", "Ohem",
                      "Tversky", "mixture"),
    "seglab.metrics.channels": ("by_strongest_channel",),
    "seglab.models.attention": ("AttentionGate", "Cbam", "SelfAttention"),
    "seglab.models.context": ("Aspp", "Ppm"),
    "seglab.models.fcn": ("FCN",),
    "seglab.models.modern_unet": ("ModernUNet",),
    "seglab.models.monte_carlo_dropout": ("MonteCarloDropout",),
    "seglab.models.segnet": ("SegNet",),
    "seglab.models.segnet_basic": ("FCNBasic", "SegNetBasic"),
    "seglab.models.torchvision_model": ("TorchvisionModel",),
    "seglab.models.unet": ("UNet",),
    "seglab.models.unet_original": ("OriginalUNet",),
    "seglab.data.module": ("DataModule",),
    "seglab.data.transforms": ("Augmentation",),
    "seglab.data.bdd": ("BDD100K",),
    "seglab.data.camvid": ("CamVid",),
    "seglab.data.cityscapes": ("Cityscapes",),
    "seglab.data.folder": ("Folder",),
    "seglab.data.gta5": ("GTA5",),
    "seglab.data.image_pairs": ("ImagePairs",),
    "seglab.data.kitti": ("KITTI",),
    "seglab.data.synthetic": ("write_scenes",),
    "seglab.callbacks.checkpoint": ("BestCheckpoint", "LastCheckpoint"),
    "seglab.callbacks.freeze": ("FreezeEncoder",),
    "seglab.callbacks.guard": ("NonFiniteGuard",),
    "seglab.callbacks.initial_loss": ("InitialLoss",),
    "seglab.callbacks.pictures": ("Pictures",),
    "seglab.callbacks.progress": ("QuietProgress",),
}  # fmt: skip
_FIRST_NAMES = {name: f"{home}.{name}" for home, names in _FIRST_HOMES.items() for name in names}


def lasting_name(target: str) -> str:
    """What a fingerprint calls the class `target`: of seglab's own the same wherever they live, others in full."""
    if not target.startswith("seglab."):
        return target
    name = target.rpartition(".")[2]
    return _FIRST_NAMES.get(name, f"seglab.{name}")


def dataset_name(data: Mapping[str, Any]) -> str:
    """'camvid' for data read by CamVid, 'synthetic' for what `write_scenes` draws; of a reader elsewhere its module.

    Scenes in a weather of their own are another data set: 'synthetic_rain'.
    Scenes with unknown things in them as well: 'synthetic_unknown'. So do photographs into which these are drawn,
    'camvid_unknown', 'camvid_unknown_2' with other things than those of seed 1.

    Args:
        data: the group `data` of a resolved configuration.
    """
    made = data.get("prepare") or data["source"]
    if "source" in made:  # into whose images something is drawn
        return f"{dataset_name(made)}_unknown" + (f"_{made['seed']}" if made["seed"] != 1 else "")
    module, _, own = lasting_name(made["_target_"]).rpartition(".")
    name = own.lower() if module == "seglab" else module.rpartition(".")[2]
    beside = [made["weather"]] if made.get("weather") else []
    beside += ["unknown"] if data.get("prepare") and made.get("unknown") else []
    return "_".join([name, *beside])


def present_name(target: str) -> str:
    """Where the class of seglab that a stored configuration calls `target` lives today; others as they are."""
    module, _, name = target.rpartition(".")
    if not target.startswith("seglab.") or _mentions(module, name):
        return target
    homes = _homes().get(name, ())
    return f"{homes[0]}.{name}" if len(homes) == 1 else target


def renamed(node: Any) -> Any:
    """A configuration in plain values with every `_target_` at its present name."""
    if isinstance(node, Mapping):
        return {
            key: present_name(value) if key == "_target_" and isinstance(value, str) else renamed(value)
            for key, value in node.items()
        }
    return [renamed(value) for value in node] if isinstance(node, list) else node


@cache
def _mentions(module: str, name: str) -> bool:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    sources = [source for source in (path / "__init__.py", path.with_suffix(".py")) if source.is_file()]
    return any(re.search(rf"\b{re.escape(name)}\b", source.read_text(encoding="utf-8")) for source in sources)


@cache
def _homes() -> dict[str, list[str]]:
    """{name: modules that define it} of all public classes and functions."""
    homes: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(("seglab", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        for name in re.findall(r"^(?:class|def) ([A-Za-z]\w*)", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            homes.setdefault(name, []).append(module)
    return homes
