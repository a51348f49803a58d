"""Exercises of chapter 6 in which a search is led astray."""

import torch

from dlnotes.exercises import exercise, expect_parts
from dlnotes.exercises.seq2seq.trials import judge_trap, judge_wider, table


@exercise(
    "8. Break it. Greedy search takes the likeliest token in each step. Sequences have two "
    "tokens, each 0, 1 or 2. p1 (3,) holds the probabilities of the first, and p2 (3, 3) those of "
    "the second, row j for the case that the first is j; rows sum to 1. Give (p1, p2), tensors "
    "or lists, for which the likeliest sequence is at least 1.9 times as likely as the one that "
    "greedy finds.",
    hint=(
        "Greedy commits to the likeliest first token. What may come after it?",
        "After the favourite let the second token be uniform, after the runner-up certain.",
    ),
    because="p1 = (0.34, 0.33, 0.33): after the favourite 1/3 at best, after the second 1. So "
    "0.33 against 0.34/3, nearly three times. No finite factor is safe from longer sequences.",
    skeleton="""
        p1 = ...
        p2 = ...
        answer = p1, p2
    """,
)
def greedy_trap():
    p1 = torch.tensor([0.34, 0.33, 0.33], dtype=torch.float64)
    p2 = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)
    return p1, p2


@greedy_trap.checked_by
def _(answer):
    p1, p2 = (
        table(p, n) for p, n in zip(expect_parts(answer, "p1", "p2"), ("p1", "p2"), strict=True)
    )
    judge_trap(p1, p2)


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
