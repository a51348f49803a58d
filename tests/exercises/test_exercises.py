"""dlnotes.exercises: an answer is judged by the property that fails, and nothing raises."""

import pytest
import torch

from dlnotes import exercises
from dlnotes.exercises import NotYet, exercise, expect, expect_close


@exercise("Six times seven?", hint=["Think.", "Count."], because="It is known.")
def product():
    return 6 * 7  # by counting


@product.checked_by
def _(answer):
    expect(answer == 42, f"value: {answer} is not 6 * 7")


def test_right_wrong_and_blank_answers(capsys):
    assert product.check(42) and not product.check(41) and not product.check(...)
    assert not product.check(None) and product.check(product.right_answer())
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "✓ product: right.",
        "✗ product: value: 41 is not 6 * 7",
        "✗ product: still blank: put your answer in place of the dots",
        "✗ product: still blank: put your answer in place of the dots",
        "✓ product: right.",
    ]


def test_hints_come_one_by_one(capsys):
    for _ in range(3):
        product.hint()
    assert capsys.readouterr().out.splitlines() == [
        "Hint 1 of 2: Think.",
        "Hint 2 of 2: Count.",
        "Hint 1 of 2: Think.",
    ]


def test_the_solution_shows_the_code_that_was_run(capsys):
    product.solution()
    out = capsys.readouterr().out
    assert out == "return 6 * 7  # by counting\n\nIt is known.\n"


def test_an_answer_that_raises_is_a_wrong_answer(capsys):
    @exercise("Apply your function to 1.", hint="Any function.")
    def apply():
        return lambda x: x

    @apply.checked_by
    def _(answer):
        expect(answer(1) == 1, "value: f(1) must be 1")

    assert apply.check(lambda x: x) and not apply.check(lambda x: 1 / 0) and not apply.check(5)
    out = capsys.readouterr().out
    assert "your answer raised ZeroDivisionError" in out and "raised TypeError" in out


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda x: x.tolist(), "type: y must be a tensor, got list"),
        (lambda x: x[:1], r"shape: y: expected \(3, 4\), got \(1, 4\)"),
        (lambda x: -x, "sign: y has the opposite sign"),
        (lambda x: 3 * x, "scale: y is 3 times what it should be"),
        (lambda x: x / x.new_zeros(()), "values: y holds nan or infinity"),
        (lambda x: x + torch.eye(3, 4).double(), "values: y differs by up to 1"),
    ],
)
def test_the_failing_property_is_named(change, reason):
    right = torch.randn(3, 4).double()
    expect_close(right + 1e-6, right, "y")
    with pytest.raises(NotYet, match=reason):
        expect_close(change(right), right, "y")


def test_an_all_zero_reference_is_compared_by_value():
    with pytest.raises(NotYet, match="values: y differs by up to 1"):
        expect_close(torch.ones(2), torch.zeros(2), "y")


def test_empty_texts_are_refused():
    with pytest.raises(ValueError, match="question and hint must not be empty"):
        exercise("", hint="x")
    with pytest.raises(ValueError, match="question and hint must not be empty"):
        exercise("x", hint=[])


def test_an_exercise_without_a_check_is_an_error_of_ours():
    @exercise("?", hint="!")
    def unfinished():
        return 1

    with pytest.raises(TypeError, match="unfinished has no check"):
        unfinished.examine(1)


def test_an_unknown_chapter_is_named():
    with pytest.raises(AttributeError, match="no attribute 'astrology'"):
        exercises.astrology  # noqa: B018
