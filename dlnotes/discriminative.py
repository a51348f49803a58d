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

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import check_between, check_labels, check_positive, check_shape

LARGEST = 1e12  # of a smoothing or a penalty: beyond it there is nothing left to compute

# ---- generative --------------------------------------------------------------------------------


class GaussianClassifier(nn.Module):
    """What follows from p(x, y) = p(y) p(x | y), whatever the spread of the class densities.

    A subclass supplies the spread: ``fit_spread``, ``log_joint``, ``sample_given`` and
    ``marginal_spread``.

    Args:
        num_features: D, features of one input.
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
        x, counts = as_samples(x, y, self.mean, self.num_classes)

        counts = counts.to(x)
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
            features: indices (M,) int64, or (D,) bool, True where the feature stays.
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
        check_labels("y", y, self.num_classes)

        mean = self.mean[y]
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
        check_labels("y", y, self.num_classes)

        x = self.mean[y]
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
        num_features: D, features of one input.
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
        x, _ = as_samples(x, y, self.weight, self.num_classes)
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


# ---- what an argument must be ------------------------------------------------------------------


def as_inputs(x: Tensor, like: Tensor) -> Tensor:
    """Return x in the dtype of the model, after a look at its shape, type and values."""
    check_shape("x", x, "N", like.shape[1])
    if not x.is_floating_point():
        raise TypeError(f"x must be a tensor of floats, got {x.dtype}")
    if len(x) == 0 or not x.isfinite().all():
        raise ValueError("x must hold at least one row and neither nan nor infinity")
    return x.to(like.dtype)


def as_samples(x: Tensor, y: Tensor, like: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Return inputs in the dtype of the model, and how often each class occurs, (K,), never 0."""
    x = as_inputs(x, like)
    check_labels("y", y, num_classes, len(x))
    counts = torch.bincount(y, minlength=num_classes)
    if (counts == 0).any():
        absent = (counts == 0).nonzero()[:, 0].tolist()
        raise ValueError(f"y must hold every class 0 to {num_classes - 1}, got none of {absent}")
    return x, counts


def as_features(features: Tensor, num_features: int) -> Tensor:
    """Return indices of features, (M,), from indices or from a boolean mask."""
    if isinstance(features, Tensor) and features.dtype == torch.bool:
        check_shape("features", features, num_features)
        features = features.nonzero()[:, 0]
    check_shape("features", features, "M")
    if features.dtype != torch.int64:
        raise TypeError(f"features must be a tensor of int64 or bool, got {features.dtype}")
    inside = ((features >= 0) & (features < num_features)).all()
    if len(features) == 0 or not inside or len(features.unique()) < len(features):
        raise ValueError(f"features must hold different indices from 0 to {num_features - 1}")
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
