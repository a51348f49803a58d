"""VGG-16 (Simonyan & Zisserman 2015)."""

from collections.abc import Iterable

from torch import Tensor, nn

from dlnotes.checks import check_positive
from dlnotes.cnn.alexnet import conv_relu
from dlnotes.cnn.sizes import VGG16_PLAN, check_images


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
        _he_initialisation(self)
        for layer in self.classifier:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes), for colour images (N, 3, H, W), H and W ≥ 32."""
        check_images(x, 3, smallest=32)
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _he_initialisation(model: nn.Module) -> None:
    """Draw each kernel with variance 2 / fan-out (He et al. 2015): keeps the gradients' scale."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
