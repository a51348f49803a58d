"""dlnotes.discriminative: equal to scikit-learn, and true to the laws of probability."""

import copy
import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import discriminant_analysis, linear_model, naive_bayes
from torch.distributions import MultivariateNormal

from dlnotes.discriminative import (
    GaussianClassifier,
    GaussianDiscriminant,
    GaussianNaiveBayes,
    LogisticRegression,
    posterior_weights,
)

KINDS = [GaussianNaiveBayes, GaussianDiscriminant]
of_each_kind = pytest.mark.parametrize("kind", KINDS)
shared_or_not = pytest.mark.parametrize("shared", [False, True])
of_each_classifier = pytest.mark.parametrize("kind", [*KINDS, LogisticRegression])


def samples(n=120, features=4, classes=3, seed=0):
    """Overlapping classes of unequal size, with correlated features of unequal scale, float64."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.cat(
        [torch.arange(classes), torch.randint(classes, (n - classes,), generator=generator)]
    )
    y = torch.where((y == 0) & (torch.rand(n, generator=generator) < 0.3), classes - 1, y)
    y[:classes] = torch.arange(classes)
    shift = torch.randn(classes, features, generator=generator, dtype=torch.float64)
    mixing = torch.randn(classes, features, features, generator=generator, dtype=torch.float64)
    noise = torch.randn(n, features, generator=generator, dtype=torch.float64)
    return shift[y] + torch.einsum("nd,nde->ne", noise, mixing[y]) + noise, y


def close(ours, theirs, atol=1e-10):
    theirs = torch.as_tensor(theirs)
    torch.testing.assert_close(ours.detach(), theirs, rtol=0, atol=atol, check_dtype=True)


# ---- references --------------------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [1e-9, 0.1])
def test_naive_bayes_equals_scikit_learns(smoothing):
    x, y = samples()
    x[:, 0] *= 20  # so that the largest variance is not that of the last feature
    ours = GaussianNaiveBayes(4, 3, smoothing=smoothing).fit(x, y)
    theirs = naive_bayes.GaussianNB(var_smoothing=smoothing).fit(x.numpy(), y.numpy())
    new = samples(seed=1)[0]
    close(ours.log_joint(new), theirs.predict_joint_log_proba(new.numpy()))
    close(ours.predict_proba(new), theirs.predict_proba(new.numpy()))
    close(ours.predict(new), theirs.predict(new.numpy()))


def test_shared_discriminant_equals_scikit_learns_linear_one():
    x, y = samples()
    ours = GaussianDiscriminant(4, 3, shared=True, smoothing=0.0).fit(x, y)
    theirs = discriminant_analysis.LinearDiscriminantAnalysis(solver="lsqr").fit(x, y)
    close(ours.predict_proba(x), theirs.predict_proba(x))


def test_discriminant_equals_scikit_learns_quadratic_one():
    x, y = samples()
    ours = GaussianDiscriminant(4, 3, smoothing=0.0).fit(x, y)
    theirs = discriminant_analysis.QuadraticDiscriminantAnalysis(store_covariance=True).fit(x, y)
    # its versions divide by n or by n - 1, so give ours their covariances
    ours.cholesky = torch.linalg.cholesky(torch.as_tensor(np.stack(theirs.covariance_)))
    close(ours.predict_proba(x), theirs.predict_proba(x))


def test_covariances_are_numpys_of_each_class_plus_the_smoothing():
    x, y = samples()
    floor = 0.01 * np.var(x.numpy(), axis=0).max() * np.eye(4)
    classes = [x[y == k].numpy().T for k in range(3)]
    expected = np.stack([np.cov(values, bias=True) + floor for values in classes])
    close(GaussianDiscriminant(4, 3, smoothing=0.01).fit(x, y).covariance, expected)


@of_each_kind
@shared_or_not
def test_log_joint_is_log_prior_plus_log_density(kind, shared):
    x, y = samples()
    model = kind(4, 3, shared=shared, smoothing=0.01).fit(x, y)
    if kind is GaussianNaiveBayes:
        covariance = torch.diag_embed(model.variance)
    else:
        covariance = model.covariance
    covariance = covariance.expand(3, 4, 4)
    priors = [(y == k).double().mean().log() for k in range(3)]
    densities = [MultivariateNormal(x[y == k].mean(0), covariance[k]).log_prob(x) for k in range(3)]
    expected = torch.stack([p + d for p, d in zip(priors, densities, strict=True)], dim=1)
    close(model.log_joint(x), expected)
    close(model.log_prob(x), expected.exp().sum(1).log())
    close(model.predict_proba(x), expected.exp() / expected.exp().sum(1, keepdim=True))
    close(model.predict(x), expected.argmax(1))


@of_each_kind
def test_shared_spread_is_that_of_all_residuals(kind):
    x, y = samples()
    residual = (x - torch.stack([x[y == k].mean(0) for k in range(3)])[y]).numpy()
    model = kind(4, 3, shared=True, smoothing=0.01).fit(x, y)
    expected = residual.T @ residual / len(residual) + 0.01 * np.var(x.numpy(), 0).max() * np.eye(4)
    if kind is GaussianNaiveBayes:
        close(model.variance[0], expected.diagonal().copy())
    else:
        close(model.covariance[0], expected)


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_equals_scikit_learns(classes):
    x, y = samples(classes=classes)
    ours = LogisticRegression(4, classes).fit(x, y, l2=0.5, tolerance=1e-11)
    c = 2 / 0.5 if classes == 2 else 1 / 0.5
    theirs = linear_model.LogisticRegression(C=c, tol=1e-12, max_iter=5000, solver="newton-cg")
    theirs.fit(x, y)
    close(ours.predict_proba(x), theirs.predict_proba(x.numpy()), atol=1e-7)
    close(ours.predict(x), theirs.predict(x.numpy()))
    if classes == 2:
        close((ours.weight[1] - ours.weight[0])[None], theirs.coef_, atol=1e-6)
    else:
        close(ours.weight, theirs.coef_, atol=1e-6)
        close(ours.bias - ours.bias.mean(), theirs.intercept_ - theirs.intercept_.mean(), atol=1e-6)


# ---- laws --------------------------------------------------------------------------------------


def test_gradient_of_the_objective_vanishes_where_the_fit_stops():
    x, y = samples()
    model = LogisticRegression(4, 3).fit(x, y, l2=2.0, tolerance=1e-7)
    slope = model.predict_proba(x) - torch.nn.functional.one_hot(y, 3)
    close(slope.T @ x + 2.0 * model.weight, torch.zeros(3, 4).double(), atol=1e-7 * len(x))
    close(slope.sum(0), torch.zeros(3).double(), atol=1e-7 * len(x))
    assert model.weight.grad is None and model.bias.grad is None


def test_fit_forgets_the_fit_before():
    x, y = samples()
    once = LogisticRegression(4, 3).fit(x, y, max_iterations=500)
    twice = LogisticRegression(4, 3).fit(x * 3 + 1, y).fit(x, y, max_iterations=500)
    torch.testing.assert_close(once.state_dict(), twice.state_dict(), rtol=0, atol=0)


def test_too_few_iterations_give_a_warning_and_enough_none():
    x, y = samples()
    with pytest.warns(UserWarning, match="not converged after 3 iterations"):
        LogisticRegression(4, 3).fit(x, y, max_iterations=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LogisticRegression(4, 3).fit(x, y)


@of_each_kind
def test_posterior_of_classes_with_one_spread_is_a_softmax_of_a_line(kind):
    x, y = samples()
    model = kind(4, 3, shared=True, smoothing=0.01).fit(x, y)
    weight, bias = posterior_weights(model)
    close(model.predict_proba(x), (x @ weight.T + bias).softmax(1))


def test_two_classes_with_one_covariance_give_the_sigmoid_of_the_textbook():
    x, y = samples(classes=2)
    model = GaussianDiscriminant(4, 2, shared=True).fit(x, y)
    (m0, m1), S = model.mean, model.covariance[0].inverse()
    w = S @ (m1 - m0)
    b = -0.5 * (m1 @ S @ m1 - m0 @ S @ m0) + math.log(int((y == 1).sum()) / int((y == 0).sum()))
    close(model.predict_proba(x)[:, 1], torch.sigmoid(x @ w + b))


@of_each_kind
@shared_or_not
def test_density_sums_to_one(kind, shared):
    x, y = samples(features=1, classes=3)
    model = kind(1, 3, shared=shared).fit(x, y)
    grid = torch.linspace(-40, 40, 8001, dtype=torch.float64)
    total = torch.trapezoid(model.log_prob(grid[:, None]).exp(), grid)
    close(total, torch.ones_like(total), atol=1e-9)


@of_each_kind
@shared_or_not
def test_samples_have_the_moments_of_the_model(kind, shared):
    x, y = samples()
    model = kind(4, 3, shared=shared).fit(x, y)
    new, labels = model.sample(60_000, generator=torch.Generator().manual_seed(1))
    close(labels.bincount() / 60_000.0, model.log_prior.exp().float(), atol=0.01)
    again = kind(4, 3, shared=shared).fit(new, labels)
    scale = float(x.std(0).max())
    close(again.mean, model.mean, atol=0.03 * scale)
    name = "variance" if kind is GaussianNaiveBayes else "covariance"
    close(getattr(again, name), getattr(model, name), atol=0.05 * scale**2)


@of_each_kind
def test_samples_of_given_classes_are_of_these_classes_and_repeat_with_the_generator(kind):
    x, y = samples()
    model = kind(4, 3).fit(x + 1000 * y[:, None], y)
    labels = torch.tensor([2, 0, 1, 1])
    first = model.sample_given(labels, generator=torch.Generator().manual_seed(3))
    assert (model.predict(first) == labels).all()
    before = torch.random.get_rng_state()
    second = model.sample_given(labels, generator=torch.Generator().manual_seed(3))
    assert (first == second).all() and (torch.random.get_rng_state() == before).all()
    a, b = (model.sample(5, generator=torch.Generator().manual_seed(s)) for s in (4, 4))
    torch.testing.assert_close(a, b, rtol=0, atol=0)


@of_each_kind
@shared_or_not
def test_marginal_is_the_integral_over_the_dropped_feature(kind, shared):
    x, y = samples(features=3)
    model = kind(3, 3, shared=shared).fit(x, y)
    smaller = model.marginal(torch.tensor([2, 0]))
    grid = torch.linspace(-60, 60, 6001, dtype=torch.float64)
    for row in x[:3]:
        points = row.repeat(len(grid), 1)
        points[:, 1] = grid
        integral = torch.trapezoid(model.log_joint(points).exp(), grid, dim=0)
        close(smaller.log_joint(row[[2, 0]][None])[0].exp(), integral, atol=1e-9)
    mask = torch.tensor([True, False, True])
    close(model.marginal(mask).log_prob(x[:, mask]), smaller.log_prob(x[:, [2, 0]]))
    assert (smaller.num_features, smaller.shared) == (2, shared)


def test_copied_features_double_the_log_odds_of_naive_bayes():
    x, y = samples(classes=2)
    y[:2] = torch.tensor([0, 1])
    once = GaussianNaiveBayes(4, 2, smoothing=0.0).fit(x, y)
    twice = GaussianNaiveBayes(8, 2, smoothing=0.0).fit(x.repeat(1, 2), y)
    evidence = once.log_joint(x) - once.log_prior
    close(twice.log_joint(x.repeat(1, 2)) - twice.log_prior, 2 * evidence)


@of_each_classifier
def test_before_the_fit_all_classes_are_alike(kind):
    model = kind(4, 3)
    close(model.predict_proba(torch.randn(5, 4)), torch.full((5, 3), 1 / 3, dtype=torch.float64))
    if isinstance(model, GaussianClassifier):
        zero = torch.zeros(1, 4)
        assert math.isclose(model.log_prob(zero).item(), -2 * math.log(2 * math.pi))


def test_logistic_regression_knows_nothing_about_the_inputs():
    model = LogisticRegression(4, 3)
    for ability in ("log_prob", "log_joint", "sample"):
        with pytest.raises(AttributeError, match=ability):
            getattr(model, ability)


@of_each_classifier
@settings(max_examples=20, deadline=None)
@given(n=st.integers(8, 40), features=st.integers(1, 5), classes=st.integers(1, 4))
def test_probabilities_sum_to_one_for_every_shape(kind, n, features, classes):
    x, y = samples(n, features, classes, seed=n)
    options = {} if kind is LogisticRegression else {"shared": True, "smoothing": 0.1}
    probabilities = kind(features, classes, **options).fit(x, y).predict_proba(x)
    assert probabilities.shape == (n, classes) and (probabilities >= 0).all()
    close(probabilities.sum(1), torch.ones(n).double())


@of_each_classifier
def test_fit_in_float32_is_nearly_that_in_float64(kind):
    x, y = samples()
    expected = kind(4, 3).fit(x, y).predict_proba(x).detach()
    close(kind(4, 3).float().fit(x, y).predict_proba(x).double(), expected, atol=1e-3)


@of_each_classifier
def test_arguments_stay_as_they_are(kind):
    x, y = samples()
    x_before, y_before = x.clone(), y.clone()
    kind(4, 3).fit(x, y).predict_proba(x)
    assert (x == x_before).all() and (y == y_before).all()


# ---- bad input ---------------------------------------------------------------------------------

X, Y = samples(20)
BAD_FITS = {
    "features": (X[:, :3], Y, ValueError, r"x must have shape \(N, 4\), got \(20, 3\)"),
    "images": (X[:, :, None], Y, ValueError, r"x must have shape \(N, 4\)"),
    "integers": (X.long(), Y, TypeError, "x must be a tensor of floats"),
    "nan": (torch.where(X == X[0, 0], torch.nan, X), Y, ValueError, "x must hold .* nor infinity"),
    "infinity": (torch.where(X == X[0, 0], torch.inf, X), Y, ValueError, "x must hold .* infinity"),
    "empty": (X[:0], Y[:0], ValueError, "x must hold at least one row"),
    "too few labels": (X, Y[:19], ValueError, r"y must have shape \(20,\), got \(19,\)"),
    "one-hot labels": (X, torch.eye(3)[Y], ValueError, r"y must have shape \(20,\)"),
    "float labels": (X, Y.double(), TypeError, "y must be a tensor of int64"),
    "label too large": (X, Y + 1, ValueError, r"y must hold labels 0 to 2, got \[1, 2, 3\]"),
    "negative label": (X, Y - 1, ValueError, r"y must hold labels 0 to 2, got \[-1, 0, 1\]"),
    "absent class": (X, Y.clamp(max=1), ValueError, r"every class 0 to 2, got none of \[2\]"),
}


@of_each_classifier
@pytest.mark.parametrize("case", BAD_FITS)
def test_bad_samples_are_named_and_leave_the_model_alone(kind, case):
    x, y, error, message = BAD_FITS[case]
    model = kind(4, 3)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(error, match=message):
        model.fit(x, y)
    torch.testing.assert_close(model.state_dict(), before)


@of_each_classifier
@pytest.mark.parametrize("x", [torch.zeros(2, 3), torch.zeros(4), torch.full((1, 4), torch.nan)])
def test_bad_inputs_are_named_when_predicting_too(kind, x):
    with pytest.raises(ValueError, match="x must"):
        kind(4, 3).predict(x)


@of_each_classifier
@pytest.mark.parametrize("sizes", [(0, 3), (4, 0), (4, -1)])
def test_bad_sizes_are_named(kind, sizes):
    with pytest.raises(ValueError, match=r"num_(features|classes) must be at least 1, got"):
        kind(*sizes)


@of_each_kind
@pytest.mark.parametrize("smoothing", [-1e-9, math.nan, math.inf])
def test_bad_smoothing_is_named(kind, smoothing):
    with pytest.raises(ValueError, match="smoothing must lie in"):
        kind(4, 3, smoothing=smoothing)


@pytest.mark.parametrize("option", [{"l2": -1.0}, {"tolerance": math.nan}, {"max_iterations": 0}])
def test_bad_options_of_the_fit_are_named(option):
    with pytest.raises(ValueError, match=f"{next(iter(option))} must"):
        LogisticRegression(4, 3).fit(X, Y, **option)


@of_each_kind
@shared_or_not
def test_data_without_spread_need_smoothing(kind, shared):
    x, y = samples()
    x[:, 1] = 0.5
    model = kind(4, 3, shared=shared, smoothing=0.0)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match=r"x must .* smoothing"):
        model.fit(x, y)
    torch.testing.assert_close(model.state_dict(), before)
    assert kind(4, 3, shared=shared, smoothing=1e-6).fit(x, y).log_prob(x).isfinite().all()


@of_each_kind
def test_one_class_without_spread_is_enough_to_need_smoothing(kind):
    x, y = samples()
    x[y == 1, 2] = 0.5
    with pytest.raises(ValueError, match=r"x must .* smoothing"):
        kind(4, 3, smoothing=0.0).fit(x, y)
    kind(4, 3, smoothing=0.0, shared=True).fit(x, y)


@of_each_kind
def test_bad_requests_for_samples_are_named(kind):
    model = kind(4, 3)
    with pytest.raises(ValueError, match="n must be at least 1"):
        model.sample(0)
    for labels in (torch.tensor([3]), torch.tensor([[0]]), torch.tensor([], dtype=torch.int64)):
        with pytest.raises(ValueError, match="y must"):
            model.sample_given(labels)


@of_each_kind
@pytest.mark.parametrize(
    "features", [[4], [-1], [0, 0], [], [True, False], [[0, 1]]], ids=lambda value: f"{value}"
)
def test_bad_features_are_named(kind, features):
    dtype = None if features else torch.int64
    with pytest.raises(ValueError, match="features must"):
        kind(4, 3).marginal(torch.tensor(features, dtype=dtype))
    with pytest.raises(TypeError, match="features must"):
        kind(4, 3).marginal(torch.tensor([0.0]))


def test_posterior_weights_ask_for_one_spread():
    with pytest.raises(ValueError, match="shared=True"):
        posterior_weights(GaussianNaiveBayes(4, 3))
    with pytest.raises(TypeError, match="GaussianClassifier"):
        posterior_weights(LogisticRegression(4, 3))
