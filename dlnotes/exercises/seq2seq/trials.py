"""What answers of chapter 6 are tried on, and what the usual mistakes would give."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes.exercises import NotYet, as_number, expect, kind
from dlnotes.seq2seq import BahdanauAttention

Mistakes = dict[str, Tensor]


def _random(*shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def an_attention() -> tuple[BahdanauAttention, Tensor, Tensor, Tensor, Mistakes]:
    """Return an attention, a query, keys, their mask, and contexts that are no mean of the keys."""
    query, keys = _random((2, 3, 4), (2, 5, 6))
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    torch.manual_seed(0)
    everywhere, inside = keys.mean(1, keepdim=True).expand(2, 3, 6), keys * mask[..., None]
    mistakes = {
        "padding: it has no share in the mean": everywhere,
        "padding: divide by the number of real annotations": inside.mean(1, keepdim=True).expand(
            2, 3, 6
        ),
        "sum: the weights must sum to 1": inside.sum(1, keepdim=True).expand(2, 3, 6),
    }
    return BahdanauAttention(4, 6).double(), query, keys, mask, mistakes


def scores_of_one_query() -> tuple[tuple[Tensor, Tensor, Tensor], Tensor, Mistakes]:
    """Return (weights, annotations, delta), ∂L/∂e by autograd, and what mistakes give."""
    e, h, delta = _random((7,), (7, 5), (5,))
    e.requires_grad_()
    alpha = e.softmax(0)
    (right,) = torch.autograd.grad((alpha @ h) @ delta, e)
    alpha = alpha.detach()
    useful = h @ delta
    mistakes = {
        "mean: raising one score lowers all other weights; subtract c": alpha * useful,
        "weight: a place that is not looked at gets no gradient": (h - alpha @ h) @ delta,
        "softmax: this is ∂L/∂α; the scores come before the softmax": useful,
        "others: ∂α_j/∂e_k is not 0 for j ≠ k": alpha * (1 - alpha) * useful,
        "mean: c weighs the annotations by α, it is not their plain mean": alpha
        * ((h - h.mean(0)) @ delta),
        "shape: one number for each score; add up over the features": alpha[:, None]
        * (h - alpha @ h)
        * delta,
    }
    return (alpha, h, delta), right, mistakes


def a_padded_batch() -> tuple[tuple[Tensor, Tensor, Tensor], Tensor, Mistakes]:
    """Return (logits, targets, lengths), the loss, and what mistakes give."""
    (logits,) = _random((3, 4, 5))
    targets = torch.randint(5, (3, 4), generator=torch.Generator().manual_seed(1))
    lengths = torch.tensor([4, 1, 2])
    rows = torch.stack(
        [
            -row[:n].log_softmax(-1).gather(1, target[:n, None]).sum()
            for row, target, n in zip(logits, targets, lengths, strict=True)
        ]
    )
    right = rows.mean()
    cells = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    longer = torch.arange(4) <= lengths[:, None]
    one_less = torch.arange(4) < lengths[:, None] - 1
    mistakes = {
        "mask: steps past the length were counted": cells.sum() / 3,
        "mask: steps past the length were counted; sum over steps, too": cells.mean(),
        "scale: divide by the N sequences, not by all steps": right * 3 / 7,
        "scale: divide by the N sequences, not by all N · T cells": right * 3 / 12,
        "scale: average over the batch": right * 3,
        "steps: sum over the steps of a sequence, do not average": (rows / lengths).mean(),
        "off by one: step number length is past the end, steps begin at 0": (cells * longer).sum()
        / 3,
        "off by one: the last step of each sequence counts": (cells * one_less).sum() / 3,
        "shape: average over the batch, one number is wanted": rows,
        "shape: one number is wanted, without a dimension": right[None],
    }
    return (logits, targets, lengths), right, mistakes


def states_of_a_batch() -> tuple[tuple[Tensor, ...], Tensor, Mistakes]:
    """Return (s, h, inside, W), the contexts by loops, and what mistakes give."""
    s, h, W = _random((3, 4), (3, 5, 6), (4, 6))
    inside = torch.arange(5) < torch.tensor([5, 2, 3])[:, None]
    e = torch.einsum("nh,hm,nsm->ns", s, W, h)
    right = torch.stack([e[n, :k].softmax(0) @ h[n, :k] for n, k in enumerate((5, 2, 3))])
    masked = e.masked_fill(~inside, -torch.inf)

    def mean(weights: Tensor) -> Tensor:
        return (weights[:, :, None] * h).sum(dim=1)

    mistakes = {
        "mask: padding has got weight": mean(e.softmax(1)),
        "mask: a score of 0 is not enough, e to the power of 0 is 1": mean((e * inside).softmax(1)),
        "mask: zero weights after the softmax leave a sum below 1": mean(e.softmax(1) * inside),
        "softmax: over the letters, not over the words of the batch": mean(masked.softmax(0)),
        "softmax: scores are no weights, they must be positive and sum to 1": mean(e * inside),
        "tanh: this score has none": mean(e.tanh().masked_fill(~inside, -torch.inf).softmax(1)),
        "root: this score is not divided by anything": mean((masked / 2).softmax(1)),
    }
    return (s, h, inside, W), right, mistakes


def pairs_of_sentences() -> Iterator[tuple[tuple[str, str], float, dict[str, float]]]:
    """Yield (candidate, reference), the BLEU, and what mistakes give."""
    words = "the quick brown fox jumps over the lazy dog today and again"
    yield (words, words), 1.0, {"unit: a share of 1, not per cent": 100.0, "logarithm: exp": 0.0}
    short = " ".join(words.split()[:9])  # all precisions are 1
    mistakes = {
        "brevity: c = 9 of r = 12 words must cost": 1.0,
        "brevity: r / c, not c / r": math.exp(1 - 9 / 12),
        "brevity: exp(1 − r / c), not c / r itself": 9 / 12,
        "brevity: this is its logarithm": 1 - 12 / 9,
        "recall: precision divides by the candidate's n-grams": math.exp(1 - 12 / 9)
        * (9 / 12 * 8 / 11 * 7 / 10 * 6 / 9) ** 0.25,
        "recall: precision divides by the candidate's n-grams, and being short must cost": (
            9 / 12 * 8 / 11 * 7 / 10 * 6 / 9
        )
        ** 0.25,
    }
    yield (short, words), math.exp(1 - 12 / 9), mistakes
    precisions = (9 / 13) ** 0.25  # 12/13 · 11/12 · 10/11 · 9/10, and no penalty
    reward = "brevity: being longer is no reward; the penalty is at most 1"
    mistakes = {
        reward: precisions * math.exp(1 - 12 / 13),
        "geometric: the mean of logarithms, not of precisions": sum(
            (12 / 13, 11 / 12, 10 / 11, 9 / 10)
        )
        / 4,
        "mean: the fourth root of the product; divide the sum of logarithms by 4": 9 / 13,
        "orders: n runs from 1 to 4": (12 / 13 * 11 / 12 * 10 / 11) ** (1 / 3),
        "orders: n runs from 1 to 4, single words are not enough": 12 / 13,
        "logarithm: exp of the mean of logarithms": math.log(9 / 13) / 4,
    }
    yield (f"{words} yes", words), precisions, mistakes
    yield ("a b c d", "a b c e"), 0.0, {}
    clipped = tuple(k / n for k, n in zip((8, 7, 6, 5), (13, 12, 11, 10), strict=True))
    plain = tuple(k / n for k, n in zip((12, 11, 10, 9), (13, 12, 11, 10), strict=True))
    kinds = {"clipping: an n-gram counts at most as often as it stands in the reference": plain}
    found = {message: math.prod(p) ** 0.25 for message, p in kinds.items()}
    yield ("a b c d a b c d a b c d x", "a b c d a b c d y z"), math.prod(clipped) ** 0.25, found


def table(value: Any, name: str) -> Tensor:
    """Return a tensor or a list of numbers as a tensor, float64; else raise ``NotYet``."""
    expect(isinstance(value, Tensor | list | tuple), f"type: {name}: a tensor, got {kind(value)}")
    try:
        numbers = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise NotYet(f"type: {name} must hold numbers, rows of equal length") from error
    expect(not numbers.is_complex(), f"dtype: {name} must hold real numbers")
    return numbers.double()


def judge_lags(lags: Callable) -> None:
    """Raise ``NotYet`` unless a function counts the steps from reading to writing."""

    def found(n: int, reverse: bool) -> list[float]:
        given = lags(n, reverse)
        expect(isinstance(given, list | tuple), f"type: a list is wanted, got {kind(given)}")
        expect(len(given) == n, f"length: one lag for each of {n} tokens, got {len(given)}")
        return [as_number(lag, "a lag") for lag in given]

    for n in (7, 2, 1):
        given, i = found(n, False), range(1, n + 1)
        expect(given != [n - 1] * n, "off by one: steps from reading to writing, not those between")
        expect(given != [n + 1] * n, "off by one: y_1 comes right after the last token of x")
        expect(given == [n] * n, "in order: reading and writing advance alike; are all equal?")
        given = found(n, True)
        expect(given != [n] * n or n == 1, "reversed: the source is read from its end now")
        expect(given != [2 * k - 1 for k in i][::-1] or n == 1, "order: y_1 comes first")
        expect(given != [2 * k for k in i], "off by one: the nearest pair is one step apart")
        expect(given != [2 * k - 2 for k in i], "off by one: i begins with 1, or begin at 0 twice")
        expect(given == [2 * k - 1 for k in i], "reversed: in which step is x_i read now?")


def judge_wider(p1: Tensor, p2: Tensor, p3: Tensor) -> None:
    """Raise ``NotYet`` unless a beam of two finds at most half of what greedy search finds."""
    shapes = [tuple(p.shape) for p in (p1, p2, p3)]
    wanted = [(3,), (3, 3), (3, 3, 3)]
    expect(shapes == wanted, f"shape: (3,), (3, 3) and (3, 3, 3) are asked for, got {shapes}")
    proper = all((p >= 0).all() and ((p.sum(-1) - 1).abs() < 1e-5).all() for p in (p1, p2, p3))
    expect(proper, "probabilities: no number below 0, and a sum of 1 along the last axis")
    greedy, beam = _searched(p1, p2, p3, 1), _searched(p1, p2, p3, 2)
    expect(beam > 1e-12, "beam: what the beam of two finds has probability 0")
    expect(beam < greedy + 1e-12, "wider: here the beam of two finds a likelier sequence")
    expect(beam < greedy - 1e-12, "wider: both searches find sequences of the same probability")
    share = beam / greedy
    expect(share <= 0.5, f"factor: the beam still finds {share:.2f} of what greedy search finds")


def _searched(p1: Tensor, p2: Tensor, p3: Tensor, size: int) -> float:
    """Return the probability of what a beam of this size finds; ties go to the smaller tokens."""
    kept = [((), 1.0)]
    for p in (p1, p2, p3):
        grown = [
            ((*start, token), total * p[start][token].item())
            for start, total in kept
            for token in range(3)
        ]
        kept = sorted(grown, key=lambda pair: -pair[1])[:size]
    return kept[0][1]
