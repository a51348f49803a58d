"""The five networks cut down to grey images of 28 × 28 pixels, as the chapter trains them."""

from torch import Tensor, nn

from dlnotes.checks import check_choice, check_positive, check_shape
from dlnotes.cnn.googlenet import ConvNormReLU, Inception
from dlnotes.cnn.lenet import LeNet5
from dlnotes.cnn.parts import conv_relu, he_initialisation
from dlnotes.cnn.resnet import BasicBlock, residual_stage
from dlnotes.cnn.vgg import vgg_features


class GreyImages(nn.Module):
    """Pass images of one shape on unchanged, and name what is wrong with others."""

    def forward(self, x: Tensor) -> Tensor:
        check_shape("x", x, "N", 1, 28, 28)
        return x


def scaled(name: str, num_classes: int = 10) -> nn.Module:
    """Return one of the chapter's networks, cut down to grey images of 28 × 28 pixels.

    Each keeps the idea of its original and is built of the same parts, with fewer and narrower
    layers, so that all can be trained side by side under one budget:

        "lenet5"     61,706 parameters    416,520 multiply-adds, the original
        "alexnet"    90,442 parameters  2,181,504 multiply-adds
        "vgg"       135,370 parameters  3,800,576 multiply-adds
        "googlenet"  99,338 parameters  2,699,488 multiply-adds
        "resnet"     78,010 parameters  2,602,176 multiply-adds

    Args:
        name: one of these.
        num_classes: number of logits; the table is for 10.

    Returns:
        A network from images (N, 1, 28, 28) to logits (N, num_classes).
    """
    builders = {
        "lenet5": LeNet5,
        "alexnet": _small_alexnet,
        "vgg": _small_vgg,
        "googlenet": _small_googlenet,
        "resnet": _small_resnet,
    }
    check_choice(builders, name=name)
    check_positive(num_classes=num_classes)

    return builders[name](num_classes)


def _small_alexnet(num_classes: int) -> nn.Sequential:
    return nn.Sequential(
        GreyImages(),
        *conv_relu(1, 32, 5, stride=2, padding=2),  # 14 × 14
        nn.MaxPool2d(3, stride=2),  # 6 × 6
        *conv_relu(32, 64, 3, padding=1),
        *conv_relu(64, 64, 3, padding=1),
        nn.MaxPool2d(3, stride=2),  # 2 × 2
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(64 * 2 * 2, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, num_classes),
    )


def _small_vgg(num_classes: int) -> nn.Sequential:
    model = nn.Sequential(
        GreyImages(),
        *vgg_features((16, "pool", 32, "pool", 64, 64, "pool"), in_channels=1),  # 3 × 3
        nn.Flatten(),
        nn.Linear(64 * 3 * 3, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, num_classes),
    )
    he_initialisation(model)
    return model


def _small_googlenet(num_classes: int) -> nn.Sequential:
    return nn.Sequential(
        GreyImages(),
        ConvNormReLU(1, 32, 5, stride=2),  # 14 × 14
        nn.MaxPool2d(3, stride=2, padding=1),  # 7 × 7
        Inception(32, 16, (16, 32), (8, 16), 16),
        Inception(80, 32, (32, 48), (8, 24), 24),
        nn.MaxPool2d(3, stride=2, padding=1),  # 4 × 4
        Inception(128, 48, (48, 96), (16, 32), 32),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(208, num_classes),
    )


def _small_resnet(num_classes: int) -> nn.Sequential:
    model = nn.Sequential(
        GreyImages(),
        nn.Conv2d(1, 16, 5, stride=2, padding=2, bias=False),  # 14 × 14
        nn.BatchNorm2d(16),
        nn.ReLU(),
        residual_stage(BasicBlock, 16, 16, blocks=1, stride=1),
        residual_stage(BasicBlock, 16, 32, blocks=1, stride=2),  # 7 × 7
        residual_stage(BasicBlock, 32, 64, blocks=1, stride=2),  # 4 × 4
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, num_classes),
    )
    he_initialisation(model)
    return model
