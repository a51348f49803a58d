"""What several of the networks share: a guard, a pair of layers, an initialisation."""

from torch import Tensor, nn

from dlnotes.checks import check_shape


def check_images(x: Tensor, channels: int, smallest: int) -> None:
    """Raise unless x is (N, channels, H, W) with H and W of at least ``smallest``."""
    check_shape("x", x, "N", channels, "H", "W")
    if min(x.shape[2:]) < smallest:
        raise ValueError(
            f"x must be at least {smallest} pixels high and wide, got {tuple(x.shape[2:])}"
        )


def conv_relu(
    in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, padding: int = 0
) -> tuple[nn.Module, nn.Module]:
    """Return a convolution and its ReLU, to be unpacked into an ``nn.Sequential``."""
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=padding)
    return conv, nn.ReLU()


def he_initialisation(model: nn.Module) -> None:
    """Draw each kernel with variance 2 / fan-out, biases 0: keeps the scale of the gradients.

    Source: He et al. (2015, arXiv:1502.01852, eq. 14).
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
