"""dlnotes.checks: what passes, what fails, and what the messages say."""

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


def test_what_moved_to_the_notebook_module_is_still_found_and_says_so():
    with pytest.warns(DeprecationWarning, match=r"is now dlnotes\.notebook\.check"):
        assert checks.check is notebook.check
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        checks.nothing  # noqa: B018
