"""Exercises of chapter 6 in which something is broken: a mask, a search."""

import math

import torch

from dlnotes.exercises import exercise, expect_number, expect_parts
from dlnotes.exercises.seq2seq.trials import judge_wider, table


@exercise(
    "8. Break it. Somebody takes masked_fill out of the attention. The three letters of toe have "
    "the scores ln 2, 0 and 0, and alone in its batch the t has the weight 1/2. Now toe comes in a "
    "batch with knight, so three columns of padding follow. Suppose that each of them gets the "
    "score 0. Which weight has the t now?",
    hint=(
        "How many numbers does the softmax see now, and what is e to the power of each score?",
        "The sum below is 2 + 1 + 1 from the letters, and 1 from each column of padding.",
    ),
    because="2 / (2 + 1 + 1 + 3) = 2/7. The padding takes 3/7, and the answer to a word depends on "
    "the longest word of its batch. (The states of padding are zeros, and their true score is "
    "v · tanh(W s). It is some number, and not −∞.)",
)
def no_mask():
    return 2 / 7


@no_mask.checked_by
def _(answer):
    mistakes = {
        "mask: that is the weight with the mask, where padding has none": 1 / 2,
        "padding: that is the weight of all padding together": 3 / 7,
        "t: that is the weight of the o, or of one column of padding": 1 / 7,
        "letters: there are three of them and three columns of padding": 1 / 3,
        "softmax: e to the power of ln 2 is 2": math.log(2) / (math.log(2) + 5),
        "sum: the scores 0 count as well, since e to the power of 0 is 1": 1.0,
    }
    expect_number(answer, 2 / 7, "the weight of the t", wrong=mistakes)


@exercise(
    "9. Break it. A wider beam can lose. Sequences have three tokens, each 0, 1 or 2. p1 (3,) "
    "holds the probabilities of the first, p2 (3, 3) those of the second, row j for the case that "
    "the first is j, and p3 (3, 3, 3) those of the third, p3[j, k] for the case that the first two "
    "are j and k. All of them sum to 1 along the last axis. Give (p1, p2, p3), tensors or lists, "
    "for which a beam of two finds a sequence that is at most half as likely as the one that "
    "greedy search finds.",
    hint=(
        "The first token of greedy's sequence must be pushed out of the beam in the second step.",
        "Let two children of the runner-up be likelier than every child of the favourite.",
        "What the favourite leads to must be sure, and what the runner-up leads to unclear.",
    ),
    because="After the favourite (0.5) three tokens share, so its best child has 0.17. The "
    "runner-up (0.4) has two children with 0.2, and both places of the beam go to them. Only the "
    "favourite led to a sure third token, so greedy ends with 0.17 and the beam with 0.08.",
    skeleton="""
        p1 = ...
        p2 = ...
        p3 = ...
        answer = p1, p2, p3
    """,
)
def wider_beam():
    p1 = torch.tensor([0.5, 0.4, 0.1], dtype=torch.float64)
    p2 = torch.tensor([[0.34, 0.33, 0.33], [0.5, 0.5, 0], [0.4, 0.3, 0.3]], dtype=torch.float64)
    p3 = torch.tensor([0.4, 0.3, 0.3], dtype=torch.float64).repeat(3, 3, 1)
    p3[0] = torch.tensor([1, 0, 0])
    return p1, p2, p3


@wider_beam.checked_by
def _(answer):
    names = "p1", "p2", "p3"
    parts = expect_parts(answer, *names)
    judge_wider(*(table(p, name) for p, name in zip(parts, names, strict=True)))
