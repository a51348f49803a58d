"""AlexNet (Krizhevsky, Sutskever & Hinton 2012).

Differs from the paper, as torchvision's does (after Krizhevsky 2014, arXiv:1404.5997):
    one group of channels instead of two GPUs' halves, no local response normalisation, and 64, 192,
    384, 256, 256 filters where the paper has 96, 256, 384, 384, 256.
"""

from torch import Tensor, nn

from dlnotes.checks import check_positive
from dlnotes.cnn.parts import check_images, conv_relu


class AlexNet(nn.Module):
    """AlexNet (Krizhevsky et al. 2012) in the variant of Krizhevsky (2014), 61,100,840 parameters.

    Compatible with ``torchvision.models.alexnet``.

    Args:
        num_classes: number of logits.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        check_positive(num_classes=num_classes)
        self.features = nn.Sequential(
            *conv_relu(3, 64, 11, stride=4, padding=2),
            nn.MaxPool2d(3, stride=2),  # windows overlap (§3.4)
            *conv_relu(64, 192, 5, padding=2),
            nn.MaxPool2d(3, stride=2),
            *conv_relu(192, 384, 3, padding=1),
            *conv_relu(384, 256, 3, padding=1),
            *conv_relu(256, 256, 3, padding=1),
            nn.MaxPool2d(3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)  # does nothing at 224 × 224
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes), for colour images (N, 3, H, W), H and W ≥ 63."""
        check_images(x, 3, smallest=63)
        return self.classifier(self.avgpool(self.features(x)).flatten(1))
