"""The first steps of the ladder of chapter 8: predict, compute by hand, complete."""

import math

import torch
import torch.nn.functional as F

from dlnotes.exercises import (
    exercise,
    expect_close,
    expect_function,
    expect_number,
    expect_parts,
)

# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "1. Predict. Take the four sentences of section 2 and leave out the word we. What remains is "
    "drink tea, drink coffee, read books, read papers. Count again, with everybody in a sentence "
    "beside everybody else. What are the cosines of the rows of counts, for tea and coffee, for "
    "tea and books, and for tea and drink?\n"
    "Give three numbers, (tea and coffee, tea and books, tea and drink).",
    hint=(
        "Write down the rows of tea, coffee, books and drink. Each has only one or two entries.",
        "Tea stands beside drink only. Drink stands beside tea and coffee.",
        "Two rows that have no column in common are at right angles.",
    ),
    because="Tea and coffee have equal rows. Tea and books share nothing any more, since all they "
    "shared was we. And tea and drink, which stand together in a sentence, have no neighbour "
    "in common, so their cosine is 0. Standing together and being alike are two things.",
)
def without_we():
    tea, coffee = torch.tensor([1.0, 0, 0, 0]), torch.tensor([1.0, 0, 0, 0])  # beside drink
    books = torch.tensor([0.0, 1, 0, 0])  # beside read
    drink = torch.tensor([0.0, 0, 1, 1])  # beside tea, and beside coffee
    return tuple(torch.cosine_similarity(tea, row, dim=0).item() for row in (coffee, books, drink))


@without_we.checked_by
def _(answer):
    coffee, books, drink = expect_parts(answer, "tea and coffee", "tea and books", "tea and drink")
    met = {"meeting: tea and coffee need not meet to be alike, look at their rows": 0.0}
    expect_number(coffee, 1.0, "tea and coffee", wrong=met, within=1e-6)
    shared = {
        "we: it is gone, and it was all that they shared": 0.5,
        "rows: these two are not equal, one stands beside drink and the other beside read": 1.0,
    }
    expect_number(books, 0.0, "tea and books", wrong=shared, within=1e-6)
    together = {
        "we: it is gone, and it was what tea and drink shared": 1 / math.sqrt(3),
        "meeting: they stand together, but do they stand beside the same words?": 1.0,
        "itself: a word does not stand beside itself": 1 / math.sqrt(2),
    }
    within = 2e-3 if isinstance(drink, float) and drink else 1e-6
    expect_number(drink, 0.0, "tea and drink", wrong=together, within=within)


# ---- by hand -----------------------------------------------------------------------------------


@exercise(
    "2. By hand. The library of section 2 gets the sentence we drink coffee once more, so that it "
    "stands there twice among five. Compute PMI(drink, coffee) and PMI(drink, tea) from the new "
    "counts. Which of the two is larger?\n"
    "Give the two numbers, (drink and coffee, drink and tea), with four digits.",
    hint=(
        "How many pairs are there now? Each sentence of three words makes six.",
        "N = 30. Drink is the centre of 6 pairs, coffee of 4, tea of 2.",
        "PMI = log(C N / (n n)), with C = 2 for drink and coffee, and C = 1 for drink and tea.",
    ),
    because="Both are log 2.5. Drink and coffee meet twice as often as drink and tea. By chance "
    "they would do so, too, since coffee occurs twice as often. PMI compares with chance and does "
    "not ask how much evidence there is. That is its strength, and its weakness with rare words.",
)
def more_coffee():
    N, drink, coffee, tea = 30, 6, 4, 2  # pairs, and pairs of each word
    return math.log(2 * N / (drink * coffee)), math.log(1 * N / (drink * tea))


@more_coffee.checked_by
def _(answer):
    coffee, tea = expect_parts(answer, "drink and coffee", "drink and tea")
    right = math.log(2.5)
    everywhere = {
        "pairs: the new sentence brings six more": math.log(2),
        "counts: these are the ones of the four sentences": math.log(3),
        "logarithm: it is the natural one": math.log2(2.5),
        "logarithm: PMI is the logarithm of this ratio": 2.5,
        "pairs: count pairs and not sentences": math.log(5 / 3),
    }
    once = {"coffee: it stands beside drink in two sentences": math.log(1.25)}
    expect_number(coffee, right, "PMI of drink and coffee", wrong=everywhere | once)
    twice = {
        "tea: it stands beside drink in one sentence only": math.log(5),
        "more: coffee occurs more often, and chance knows that": math.log(1.25),
    }
    expect_number(tea, right, "PMI of drink and tea", wrong=everywhere | twice)


# ---- complete ----------------------------------------------------------------------------------


@exercise(
    "3. Complete the count with a shrinking window. A pair at the distance d counts "
    "(window − d + 1) / window, which is how often a window drawn from 1 to window sees it. ids is "
    "a list of whole numbers from 0 to V − 1, the words of one sentence. Fill in the five blanks.\n"
    "Return the table (V, V), row c and column o for centre c and neighbour o.",
    hint=(
        "Which places j may stand beside place i, and what happens at the ends of the sentence?",
        "range(first, last) stops before last. abs(i - j) is the distance.",
        "Where the distance is 0 the two places are the same, and a word is not beside itself.",
    ),
    because="The weights 1, 0.8, 0.6, 0.4, 0.2 for a window of 5 are the shares of section 10. "
    "Counting with them gives on average what counting with a drawn window gives, without drawing.",
    skeleton="""
        def count_near(ids, window, V):
            table = torch.zeros(V, V)
            for i in range(len(ids)):
                for j in range(..., ...):
                    distance = ...
                    if ...:
                        table[ids[i], ids[j]] += ...
            return table
    """,
)
def count_near():
    def count_near(ids, window, V):
        table = torch.zeros(V, V)
        for i in range(len(ids)):
            for j in range(max(0, i - window), min(len(ids), i + window + 1)):
                distance = abs(i - j)
                if distance > 0:
                    table[ids[i], ids[j]] += (window - distance + 1) / window
        return table

    return count_near


def weighted_table(ids, window, V, weight):
    """Return the table in which the pair of places (i, j) counts ``weight(i, j)``."""
    table = torch.zeros(V, V)
    for i in range(len(ids)):
        for j in range(len(ids)):
            table[ids[i], ids[j]] += weight(i, j)
    return table


@count_near.checked_by
def _(answer):
    count = expect_function(answer, "ids", "window", "V")
    for ids, m, V in (([0, 1, 2, 3, 4, 5], 3, 6), ([3, 0, 3, 1, 2, 0, 1], 2, 4), ([0, 1], 5, 2)):

        def shrinking(i, j, m=m):
            return max(0, m - abs(i - j) + 1) / m

        wrong = {
            "itself: a word does not stand beside itself": shrinking,
            "sides: words before the centre count, too": lambda i, j: shrinking(i, j) * (j > i),
            "sides: words behind the centre count, too": lambda i, j: shrinking(i, j) * (j < i),
            "weight: near words count more": lambda i, j, m=m: 0 < abs(i - j) <= m,
            "weight: it falls by the same amount with each word": lambda i, j, m=m: (
                1 / abs(i - j) if 0 < abs(i - j) <= m else 0
            ),
            "weight: the farthest word of the window still counts, and the next one fully": (
                lambda i, j, m=m: max(0, m - abs(i - j)) / m * (i != j)
            ),
            "weight: the next word counts 1, so divide by the window": (
                lambda i, j, m=m: max(0, m - abs(i - j) + 1) * (i != j)
            ),
            "end: range stops before its second number": (
                lambda i, j, m=m: shrinking(i, j) * (i != j) * (j < i + m)
            ),
        }
        tables = {text: weighted_table(ids, m, V, weight) for text, weight in wrong.items()}
        right = weighted_table(ids, m, V, lambda i, j: shrinking(i, j) * (i != j))
        expect_close(count(ids, m, V), right, "the table", wrong=tables)


@exercise(
    "4. Complete the loss of negative sampling for many pairs at once. v and u are (B, D), the "
    "vectors of B centres and of the words that were really seen beside them. noise is (B, k, D), "
    "the k noise words of each pair. No loops. Fill in the four blanks.\n"
    "Return the loss of each pair, (B,).",
    hint=(
        "Which shapes must the scores have? One for each real pair, and k made-up ones beside it.",
        "(v * u).sum(1) multiplies place by place and adds up. v[:, None] is (B, 1, D).",
        "A made-up pair has the loss −log σ(−x). Add up over its k noise words.",
    ),
    because="With an axis of length 1, every noise word of a pair is multiplied by the same "
    "centre. Three mistakes are common here, to forget the minus inside σ, to take the "
    "mean over the noise words, and to score every centre against the neighbours of all others.",
    skeleton="""
        def batch_loss(v, u, noise):
            true = ...
            made_up = ...
            return -F.logsigmoid(true) - F.logsigmoid(...).sum(dim=...)
    """,
)
def batch_loss():
    def batch_loss(v, u, noise):
        true = (v * u).sum(dim=1)
        made_up = (noise * v[:, None]).sum(dim=2)
        return -F.logsigmoid(true) - F.logsigmoid(-made_up).sum(dim=1)

    return batch_loss


@batch_loss.checked_by
def _(answer):
    loss = expect_function(answer, "v", "u", "noise")
    for B, k, D in ((3, 5, 4), (4, 4, 4), (2, 3, 6)):
        generator = torch.Generator().manual_seed(B)
        v, u = torch.randn(2, B, D, generator=generator).double()
        noise = torch.randn(B, k, D, generator=generator).double()
        true, made_up = (v * u).sum(1), (noise @ v[:, :, None])[..., 0]
        yes = -F.logsigmoid(true)
        right = yes - F.logsigmoid(-made_up).sum(1)
        wrong = {
            "sign: a made-up pair should get the answer no": yes - F.logsigmoid(made_up).sum(1),
            "sum: add up over the noise words, no mean": yes - F.logsigmoid(-made_up).mean(1),
            "batch: give the loss of each pair, do not average them": right.mean(),
            "batch: give the loss of each pair, do not add them up": right.sum(),
            "centre: noise words are scored against v": yes
            - F.logsigmoid(-(noise * u[:, None]).sum(2)).sum(1),
            "axis: add up over the noise words, not over the pairs": (
                yes - F.logsigmoid(-made_up).sum(0) if B == k else right.new_zeros(0)
            ),
            "pairs: score each centre with its own neighbour only": (
                -F.logsigmoid(v @ u.T) - F.logsigmoid(-made_up).sum(1)
            ),
            "noise: add up the losses, not the scores": yes - F.logsigmoid(-made_up.sum(1)),
        }
        expect_close(loss(v, u, noise), right, "the loss", within=1e-9, wrong=wrong)
