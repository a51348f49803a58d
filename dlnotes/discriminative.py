"""Two roads to one classifier: model p(x, y), or model p(y | x) and nothing else (chapter 1).

Generative: ``GaussianNaiveBayes`` and ``GaussianDiscriminant`` estimate p(y) and p(x | y) by
counting and averaging; Bayes' rule then gives p(y | x), the sum rule p(x), and they can be sampled.
Discriminative: ``LogisticRegression`` fits p(y | x) alone. It has no ``log_prob`` and no
``sample``, because it knows nothing about x: asking for them is an AttributeError.

All are ``nn.Module``s, with buffers where nothing is learned by gradients, so that ``to``,
``state_dict``, ``deepcopy`` and pickle work as everywhere else. They compute in float64 unless told
otherwise (``.float()``), because a product of hundreds of densities is at stake, and they are valid
models before ``fit``: all classes alike.

Differs from Ng & Jordan (2001): several classes instead of two, and an L2 penalty on the weights of
logistic regression (none on its bias), without which separable data have no solution.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import check_between, check_positive, check_shape
from dlnotes.training import side_by_side

LARGEST = 1e12  # of a smoothing or a penalty: beyond it there is nothing left to compute

# ---- generative --------------------------------------------------------------------------------


class GaussianClassifier(nn.Module):
    """What follows from p(x, y) = p(y) p(x | y), whatever the spread of the class densities.

    A subclass supplies the spread: ``fit_spread``, ``log_joint``, ``sample_given`` and
    ``marginal_spread``.

    Args:
        num_features: D, numbers in one input.
        num_classes: K; labels are 0 ... K-1.
        shared: one spread for all classes (a linear boundary) instead of one for each.
        smoothing: this share of the largest variance of any feature is added to every variance
            in ``fit``, so that a feature which never varies does not divide by zero.
    """

    log_prior: Tensor  # (K,), log p(y)
    mean: Tensor  # (K, D)

    def __init__(
        self,
        num_features: int,
        num_classes: int,
        *,
        shared: bool = False,
        smoothing: float = 1e-9,
    ) -> None:
        super().__init__()
        check_positive(num_features=num_features, num_classes=num_classes)
        check_between(0, LARGEST, smoothing=smoothing)
        self.num_features, self.num_classes = num_features, num_classes
        self.shared, self.smoothing = bool(shared), smoothing
        uniform = torch.full((num_classes,), -math.log(num_classes), dtype=torch.float64)
        self.register_buffer("log_prior", uniform)
        self.register_buffer("mean", uniform.new_zeros(num_classes, num_features))

    def fit(self, x: Tensor, y: Tensor) -> "GaussianClassifier":
        """Estimate everything by maximum likelihood: count the labels, average the inputs.

        Args:
            x: inputs, (N, D).
            y: labels, (N,) int64; every class must occur.
        """
        x = as_inputs(x, self.mean)
        counts = count_labels(y, len(x), self.num_classes).to(x)
        mean = torch.zeros_like(self.mean).index_add_(0, y, x) / counts[:, None]
        floor = self.smoothing * x.var(0, correction=0).max()
        self.fit_spread(x - mean[y], y, counts, floor)  # first what can fail
        self.log_prior, self.mean = (counts / len(x)).log(), mean
        return self

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p(x), (N,): the sum rule over classes."""
        return self.log_joint(x).logsumexp(dim=-1)

    def predict_proba(self, x: Tensor) -> Tensor:
        """Return p(y | x), (N, K): Bayes' rule."""
        return self.log_joint(x).softmax(dim=-1)

    def predict(self, x: Tensor) -> Tensor:
        """Return the most probable class, (N,) int64."""
        return self.log_joint(x).argmax(dim=-1)

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw inputs (n, D) and their labels (n,): first y from p(y), then x from p(x | y)."""
        check_positive(n=n)
        y = torch.multinomial(self.log_prior.exp(), n, replacement=True, generator=generator)
        return self.sample_given(y, generator=generator), y

    def marginal(self, features: Tensor) -> "GaussianClassifier":
        """Return the model of some features alone: the others are integrated out.

        For a Gaussian that is exact and costs nothing: their means, variances, rows and columns
        are dropped.

        Args:
            features: places (M,) int64, or (D,) bool, True where the feature stays.
        """
        features = as_features(features, self.num_features)
        options = {"shared": self.shared, "smoothing": self.smoothing}
        smaller = type(self)(len(features), self.num_classes, **options)
        smaller.log_prior, smaller.mean = self.log_prior.clone(), self.mean[:, features]
        self.marginal_spread(features, smaller)
        return smaller


class GaussianNaiveBayes(GaussianClassifier):
    """Class densities with independent features; arguments as for ``GaussianClassifier``."""

    variance: Tensor  # (K, D), or (1, D) if shared

    def __init__(self, num_features: int, num_classes: int, **options) -> None:
        super().__init__(num_features, num_classes, **options)
        rows = 1 if self.shared else num_classes
        self.register_buffer("variance", torch.ones(rows, num_features, dtype=torch.float64))

    def fit_spread(self, residual: Tensor, y: Tensor, counts: Tensor, floor: Tensor) -> None:
        squares = torch.zeros_like(self.mean).index_add_(0, y, residual**2)  # (K, D)
        if self.shared:
            variance = squares.sum(0, keepdim=True) / counts.sum() + floor
        else:
            variance = squares / counts[:, None] + floor
        if not (variance > 0).all():
            raise ValueError("x must vary in every class and feature, or smoothing be positive")
        self.variance = variance

    def log_joint(self, x: Tensor) -> Tensor:
        """Return log p(x, y) for every class y, (N, K): log prior plus a sum over features."""
        x = as_inputs(x, self.mean)
        variances = self.variance.expand_as(self.mean)
        columns = []
        for log_prior, mean, variance in zip(self.log_prior, self.mean, variances, strict=True):
            log_densities = -0.5 * ((x - mean) ** 2 / variance + (2 * math.pi * variance).log())
            columns.append(log_prior + log_densities.sum(dim=-1))
        return torch.stack(columns, dim=-1)

    def sample_given(self, y: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw one input from p(x | y) for each label, (N, D)."""
        mean = self.mean[as_labels(y, self.num_classes)]
        noise = noise_like(mean, generator)
        return mean + self.variance.expand_as(self.mean)[y].sqrt() * noise

    def marginal_spread(self, features: Tensor, smaller: "GaussianNaiveBayes") -> None:
        smaller.variance = self.variance[:, features]


class GaussianDiscriminant(GaussianClassifier):
    """Class densities with full covariance matrices; arguments as for ``GaussianClassifier``.

    With ``shared=True`` this is linear discriminant analysis, otherwise the quadratic one.
    """

    cholesky: Tensor  # (K, D, D), or (1, D, D) if shared: lower triangles L, covariance = L Lᵀ

    def __init__(self, num_features: int, num_classes: int, **options) -> None:
        super().__init__(num_features, num_classes, **options)
        identity = torch.eye(num_features, dtype=torch.float64)
        self.register_buffer("cholesky", identity.repeat(1 if self.shared else num_classes, 1, 1))

    @property
    def covariance(self) -> Tensor:
        """Covariance matrices, (K, D, D), or (1, D, D) if shared."""
        return self.cholesky @ self.cholesky.mT

    def fit_spread(self, residual: Tensor, y: Tensor, counts: Tensor, floor: Tensor) -> None:
        groups = [residual] if self.shared else [residual[y == k] for k in range(len(counts))]
        covariance = torch.stack([group.T @ group / len(group) for group in groups])
        covariance.diagonal(dim1=1, dim2=2).add_(floor)
        self.cholesky = _cholesky(covariance)

    def log_joint(self, x: Tensor) -> Tensor:
        """Return log p(x, y) for every class y, (N, K)."""
        x = as_inputs(x, self.mean)
        factors = self.cholesky.expand(self.num_classes, -1, -1)
        columns = []
        for log_prior, mean, factor in zip(self.log_prior, self.mean, factors, strict=True):
            # with z = L⁻¹(x − μ), the Mahalanobis distance is |z|² and log det Σ = 2 Σ log Lᵢᵢ
            z = torch.linalg.solve_triangular(factor, (x - mean).T, upper=False)
            constant = factor.diagonal().log().sum() + 0.5 * len(mean) * math.log(2 * math.pi)
            columns.append(log_prior - 0.5 * (z**2).sum(dim=0) - constant)
        return torch.stack(columns, dim=-1)

    def sample_given(self, y: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw one input from p(x | y) for each label, (N, D)."""
        x = self.mean[as_labels(y, self.num_classes)]
        noise = noise_like(x, generator)
        factors = self.cholesky.expand(self.num_classes, -1, -1)
        for k in y.unique():  # one factor at a time: N factors of D × D would not fit
            x[y == k] += noise[y == k] @ factors[k].T
        return x

    def marginal_spread(self, features: Tensor, smaller: "GaussianDiscriminant") -> None:
        smaller.cholesky = _cholesky(self.covariance[:, features][:, :, features])


def posterior_weights(model: GaussianClassifier) -> tuple[Tensor, Tensor]:
    """Return weight (K, D) and bias (K,) with p(y | x) = softmax(x weightᵀ + bias), exactly.

    That is Bayes' rule when all classes share one covariance Σ: the quadratic term xᵀ Σ⁻¹ x is the
    same for all and cancels (Bishop 2006, eq. 4.68 to 4.70). For two classes, the difference of the
    rows is the w of the sigmoid.

    Raises:
        ValueError: the classes have a spread of their own, so the posterior is not linear.
    """
    if not isinstance(model, GaussianClassifier):
        raise TypeError(f"model must be a GaussianClassifier, got {type(model).__name__}")
    if not model.shared:
        raise ValueError("model must have shared=True for a linear posterior, got shared=False")
    if isinstance(model, GaussianDiscriminant):
        weight = torch.cholesky_solve(model.mean.T, model.cholesky[0]).T  # Σ⁻¹ μ
    else:
        weight = model.mean / model.variance
    return weight, model.log_prior - 0.5 * (model.mean * weight).sum(dim=-1)


# ---- discriminative ----------------------------------------------------------------------------


class LogisticRegression(nn.Module):
    """p(y | x) = softmax(x weightᵀ + bias), fitted by minimising the cross-entropy.

    Args:
        num_features: D, numbers in one input.
        num_classes: K; labels are 0 ... K-1.
    """

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        check_positive(num_features=num_features, num_classes=num_classes)
        self.num_features, self.num_classes = num_features, num_classes
        zeros = torch.zeros(num_classes, num_features, dtype=torch.float64)
        self.weight = nn.Parameter(zeros)
        self.bias = nn.Parameter(torch.zeros(num_classes, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Return log p(y | x) up to a constant for each input (logits), (N, K)."""
        return as_inputs(x, self.weight) @ self.weight.T + self.bias

    def predict_proba(self, x: Tensor) -> Tensor:
        """Return p(y | x), (N, K)."""
        return self(x).softmax(dim=-1)

    def predict(self, x: Tensor) -> Tensor:
        """Return the most probable class, (N,) int64."""
        return self(x).argmax(dim=-1)

    def fit(
        self,
        x: Tensor,
        y: Tensor,
        *,
        l2: float = 1.0,
        tolerance: float = 1e-6,
        max_iterations: int = 1000,
    ) -> "LogisticRegression":
        """Minimise  Σₙ −log p(yₙ | xₙ) + l2/2 |weight|²  by L-BFGS, from zero.

        The problem is convex and, for ``l2 > 0``, has one solution: neither a seed nor a learning
        rate matters. scikit-learn's ``C`` is 1/l2, and 2/l2 for two classes, where it keeps one
        weight vector and we keep two. With ``l2 = 0`` and separable data the weights grow without
        end, and the tolerance decides where they stop.

        Args:
            x: inputs, (N, D).
            y: labels, (N,) int64; every class must occur.
            l2: strength of the penalty, at least 0.
            tolerance: stop when no entry of the gradient, divided by N, is larger.
            max_iterations: of L-BFGS; a warning is given if they do not suffice.
        """
        x = as_inputs(x, self.weight)
        count_labels(y, len(x), self.num_classes)
        check_between(0, LARGEST, l2=l2, tolerance=tolerance)
        check_positive(max_iterations=max_iterations)
        with torch.no_grad():
            self.weight.zero_()
            self.bias.zero_()
        optimizer = torch.optim.LBFGS(
            self.parameters(),
            max_iter=max_iterations,
            tolerance_grad=tolerance,
            tolerance_change=torch.finfo(x.dtype).eps,
            max_eval=10 * max_iterations,
            history_size=20,
            line_search_fn="strong_wolfe",
        )

        def objective() -> Tensor:
            optimizer.zero_grad()
            logits = x @ self.weight.T + self.bias
            loss = F.cross_entropy(logits, y) + 0.5 * l2 / len(x) * (self.weight**2).sum()
            loss.backward()
            return loss

        with torch.enable_grad():
            optimizer.step(objective)
        optimizer.zero_grad()
        if optimizer.state[self.weight]["n_iter"] >= max_iterations:
            warnings.warn(f"not converged after {max_iterations} iterations", stacklevel=2)
        return self


# ---- experiments -------------------------------------------------------------------------------


def draw_subset(y: Tensor, n: int, *, generator: torch.Generator | None = None) -> Tensor:
    """Return the places of n random samples in which every class occurs at least once, (n,).

    Args:
        y: labels of all samples, (N,) int64.
        n: how many, from the number of classes up to N.
        generator: source of the random numbers.
    """
    check_shape("y", y, "N")
    classes = y.unique()
    check_positive(n=n)
    if not len(classes) <= n <= len(y):
        raise ValueError(f"n must lie in [{len(classes)}, {len(y)}], got {n}")
    order = torch.randperm(len(y), generator=generator, device=y.device)
    first = torch.stack([(y[order] == k).nonzero()[0, 0] for k in classes])  # one of each class
    keep = torch.ones_like(y, dtype=torch.bool)
    keep[first] = False
    return torch.cat([order[first], order[keep][: n - len(classes)]])


def learning_curves(
    fits: Mapping[str, Callable],
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    *,
    sizes: Sequence[int],
    runs: int,
    seed: int = 0,
    workers: int | None = None,
    progress: bool = True,
) -> dict[str, Tensor]:
    """Return the share of test errors of each fit, name -> (runs, sizes).

    In one run, all fits get the same samples. When n is all there is, every run would be the
    same, and only the first is computed.

    Args:
        fits: name -> function of (x, y) that returns a model with ``predict``.
        train: inputs (N, D) and labels (N,) to draw from.
        test: inputs and labels to measure on.
        sizes: numbers n of training samples.
        runs: how often n samples are drawn.
        seed: run r draws with 1000 · seed + r.
        workers: how many are fitted at a time, see ``training.side_by_side``.
        progress: show how many are done.
    """
    check_positive(runs=runs)
    (x, y), (x_test, y_test) = train, test
    drawn = {}
    for run in range(runs):
        generator = torch.Generator().manual_seed(1000 * seed + run)
        for n in sizes:
            chosen = draw_subset(y, n, generator=generator)
            if n < len(y) or run == 0:
                drawn[run, n] = x[chosen], y[chosen]

    def errors(x: Tensor, y: Tensor) -> list[float]:
        wrong = (fit(x, y).predict(x_test) != y_test for fit in fits.values())
        return [share.float().mean().item() for share in wrong]

    options = dict(workers=workers, progress=progress, description="learning curves")
    found = dict(zip(drawn, side_by_side(errors, drawn.values(), **options), strict=True))
    rows = [[found[run if n < len(y) else 0, n] for n in sizes] for run in range(runs)]
    return dict(zip(fits, torch.tensor(rows).unbind(-1), strict=True))


def crossing(sizes: Sequence[int], early: Tensor, late: Tensor) -> float:
    """Return the size from which ``late`` stays below ``early``, interpolated on a log axis.

    Args:
        sizes: numbers of samples, increasing, (S,).
        early: error of the one that is ahead first, (S,).
        late: error of the one that is ahead in the end, (S,).

    Returns:
        The first of ``sizes`` if ``late`` is below everywhere; infinity if not even at the end.
    """
    check_shape("early", early, len(sizes))
    check_shape("late", late, len(sizes))
    lead = (late - early).tolist()  # above 0 while early is ahead
    behind = [place for place, value in enumerate(lead) if value >= 0]
    if not behind:
        return float(sizes[0])
    last = behind[-1]
    if last == len(sizes) - 1:
        return math.inf
    step = lead[last] / (lead[last] - lead[last + 1])
    return sizes[last] * (sizes[last + 1] / sizes[last]) ** step


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
    check_shape("y", as_labels(y, probabilities.shape[1]), len(probabilities))
    check_positive(bins=bins)
    confidence, guess = probabilities.detach().double().max(dim=1)
    place = (confidence * bins).ceil().long().clamp(1, bins) - 1  # bins are (left, right]
    counts = torch.bincount(place, minlength=bins)
    totals = torch.zeros(2, bins, dtype=torch.float64)
    totals.index_add_(1, place, torch.stack([confidence, (guess == y).double()]))
    sure, right = totals[:, counts > 0] / counts[counts > 0]
    return sure, right, counts[counts > 0] / len(y)


# ---- what an argument must be ------------------------------------------------------------------


def as_inputs(x: Tensor, like: Tensor) -> Tensor:
    """Return x in the dtype of the model, after a look at its shape, type and values."""
    check_shape("x", x, "N", like.shape[1])
    if not x.is_floating_point():
        raise TypeError(f"x must be a tensor of floats, got {x.dtype}")
    if len(x) == 0 or not x.isfinite().all():
        raise ValueError("x must hold at least one row and neither nan nor infinity")
    return x.to(like.dtype)


def as_labels(y: Tensor, num_classes: int) -> Tensor:
    """Return y after a look at its shape, type and values."""
    check_shape("y", y, "N")
    if y.dtype != torch.int64:
        raise TypeError(f"y must be a tensor of int64, got {y.dtype}")
    if len(y) == 0 or y.min() < 0 or y.max() >= num_classes:
        raise ValueError(f"y must hold labels 0 to {num_classes - 1}, got {y.unique().tolist()}")
    return y


def count_labels(y: Tensor, n: int, num_classes: int) -> Tensor:
    """Return how often each class occurs, (K,), none of them never."""
    check_shape("y", y, n)
    counts = torch.bincount(as_labels(y, num_classes), minlength=num_classes)
    if (counts == 0).any():
        absent = (counts == 0).nonzero()[:, 0].tolist()
        raise ValueError(f"y must hold every class 0 to {num_classes - 1}, got none of {absent}")
    return counts


def as_features(features: Tensor, num_features: int) -> Tensor:
    """Return places of features, (M,), from places or from a boolean mask."""
    if isinstance(features, Tensor) and features.dtype == torch.bool:
        check_shape("features", features, num_features)
        features = features.nonzero()[:, 0]
    check_shape("features", features, "M")
    if features.dtype != torch.int64:
        raise TypeError(f"features must be a tensor of int64 or bool, got {features.dtype}")
    inside = ((features >= 0) & (features < num_features)).all()
    if len(features) == 0 or not inside or len(features.unique()) < len(features):
        raise ValueError(f"features must hold different places from 0 to {num_features - 1}")
    return features


def noise_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return standard normal numbers of the shape, dtype and device of x."""
    return torch.randn(x.shape, dtype=x.dtype, device=x.device, generator=generator)


def _cholesky(covariance: Tensor) -> Tensor:
    factor, info = torch.linalg.cholesky_ex(covariance)
    if info.any():
        raise ValueError(
            "x must not be degenerate (fewer samples than features, or a feature that depends on "
            "others): give more samples or a larger smoothing"
        )
    return factor
