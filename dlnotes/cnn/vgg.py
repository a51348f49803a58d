"""VGG-16 (Simonyan & Zisserman 2015).

Differs from the paper, as torchvision's does:
    kernels start with He's variance; the paper started from the weights of a shallower network.
"""

from collections.abc import Iterable

from torch import Tensor, nn

from dlnotes.checks import check_positive
from dlnotes.cnn.parts import check_images, conv_relu, he_initialisation

VGG16_PLAN = (64, 64, "pool", 128, 128, "pool", *(256,) * 3, "pool", *((512,) * 3 + ("pool",)) * 2)


def vgg_features(plan: Iterable, in_channels: int = 3) -> nn.Sequential:
    """Return VGG's convolutional part: all kernels 3 × 3, all poolings 2 × 2.

    Args:
        plan: from input to output, the channels of a convolution with ReLU, or "pool".
        in_channels: channels of the images.
    """
    layers: list[nn.Module] = []
    for entry in plan:
        if entry == "pool":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += conv_relu(in_channels, entry, 3, padding=1)
            in_channels = entry
    return nn.Sequential(*layers)


class VGG16(nn.Module):
    """VGG-16 (Simonyan & Zisserman 2015, configuration D), 138,357,544 parameters.

    Compatible with ``torchvision.models.vgg16``.

    Args:
        num_classes: number of logits.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        check_positive(num_classes=num_classes)
        self.features = vgg_features(VGG16_PLAN)
        self.avgpool = nn.AdaptiveAvgPool2d(7)  # does nothing at 224 × 224
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, num_classes),
        )
        he_initialisation(self)
        for layer in self.classifier:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes), for colour images (N, 3, H, W), H and W ≥ 32."""
        check_images(x, 3, smallest=32)
        return self.classifier(self.avgpool(self.features(x)).flatten(1))
