"""GoogLeNet (Szegedy et al. 2015).

Differs from the paper, as torchvision's does:
    batch normalisation, which came a year later, and 3 × 3 kernels in the "5 × 5" branch.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import check_positive
from dlnotes.cnn.parts import check_images


class ConvNormReLU(nn.Module):
    """Convolution without bias, batch normalisation, ReLU: GoogLeNet's unit.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel: size of the square kernel; padded so that stride 1 keeps height and width.
        stride: stride of the convolution.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, bias=False
        )
        self.bn = nn.BatchNorm2d(out_channels, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Four views of the same input, stacked as channels (Szegedy et al. 2015, Figure 2b).

    A 1 × 1 convolution first makes the channels few, so that the larger kernels are cheap.

    Args:
        in_channels: channels of the input.
        one: channels of the 1 × 1 branch.
        three: channels of the 3 × 3 branch: (after the 1 × 1, after the 3 × 3).
        five: the same for the 5 × 5 branch.
        pool: channels of the 1 × 1 convolution after the max pooling.
    """

    def __init__(
        self, in_channels: int, one: int, three: tuple[int, int], five: tuple[int, int], pool: int
    ) -> None:
        super().__init__()
        self.branch1 = ConvNormReLU(in_channels, one, 1)
        self.branch2 = nn.Sequential(
            ConvNormReLU(in_channels, three[0], 1), ConvNormReLU(*three, 3)
        )
        self.branch3 = nn.Sequential(
            ConvNormReLU(in_channels, five[0], 1),
            ConvNormReLU(*five, 3),  # 3 where the paper has 5: torchvision's weights want it
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), ConvNormReLU(in_channels, pool, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], dim=1)


class AuxiliaryClassifier(nn.Module):
    """A classifier half-way up, which feeds gradient to the lower layers (§5); training only.

    Args:
        in_channels: channels of the feature maps it looks at.
        num_classes: number of logits.
    """

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv = ConvNormReLU(in_channels, 128, 1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(0.7)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(F.adaptive_avg_pool2d(x, 4)).flatten(1)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))


class GoogLeNetOutputs(NamedTuple):
    """What GoogLeNet returns in training: three times logits, (N, num_classes)."""

    logits: Tensor
    aux_logits2: Tensor
    aux_logits1: Tensor


class GoogLeNet(nn.Module):
    """GoogLeNet (Szegedy et al. 2015, Table 1), 13,004,888 parameters (6,624,904 at test time).

    Compatible with ``torchvision.models.googlenet``; no transformation of the input.

    Args:
        num_classes: number of logits.
        aux_logits: with the two auxiliary classifiers.
    """

    def __init__(self, num_classes: int = 1000, *, aux_logits: bool = True) -> None:
        super().__init__()
        check_positive(num_classes=num_classes)
        self.conv1 = ConvNormReLU(3, 64, 7, stride=2)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = ConvNormReLU(64, 64, 1)
        self.conv3 = ConvNormReLU(64, 192, 3)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = Inception(192, 64, (96, 128), (16, 32), 32)
        self.inception3b = Inception(256, 128, (128, 192), (32, 96), 64)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = Inception(480, 192, (96, 208), (16, 48), 64)
        self.inception4b = Inception(512, 160, (112, 224), (24, 64), 64)
        self.inception4c = Inception(512, 128, (128, 256), (24, 64), 64)
        self.inception4d = Inception(512, 112, (144, 288), (32, 64), 64)
        self.inception4e = Inception(528, 256, (160, 320), (32, 128), 128)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = Inception(832, 256, (160, 320), (32, 128), 128)
        self.inception5b = Inception(832, 384, (192, 384), (48, 128), 128)
        self.aux1 = AuxiliaryClassifier(512, num_classes) if aux_logits else None
        self.aux2 = AuxiliaryClassifier(528, num_classes) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1024, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutputs:
        """Return logits, (N, num_classes), for colour images (N, 3, H, W), H and W ≥ 15.

        In training, and with auxiliary classifiers, ``(logits, aux_logits2, aux_logits1)``; the
        paper adds the auxiliary losses with weight 0.3.
        """
        check_images(x, 3, smallest=15)
        with_aux = self.training and self.aux1 is not None
        x = self.maxpool1(self.conv1(x))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        x = self.inception4a(x)
        aux1 = self.aux1(x) if with_aux else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x) if with_aux else None
        x = self.maxpool4(self.inception4e(x))
        x = self.inception5b(self.inception5a(x))
        logits = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return GoogLeNetOutputs(logits, aux2, aux1) if with_aux else logits
