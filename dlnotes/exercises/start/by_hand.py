"""Exercises of the start page: by hand, and with a cell to change."""

from collections.abc import Mapping
from typing import Any

import torch

from dlnotes.exercises import (
    as_number,
    exercise,
    expect,
    expect_close,
    expect_number,
    expect_parts,
)

NAMES = "cat", "dog", "bird"
TRUTH = torch.tensor([0, 1, 0], dtype=torch.float64)  # it is the dog
BIRD = torch.tensor([0, 0, 1], dtype=torch.float64)
Three = tuple[float, float, float]
THIRD = 1 / 3


def walk(scores: Three, step_size: float, steps: int) -> list[torch.Tensor]:
    """Return the probabilities before the first step and after each one."""
    now = torch.tensor(scores, dtype=torch.float64)
    path = [now.softmax(0)]
    for _ in range(steps):
        now = now - step_size * (now.softmax(0) - TRUTH)
        path.append(now.softmax(0))
    return path


def expect_three(answer: Any, right: Three, what: str, wrong: Mapping[str, Three]) -> None:
    """Raise ``NotYet`` unless an answer has the right number for each animal."""
    parts = [as_number(part, what) for part in expect_parts(answer, *NAMES)]
    for message, values in wrong.items():
        pairs = zip(parts, values, strict=True)
        near = [abs(part - value) <= 0.02 * abs(value) + 1e-9 for part, value in pairs]
        expect(not all(near), message)
    for name, part, value in zip(NAMES, parts, right, strict=True):
        expect_number(part, value, f"the {what} of the {name}")


# ---- by hand -----------------------------------------------------------------------------------


@exercise(
    "1. By hand. The scores of cat, dog and bird are 0, 0 and 0. Which probabilities does softmax "
    "give?\n"
    "Give three numbers, (cat, dog, bird). A fraction such as 3/4 will do.",
    hint=(
        "First make each score positive, with the exponential function.",
        "The exponential of 0 is 1, three times.",
        "Divide each by the sum of the three.",
    ),
    because="Equal scores are equally likely. The loss is log 3 = 1.10, whichever animal it is.",
)
def equal_scores():
    return THIRD, THIRD, THIRD


@equal_scores.checked_by
def _(answer):
    wrong = {
        "sum: these do not add up to 1, divide by their sum": (1.0, 1.0, 1.0),
        "zero: a score of 0 is no probability of 0, take the exponential first": (0.0, 0.0, 0.0),
        "scores: these belong to the scores 2, 1, 0 of the page": (0.665, 0.245, 0.090),
        "truth: softmax does not know the right answer": (0.0, 1.0, 0.0),
        "two: there are three answers to share between": (0.5, 0.5, 0.5),
    }
    expect_three(answer, (THIRD, THIRD, THIRD), "probability", wrong)


@exercise(
    "2. By hand. Which slopes does the loss have for these three scores, 0, 0 and 0, if the dog is "
    "right?\n"
    "Give three numbers, (cat, dog, bird).",
    hint=(
        "You know the probabilities from exercise 1.",
        "The slope is prediction minus truth.",
        "The truth is 0 for the cat, 1 for the dog and 0 for the bird.",
    ),
    because="Prediction minus truth. The dog is pushed up as strongly as the two others together "
    "are pushed down, so the three slopes add up to 0.",
)
def slopes():
    return THIRD, THIRD - 1, THIRD


@slopes.checked_by
def _(answer):
    wrong = {
        "sign: this is truth minus prediction": (-THIRD, 1 - THIRD, -THIRD),
        "sign, and scores: this is truth minus prediction, for the scores 2, 1 and 0": (
            *(-0.665, 0.755),
            -0.090,
        ),
        "truth: these are the probabilities, the truth is still to be subtracted": (THIRD,) * 3,
        "truth: the dog is right, not the cat": (THIRD - 1, THIRD, THIRD),
        "truth: the dog is right, not the bird": (THIRD, THIRD, THIRD - 1),
        "plus: the truth is subtracted, not added": (THIRD, 1 + THIRD, THIRD),
        "scores: these belong to the scores 2, 1, 0 of the page": (0.665, -0.755, 0.090),
        "step: no step size yet, only the slopes": (THIRD / 2, (THIRD - 1) / 2, THIRD / 2),
    }
    expect_three(answer, (THIRD, THIRD - 1, THIRD), "slope", wrong)


@exercise(
    "3. By hand. A photograph has two pixels, 2 and -1. The program gives the cat 0.2, the dog 0.5 "
    "and the bird 0.3. This time the bird is right. Which slope has each of the six weights?\n"
    "Give a list of three rows, [[..., ...], [..., ...], [..., ...]], for cat, dog and bird.",
    hint=(
        "First the slopes of the three scores, prediction minus truth.",
        "The slope of a weight is the slope of its score times its pixel.",
        "The first row is 0.2 times 2 and 0.2 times -1.",
    ),
    because="The slopes of the scores are 0.2, 0.5 and -0.7. Each row is one of them times the two "
    "pixels. Where the pixel is negative the sign turns, so a smaller weight makes a larger score.",
)
def table_slopes():
    return [[0.4, -0.2], [1.0, -0.5], [-1.4, 0.7]]


@table_slopes.checked_by
def _(answer):
    rows = expect_parts(answer, *NAMES)
    parts = [as_number(part, "slope") for row in rows for part in expect_parts(row, "1st", "2nd")]
    given = torch.tensor(parts, dtype=torch.float64).view(3, 2)
    slopes = torch.tensor([0.2, 0.5, -0.7], dtype=torch.float64)
    pixels = torch.tensor([2, -1], dtype=torch.float64)
    right = slopes.outer(pixels)
    wrong = {
        "sign: this is truth minus prediction": -right,
        "truth: the bird is right, not the dog": (slopes + BIRD - TRUTH).outer(pixels),
        "truth: it is still to be subtracted from the probabilities": (slopes + BIRD).outer(pixels),
        "sign: the second pixel is negative": slopes.outer(pixels.abs()),
        "pixels: the first column belongs to the pixel 2": slopes.outer(pixels.flip(0)),
        "pixels: each slope is still to be multiplied by its pixel": slopes.outer(pixels**0),
    }
    expect_close(given, right, "the table of slopes", wrong=wrong, within=1e-6)


# ---- change a cell and watch -------------------------------------------------------------------


@exercise(
    "4. Change and watch. First guess what a ten times larger step does. Then set the step size to "
    "5 in the cell above, keep the start, and run it. Which probability has the dog after the "
    "first step, and which after the tenth?\n"
    "Give two numbers, (first, tenth), as they are printed.",
    hint=(
        "Only the line step_size = 0.5 is to be changed.",
        "Read the lines of step 1 and of step 10.",
        "The probability of the dog is the first number in each line.",
    ),
    because="One large step does nearly all, and nine more add little, because the slopes have "
    "become tiny. So is a larger step always better? No. Here is one photograph, and nothing pulls "
    "the other way. On the 5,000 digits, which share their weights, you saw a step size of 10 let "
    "the loss jump to 43. Slope times change predicts the loss for small changes only.",
)
def larger_step():
    path = walk((2, 1, 0), 5, 10)
    return path[1][1].item(), path[10][1].item()


@larger_step.checked_by
def _(answer):
    first, tenth = expect_parts(answer, "first", "tenth")
    path = walk((2, 1, 0), 5, 10)
    wrong = {
        "step size: this is what 0.5 gives": walk((2, 1, 0), 0.5, 1)[1][1].item(),
        "before: this is the probability before any step": path[0][1].item(),
        "loss: this is the loss, the probability is asked for": -path[1][1].log().item(),
        "cat: this is the probability of the cat": path[1][0].item(),
        "start: it should be (2, 1, 0)": walk((8, 0, 0), 5, 1)[1][1].item(),
    }
    expect_number(first, path[1][1].item(), "the dog after the first step", wrong=wrong)
    wrong = {
        "step size: this is what 0.5 gives": walk((2, 1, 0), 0.5, 10)[10][1].item(),
        "loss: this is the loss, the probability is asked for": -path[10][1].log().item(),
    }
    expect_number(tenth, path[10][1].item(), "the dog after the tenth step", wrong=wrong)


@exercise(
    "5. Change and watch. A program can also be sure of something wrong. Set the step size to 0.5 "
    "again and start at the scores 8, 0 and 0. Which probability has the dog after four steps? And "
    "after how many steps is it above one half for the first time?\n"
    "Give two numbers, (probability, steps), the probability as it is printed.",
    hint=(
        "Only the line that begins with start is to be changed.",
        "The fourth line that is printed is the one after step 4.",
        "Go down the lines until the first number is above 0.5.",
    ),
    because="At first the dog gains half a point in each step and the cat loses half a point, "
    "since their slopes are nearly -1 and 1. So the loss falls by 1 each time. Yet for four steps "
    "the probability of the dog stays below 2 in a hundred, because the cat is far ahead. A loss "
    "can fall while the answers hardly change.",
)
def sure_and_wrong():
    path = walk((8, 0, 0), 0.5, 20)
    first = next(step for step, p in enumerate(path) if p[1] > 0.5)
    return path[4][1].item(), first


@sure_and_wrong.checked_by
def _(answer):
    probability, steps = expect_parts(answer, "probability", "steps")
    path = walk((8, 0, 0), 0.5, 20)
    wrong = {
        "start: this is what (2, 1, 0) gives": walk((2, 1, 0), 0.5, 4)[4][1].item(),
        "before: this is the probability before any step": path[0][1].item(),
        "bird: this is the probability of the bird": path[4][2].item(),
        "cat: this is the probability of the cat": path[4][0].item(),
        "step size: it should be 0.5 again": walk((8, 0, 0), 5, 4)[4][1].item(),
    }
    expect_number(probability, path[4][1].item(), "the dog after four steps", wrong=wrong)
    wrong = {
        "start: this is what (2, 1, 0) gives": 2,
        "half: after these steps the dog is still below one half": 8,
        "first: it is above one half, but not for the first time": 10,
    }
    expect_number(steps, 9, "the number of steps", wrong=wrong)


@exercise(
    "6. Change and watch. In section 1 a hundred steps on the digits read 91 of 100. Go back to "
    "the cell with steps = 100. Set steps to 10, and then to 1. Each time run this cell and the "
    "one that reads the new digits. How many of 100 are read?\n"
    "Give two whole numbers, (ten steps, one step), as they are printed.",
    hint=(
        "Only the line steps = 100 is to be changed.",
        "Run the cell with the loop, then the cell that prints the share. Set steps to 100 again.",
        "Both numbers lie above 70.",
    ),
    because="Even one step reads 76. At weights of 0 each digit has the probability 0.1, so each "
    "row becomes, nearly, the mean image of its digit minus the mean image of all. The next nine "
    "steps bring 12 more, and the next ninety only 3.",
)
def fewer_steps():
    return 88, 76


@fewer_steps.checked_by
def _(answer):
    ten, one = (as_number(part) for part in expect_parts(answer, "ten steps", "one step"))
    expect((ten, one) != (76, 88), "order: ten steps come first, one step second")
    fractions = 0 < ten < 1 and 0 < one < 1
    expect(not fractions, "unit: give the digits that are read of 100, as they are printed")
    for given, right, steps in ((ten, 88, "ten steps"), (one, 76, "one step")):
        expect(abs(given - 91) > 1, f"steps: this is what 100 steps read, not {steps}")
        expect(abs(given - 100 + right) > 1, f"wrong: these are misread after {steps}")
        expect(abs(given - 11) > 1, "rival: this is the share of the most frequent digit")
        expect(abs(given - 10) > 1, "zero: no step at all was made, or nothing was learned")
        expect(abs(given - right) <= 1, f"not yet: {steps} read another number; use .hint()")
