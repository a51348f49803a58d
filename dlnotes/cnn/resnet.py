"""ResNet-18, -34 and -50, and the plain and residual stacks of the same paper (He et al. 2016).

Differs from the paper, as torchvision's does:
    a downsampling bottleneck strides in its 3 × 3, not in its first 1 × 1 convolution.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import check_at_least, check_positive
from dlnotes.cnn.parts import check_images, he_initialisation

# ---- blocks ------------------------------------------------------------------------------------


class BasicBlock(nn.Module):
    """Two 3 × 3 convolutions and a skip around them: relu(x + F(x)) (He et al. 2016, Figure 2).

    Args:
        in_channels: channels of the input.
        channels: channels of the output.
        stride: stride of the first convolution.
        downsample: brings the input to the shape of the output; None is the identity.
        residual: False leaves the skip out, which makes a plain network.
    """

    expansion = 1  # channels of the output, in units of ``channels``

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        stride: int = 1,
        downsample: nn.Module | None = None,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = downsample or nn.Identity()
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.downsample(x) if self.residual else y)


class Bottleneck(nn.Module):
    """1 × 1 down, 3 × 3, 1 × 1 up to four times the channels, and a skip (Figure 5, right).

    Args:
        in_channels: channels of the input.
        channels: channels of the 3 × 3 convolution; the output has four times as many.
        stride: stride of the 3 × 3 convolution.
        downsample: brings the input to the shape of the output; None is the identity.
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        stride: int = 1,
        downsample: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.downsample = downsample or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x))


def residual_stage(
    block: type[BasicBlock] | type[Bottleneck],
    in_channels: int,
    channels: int,
    *,
    blocks: int,
    stride: int,
) -> nn.Sequential:
    """Return ``blocks`` blocks of one width in a row, the first with ``stride``.

    Where that changes the shape, its skip is a projection: a 1 × 1 convolution (option B of §3.3).
    """
    check_positive(in_channels=in_channels, channels=channels, blocks=blocks, stride=stride)
    out_channels, downsample = channels * block.expansion, None
    if stride != 1 or in_channels != out_channels:
        downsample = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
            nn.BatchNorm2d(out_channels),
        )
    first = block(in_channels, channels, stride=stride, downsample=downsample)
    return nn.Sequential(first, *(block(out_channels, channels) for _ in range(blocks - 1)))


# ---- the networks for ImageNet -----------------------------------------------------------------


class ResNet(nn.Module):
    """A residual network for ImageNet (He et al. 2016, Table 1).

    Args:
        block: ``BasicBlock`` or ``Bottleneck``.
        blocks: how many of them in each of the four stages.
        num_classes: number of logits.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        blocks: tuple[int, int, int, int],
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        check_positive(num_classes=num_classes)
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        wide = block.expansion
        self.layer1 = residual_stage(block, 64, 64, blocks=blocks[0], stride=1)
        self.layer2 = residual_stage(block, 64 * wide, 128, blocks=blocks[1], stride=2)
        self.layer3 = residual_stage(block, 128 * wide, 256, blocks=blocks[2], stride=2)
        self.layer4 = residual_stage(block, 256 * wide, 512, blocks=blocks[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512 * wide, num_classes)
        he_initialisation(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes), for colour images (N, 3, H, W) of any size."""
        check_images(x, 3, smallest=1)
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


class ResNet18(ResNet):
    """ResNet-18, 11,689,512 parameters; compatible with ``torchvision.models.resnet18``."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__(BasicBlock, (2, 2, 2, 2), num_classes)


class ResNet34(ResNet):
    """ResNet-34, 21,797,672 parameters; compatible with ``torchvision.models.resnet34``."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__(BasicBlock, (3, 4, 6, 3), num_classes)


class ResNet50(ResNet):
    """ResNet-50, 25,557,032 parameters; compatible with ``torchvision.models.resnet50``."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__(Bottleneck, (3, 4, 6, 3), num_classes)


# ---- the degradation experiment ----------------------------------------------------------------


class PaddingShortcut(nn.Module):
    """Take every other pixel and add channels of zeros: a skip without parameters (option A)."""

    def __init__(self, new_channels: int) -> None:
        super().__init__()
        self.new_channels = new_channels

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.new_channels))


def plain_or_residual(
    depth: int, *, residual: bool, width: int = 16, num_classes: int = 10
) -> nn.Sequential:
    """Return the network of the degradation experiment (He et al. 2016, §4.2), for grey images.

    Three stages of as many blocks each, the second and third at half the resolution and twice the
    width of the one before. With and without skips it has the same parameters.

    Args:
        depth: layers with weights, 6n + 2: 8, 14, 20, 32, 44, 56, ...
        residual: with the skips.
        width: channels of the first stage.
        num_classes: number of logits.

    Returns:
        A network from images (N, 1, H, W) to logits (N, num_classes).
    """
    check_positive(width=width, num_classes=num_classes)
    check_at_least(8, depth=depth)
    if depth % 6 != 2:
        raise ValueError(f"depth must be 6n + 2 (8, 14, 20, ...), got {depth}")

    layers = [nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    before = width
    for channels in (width, 2 * width, 4 * width):
        for _ in range(depth // 6):
            new = channels - before  # 0, but for the first block of the second and third stage
            skip, stride = (PaddingShortcut(new), 2) if new else (None, 1)
            layers.append(
                BasicBlock(before, channels, stride=stride, downsample=skip, residual=residual)
            )
            before = channels
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, num_classes)]
    model = nn.Sequential(*layers, *head)
    he_initialisation(model)
    return model
