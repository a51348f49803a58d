"""dlnotes.exercises: an answer is judged by the property that fails, and nothing raises."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from dlnotes import exercises
from dlnotes.exercises import (
    NotYet,
    exercise,
    expect,
    expect_close,
    expect_function,
    expect_number,
    expect_parts,
    expect_runs,
)
from dlnotes.exercises.expectations import kind
from dlnotes.exercises.skeletons import filled_cell
from exercises.answers import as_in_a_notebook

SKELETON = """
def power(x, n):
    result = 1
    for _ in range(...):
        ...
    return result
"""


@exercise("Six times seven?", hint=["Think.", "Count."], because="It is known.")
def product():
    return 6 * 7  # by counting


@product.checked_by
def _(answer):
    expect(answer == 42, f"value: {answer} is not 6 * 7")


@exercise("Complete xⁿ.\n\nn is at least 1.", hint="Multiply.", because="!", skeleton=SKELETON)
def powers():
    def power(x, n):
        result = 1
        for _ in range(n):
            result = result * x
        return result

    return power


@powers.checked_by
def _(answer):
    power = expect_function(answer, "x", "n")
    expect(power(3, 4) == 81, "value: 3⁴ is something else")


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


# ---- tensors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda x: x.tolist(), "type: y must be a tensor, got list; torch.tensor makes one"),
        (lambda x: x.numpy(), "type: y must be a tensor, got ndarray; torch.from_numpy makes one"),
        (lambda x: 1.5, "type: y must be a tensor, got float"),
        (lambda x: x.long(), "dtype: y must hold floating-point numbers, got torch.int64"),
        (lambda x: x + 0j, "dtype: y must hold floating-point numbers, got torch.complex128"),
        (lambda x: x[:1], r"shape: y: expected \(3, 4\), got \(1, 4\)"),
        (lambda x: -x, "sign: y has the opposite sign"),
        (lambda x: 3 * x, "scale: y is 3 times what it should be"),
        (lambda x: 0.3 * x, "scale: y is 0.3 times what it should be"),
        (lambda x: 0 * x, "zero: y is 0 everywhere"),
        (lambda x: x / x.new_zeros(()), "values: y holds nan or infinity"),
        (lambda x: x + torch.eye(3, 4).double(), "values: y differs by up to 1 .*are plausible"),
        (lambda x: 3 * x + torch.eye(3, 4).double(), "sizes: y is on the whole 3"),
        (lambda x: 0.3 * x + 0.1 * torch.eye(3, 4).double(), "sizes: y is on the whole 0.3"),
        (lambda x: x.round(decimals=2), "rounded: y is right so far"),
        (lambda x: x.round(decimals=1), "rounded: y is right so far"),
        (lambda x: x.exp(), "no exp: leave it out"),
        (lambda x: x.sum(0), "axis: sum nothing"),
    ],
)
def test_the_failing_property_is_named(change, reason):
    right = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).double()
    wrong = {"no exp: leave it out": right.exp(), "axis: sum nothing": right.sum(0)}
    expect_close(right + 1e-6, right, "y", wrong=wrong)
    with pytest.raises(NotYet, match=reason):
        expect_close(change(right), right, "y", wrong=wrong)


def test_seven_digits_of_float32_are_told_from_a_mistake():
    right = torch.rand(5, generator=torch.Generator().manual_seed(0)).double() + 1 / 3
    expect_close(right.float(), right, "y")
    with pytest.raises(NotYet, match=r"dtype: y is right to the few digits of torch.float32"):
        expect_close(right.float(), right, "y", within=1e-9)
    with pytest.raises(NotYet, match="values: y"):
        expect_close(right.float() + 0.01 * torch.eye(5)[0], right, "y", within=1e-9)


def test_an_all_zero_reference_is_compared_by_value():
    with pytest.raises(NotYet, match="values: y differs by up to 1"):
        expect_close(torch.ones(2), torch.zeros(2), "y")


def test_the_factor_of_a_single_number_is_named_only_if_it_is_simple():
    right = torch.tensor(0.7).double()
    with pytest.raises(NotYet, match=r"scale: y is 0\.5 times"):
        expect_close(right / 2, right, "y")
    with pytest.raises(NotYet, match="values: y"):
        expect_close(right * 1.3, right, "y")


# ---- numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("2.0986", "type: x: a number is wanted, got a string"),
        ((2.0986,), "type: x: a number is wanted, got a tuple of 1"),
        (torch.ones(1), r"type: x: a number is wanted, got a tensor of shape \(1,\)"),
        (np.ones(3), "type: x: a number is wanted, got a NumPy array"),
        (True, "type: x: a number is wanted, got True or False"),
        (math.log, "type: x: a number is wanted, got a function"),
        (object(), "type: x: a number is wanted, got an object of the type object"),
        (math.nan, "value: x is nan, not a finite number"),
        (2.1, "rounded: x is right so far, give four digits"),
        (2.10, "rounded"),
        (2, "rounded"),
        (2.09, "rounded"),  # cut off
        (2.0, "rounded"),  # also where it is a known mistake
        (3.1972, "scale: twice as much"),
        (3.2, "scale: twice as much"),
        (-2.0986, "sign: x has the opposite sign"),
        (2.11, "not yet: x is another number; use .hint()"),
        (0, "not yet"),
        (3.0, "not yet"),
    ],
)
def test_a_number_is_told_its_mistake(answer, reason):
    mistakes = {"scale: twice as much": 1 + math.log(9), "mean: 2": 2.0}
    with pytest.raises(NotYet, match=reason):
        expect_number(answer, 1 + math.log(9) / 2, "x", wrong=mistakes)


def test_four_digits_of_any_type_are_right():
    right = 1 + math.log(9) / 2
    for answer in (right, 2.099, 2.098, 2.0986, torch.tensor(2.0986), np.float64(2.0986)):
        assert expect_number(answer, right) == pytest.approx(right, abs=1e-3)
    assert expect_number(-0.00012345, -0.000123456) < 0
    with pytest.raises(NotYet, match="rounded"):
        expect_number(-0.00012, -0.000123456)


def test_a_count_is_exact():
    assert expect_number(3_001_000.0, 3_001_000) == 3_001_000
    for answer in (3_000_000, 3_001_001, 3_001_000.5):
        with pytest.raises(NotYet, match=r"not yet|v:"):
            expect_number(answer, 3_001_000, wrong={"v: is missing": 3_000_000})


def test_zero_is_a_number_too():
    assert expect_number(0.0, 0.0) == 0
    with pytest.raises(NotYet, match="not yet"):
        expect_number(0.1, 0.0)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (3, r"type: 2 values are wanted, \(mean, variance\), got a number"),
        ((1, 2, 3), r"length: 2 values are wanted, \(mean, variance\), got 3"),
        ({"mean": 1}, "got a dict of 1"),
        (torch.tensor(1.0), r"got a tensor of shape \(\)"),
        (None, "got None"),
    ],
)
def test_the_number_of_parts_is_looked_at_first(answer, reason):
    with pytest.raises(NotYet, match=reason):
        expect_parts(answer, "mean", "variance")
    assert expect_parts(torch.tensor([1, 2]), "mean", "variance") == [1, 2]
    assert expect_parts([1, "x"], "mean", "variance") == [1, "x"]


RUNS = {"a": [0.1, 0.2, 0.3], "b": [1.0, 1.0, 1.0]}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ([0.1], "type: a dict with the keys 'a', 'b' is wanted, got a list of 1"),
        ({"a": [0.1, 0.2, 0.3]}, r"keys: 'a', 'b' are asked for, \['b'\] is not there"),
        (RUNS | {"b": 0.9}, "type: 'b': a list of numbers is wanted, got a number"),
        (RUNS | {"b": [0.9, "x", 1]}, "type: a run of 'b': a number is wanted, got a string"),
        (RUNS | {"b": [0.9, math.nan, 1]}, "value: a run of 'b' is nan"),
        (RUNS | {"b": [0.9, 0.8]}, "seeds: 'b' has 2 runs"),
        (RUNS | {"b": [90, 80, 85]}, "unit: give 'b' as shares"),
        (RUNS | {"b": [-0.1, 0.2, 0.3]}, "unit: give 'b' as shares"),
        (RUNS | {"b": [0.9, 0.9, 0.9]}, "seeds: all runs of 'b' are equal"),
    ],
)
def test_runs_of_an_experiment_are_numbers_with_seeds_of_their_own(answer, reason):
    with pytest.raises(NotYet, match=reason):
        expect_runs(answer, "a", "b", unit="shares")
    assert expect_runs(RUNS | {"c": torch.tensor([0.5, 0.25, 0.0])}, "a", "b")["c"] == [
        0.5,
        0.25,
        0,
    ]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3, "a number"),
        (None, "None"),
        ([1, 2], "a list of 2"),
        (len, "a function"),
        (np.float32(1), "a number"),
        (nn.Identity(), "an object of the type Identity"),
    ],
)
def test_a_value_is_named_in_words(value, words):
    assert kind(value) == words


# ---- functions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (3, r"type: a function of \(x, n\) is wanted, got a number"),
        (lambda x: x, r"arguments: a function of \(x, n\) is wanted"),
        (lambda x, n, m: x, "arguments"),
        (lambda x, n: None, "nothing: your function returns None"),
        (lambda x, n: 1 / 0, "error: your function raised ZeroDivisionError"),
        (lambda x, n: ..., "^still blank"),
        (lambda x, n: (1, ...), "^still blank"),
        (lambda x, n: x + ..., "^still blank"),
        (lambda x, n: {"a": ...}, "^still blank"),
        (lambda x, n: x, "value"),
    ],
)
def test_a_function_is_tried_and_told(answer, reason):
    with pytest.raises(NotYet, match=reason):
        powers.examine(answer)


def test_functions_of_every_kind_are_taken():
    powers.examine(pow)
    powers.examine(lambda *values: values[0] ** values[1])
    powers.examine(lambda x, n, m=1: x**n)
    assert expect_function(list.append, "items", "item", in_place=True)([], 1) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("range(...)", "range(n)"),  # the line is still blank
        ("        ...\n", "        result = result * x\n"),
        ("", ""),
    ],
)
def test_a_blank_that_is_left_is_named(old, new):
    space = as_in_a_notebook(powers.skeleton.replace(old, new, 1))
    with pytest.raises(NotYet, match=r"^still blank"):
        powers.examine(space["power"])


def test_a_line_of_dots_may_stay_above_what_is_written_and_in_an_index():
    filled = "range(n):\n        ...\n        result = result * x"
    source = powers.skeleton.replace("range(...):\n        ...", filled)
    powers.examine(as_in_a_notebook(source)["power"])
    source = "def power(x, n):\n    return torch.tensor([x])[..., 0] ** n"
    powers.examine(as_in_a_notebook(source)["power"])


def test_the_solution_is_the_skeleton_filled(capsys):
    powers.solution()
    code = "def power(x, n):\n    result = 1\n    for _ in range(n):\n        result = result * x\n"
    assert capsys.readouterr().out == code + "    return result\n\n!\n"


# ---- nothing of the learner's is changed -------------------------------------------------------


@exercise("Give a tensor or a module.", hint="!")
def anything():
    return torch.ones(2)


@anything.checked_by
def _(answer):
    torch.manual_seed(7)
    for tensor in answer.parameters() if isinstance(answer, nn.Module) else answer:
        tensor.data.zero_()


def test_a_check_works_on_copies_and_leaves_the_random_numbers_alone():
    module, tensors = nn.Linear(2, 2), [torch.ones(2), torch.ones(2, requires_grad=True) * 2]
    before = module.weight.clone()
    state = torch.random.get_rng_state()
    assert anything.check(module) and anything.check(tensors)
    assert anything.check(parameter for parameter in tensors)  # cannot be copied
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(module.weight, before)


def test_a_function_that_changes_its_arguments_spoils_nothing():
    def spoil(x, parts, module):
        x.zero_()
        parts[0].zero_()
        module.weight.data.zero_()
        return x

    x, module = torch.ones(2), nn.Linear(1, 1)
    parts = [torch.ones(2)]
    call = expect_function(spoil, "x", "parts", "module")
    assert torch.equal(call(x, parts, module), torch.zeros(2))
    assert x.all() and parts[0].all() and not module.weight.any()  # modules are handed on


# ---- cells -------------------------------------------------------------------------------------

CELL = """\
# Complete xⁿ.
#
# n is at least 1.
def power(x, n):
    result = 1
    for _ in range(...):
        ...
    return result


exercises.exercises.powers.check(power)"""


def test_a_cell_holds_question_skeleton_and_check():
    assert powers.cell().replace("exercises.test_exercises", "exercises") == CELL
    assert product.cell().splitlines() == [
        "# Six times seven?",
        "answer = ...",
        "exercises.exercises.product.check(answer)",
    ]
    assert exercises.cnn.input_sizes.chapter == "cnn"
    long = exercise("word " * 40 + "end", hint="!")(product.right_answer)
    lines = long.cell().splitlines()[:-2]
    assert len(lines) == 3 and all(line.startswith("# ") and len(line) <= 88 for line in lines)


@pytest.mark.parametrize(
    ("skeleton", "call"),
    [
        ("a = ...\nb = ...\nanswer = a, b", "check(answer)"),
        ("def helper():\n    return 1\n\n\ndef f(x):\n    return ...", "check(f)"),
        ("class Block(nn.Module):\n    ...", "check(Block)"),
    ],
)
def test_the_check_takes_what_the_skeleton_defines(skeleton, call):
    made = exercise("?", hint="!", skeleton=skeleton)(product.right_answer)
    assert made.cell().splitlines()[-1].endswith(call)


@pytest.mark.parametrize("skeleton", ["def f(:", "x = 1", "x = ...", "x[...]", "answer = 3"])
def test_a_skeleton_is_code_with_a_blank(skeleton):
    with pytest.raises(ValueError, match="skeleton must"):
        exercise("?", hint="!", skeleton=skeleton)


def test_an_untouched_cell_is_written_anew_and_a_learners_is_not():
    cell = powers.cell()
    assert filled_cell("", cell) == filled_cell("# To come.", cell) == cell
    assert filled_cell(cell.replace("at least 1", "1"), cell) == cell
    assert filled_cell(cell.removeprefix("# Complete xⁿ.\n#\n"), cell) == cell
    begun = cell.replace("range(...)", "range(n)")
    assert filled_cell(begun, cell) == begun
    assert filled_cell("answer = 3\n", product.cell()) == "answer = 3\n"


# ---- errors of ours ----------------------------------------------------------------------------


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
    assert not {"expectations", "skeletons"} & set(exercises.chapters())
