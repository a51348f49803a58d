"""Exercises of chapter 1, first half: predict, compute by hand, complete."""

import math

import torch

from dlnotes.exercises import (
    as_number,
    exercise,
    expect,
    expect_close,
    expect_function,
    expect_number,
    expect_parts,
)

# ---- predict, compute --------------------------------------------------------------------------


@exercise(
    "1. Predict. A test gives one number x. Among healthy people x is distributed as N(0, 1), a "
    "normal distribution with mean 0 and variance 1; among the ill as N(2, 1). Nine of ten people "
    "are healthy. At which x is the posterior, the probability of being ill given x, exactly "
    "1/2? Give a number, to four digits.",
    hint=(
        "Set the two joint densities equal and take logarithms; what happens to x²?",
        "log 0.9 − x²/2 = log 0.1 − (x − 2)²/2.",
    ),
    because="x² cancels, and 2x − 2 = log 9 is left: the rare class has to bring more evidence.",
)
def threshold():
    return 1 + math.log(9) / 2


@threshold.checked_by
def _(answer):
    odds = math.log(9)
    mistakes = {
        "prior: this is the place where the two densities are equal, nine of ten forgotten": 1.0,
        "sign: the rare class needs more evidence, not less": 1 - odds / 2,
        "scale: divide the log odds by the distance of the means": 1 + odds,
        "odds: 0.9 against 0.1 are odds of nine to one": 1 + math.log(10) / 2,
        "logarithm: the natural one, since the densities hold e": 1 + math.log10(9) / 2,
        "logarithm: the natural one, not that to the base 2": 1 + math.log2(9) / 2,
        "middle: count from the place where the two densities are equal": odds / 2,
    }
    expect_number(answer, 1 + odds / 2, "x", wrong=mistakes)


@exercise(
    "2. Compute by hand. Three patients. One is well, with value 1; two are ill, with values 2 and "
    "3. The model is p(ill | x) = σ(w x + b), and both numbers start at 0. Take one step of "
    "gradient descent on the log-loss, summed over the patients, with learning rate 0.1. Give the "
    "new (w, b).",
    hint=(
        "At w = b = 0 every p is one half. The slope along w is the sum of (p − y) x.",
        "The slope along b is the sum of p − y, and a step goes against the slope.",
    ),
    because="The slopes are ½·1 − ½·2 − ½·3 = −2 and ½ − ½ − ½ = −½, and a step is −0.1 times "
    "them.",
)
def first_step():
    return 0.2, 0.05


@first_step.checked_by
def _(answer):
    w, b = expect_parts(answer, "w", "b")
    mistakes = {
        "direction: go against the slope, downhill": -0.2,
        "step: multiply the slope by the learning rate": 2.0,
        "step: multiply by the learning rate; and this is the slope, which points uphill": -2.0,
        "start: at w = b = 0 every p is one half": 0.5,
        "input: each p − y is multiplied by its x": 0.05,
        "sum: the loss is the sum over the patients, not the mean": 0.2 / 3,
    }
    expect_number(w, 0.2, "w", wrong=mistakes)
    mistakes = {
        "bias: it has a slope, too, the sum of p − y": 0.0,
        "direction: go against the slope, downhill": -0.05,
        "bias: its slope has no factor x": 0.2,
        "step: multiply the slope by the learning rate": 0.5,
        "sum: the loss is the sum over the patients, not the mean": 0.05 / 3,
    }
    expect_number(b, 0.05, "b", wrong=mistakes)


# ---- complete ----------------------------------------------------------------------------------


@exercise(
    "3. Complete the code. counts (K, V) says how often class k occurred together with value v, "
    "such as well and ill (rows) with no fever, slight fever and high fever (columns). Every value "
    "occurred. Fill the blank of posterior, which returns p(class k | value v) as a tensor (K, V).",
    hint=(
        "Which numbers of the table must add up to 1?",
        "Each column, divided by its own sum.",
    ),
    because="Given the value one looks at one column. The rows, each divided by its sum, would "
    "be p(value | class).",
    skeleton="""
        def posterior(counts):
            return counts / ...
    """,
)
def fever_table():
    def posterior(counts):
        return counts / counts.sum(dim=0)

    return posterior


@fever_table.checked_by
def _(answer):
    posterior = expect_function(answer, "counts")
    counts = torch.tensor([[4.0, 2.0, 1.0], [1.0, 3.0, 5.0]])
    right = counts / counts.sum(0)
    mistakes = {
        "rows: this is p(value | class); given the value, a column adds up to 1": counts
        / counts.sum(1, keepdim=True),
        "joint: this is p(class, value); it is not yet given the value": counts / counts.sum(),
        "classes: divide by the column's sum, not by the number of classes": counts / 2,
        "axes: one row for each class": right.T,
        "sum: this divides by the sum over the classes of the shares of the rows": counts
        / counts.sum(1, keepdim=True)
        / (counts / counts.sum(1, keepdim=True)).sum(0),
        "largest: divide by the sum of the column, not by its largest number": counts
        / counts.amax(0),
        "softmax: counts are no logarithms, so they are only divided": counts.softmax(0),
    }
    expect_close(posterior(counts), right, "p(class | value)", wrong=mistakes)


@exercise(
    "4. Complete the code. How many free parameters have three classifiers for D features and K "
    "classes? Naive Bayes has a prior for each class, and a mean and a variance for each class "
    "and feature. The Gaussian discriminant has priors, means, and one covariance matrix (D, D) "
    "that all classes share. Logistic regression is a softmax of one linear map. What follows "
    "from the other parameters, or can be fixed without any effect, is not free. Fill the blanks "
    "of count, which returns the three whole numbers.",
    hint=(
        "Priors sum to 1; a covariance matrix is symmetric.",
        "In logistic regression the same vector may be added to all K rows without any effect.",
    ),
    because="Logistic regression fits (K − 1)(D + 1) numbers; the generative road to the same "
    "family of posteriors estimates about D²/2 numbers more, because it describes x, too.",
    skeleton="""
        def count(D, K):
            naive_bayes = (K - 1) + ...
            shared_covariance = (K - 1) + ...
            regression = ...
            return naive_bayes, shared_covariance, regression
    """,
)
def parameters():
    def count(D, K):
        naive_bayes = (K - 1) + K * D + K * D
        shared_covariance = (K - 1) + K * D + D * (D + 1) // 2
        regression = (K - 1) * (D + 1)
        return naive_bayes, shared_covariance, regression

    return count


@parameters.checked_by
def _(answer):
    count = expect_function(answer, "D", "K")
    names = "naive Bayes", "shared covariance", "logistic regression"
    found = expect_parts(count(784, 10), *names)
    rights = _counts(784, 10)
    for name, number, right in zip(names, found, rights, strict=True):
        expect_number(number, right, name, wrong=_miscounts(784, 10)[name])
    for D, K in ((3, 2), (6, 4)):
        same = [as_number(n) for n in expect_parts(count(D, K), *names)] == [*_counts(D, K)]
        expect(same, f"formula: right for D = 784 and K = 10, wrong for D = {D} and K = {K}")


def _counts(D: int, K: int) -> tuple[int, int, int]:
    means = (K - 1) + K * D
    return means + K * D, means + D * (D + 1) // 2, (K - 1) * (D + 1)


def _miscounts(D: int, K: int) -> dict[str, dict[str, int]]:
    """Return for each model what the usual mistakes lead to."""
    bayes, shared, regression = _counts(D, K)
    every, priors = D * (D + 1) // 2, "priors: K numbers that sum to 1 are K − 1 free ones"
    return {
        "naive Bayes": {
            priors: bayes + 1,
            "variances: naive Bayes has one for each class and feature, too": bayes - K * D,
            "variances: they differ from class to class": bayes - K * D + D,
            "priors: those of the classes are learned, too": 2 * K * D,
            "naive: no covariances, each feature is on its own": K - 1 + K * D + K * every,
        },
        "shared covariance": {
            priors: shared + 1,
            "symmetry: the entries above the diagonal equal those below": shared - every + D * D,
            "shared: one covariance matrix serves all classes": shared + (K - 1) * every,
            "diagonal: the matrix has one, too": shared - D,
            "covariance: this counts its diagonal only": K - 1 + K * D + D,
            "means: each class has its own": shared - (K - 1) * D,
        },
        "logistic regression": {
            "softmax: one of the K rows can be set to zero": K * (D + 1),
            "bias: each row of the linear map has one": regression - (K - 1),
            "bias: one for each row, not one for all": regression - (K - 2),
            "softmax: one of the K rows can be set to zero; and biases are missing": K * D,
            "classes: this is the number for two of them": D + 1,
        },
    }
