"""LeNet-5 (LeCun et al. 1998).

Differs from the paper:
    C3 sees all six maps of S2, where the paper connects some of them (its Table I); pooling without
    trainable coefficients; a linear output layer instead of radial basis functions; ReLU and max
    pooling unless the paper's are asked for.
"""

from torch import Tensor, nn

from dlnotes.checks import check_choice, check_positive, check_shape


class LeNet5(nn.Module):
    """LeNet-5 for grey images of 28 × 28 pixels (LeCun et al. 1998, §II.B), 61,706 parameters.

    Two pixels of padding on each side make the paper's 32 × 32. Layers are named as in the paper;
    C5, a fully connected layer in effect, is a convolution whose kernel covers all of its input.

    Args:
        num_classes: number of logits.
        activation: "relu", or "tanh" as in the paper (there scaled: 1.7159 tanh(2x / 3)).
        pooling: "max", or "average" as in the paper (there with a trainable factor and bias).
    """

    def __init__(
        self, num_classes: int = 10, *, activation: str = "relu", pooling: str = "max"
    ) -> None:
        super().__init__()
        check_positive(num_classes=num_classes)
        check_choice(("relu", "tanh"), activation=activation)
        check_choice(("max", "average"), pooling=pooling)

        pool = nn.MaxPool2d if pooling == "max" else nn.AvgPool2d
        self.c1 = nn.Conv2d(1, 6, kernel_size=5, padding=2)  # 28 × 28
        self.s2 = pool(2)  # 14 × 14
        self.c3 = nn.Conv2d(6, 16, kernel_size=5)  # 10 × 10
        self.s4 = pool(2)  # 5 × 5
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)  # 1 × 1
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, num_classes)
        self.activation = nn.ReLU() if activation == "relu" else nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes), for images (N, 1, 28, 28)."""
        check_shape("x", x, "N", 1, 28, 28)
        x = self.s2(self.activation(self.c1(x)))  # (CNN-2)
        x = self.s4(self.activation(self.c3(x)))
        x = self.activation(self.c5(x)).flatten(1)
        return self.output(self.activation(self.f6(x)))
