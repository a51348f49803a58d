"""How fast is dlnotes.cnn? Ratios within one run, forward and backward, best of several.

    python tests/benchmarks/bench_cnn.py

The convolution against torch's own and against the definition as loops; the networks against
torchvision's, on small images.
"""

import torch
import torch.nn.functional as F
import torchvision
from timing import seconds

from dlnotes import cnn

LAYERS = {  # name: shape of x, shape of weight, stride, padding
    "LeNet-5, C1": ((32, 1, 28, 28), (6, 1, 5, 5), 1, 2),
    "ResNet, 3 × 3": ((32, 16, 28, 28), (32, 16, 3, 3), 1, 1),
    "ResNet, first": ((8, 3, 64, 64), (64, 3, 7, 7), 2, 3),
    "tiny": ((2, 3, 10, 10), (4, 3, 3, 3), 1, 1),
}
NETWORKS = {  # name: size of the images
    "AlexNet": 96,
    "VGG16": 32,
    "GoogLeNet": 64,
    "ResNet18": 64,
    "ResNet34": 64,
    "ResNet50": 64,
}


def bench_layers() -> None:
    """Print ours and the loops in units of ``F.conv2d``."""
    for name, (shape, kernel, stride, padding) in LAYERS.items():
        x, weight = (torch.randn(s, requires_grad=True) for s in (shape, kernel))
        functions = {"torch": F.conv2d, "unfolded": cnn.conv2d}
        if name == "tiny":
            functions["loops"] = cnn.conv2d_loops
        runs = {
            key: lambda f=f, x=x, w=weight, s=stride, p=padding: f(x, w, stride=s, padding=p)
            for key, f in functions.items()
        }
        best = seconds(runs, repeats=15)
        ratios = ", ".join(
            f"{key} {best[key] / best['torch']:.1f}" for key in best if key != "torch"
        )
        print(f"conv2d, {name:14}: torch {1e3 * best['torch']:7.2f} ms; times slower: {ratios}")


def bench_networks() -> None:
    """Print our networks in units of torchvision's, in training mode."""
    for name, size in NETWORKS.items():
        options = {"init_weights": True} if name == "GoogLeNet" else {}
        models = {
            "torchvision": getattr(torchvision.models, name.lower())(num_classes=10, **options),
            "ours": getattr(cnn, name)(10),
        }
        x = torch.randn(4, 3, size, size)
        runs = {
            key: lambda model=model: torch.cat([y.flatten() for y in model(x)])  # noqa: B023
            for key, model in models.items()
        }
        best = seconds(runs, repeats=5)
        print(
            f"{name:10}: torchvision {1e3 * best['torchvision']:7.1f} ms, "
            f"ours {best['ours'] / best['torchvision']:.2f} of it"
        )


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    bench_layers()
    bench_networks()
