"""dlnotes.metrics: distances against closed forms, scipy, torchmetrics; the classifier; errors."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchmetrics.functional.classification import multiclass_calibration_error
from torchmetrics.functional.text import char_error_rate, word_error_rate
from torchmetrics.functional.text import edit_distance as torchmetrics_distance
from torchmetrics.image.fid import FrechetInceptionDistance

from dlnotes import data, metrics
from dlnotes.metrics import (
    DigitClassifier,
    compare,
    digit_features,
    edit_distance,
    error_rates,
    frechet_distance,
    gaussian_frechet_distance,
    precision_recall,
)


def covariance(dim, seed, rank=None):
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(dim, rank or dim, generator=generator, dtype=torch.float64)
    return A @ A.T


# ---- Fréchet -----------------------------------------------------------------------------------


@given(st.integers(1, 8), st.integers(0, 1000))
@settings(deadline=None, max_examples=25)
def test_frechet_is_scipys_matrix_square_root(dim, seed):
    C1, C2 = covariance(dim, seed), covariance(dim, seed + 1)
    m1, m2 = torch.randn(2, dim, dtype=torch.float64)
    root = scipy.linalg.sqrtm((C1 @ C2).numpy()).real
    expected = ((m1 - m2) ** 2).sum() + C1.trace() + C2.trace() - 2 * np.trace(root)
    found = gaussian_frechet_distance(m1, C1, m2, C2)
    assert found == pytest.approx(expected.item(), rel=1e-6, abs=1e-6)
    assert found == pytest.approx(gaussian_frechet_distance(m2, C2, m1, C1), rel=1e-6, abs=1e-6)


def test_frechet_has_a_closed_form_for_diagonal_covariances():
    a, b = torch.tensor([1.0, 4.0, 9.0]).double(), torch.tensor([4.0, 4.0, 1.0]).double()
    m = torch.tensor([1.0, 0.0, -2.0]).double()
    found = gaussian_frechet_distance(m, torch.diag(a), 0 * m, torch.diag(b))
    assert found == pytest.approx(5 + 1 + 0 + 4)  # |m|² + Σ (√a − √b)²


@pytest.mark.parametrize("rank", [1, 2])
def test_frechet_of_singular_covariances_is_a_number(rank):
    C1, C2 = covariance(5, 0, rank), covariance(5, 1)
    zero = torch.zeros(5).double()
    assert gaussian_frechet_distance(zero, C1, zero, C1) == pytest.approx(0, abs=1e-6)
    found = gaussian_frechet_distance(zero, C1, zero, C2)
    root = scipy.linalg.sqrtm((C1 + 1e-12 * torch.eye(5)).numpy() @ C2.numpy()).real
    expected = C1.trace() + C2.trace() - 2 * np.trace(root)
    assert found == pytest.approx(expected.item(), abs=1e-3)
    dead = torch.zeros(20, 3)
    assert frechet_distance(dead, dead + 1) == pytest.approx(3.0)


def test_frechet_of_samples_is_torchmetrics():
    class Features(nn.Module):
        num_features = 4

        def forward(self, x):
            return x.double().flatten(1)[:, :4] / 64

    ours, theirs = torch.randint(256, (2, 60, 3, 2, 2), dtype=torch.uint8)
    theirs = theirs // 2
    judge = FrechetInceptionDistance(feature=Features(), input_img_size=(3, 2, 2))
    judge.set_dtype(torch.float64)
    judge.update(ours, real=True)
    judge.update(theirs, real=False)
    features = [Features()(x) for x in (ours, theirs)]
    assert frechet_distance(*features) == pytest.approx(judge.compute().item(), rel=1e-5)


def test_frechet_of_samples_approaches_that_of_their_gaussians_from_above():
    torch.manual_seed(0)
    errors = []
    for n in (100, 1000, 10_000):
        pairs = [torch.randn(2, n, 8) for _ in range(20)]
        errors.append(np.mean([frechet_distance(*pair) for pair in pairs]))
    assert errors[0] > 5 * errors[1] > 25 * errors[2] > 0
    x = torch.randn(20_000, 2)
    assert frechet_distance(x, 3 * torch.randn(20_000, 2) + 1) == pytest.approx(2 + 8, rel=0.05)


def test_frechet_counts_in_double_precision():
    x = torch.randn(500, 3)
    assert frechet_distance(x + 1000, x + 1000) < 1e-6
    assert frechet_distance(x, x) >= 0
    zero = torch.zeros(5).double()
    for seed in range(40):  # rounding goes below zero in about half of them
        C = covariance(5, seed)
        assert 0 <= gaussian_frechet_distance(zero, C, zero, C) < 1e-9


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: frechet_distance(torch.zeros(5, 2), torch.zeros(5, 3)), "first must have shape"),
        (lambda: frechet_distance(torch.zeros(1, 2), torch.zeros(5, 2)), r"len\(first\) must be"),
        (lambda: frechet_distance(torch.zeros(5, 2), torch.zeros(5, 2, 1)), "must have shape"),
        (lambda: gaussian_frechet_distance(torch.zeros(2), torch.eye(2), torch.zeros(3),
                                           torch.eye(3)), r"mean_2 must have shape \(2,\)"),
        (lambda: gaussian_frechet_distance(torch.zeros(2), torch.eye(2), torch.zeros(2),
                                           torch.eye(3)), r"covariance_2 must have shape \(2, 2"),
        (lambda: precision_recall(torch.zeros(5, 2), torch.zeros(5, 3)), "generated must have"),
        (lambda: precision_recall(torch.zeros(5, 2), torch.zeros(3, 2)), "neighbours must be"),
        (lambda: precision_recall(torch.zeros(5, 2), torch.zeros(5, 2), neighbours=0), "neighb"),
        (lambda: digit_features(torch.zeros(2, 28, 28)), "images must have shape"),
        (lambda: digit_features(2 * torch.ones(2, 1, 28, 28)), r"images must lie in \[0, 1\]"),
        (lambda: digit_features(-torch.ones(2, 1, 28, 28)), r"images must lie in \[0, 1\]"),
        (lambda: digit_features(math.nan * torch.ones(2, 1, 28, 28)), "images must lie"),
        (lambda: digit_features(torch.zeros(2, 1, 28, 28), batch_size=0), "batch_size must be"),
        (lambda: compare(torch.zeros(9, 1, 28, 28), torch.zeros(9, 1, 28, 28), images=4),
         "images must be at least 5, got 4"),
        (lambda: compare(torch.zeros(9, 1, 28, 28), torch.zeros(9, 1, 28, 28)),
         "real must hold at least images = 10,000, got 9"),
        (lambda: compare(torch.zeros(9, 1, 28, 28), torch.zeros(8, 1, 28, 28), images=9),
         "generated must hold at least images = 9, got 8"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# ---- precision and recall ------------------------------------------------------------------------


def by_loops(real, generated, k):
    """Kynkäänniemi et al. (2019), equations 1 to 3, word by word."""

    def inside(point, manifold):
        for other in manifold:
            distances = sorted((other - third).norm().item() for third in manifold)
            if (point - other).norm().item() <= distances[k]:  # distances[0] is the point itself
                return True
        return False

    precision = sum(inside(g, real) for g in generated) / len(generated)
    return precision, sum(inside(r, generated) for r in real) / len(real)


@given(st.integers(0, 500), st.integers(1, 3))
@settings(deadline=None, max_examples=10)
def test_precision_and_recall_are_their_definition(seed, k):
    generator = torch.Generator().manual_seed(seed)
    real = torch.randn(12, 2, generator=generator, dtype=torch.float64)
    generated = 1.2 * torch.randn(9, 2, generator=generator, dtype=torch.float64) + 0.8
    assert precision_recall(real, generated, neighbours=k) == by_loops(real, generated, k)


def test_precision_and_recall_tell_a_missing_mode_from_a_wrong_one():
    torch.manual_seed(0)
    left, right, far = (0.1 * torch.randn(1200, 3) + shift for shift in (0.0, 5.0, 50.0))
    both = torch.cat([left[:600], right[:600]])
    assert precision_recall(both, left[600:]) == pytest.approx((0.99, 0.5), abs=0.06)
    assert precision_recall(left[600:], both) == pytest.approx((0.5, 0.99), abs=0.06)
    assert precision_recall(left, far) == (0.0, 0.0)
    assert precision_recall(both, both) == (1.0, 1.0)


def test_precision_and_recall_do_not_depend_on_how_the_points_are_cut():
    torch.manual_seed(0)
    real, generated = torch.randn(1500, 4), torch.randn(2300, 4) + 1
    order = torch.randperm(1500)
    assert precision_recall(real, generated) == precision_recall(real[order], generated)


def test_precision_and_recall_count_in_double_precision():
    torch.manual_seed(0)
    real, generated = torch.randn(2, 200, 3) + 1000
    near = [x.double() - 1000 for x in (real, generated)]
    assert precision_recall(real, generated) == precision_recall(*near)


# ---- the classifier and the protocol -----------------------------------------------------------


def test_the_classifier_has_the_documented_size_and_features():
    model = DigitClassifier()
    assert sum(p.numel() for p in model.parameters()) == 60_874
    images = torch.rand(7, 1, 28, 28)
    features = model.features(images)
    assert features.shape == (7, 64) and features.min() >= 0
    torch.testing.assert_close(model(images), model.head(features))
    with pytest.raises(ValueError, match=r"images must have shape \(N, 1, 28, 28\)"):
        model(torch.rand(7, 28, 28))


def test_features_do_not_depend_on_the_batches():
    torch.manual_seed(0)
    model, images = DigitClassifier(), torch.rand(23, 1, 28, 28)
    whole = digit_features(images, model)
    torch.testing.assert_close(digit_features(images, model, batch_size=5), whole)
    torch.testing.assert_close(whole, model.features(images))
    assert not whole.requires_grad


def test_compare_takes_the_first_images_of_both():
    torch.manual_seed(0)
    model, real, generated = DigitClassifier(), *torch.rand(2, 40, 1, 28, 28)
    found = compare(real, generated * 0.9, images=30, model=model)
    features = [digit_features(x[:30], model) for x in (real, generated * 0.9)]
    precision, recall = precision_recall(*features)
    assert found == {
        "frechet": pytest.approx(frechet_distance(*features)),
        "precision": precision,
        "recall": recall,
    }


@pytest.fixture(scope="module")
def shipped():
    try:
        return metrics.load_digit_classifier()
    except data.DataError as error:
        if "is missing" in str(error):
            pytest.skip("no weights metrics_digits yet")
        raise


def test_the_shipped_classifier_is_frozen_and_reads_digits(shipped):
    assert not shipped.training
    assert not any(p.requires_grad for p in shipped.parameters())
    images, labels = data.mnist("validation").take(1000)
    assert (shipped(images).argmax(1) == labels).double().mean() > 0.985
    state = torch.get_rng_state()
    metrics.load_digit_classifier()
    assert torch.equal(state, torch.get_rng_state())


def test_the_measures_are_calibrated(shipped):
    real, more = data.mnist("validation").inputs.split(2500)
    generator = torch.Generator().manual_seed(0)
    noisy = [
        (more + level * torch.randn(more.shape, generator=generator)).clamp(0, 1)
        for level in (0.2, 0.5)
    ]
    uniform = torch.rand(more.shape, generator=generator)
    one = more[:1].expand_as(more).contiguous()
    found = [compare(real, x, images=2500, model=shipped) for x in (more, *noisy, uniform, one)]
    distances = [row["frechet"] for row in found]
    assert distances[0] < distances[1] < distances[2] < distances[3]
    assert found[0]["precision"] > 0.75 and found[0]["recall"] > 0.75
    assert found[3]["recall"] < 0.05  # its precision may be high: the docstring says why
    assert found[4]["recall"] < 0.01 < found[4]["precision"]  # one good digit, no variety


# ---- how many phones and words are wrong -------------------------------------------------------


def test_edit_distance_of_known_pairs():
    for a, b, distance in [
        ("kitten", "sitting", 3),
        ("", "abc", 3),
        ("abc", "", 3),
        ("abc", "abc", 0),
        ("ab", "ba", 2),
        ("saturday", "sunday", 3),
    ]:
        assert edit_distance(a, b) == distance
    assert edit_distance(["AE1", "T"], ["AH0", "T"]) == 1


@settings(deadline=None, max_examples=40)
@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_edit_distance_is_the_shortest_path(a, b):
    if a and b:
        assert edit_distance(a, b) == torchmetrics_distance([a], [b], reduction="sum").item()
    assert edit_distance(a, b) == edit_distance(b, a) >= abs(len(a) - len(b))


phones = st.lists(st.sampled_from(["AE1", "AE0", "T", "K"]), max_size=12)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(phones, phones), min_size=1, max_size=5))
def test_edits_of_phones_are_torchmetrics_of_a_letter_for_each(pairs):
    short = {"AE1": "A", "AE0": "a", "T": "t", "K": "k"}
    texts = [["".join(short[phone] for phone in row) for row in pair] for pair in pairs]
    theirs = torchmetrics_distance(*zip(*texts, strict=True), reduction="none").tolist()
    assert [edit_distance(a, b) for a, b in pairs] == theirs
    if all(b for _, b in pairs):
        said, right = zip(*((" ".join(a), " ".join(b)) for a, b in pairs), strict=True)
        per, wer = error_rates([a for a, _ in pairs], [[b] for _, b in pairs])
        assert per == pytest.approx(word_error_rate(said, right).item())
        assert wer == sum(a != b for a, b in pairs) / len(pairs)


def test_edit_distance_is_exact_far_from_the_diagonal_too():
    row = list(range(100))
    assert edit_distance(row, [-1] * 30 + row[:-30]) == 60  # 30 in at one end, 30 out at the other


def test_error_rates_count_the_nearest_reference():
    predictions = ["abc", "xy", ""]
    references = [["abd", "abc"], ["xz", "abcde"], ["q"]]
    per, wer = error_rates(predictions, references)
    assert per == (0 + 1 + 1) / (3 + 2 + 1)
    assert wer == 2 / 3
    with pytest.raises(ValueError, match="equally many, and some, got 1 and 2"):
        error_rates(["a"], [["a"], ["b"]])
    with pytest.raises(ValueError, match="equally many, and some"):
        error_rates([], [])
    with pytest.raises(ValueError, match=r"references must hold some for each word.* index 1"):
        error_rates(["a", "b"], [["a"], []])


def test_error_rates_are_torchmetrics_where_each_word_has_one_reference():
    words = ["hello", "wrld", "abcc", "n"], ["hallo", "world", "abc", "no"]
    per, wer = error_rates(words[0], [[w] for w in words[1]])
    assert per == pytest.approx(char_error_rate(*map(list, words)).item())
    assert wer == 1.0


# ---- how sure, and how often right -------------------------------------------------------------


def test_reliability_gives_torchmetrics_calibration_error():
    close = dict(rtol=0, atol=1e-6)
    probabilities = torch.randn(500, 4).mul(2).softmax(1)
    y = torch.where(torch.rand(500) < 0.6, probabilities.argmax(1), torch.randint(4, (500,)))
    hits = (probabilities.argmax(1) == y).double()
    for bins in (1, 2, 7, 15):
        sure, right, share = metrics.reliability(probabilities, y, bins=bins)
        theirs = multiclass_calibration_error(probabilities, y, num_classes=4, n_bins=bins)
        error = (share * (sure - right).abs()).sum()
        torch.testing.assert_close(error, theirs.double(), **close)
        torch.testing.assert_close(share.sum(), torch.tensor(1.0), **close)
        torch.testing.assert_close((share * right).sum(), hits.mean(), **close)


def test_certainty_falls_into_the_last_bin():
    sure, right, share = metrics.reliability(torch.eye(3), torch.tensor([0, 1, 1]), bins=10)
    assert (sure.tolist(), share.tolist()) == ([1.0], [1.0])
    assert math.isclose(right.item(), 2 / 3)


def test_bad_arguments_of_reliability_are_named():
    with pytest.raises(ValueError, match=r"y must have shape \(3,\)"):
        metrics.reliability(torch.eye(3), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="y must hold labels 0 to 2"):
        metrics.reliability(torch.eye(3), torch.tensor([0, 1, 3]))
    with pytest.raises(ValueError, match="y must hold labels 0 to 1"):  # K = 2, though N = 3
        metrics.reliability(torch.full((3, 2), 0.5), torch.tensor([0, 1, 2]))
    with pytest.raises(ValueError, match="bins must be at least 1"):
        metrics.reliability(torch.eye(3), torch.tensor([0, 1, 2]), bins=0)
    with pytest.raises(ValueError, match=r"probabilities must have shape \(N, K\)"):
        metrics.reliability(torch.ones(3), torch.tensor([0, 0, 0]))
