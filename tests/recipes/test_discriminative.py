"""dlnotes.recipes.discriminative: subsets, learning curves, and where they cross."""

import math
from typing import ClassVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes.discriminative import GaussianNaiveBayes
from dlnotes.recipes.discriminative import crossing, draw_subset, learning_curves


def samples(n, seed=0):
    """Return overlapping classes 0, 1 and 2, all of which occur: four features, float64."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.cat([torch.arange(3), torch.randint(3, (n - 3,), generator=generator)])
    centres = torch.tensor([[0.0, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0]], dtype=torch.float64)
    return centres[y] + torch.randn(n, 4, generator=generator, dtype=torch.float64), y


# ---- subsets -----------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(total=st.integers(10, 60), share=st.floats(0, 1), seed=st.integers(0, 99))
def test_subset_is_random_without_repetition_and_holds_every_class(total, share, seed):
    y = torch.arange(total) % 7
    n = 7 + round(share * (total - 7))
    indices = draw_subset(y, n, generator=torch.Generator().manual_seed(seed))
    assert len(indices) == n == len(indices.unique())
    assert y[indices].unique().tolist() == list(range(7))
    again = draw_subset(y, n, generator=torch.Generator().manual_seed(seed))
    assert (indices == again).all()


def test_subset_takes_every_sample_equally_often():
    y = torch.tensor([0, 0, 0, 1, 1, 1])
    generator = torch.Generator().manual_seed(0)
    counts = sum(draw_subset(y, 4, generator=generator).bincount(minlength=6) for _ in range(3000))
    torch.testing.assert_close(counts / 3000, torch.full((6,), 4 / 6), rtol=0, atol=0.04)


# ---- learning curves ---------------------------------------------------------------------------


class Recorder:
    """A classifier that guesses class 0 and keeps what it was fitted to."""

    seen: ClassVar[list] = []

    def __init__(self, x, y):
        self.seen.append((x, y))

    def predict(self, x):
        return torch.zeros(len(x), dtype=torch.int64)


def test_learning_curves_give_every_fit_the_same_samples_of_the_right_number():
    x, y = samples(40, seed=5)
    x_test, y_test = samples(50, seed=6)
    Recorder.seen.clear()
    fits = {"a": Recorder, "b": Recorder}
    options = dict(seed=7, workers=1, progress=False)
    errors = learning_curves(fits, (x, y), (x_test, y_test), sizes=[3, 10, 40], runs=3, **options)
    expected = torch.full((3, 3), (y_test != 0).float().mean().item())
    torch.testing.assert_close(errors["a"], expected, rtol=0, atol=1e-6)
    sizes = [len(labels) for _, labels in Recorder.seen]
    assert sizes == [3, 3, 10, 10, 40, 40] + [3, 3, 10, 10] * 2  # everything is fitted once
    for (x1, y1), (x2, y2) in zip(Recorder.seen[::2], Recorder.seen[1::2], strict=True):
        assert (x1 == x2).all() and (y1 == y2).all()
    rows = {tuple(row.tolist()): int(label) for row, label in zip(x, y, strict=True)}
    assert all(
        rows[tuple(r.tolist())] == k
        for x1, y1 in Recorder.seen
        for r, k in zip(x1, y1, strict=True)
    )
    first, second = Recorder.seen[2][0], Recorder.seen[8][0]
    assert (first != second).any()  # another run, other samples
    again = learning_curves(fits, (x, y), (x_test, y_test), sizes=[10], runs=1, **options)
    assert again.keys() == errors.keys()


def test_no_two_runs_of_any_two_seeds_draw_the_same():
    x, y = samples(40, seed=5)
    Recorder.seen.clear()
    options = dict(sizes=[10], runs=2, seed=7, workers=1, progress=False)
    learning_curves({"a": Recorder}, (x, y), (x, y), **options)
    for run, (drawn, labels) in enumerate(Recorder.seen):
        generator = torch.Generator().manual_seed(7000 + run)  # as the docstring says
        chosen = draw_subset(y, 10, generator=generator)
        assert torch.equal(drawn, x[chosen]) and torch.equal(labels, y[chosen])


def test_learning_curve_of_a_real_fit_repeats_and_differs_between_runs():
    train, test = samples(300, seed=5), samples(500, seed=5)
    fits = {"bayes": GaussianNaiveBayes(4, 3, smoothing=0.1).fit}
    first, second = (
        learning_curves(fits, train, test, sizes=[12, 300], runs=4, seed=1, workers=workers)[
            "bayes"
        ]
        for workers in (1, 2)
    )
    assert (first == second).all()
    assert first[:, 0].std() > 0 and first[:, 1].std() == 0
    other = learning_curves(fits, train, test, sizes=[12, 300], runs=4, seed=2)["bayes"]
    assert (first[:, 0] != other[:, 0]).any()


# ---- where they cross --------------------------------------------------------------------------


def test_crossing_is_where_straight_lines_on_the_log_axis_meet():
    sizes = [1, 10, 100, 1000]
    early = torch.tensor([0.5, 0.4, 0.4, 0.4])
    late = torch.tensor([0.45, 0.6, 0.5, 0.2])  # ahead at first, then behind, then for good
    assert math.isclose(crossing(sizes, early, late), 100 * 10 ** (1 / 3), rel_tol=1e-5)
    assert crossing(sizes, early, early - 0.1) == 1.0
    assert crossing(sizes, early, early + 0.1) == math.inf
    assert crossing(sizes, early, early - torch.tensor([0, 0, 0, 0.1])) == 100.0


# ---- bad input ---------------------------------------------------------------------------------

X, Y = samples(20)


@pytest.mark.parametrize("n", [2, 21])
def test_subset_of_impossible_size_is_named(n):
    with pytest.raises(ValueError, match=r"n must lie in \[3, 20\], got"):
        draw_subset(Y, n)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="runs must be at least 1"):
        learning_curves({}, (X, Y), (X, Y), sizes=[5], runs=0)
    with pytest.raises(ValueError, match=r"late must have shape \(2,\)"):
        crossing([1, 2], torch.zeros(2), torch.zeros(3))
