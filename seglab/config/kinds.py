"""What each group of a configuration is for; it builds nothing else: losses in `loss`, callbacks in `callbacks`.

A public function of seglab or of a library that is none of these may do anything, run a command among it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from seglab.config.signatures import Definition

_FUNCTIONS_OF = ("seglab", "torchvision")  # that return what they build; a library's others may load files


@dataclass(frozen=True)
class Kind:
    """Things that a group may build: what descends from a base, has a method, or is named, in one of the packages."""

    meaning: str  # in a message: 'expected ...'
    packages: tuple[str, ...]  # seglab's, and NAME.*, with all that is below them; a library's as they are written
    bases: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()  # where seglab asks for no base class
    named: frozenset[str] = frozenset()

    def holds(self, target: str, definition: Definition) -> bool:
        """Whether `target`, which stands for `definition`, is of this kind."""
        package, _, name = target.rpartition(".")
        if name.startswith("_") or definition.name.startswith("_"):
            return False
        is_ours = package.split(".")[0] == definition.module.split(".")[0] == "seglab"
        if is_ours and definition.kind == "class" and self.bases & definition.lineage:
            return True  # wherever it has moved
        if not self._is_from(package, definition.module):
            return False
        if definition.kind == "function" and package.split(".")[0] not in _FUNCTIONS_OF:
            return False
        fitting = (self.bases & definition.lineage) | (self.methods & definition.methods)
        return bool(fitting) or definition.defined_in in self.named

    def _is_from(self, package: str, module: str) -> bool:
        """Whether a name in `package`, which `module` defines, is from here: what a package imports is not its own."""
        if module.split(".")[0] != package.split(".")[0]:
            return False
        if package.split(".")[0] == "seglab":
            return any(f"{module}.".startswith(f"{ours}.") for ours in self.packages)
        return any(_is_in(package, written) for written in self.packages)


def _is_in(package: str, written: str) -> bool:
    above = written.removesuffix(".*")
    return package == above or (above != written and package.startswith(f"{above}."))


_MODULE = frozenset({"torch.nn.modules.module.Module"})
_TRANSFORM = Kind(
    "a transform of albumentations",
    ("albumentations", "seglab.data.transforms"),
    bases=frozenset(
        {"albumentations.core.transforms_interface.BasicTransform", "albumentations.core.composition.BaseCompose"}
    ),
    named=frozenset({"seglab.data.transforms.Augmentation"}),
)

KINDS: Mapping[str, tuple[Kind, ...]] = MappingProxyType(
    {
        "data": (
            Kind(
                "a reader of seglab.data",
                ("seglab.data",),
                methods=frozenset({"read"}),  # see seglab.data.source.Source
                named=frozenset({"seglab.data.module.DataModule", "seglab.data.synthetic.write_scenes"}),
            ),
            _TRANSFORM,
        ),
        "augment": (_TRANSFORM,),
        "sampling": (
            Kind(
                "a sampling of seglab.data",
                ("seglab.data.rare_classes",),
                named=frozenset({"seglab.data.rare_classes.RareClasses"}),
            ),
        ),
        "mix": (Kind("a Mixing of seglab.data", ("seglab.data",), bases=frozenset({"seglab.data.mixing.Mixing"})),),
        "model": (
            Kind(
                "a torch.nn.Module of seglab.models, segmentation_models_pytorch, torchvision or torch.nn",
                ("seglab.models", "segmentation_models_pytorch", "torchvision.models.segmentation", "torch.nn"),
                bases=_MODULE,
            ),
            # Classes alone: of timm's functions some fetch what their arguments name, as create_model does; and of
            # what transformers builds, that which takes its whole description from a configuration object, which
            # seglab's function makes of plain values.
            Kind("a class of a network in timm.models", ("timm.models.*",), bases=_MODULE),
            Kind(
                "a PreTrainedModel of transformers",
                ("transformers", "transformers.models.*", "seglab.models.transformers_library"),
                bases=frozenset({"transformers.modeling_utils.PreTrainedModel"}),
                named=frozenset({"seglab.models.transformers_library.configuration"}),
            ),
        ),
        "activation": (Kind("a torch.nn.Module of torch.nn", ("torch.nn", "seglab.models"), bases=_MODULE),),
        "loss": (Kind("a torch.nn.Module of seglab.losses or torch.nn", ("seglab.losses", "torch.nn"), bases=_MODULE),),
        "adapt": (
            Kind(
                "an Adaptation of seglab.training",
                ("seglab.training",),
                bases=frozenset({"seglab.training.adaptation.Adaptation"}),
            ),
        ),
        "optimizer": (
            Kind("an Optimizer of torch.optim", ("torch.optim",), bases=frozenset({"torch.optim.optimizer.Optimizer"})),
        ),
        "scheduler": (
            Kind("a schedule of seglab.training", ("seglab.training.schedule",), methods=frozenset({"__call__"})),
            Kind(
                "an LRScheduler of torch.optim.lr_scheduler",
                ("torch.optim.lr_scheduler",),
                bases=frozenset({"torch.optim.lr_scheduler.LRScheduler"}),
            ),
        ),
        "trainer": (
            Kind(
                "lightning.Trainer",
                ("lightning", "lightning.pytorch"),
                named=frozenset({"lightning.pytorch.trainer.trainer.Trainer"}),
            ),
            Kind(
                "a strategy, profiler or plugin of lightning.pytorch",
                ("lightning.pytorch.strategies", "lightning.pytorch.profilers", "lightning.pytorch.plugins"),
                bases=frozenset(
                    {
                        "lightning.fabric.plugins.environments.cluster_environment.ClusterEnvironment",
                        "lightning.fabric.plugins.io.checkpoint_io.CheckpointIO",
                        "lightning.pytorch.plugins.layer_sync.LayerSync",
                        "lightning.pytorch.plugins.precision.precision.Precision",
                        "lightning.pytorch.profilers.profiler.Profiler",
                        "lightning.pytorch.strategies.strategy.Strategy",
                    }
                ),
            ),
        ),
        "callbacks": (
            Kind(
                "a Callback of seglab.callbacks or lightning.pytorch.callbacks",
                ("seglab.callbacks", "lightning.pytorch.callbacks"),
                bases=frozenset({"lightning.pytorch.callbacks.callback.Callback"}),
            ),
        ),
        "logger": (
            Kind(
                "a Logger of seglab.loggers or lightning.pytorch.loggers",
                ("seglab.loggers", "lightning.pytorch.loggers"),
                bases=frozenset({"lightning.pytorch.loggers.logger.Logger"}),
            ),
        ),
        "ood": (
            Kind(
                "a detector of seglab.inference.ood",
                ("seglab.inference.ood",),
                bases=frozenset({"seglab.inference.ood.contract.Detector"}),
                named=frozenset({"seglab.inference.ood.image.ImageLevel", "seglab.inference.ood.several.Several"}),
            ),
        ),
        "module": (
            Kind(
                "seglab.training.module.SegmentationModule",
                ("seglab.training",),
                named=frozenset({"seglab.training.module.SegmentationModule"}),
            ),
        ),
    }
)
