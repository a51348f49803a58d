"""What answers of chapter 2 are tried on: blanks, pixels, a map, a small network in training."""

import ast
import inspect
import textwrap
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.exercises import expect


def no_blank_left(function: Callable) -> None:
    """Raise ``NotYet`` unless ``function`` is a function without a line that is still ``...``."""
    expect(callable(function), f"type: give the function, not {type(function).__name__}")
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):  # no source, or a lambda in the middle of a line
        return
    lines = [n for n in ast.walk(tree) if isinstance(n, ast.Assign | ast.Return | ast.Expr)]
    expect(not any(map(_is_blank, lines)), "still blank: fill in every ...")


def _is_blank(line: ast.stmt) -> bool:
    parts = line.value.elts if isinstance(line.value, ast.Tuple) else [line.value]
    return any(isinstance(part, ast.Constant) and part.value is ... for part in parts)


def pixels(*shape: int) -> Tensor:
    """Return the same random numbers for everybody, float64."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def right_map(x: Tensor, w: Tensor, stride: int, padding: int) -> Tensor:
    """Return the map of a strided, padded convolution, by torch."""
    return F.conv2d(x[None, None], w[None, None], stride=stride, padding=padding)[0, 0]


def start_of_training() -> tuple[nn.Module, torch.optim.Optimizer]:
    """Return the same small network for everybody, and its optimizer."""
    net = nn.Linear(4, 3).double()
    with torch.no_grad():
        net.weight.copy_(pixels(3, 4))
        net.bias.zero_()
    return net, torch.optim.SGD(net.parameters(), lr=0.5)


def run_of_training(loop: Callable, batches: list) -> tuple[list[float], Tensor]:
    """Return the losses that a training loop returns, and the weights it leaves."""
    net, optimizer = start_of_training()
    return loop(net, optimizer, batches), net.weight.detach()


def no_zero_grad(net, optimizer, batches):
    """Train, but forget to set the gradients back."""
    for images, labels in batches:
        F.cross_entropy(net(images), labels).backward()
        optimizer.step()


def late_backward(net, optimizer, batches):
    """Train, but step before the gradients are there."""
    for images, labels in batches:
        loss = F.cross_entropy(net(images), labels)
        optimizer.step()
        optimizer.zero_grad()
        loss.backward()


def small_net(pool: Callable[[], nn.Module]) -> nn.Sequential:
    """Return a small convolutional net for 28 × 28 images with the given 2 × 2 pooling."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5),
        nn.ReLU(),
        pool(),
        nn.Conv2d(8, 16, 5),
        nn.ReLU(),
        pool(),
        nn.Flatten(),
        nn.Linear(16 * 4 * 4, 10),
    )


def a_convolution(padding: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the weight of a convolution, the gradient at its output, and that at its input."""
    generator = torch.Generator().manual_seed(padding)
    x = torch.randn(2, 4, 8, 7, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 4, 3, 3, generator=generator, dtype=torch.float64)
    y = F.conv2d(x, weight, padding=padding)
    delta = torch.randn(y.shape, generator=generator, dtype=torch.float64)
    return weight, delta, torch.autograd.grad(y, x, delta)[0]


def a_normalised_batch() -> tuple[tuple, Tensor, dict[str, Tensor]]:
    """Return (x, gamma, delta, eps), the gradient at x, and wrong ones by what is wrong."""
    generator = torch.Generator().manual_seed(0)
    x, delta = torch.randn(2, 8, 3, generator=generator, dtype=torch.float64)
    gamma, eps = torch.tensor([0.5, 2.0, -1.0], dtype=torch.float64), 1e-3
    leaf = x.clone().requires_grad_()
    F.batch_norm(leaf, None, None, gamma, torch.zeros(3).double(), True, 0.1, eps).backward(delta)
    deviation = (x.var(0, unbiased=False) + eps).sqrt()
    direct = gamma / deviation * delta
    normed = (x - x.mean(0)) / deviation
    wrong = {
        "paths: μ and v also depend on x": direct,
        "variance: the path through v is missing": direct - direct.mean(0),
        "mean: the path through μ is missing": direct - normed * (direct * normed).mean(0),
    }
    return (x, gamma, delta, eps), leaf.grad, wrong
