"""Exercises of the start page: to derive, to break, a hard one."""

import torch
from torch import Tensor

from dlnotes.exercises import (
    exercise,
    expect,
    expect_close,
    expect_function,
    kind,
)


def _drawn(seed: int) -> tuple[Tensor, int]:
    """Return random scores of four answers, and which is right."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(4, generator=generator, dtype=torch.float64)
    return scores, seed % 4


@exercise(
    "7. Derive. Somebody takes 1 - p as loss, where p is the probability of the right answer, "
    "number y. Find the slope for each score on paper, and write it with p, the probabilities of "
    "all answers, and truth, which is 1 at y and 0 elsewhere.",
    hint=(
        "The loss is 1 - p[y]. You know the slope of -log p[y], which is p - truth.",
        "By the chain rule the slope of -log p[y] is minus the slope of p[y], divided by p[y].",
        "So the slope of 1 - p[y] is p[y] times the slope of -log p[y].",
    ),
    because="Minus the slope of p[y] is p[y] times (p - truth). The factor p[y] is what makes this "
    "loss weak where the program is surely wrong.",
    skeleton="""
    def slopes_of_one_minus_p(p, truth, y):
        return ...
    """,
)
def one_minus_p():
    def slopes_of_one_minus_p(p, truth, y):
        return p[y] * (p - truth)

    return slopes_of_one_minus_p


@one_minus_p.checked_by
def _(answer):
    function = expect_function(answer, "p", "truth", "y")
    for seed in range(4):
        scores, y = _drawn(seed)
        watched = scores.requires_grad_()
        p = watched.softmax(0)
        (right,) = torch.autograd.grad(1 - p[y], watched)
        p, truth = p.detach(), torch.nn.functional.one_hot(torch.tensor(y), 4).double()
        wrong = {
            "log: these are the slopes of -log p": p - truth,
            "sign: these are the slopes of p, not of 1 - p": -right,
            "factor: multiply by the probability of the right answer, do not divide": (p - truth)
            / p[y],
            "factor: it is the probability of the right answer, the same for all": p * (p - truth),
            "truth: it is still to be subtracted": p[y] * p,
            "shape: each score has a slope of its own": right[y],
            "derivative: 1 - p is the loss itself": 1 - p,
        }
        expect_close(function(p, truth, y), right, "the slopes", wrong=wrong, within=1e-9)


@exercise(
    "8. Break it. A colleague checks only that the slopes add up to 0. Deceive this check: write a "
    "formula in p and truth that is wrong for each answer, and passes it all the same. What does "
    "this say about a check that looks at one property only?",
    hint=(
        "The numbers of p add up to 1, and those of truth, too.",
        "A wrong sign does not change a sum that is 0.",
        "Turn p - truth around, or take a multiple of it.",
    ),
    because="Truth minus prediction adds up to 0, too, and with it each step would go uphill. A "
    "check is worth what it would catch, so compare all the numbers, and spoil the formula once.",
    skeleton="""
    def wrong_slopes(p, truth):
        return ...
    """,
)
def deceive_the_check():
    def wrong_slopes(p, truth):
        return truth - p

    return wrong_slopes


@deceive_the_check.checked_by
def _(answer):
    function = expect_function(answer, "p", "truth")
    for seed in range(4):
        scores, y = _drawn(seed)
        p, truth = scores.softmax(0), torch.nn.functional.one_hot(torch.tensor(y), 4).double()
        given = function(p, truth)
        expect(isinstance(given, Tensor), f"type: a tensor is wanted, got {kind(given)}")
        shape = "shape: one slope for each answer is wanted"
        expect(given.shape == p.shape and not given.is_complex(), shape)
        right = p - truth
        expect((given - right).abs().max() > 1e-9, "right: this formula is right, so break it")
        caught = abs(given.sum().item()) > 1e-9
        expect(not (caught and torch.allclose(given, p + truth)), "plus: these add up to 2, caught")
        expect(not (caught and torch.allclose(given, p)), "truth: p alone adds up to 1, caught")
        expect(not (caught and torch.allclose(given, 1 - p)), "caught: 1 - p adds up to 3 here")
        expect(not (caught and torch.allclose(given, right**2)), "square: no number is negative")
        expect(not caught, "caught: your numbers do not add up to 0, so the check sees it")
        each = (given - right).abs().min() > 1e-12
        expect(each, "partly: some of your slopes are right, and each should be wrong")


@exercise(
    "9. Hard. Divide all scores by a number T, the temperature, before softmax. So the loss is "
    "-log softmax(scores / T)[y]. What is its slope for T itself? Derive it, and fill the last "
    "line. (With a large T a model that writes, as in chapter 11, takes more risks.)",
    hint=(
        "With p = softmax(scores / T) the loss is log S - scores[y] / T.",
        "A change of T changes each scores / T by -scores / T**2. Use slope times change.",
        "The slopes for scores / T are p - truth. Multiply each by -scores / T**2, and add up.",
    ),
    because="The chain rule adds up (p - truth) times -scores / T**2 over all answers. The sum of "
    "p times scores is the mean score. So the slope is the score of the right answer minus the "
    "mean score, divided by T**2. If the right answer lies above the mean, a smaller T is better.",
    skeleton="""
    def slope_of_temperature(scores, y, T):
        p = (scores / T).softmax(0)
        return ...
    """,
)
def temperature():
    def slope_of_temperature(scores, y, T):
        p = (scores / T).softmax(0)
        return (scores[y] - (p * scores).sum()) / T**2

    return slope_of_temperature


@temperature.checked_by
def _(answer):
    function = expect_function(answer, "scores", "y", "T")
    for seed in range(4):
        scores, y = _drawn(seed)
        T = torch.tensor(0.5 + 0.7 * seed, dtype=torch.float64, requires_grad=True)
        loss = -(scores / T).log_softmax(0)[y]
        (right,) = torch.autograd.grad(loss, T)
        T = T.detach()
        p = (scores / T).softmax(0)
        cold = scores.softmax(0)
        slopes = p - torch.nn.functional.one_hot(torch.tensor(y), 4)
        wrong = {
            "sign: the mean is subtracted from the right score, not the other way round": -right,
            "power: the derivative of 1 / T has T squared below": right * T,
            "inner: the derivative of scores / T for T is missing": (slopes * scores).sum(),
            "sign and power: the derivative of 1 / T is -1 / T**2": -right * T,
            "temperature: p belongs to scores / T": (scores[y] - (cold * scores).sum()) / T**2,
            "sum: this is the slope for each scores / T, T changes all of them": slopes,
            "sum: this is a part for each answer, add them up": -slopes * scores / T**2,
            "mean: it is weighted by p": (scores[y] - scores.mean()) / T**2,
            "truth: the right answer is missing": -(p * scores).sum() / T**2,
        }
        expect_close(function(scores, y, T), right, "the slope", wrong=wrong, within=1e-9)
