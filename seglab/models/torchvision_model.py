"""torchvision's FCN, DeepLabV3 and LR-ASPP, which answer with a dict of maps, by the contract of seglab's networks."""

import logging
from typing import Literal

from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights
from torchvision.models.segmentation import FCN, DeepLabV3
from torchvision.models.segmentation.lraspp import LRASPP

from seglab.errors import SeglabError, did_you_mean
from seglab.models import pretrained
from seglab.models.auxiliary import WithAuxiliary

log = logging.getLogger("seglab")

_Architecture = Literal[
    "fcn_resnet50",
    "fcn_resnet101",
    "deeplabv3_resnet50",
    "deeplabv3_resnet101",
    "deeplabv3_mobilenet_v3_large",
    "lraspp_mobilenet_v3_large",
]


class TorchvisionModel(nn.Module):
    """Logits (B, K, H/8, W/8) of a torchvision segmentation network for an image (B, 3, H, W).

    DeepLabV3 on MobileNetV3 gives (B, K, H/16, W/16).

    Args:
        auxiliary: in training FCN and DeepLabV3 return the logits of a second head as well, on the stage before the
            encoder's last; torchvision's training adds half of its loss. Without it its weights in a file are left out.
        architecture: the name of torchvision's function.
        weights: of the whole network, such as COCO_WITH_VOC_LABELS_V1: COCO images, the 21 labels of Pascal VOC. With
            another number of classes the last convolutions start at random, which a log line says.
        encoder_weights: of the backbone alone, such as IMAGENET1K_V1.

    Raises:
        SeglabError: there are no such weights, they cannot be had, or both kinds are asked for; or LR-ASPP is to have
            an auxiliary head.
    """

    def __init__(
        self,
        *,
        architecture: _Architecture,
        weights: str | None,
        encoder_weights: str | None,
        classes: int,
        in_channels: int = 3,
        auxiliary: bool = False,
    ) -> None:
        super().__init__()
        if in_channels != 3:
            raise SeglabError(f"model.in_channels: expected 3, as torchvision's networks are; came {in_channels}")
        if weights and encoder_weights:
            raise SeglabError(
                f"model.weights={weights} brings its own encoder; came model.encoder_weights={encoder_weights} as "
                "well - set one of them to null"
            )
        if auxiliary and architecture.startswith("lraspp"):
            raise SeglabError(f"model.auxiliary: expected false for {architecture}, which has no such head; came true")
        # without these Nones torchvision would download ImageNet's weights for the backbone
        asked = {"aux_loss": True} if auxiliary else {}
        network = get_model(architecture, weights=None, weights_backbone=None, num_classes=classes, **asked)
        assert isinstance(network, FCN | DeepLabV3 | LRASPP)
        self.backbone: nn.Module = network.backbone
        self.classifier: nn.Module = network.classifier
        self.aux_classifier: nn.Module | None = network.aux_classifier if auxiliary else None
        self._takes_all_features = isinstance(network, LRASPP)
        if weights:
            self._load_whole(_weights_url(architecture, weights, key="weights"), weights)
        if encoder_weights:
            backbone = architecture.partition("_")[2]
            self._load_backbone(_weights_url(backbone, encoder_weights, key="encoder_weights"), encoder_weights)

    def forward(self, image: Tensor) -> Tensor | WithAuxiliary:
        # {"out": (B, C, h, w)}, "aux" beside it where that head is there; LR-ASPP: "low" at H/8, "high" at H/16
        features = self.backbone(image)
        logits: Tensor = self.classifier(features if self._takes_all_features else features["out"])
        if self.training and self.aux_classifier is not None:
            return WithAuxiliary(logits, {"aux": self.aux_classifier(features["aux"])})
        return logits

    def _load_whole(self, url: str, weights: str) -> None:
        loaded = pretrained.state_dict(url)
        own = self.state_dict()
        kept = {name: value for name, value in loaded.items() if name in own and own[name].shape == value.shape}
        new = [name for name in own if name not in kept]
        _check_complete(
            [name for name in new if not name.startswith(("classifier.", "aux_classifier."))], weights=weights, url=url
        )
        self.load_state_dict(kept, strict=False)
        head = "the head is theirs, with the 21 classes of Pascal VOC"
        if new:
            head = f"{', '.join(new)} start at random: they are for 21 classes"
        log.info("weights %s: %d tensors loaded; %s", weights, len(kept), head)

    def _load_backbone(self, url: str, weights: str) -> None:
        loaded = pretrained.state_dict(url)
        features = {name.removeprefix("features."): value for name, value in loaded.items()}
        own = self.backbone.state_dict()
        _check_complete([name for name in own if name not in features], weights=weights, url=url)
        self.backbone.load_state_dict({name: features[name] for name in own})  # not the classifier of whole images
        log.info("encoder weights %s: %d tensors loaded", weights, len(own))


def _check_complete(absent: list[str], *, weights: str, url: str) -> None:
    if absent:
        raise SeglabError(
            f"expected the weights {weights} in {url}; came a file without {absent[0]} - is it another network's?"
        )


def _weights_url(builder: str, name: str, *, key: str) -> str:
    available = get_model_weights(builder)
    if name not in available.__members__:
        names = [member.name for member in available]
        raise SeglabError(
            f"model.{key}: expected {', '.join(names)} or null for {builder}; came {name!r}{did_you_mean(name, names)}"
        )
    url: str = available[name].url
    return url
