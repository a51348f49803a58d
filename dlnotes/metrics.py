"""What torchmetrics lacks: how good generated digits are, and how many phones are wrong.

A small classifier, trained by ``dlnotes train metrics`` and shipped, turns an image into 64
features. In their space ``frechet_distance`` compares two Gaussians, as Heusel et al. (2017) do
with another network's features, and ``precision_recall`` asks how many generated images look real
and how much of the real variety is covered (Kynkäänniemi et al. 2019).

The protocol of the course: 10,000 images against the 10,000 of MNIST's test set. Both numbers
depend on how many images there are, so ``compare`` refuses fewer.

``error_rates`` counts edits of any sequences against several right ones.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dlnotes.checks import check_at_least, check_labels, check_positive, check_shape
from dlnotes.training.weights import load_weights

WEIGHTS = "metrics_digits"
IMAGES = 10_000  # on each side of every published number


# ---- features ----------------------------------------------------------------------------------


class DigitClassifier(nn.Module):
    """A convolutional network of 60,874 parameters for images (N, 1, 28, 28) in [0, 1].

    ``forward`` gives logits, (N, 10); ``features`` what the last layer sees, (N, 64).
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((1, 16), (16, 32), (32, 64)):  # 28, 14, 7 pixels; then 3
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 3 * 3, 64), nn.ReLU())
        self.head = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, (N, 10)."""
        return self.head(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """Return the features of images (N, 1, 28, 28), (N, 64), none negative."""
        check_shape("images", images, "N", 1, 28, 28)
        return self.body(images)


def load_digit_classifier() -> DigitClassifier:
    """Return the shipped classifier, in evaluation mode and without gradients.

    Raises:
        DataError: its weights are missing or damaged.
    """
    with torch.random.fork_rng(devices=[]):  # the initial weights are overwritten at once
        model = DigitClassifier()
    load_weights(WEIGHTS, model)
    return model.eval().requires_grad_(False)


@torch.no_grad()
def digit_features(
    images: Tensor, model: DigitClassifier | None = None, *, batch_size: int = 500
) -> Tensor:
    """Return the features of images, (N, 64).

    Args:
        images: (N, 1, 28, 28), values in [0, 1].
        model: the classifier; None loads the shipped one.
        batch_size: images at a time; the result does not depend on it.

    Raises:
        ValueError: a wrong shape, or values outside [0, 1]: a generator with tanh outputs needs
            ``(x + 1) / 2`` first.
    """
    check_shape("images", images, "N", 1, 28, 28)
    check_positive(batch_size=batch_size)
    low, high = (value.item() for value in images.aminmax()) if len(images) else (0, 1)
    if not (low >= 0 and high <= 1):  # written so that nan fails, too
        raise ValueError(f"images must lie in [0, 1], got values from {low:.4g} to {high:.4g}")

    model = load_digit_classifier() if model is None else model
    return torch.cat([model.features(part) for part in images.split(batch_size)])


# ---- distances ---------------------------------------------------------------------------------


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Return the Fréchet distance between Gaussians fitted to two sets of features.

    Squared, as in the literature: |m₁ − m₂|² + tr(C₁ + C₂ − 2 (C₁C₂)^½) (Dowson & Landau 1982),
    computed in float64. It is biased upwards by about one over the number of samples.

    Args:
        first: (N, D), N at least 2.
        second: (M, D), M at least 2.
    """
    for name, x in (("first", first), ("second", second)):
        check_shape(name, x, "N", second.shape[-1] if x is first else "D")
        check_at_least(2, **{f"len({name})": len(x)})

    first, second = first.double(), second.double()
    means, covariances = zip(*((x.mean(0), torch.cov(x.T)) for x in (first, second)), strict=True)
    return gaussian_frechet_distance(means[0], covariances[0], means[1], covariances[1])


def gaussian_frechet_distance(
    mean_1: Tensor, covariance_1: Tensor, mean_2: Tensor, covariance_2: Tensor
) -> float:
    """Return the squared Fréchet (2-Wasserstein) distance of two Gaussians, at least 0.

    Args:
        mean_1: (D,).
        covariance_1: (D, D), symmetric and positive semidefinite; it may be singular.
        mean_2: (D,).
        covariance_2: (D, D), likewise.
    """
    C1, C2 = (torch.atleast_2d(c) for c in (covariance_1, covariance_2))
    _check_gaussians(mean_1, C1, mean_2, C2)

    # C₁C₂ has the eigenvalues of the symmetric R C₂ R, R = C₁^½, which rounding cannot make complex
    values, vectors = torch.linalg.eigh(C1)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ C2 @ root).clamp_min(0).sqrt().sum()
    distance = ((mean_1 - mean_2) ** 2).sum() + C1.trace() + C2.trace() - 2 * cross
    return max(distance.item(), 0.0)


def _check_gaussians(mean_1: Tensor, C1: Tensor, mean_2: Tensor, C2: Tensor) -> None:
    check_shape("mean_1", mean_1, "D")
    dim = len(mean_1)
    check_shape("mean_2", mean_2, dim)
    check_shape("covariance_1", C1, dim, dim)
    check_shape("covariance_2", C2, dim, dim)


def precision_recall(
    real: Tensor, generated: Tensor, *, neighbours: int = 3
) -> tuple[float, float]:
    """Return (precision, recall) of generated features, each in [0, 1].

    The manifold of a set is the union of balls around its points, each as large as the distance
    to its k-th nearest neighbour. Precision is the share of generated points inside the real
    manifold, recall the share of real points inside the generated one: Kynkäänniemi et al. (2019),
    equations 1 to 3. One outlying real point has a large ball, in which nonsense may lie: never
    read precision without recall and ``frechet_distance``.

    Args:
        real: (N, D).
        generated: (M, D).
        neighbours: k, smaller than N and M.
    """
    _check_samples(real, generated, neighbours)

    real, generated = real.double(), generated.double()  # cdist rounds much in float32
    precision = _share_inside(generated, real, neighbours)
    return precision, _share_inside(real, generated, neighbours)


def _check_samples(real: Tensor, generated: Tensor, neighbours: int) -> None:
    check_positive(neighbours=neighbours)
    check_shape("real", real, "N", "D")
    check_shape("generated", generated, "M", real.shape[1])
    if neighbours >= min(len(real), len(generated)):
        sizes = f"{len(real)} and {len(generated)}"
        raise ValueError(f"neighbours must be below the {sizes} samples, got {neighbours}")


def _share_inside(points: Tensor, manifold: Tensor, neighbours: int) -> float:
    """Return which share of the points lies in a ball around a point of the manifold."""
    # a point is its own nearest neighbour, at distance 0
    radii = [
        torch.cdist(part, manifold).topk(neighbours + 1, dim=1, largest=False).values[:, -1]
        for part in manifold.split(1000)
    ]
    radii = torch.cat(radii)
    inside = [(torch.cdist(part, manifold) <= radii).any(1) for part in points.split(1000)]
    return torch.cat(inside).double().mean().item()


# ---- the protocol ------------------------------------------------------------------------------


def compare(
    real: Tensor,
    generated: Tensor,
    *,
    images: int = IMAGES,
    model: DigitClassifier | None = None,
) -> dict[str, float]:
    """Return "frechet", "precision" and "recall" of generated digits.

    Args:
        real: MNIST's test images, (N, 1, 28, 28) in [0, 1]: the first ``images`` of them.
        generated: (M, 1, 28, 28) in [0, 1], likewise.
        images: how many of each; fewer than 10,000 is for trying things out, not for a table.
        model: the classifier; None loads the shipped one.

    Raises:
        ValueError: there are fewer images than that.
    """
    check_at_least(5, images=images)
    for name, given in (("real", real), ("generated", generated)):
        if len(given) < images:
            raise ValueError(f"{name} must hold at least images = {images:,}, got {len(given):,}")

    model = load_digit_classifier() if model is None else model
    features = [digit_features(given[:images], model) for given in (real, generated)]
    precision, recall = precision_recall(*features)
    distance = frechet_distance(*features)
    return {"frechet": distance, "precision": precision, "recall": recall}


# ---- how many phones and words are wrong -----------------------------------------------------


def edit_distance(first: Sequence, second: Sequence) -> int:
    """Return the least number of insertions, deletions and replacements (Levenshtein 1966).

    torchmetrics' function takes strings only, is four to five times slower, and keeps within 25
    steps of the diagonal, so that it overestimates where a long sequence is shifted by as much.
    """
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(second, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def error_rates(
    predictions: Sequence[Sequence], references: Sequence[Sequence[Sequence]]
) -> tuple[float, float]:
    """Return the share of wrong phones and of wrong words (PER and WER).

    Args:
        predictions: one sequence for each of N words.
        references: for each word all that are right, one at least; the nearest counts.

    Returns:
        Edits divided by phones of the nearest references, both summed over all words, which can
        exceed 1; and the share of words that match no reference.
    """
    if len(predictions) != len(references) or not references:
        given = f"{len(predictions)} and {len(references)}"
        raise ValueError(f"predictions and references must be equally many, and some, got {given}")
    for i, right in enumerate(references):
        if not len(right):
            raise ValueError(f"references must hold some for each word, got none at index {i}")

    edits = phones = wrong = 0
    for prediction, right in zip(predictions, references, strict=True):
        distance, length = min((edit_distance(prediction, r), len(r)) for r in right)
        edits, phones, wrong = edits + distance, phones + length, wrong + (distance > 0)
    return edits / phones, wrong / len(references)


# ---- how sure, and how often right -------------------------------------------------------------


def reliability(probabilities: Tensor, y: Tensor, *, bins: int = 15) -> tuple[Tensor, ...]:
    """Return how sure a classifier is and how often it is right, by bins of equal width.

    The expected calibration error is ``(share * (sure - right).abs()).sum()``.

    Args:
        probabilities: p(y | x), (N, K).
        y: labels, (N,) int64.
        bins: of the largest probability; empty ones are left out.

    Returns:
        sure, right and share of all samples, one number for each bin.
    """
    check_shape("probabilities", probabilities, "N", "K")
    check_labels("y", y, probabilities.shape[1], len(probabilities))
    check_positive(bins=bins)

    confidence, guess = probabilities.detach().double().max(dim=1)
    index = (confidence * bins).ceil().long().clamp(1, bins) - 1  # bins are (left, right]
    counts = torch.bincount(index, minlength=bins)
    totals = torch.zeros(2, bins, dtype=torch.float64)
    totals.index_add_(1, index, torch.stack([confidence, (guess == y).double()]))
    sure, right = totals[:, counts > 0] / counts[counts > 0]
    return sure, right, counts[counts > 0] / len(y)
