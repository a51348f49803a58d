"""The five networks cut down to 28 × 28 grey images, and that of the degradation experiment."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import check_at_least, check_choice, check_positive, check_shape
from dlnotes.cnn.alexnet import conv_relu
from dlnotes.cnn.googlenet import ConvNormReLU, Inception
from dlnotes.cnn.lenet import LeNet5
from dlnotes.cnn.resnet import BasicBlock, residual_stage
from dlnotes.cnn.vgg import _he_initialisation, vgg_features


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
    _he_initialisation(model)
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
    _he_initialisation(model)
    return model


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
    _he_initialisation(model)
    return model


def flops(model: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Return how many multiply-adds the convolutions and linear layers need for one forward pass.

    Papers on these networks call this number FLOPs; counted as separate operations it is twice as
    many. The model is run in evaluation mode on tensors without data, so nothing is computed.

    Args:
        model: any network of convolutions and linear layers, on whatever device.
        input_shape: shape of its input, batch included.
    """
    count = 0

    def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal count
        count += output.numel() * module.weight[0].numel()  # each output is one dot product

    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    tensors = {name: tensor.detach().to("meta") for name, tensor in tensors.items()}
    dtype = next((t.dtype for t in tensors.values() if t.is_floating_point()), None)
    modes = {module: module.training for module in model.modules()}
    layers = [m for m in modes if isinstance(m, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear)]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    try:
        model.eval()
        x = torch.empty(input_shape, dtype=dtype, device="meta")
        torch.func.functional_call(model, tensors, (x,))
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes.items():
            module.training = training
    return count
