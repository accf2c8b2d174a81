"""Which `_target_` a configuration may name: if it could name any importable callable, a YAML file could run any code.

Hydra's own block list is no boundary (`torch.load` passes it), so this is a list of what is allowed, by full name. It
is applied to resolved values and to the place where a name is defined: `seglab.training.build.torch.load` is
`torch.load`.
"""

import os
import re
import sys

from seglab.config.definitions import public_names
from seglab.config.signatures import Definition
from seglab.errors import did_you_mean

_CLASSES_OF = (
    "torch.nn",
    "torch.optim",
    "torch.optim.lr_scheduler",
    "segmentation_models_pytorch",
    "albumentations",
    "lightning",
    "lightning.pytorch",
    "lightning.pytorch.callbacks",
    "lightning.pytorch.loggers",
    "lightning.pytorch.plugins",
    "lightning.pytorch.profilers",
    "lightning.pytorch.strategies",
)
_CAMEL_CASE = re.compile(r"[A-Z][A-Za-z0-9]*")
VARIABLE = "SEGLAB_ALLOW"


def refusal(target: str, definition: Definition | None) -> str | None:
    """Why a configuration may not name `target`, whose static definition is given; None if it may."""
    own = allowed_by_user()
    package, _, name = target.rpartition(".")
    if target in own or (definition is not None and _allowed(package, name, definition)):
        return None
    if definition is None and (package in _CLASSES_OF or package.split(".")[0] == "seglab"):
        return f"{package} has no class or function {name!r}{did_you_mean(name, public_names(package))}"
    top = target.split(".")[0]
    if top in sys.stdlib_module_names or any(top == library.split(".")[0] for library in _CLASSES_OF):
        return f"a configuration may not name {target}; of libraries it may name classes of {', '.join(_CLASSES_OF)}"
    if definition is None:
        return f"there is no class or function {target} - is its folder on PYTHONPATH, and the name spelled in full?"
    line = f'export {VARIABLE}="{",".join([*own, target])}"'
    return f"{target} is not part of seglab; if you trust it, allow it by its full name: {line}"


def allowed_by_user() -> tuple[str, ...]:
    """The full names in the environment variable SEGLAB_ALLOW."""
    return tuple(name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip())


def _allowed(package: str, name: str, definition: Definition) -> bool:
    if definition.module == "seglab" or definition.module.startswith("seglab."):
        return not name.startswith("_")
    if definition.module.split(".")[0] != package.split(".")[0]:
        return False  # imported into a library's module, not one of its own
    if package == "torchvision.models.segmentation":
        return definition.module.startswith(package)
    if package in ("lightning", "lightning.pytorch"):
        return name == "Trainer"
    return package in _CLASSES_OF and definition.kind == "class" and _CAMEL_CASE.fullmatch(name) is not None
