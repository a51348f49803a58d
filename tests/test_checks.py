"""dlnotes.checks: what passes, what fails, and what the messages say."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlnotes import checks, notebook


@given(st.lists(st.integers(0, 3), max_size=4))
def test_a_shape_fits_itself_and_free_letters(shape):
    x = torch.zeros(shape)
    checks.check_shape("x", x, *shape)
    checks.check_shape("x", x, *"ABCD"[: len(shape)])
    checks.check_shape("x", x, "...", *shape[-1:])


@pytest.mark.parametrize(
    "shape", [(2, 5), (2, 5, 4), ("N", "N", 3), ("N", 5), ("...", 5), ("...", 1, 2, 5, 3)]
)
def test_another_shape_is_named(shape):
    with pytest.raises(ValueError, match=r"^images must have shape \(.*\), got \(2, 5, 3\)$"):
        checks.check_shape("images", torch.zeros(2, 5, 3), *shape)


def test_a_repeated_letter_means_one_size():
    checks.check_shape("x", torch.zeros(4, 4, 3), "N", "N", "C")
    with pytest.raises(ValueError, match=r"x must have shape \(N,\), got \(\)"):
        checks.check_shape("x", torch.zeros(()), "N")


def test_something_else_than_a_tensor_is_a_type_error():
    with pytest.raises(TypeError, match="x must be a tensor, got list"):
        checks.check_shape("x", [1.0], "N")


@pytest.mark.parametrize("value", [0, -3])
def test_sizes_below_one_are_named(value):
    with pytest.raises(ValueError, match=f"stride must be at least 1, got {value}"):
        checks.check_positive(kernel=1, stride=value)


@pytest.mark.parametrize("value", [1.0, True, "2", None])
def test_sizes_are_integers(value):
    with pytest.raises(TypeError, match="kernel must be an integer, got"):
        checks.check_positive(kernel=value)


def test_numbers_have_closed_limits():
    checks.check_between(0, 1, dropout=0, rate=1.0)
    for wrong in (-0.001, 1.001, float("nan")):
        with pytest.raises(ValueError, match=r"dropout must lie in \[0, 1\], got"):
            checks.check_between(0, 1, dropout=wrong)
    with pytest.raises(TypeError, match="dropout must be a number, got str"):
        checks.check_between(0, 1, dropout="a")


def test_choices_are_listed():
    checks.check_choice(("max", "min"), kind="min")
    with pytest.raises(ValueError, match="kind must be one of 'max', 'min', got 'median'"):
        checks.check_choice(("max", "min"), kind="median")


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (torch.tensor([0, 1, 3]), ValueError, r"marks must hold labels 0 to 2, got \[0, 1, 3\]"),
        (torch.tensor([-1, 2]), ValueError, r"marks must hold labels 0 to 2, got \[-1, 2\]"),
        (torch.tensor([], dtype=torch.int64), ValueError, r"marks must hold labels .* got \[\]"),
        (torch.tensor([[1]]), ValueError, r"marks must have shape \(N,\), got \(1, 1\)"),
        (torch.tensor([1.0]), TypeError, "marks must be a tensor of int64, got torch.float32"),
        (torch.tensor([True]), TypeError, "marks must be a tensor of int64, got torch.bool"),
        ([1], TypeError, "marks must be a tensor, got list"),
    ],
)
def test_labels_are_whole_numbers_of_classes(labels, error, message):
    with pytest.raises(error, match=message):
        checks.check_labels("marks", labels, 3)


def test_labels_may_have_to_be_of_a_certain_number():
    checks.check_labels("y", torch.tensor([0, 2, 1]), 3, 3)
    with pytest.raises(ValueError, match=r"y must have shape \(2,\), got \(3,\)"):
        checks.check_labels("y", torch.tensor([0, 2, 1]), 3, 2)


def test_the_unit_interval_has_its_ends_and_no_nan():
    checks.check_unit_interval("x", torch.tensor([0.0, 0.3, 1.0]))
    checks.check_unit_interval("x", torch.zeros(0))
    for wrong, values in (
        ([-0.1, 0.5], "from -0.1 to 0.5"),
        ([0.5, 1.25], "from 0.5 to 1.25"),
        ([0.5, math.nan], "from nan to nan"),
    ):
        with pytest.raises(ValueError, match=rf"x must lie in \[0, 1\], got values {values}"):
            checks.check_unit_interval("x", torch.tensor(wrong))


def test_what_moved_to_the_notebook_module_is_still_found_and_says_so():
    with pytest.warns(DeprecationWarning, match=r"is now dlnotes\.notebook\.check"):
        assert checks.check is notebook.check
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        checks.nothing  # noqa: B018
