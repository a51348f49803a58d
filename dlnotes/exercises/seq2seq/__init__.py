"""Exercises of chapter 6: predict, derive, implement, break it, experiment."""

import itertools
import math
from collections import Counter

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes.exercises import exercise, expect, expect_close
from dlnotes.exercises.seq2seq.experiment import small_model
from dlnotes.exercises.seq2seq.trees import beam_by_dicts, log_probability, random_tree
from dlnotes.seq2seq import BahdanauAttention

# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "How many parameters has Bahdanau's scorer e = vᵀ tanh(W s + U h) if the decoder's state has "
    "n = 1000 features, the encoder reads both ways with 1000 each, and 1000 are compared?",
    hint=(
        "Three things are learned, W, U and v. What goes into each, and what comes out?",
        "h holds both directions, so U is 1000 × 2000. There are no biases.",
    ),
    because="W: 1000², U: 1000 · 2000, v: 1000. It does not depend on the length of the sentence.",
)
def scorer_parameters():
    n = 1000
    return n * n + n * (2 * n) + n


@scorer_parameters.checked_by
def _(answer):
    expect(answer != 2_001_000, "U: an annotation holds both directions, 2000 features")
    expect(answer != 3_000_000, "v: the vector that makes one number of 1000 is missing")
    expect(answer not in (3_002_000, 3_003_000, 3_002_001), "biases: the paper's scorer has none")
    expect(answer == 3_001_000, "count: W is n × n, U is n × 2n, v has n numbers")


@exercise(
    "Source and target both have n tokens, and y_i depends on x_i. Write lags(n, reverse): the "
    "list, for i = 1 … n, of how many steps lie between reading x_i and writing y_i, if the "
    "decoder begins right after the encoder (reading the last token and writing the first are one "
    "step apart) and reads the source backwards if reverse is True.",
    hint=(
        "Number the steps: the source takes steps 1 … n, the target n + 1 … 2n.",
        "In order, x_i is read in step i; reversed, in step n + 1 − i. y_i is written in n + i.",
    ),
    because="n for each in order; 2i − 1 reversed. The mean stays n, but the first pairs are now "
    "close together, and gradients find them first (Sutskever et al. 2014, §3.3).",
)
def lags():
    def lags(n, reverse):
        read = [n + 1 - i if reverse else i for i in range(1, n + 1)]
        return [n + i - read[i - 1] for i in range(1, n + 1)]

    return lags


@lags.checked_by
def _(answer):
    expect(callable(answer), "type: give a function of n and reverse")
    for n in (1, 2, 7):
        given = list(answer(n, False))
        expect(len(given) == n, "shape: one lag for each token")
        expect(given == [n] * n, f"in order: all {n} lags are {n}")
        given = list(answer(n, True))
        expect(given != [2 * i - 1 for i in range(n, 0, -1)] or n == 1, "order: y_1 comes first")
        expect(given != [2 * i for i in range(1, n + 1)], "offset: the nearest pair is 1 apart")
        right = [2 * i - 1 for i in range(1, n + 1)]
        expect(given == right, "reversed: x_i is read in step n + 1 − i, y_i written in n + i")


# ---- derive ------------------------------------------------------------------------------------


@exercise(
    "Write attend_to_the_mean(attention), which changes the parameters of a BahdanauAttention in "
    "place, under torch.no_grad(), so that for every query the context is the mean of the "
    "annotations, without making the annotations forgotten: W and U must keep their values.",
    hint=(
        "Which scores make a softmax uniform?",
        "All scores equal, whatever the query: e = vᵀ tanh(...) with v = 0.",
    ),
    because="With e constant α_j = 1/S and c = Σ h_j / S. A model that averages (a bag of "
    "words) is thus one point in the space of models with attention.",
)
def uniform_attention():
    @torch.no_grad()
    def attend_to_the_mean(attention):
        attention.v.weight.zero_()

    return attend_to_the_mean


@uniform_attention.checked_by
def _(answer):
    expect(callable(answer), "type: give a function of the attention")
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    keys = torch.randn(2, 5, 6, generator=generator, dtype=torch.float64)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    attention = BahdanauAttention(4, 6).double()
    before = {name: p.detach().clone() for name, p in attention.named_parameters()}
    answer(attention)
    for name in ("W.weight", "U.weight"):
        same = torch.equal(dict(attention.named_parameters())[name], before[name])
        expect(same, f"kept: {name} must keep its values")
    context, weights = attention(query, keys, mask)
    expect((weights[0] - 0.2).abs().max() < 1e-9, "uniform: five places, so each weight is 1/5")
    means = torch.stack([keys[0].mean(0), keys[1, :3].mean(0)])[:, None].expand(2, 3, 6)
    expect_close(context, means, "the context", within=1e-9)


@exercise(
    "Write score_gradient(weights, annotations, delta): the gradient of the loss with respect to "
    "the scores e_j, from α (S,), annotations h_j (S, M) and delta = ∂L/∂c (M,). No autograd.",
    hint=(
        "c = Σ_j α_j h_j and ∂α_j/∂e_k = α_j (1[j = k] − α_k).",
        "∂c/∂e_k = α_k (h_k − c). The chain rule multiplies by delta.",
    ),
    because="α_k (h_k − c)·δ: a place gains if its annotation lies on the useful side of the mean, "
    "and only as far as it is looked at already. The sum over k is zero.",
)
def score_gradient():
    def gradient(weights, annotations, delta):
        c = weights @ annotations
        return weights * ((annotations - c) @ delta)

    return gradient


@score_gradient.checked_by
def _(answer):
    expect(callable(answer), "type: give the function")
    generator = torch.Generator().manual_seed(0)
    e, h, delta = (
        torch.randn(s, generator=generator, dtype=torch.float64) for s in ((7,), (7, 5), (5,))
    )
    e.requires_grad_()
    alpha = e.softmax(0)
    (right,) = torch.autograd.grad((alpha @ h) @ delta, e)
    alpha = alpha.detach()
    given = answer(alpha, h, delta)
    if isinstance(given, Tensor) and given.shape == right.shape:
        off = (given - alpha * (h @ delta)).abs().max()
        expect(off > 1e-9, "mean: raising one score lowers all other weights; subtract c")
        off = (given - (h - alpha @ h) @ delta).abs().max()
        expect(off > 1e-9, "weight: a place that is not looked at gets no gradient")
    expect_close(given, right, "the gradient", within=1e-9)


# ---- implement ---------------------------------------------------------------------------------


@exercise(
    "Write loss(logits, targets, lengths): minus the log-likelihood of each sequence, summed over "
    "its own steps and averaged over the batch. logits (N, T, V), targets (N, T), lengths (N,); "
    "what stands past a length must not matter, whatever it is.",
    hint=(
        "F.cross_entropy(logits.transpose(1, 2), targets, reduction='none') is (N, T).",
        "Multiply by torch.arange(T) < lengths[:, None], sum over T, then take the mean over N.",
        "A mask cannot save what is already nan: clean logits and targets first, with torch.where.",
    ),
    because="Summing and dividing by N keeps the loss a log-likelihood; a mean over all N · T "
    "cells would make it depend on how much padding there happens to be.",
)
def masked_loss():
    def loss(logits, targets, lengths):
        inside = torch.arange(targets.shape[1]) < lengths[:, None]
        logits = torch.where(inside[..., None], logits, 0.0)
        targets = torch.where(inside, targets, 0)
        losses = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
        return (losses * inside).sum(dim=1).mean()

    return loss


@masked_loss.checked_by
def _(answer):
    expect(callable(answer), "type: give the function")
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 4, 5, generator=generator, dtype=torch.float64)
    targets = torch.randint(5, (3, 4), generator=generator)
    lengths = torch.tensor([4, 1, 2])
    rows = [
        -logits[n, : lengths[n]].log_softmax(-1).gather(1, targets[n, : lengths[n], None]).sum()
        for n in range(3)
    ]
    right = torch.stack(rows).mean()
    given = torch.as_tensor(answer(logits, targets, lengths))
    expect(given.ndim == 0, f"shape: one number for the batch, got {tuple(given.shape)}")
    everything = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none").sum() / 3
    expect((given - everything).abs() > 1e-9, "mask: steps past the length were counted")
    expect((given - right * 3 / 7).abs() > 1e-9, "scale: divide by the N sequences, not by steps")
    expect((given - right * 3).abs() > 1e-9, "scale: average over the batch")
    expect_close(given, right, "the loss", within=1e-9)
    broken, odd = logits.clone(), targets.clone()
    broken[1, 1:] = torch.nan
    odd[1, 1:] = 99
    try:
        given = torch.as_tensor(answer(broken, odd, lengths))
    except (IndexError, RuntimeError):
        given = torch.tensor(torch.nan)
    message = "leak: what stands past the length (nan, or no token at all) must not matter"
    expect((given - right).abs() < 1e-9, message)


@exercise(
    "Write beam(step, size, steps): step(prefix) gives a list of log-probabilities of the next "
    "token for a tuple of tokens; keep the `size` likeliest prefixes, for exactly `steps` tokens "
    "(there is no end token). Return the best sequence, a tuple, and its log-probability.",
    hint=(
        "Start with [((), 0.0)]: one prefix, the empty one.",
        "Grow every prefix by every token, sort by log-probability, keep the first `size`.",
    ),
    because="With size 1 it is greedy search; with V^(steps − 1) no prefix is dropped before the "
    "last step, so it is exact.",
)
def beam():
    def beam(step, size, steps):
        prefixes = [((), 0.0)]
        for _ in range(steps):
            grown = [
                ((*prefix, token), total + log_p)
                for prefix, total in prefixes
                for token, log_p in enumerate(step(prefix))
            ]
            prefixes = sorted(grown, key=lambda pair: -pair[1])[:size]
        return prefixes[0]

    return beam


@beam.checked_by
def _(answer):
    expect(callable(answer), "type: give the function")
    narrower = 0
    for seed in range(12):
        step = random_tree(seed, 3, 4)
        every = {t: log_probability(step, t) for t in itertools.product(range(3), repeat=4)}
        best = max(every, key=every.get)
        found = {}
        for size in (1, 2, 27):
            tokens, log_p = answer(step, size, 4)
            found[size] = tuple(tokens)
            expect(len(tokens) == 4, f"length: {len(tokens)} tokens, 4 were asked for")
            message = "score: the number returned is not the log-probability of the sequence"
            expect(abs(float(log_p) - every[tuple(tokens)]) < 1e-5, message)
        greedy: tuple = ()
        for _ in range(4):
            row = step(greedy)
            greedy = (*greedy, row.index(max(row)))
        expect(found[1] == greedy, "greedy: with size 1 the likeliest token is taken at every step")
        expect(found[27] == best, "exact: with size V^(steps − 1) the best sequence must be found")
        expect(
            found[2] == beam_by_dicts(step, 2, 4), "beam: prefixes were dropped too early or late"
        )
        narrower += found[1] != best
    assert narrower > 2, "the trees do not tell greedy from exact"


@exercise(
    "Write bleu(candidate, reference), two lists of words: the geometric mean of the clipped "
    "n-gram precisions for n = 1 … 4, times the brevity penalty min(1, exp(1 − r / c)), c and r "
    "the lengths. If one of the precisions is 0, so is the result.",
    hint=(
        "Clipped: an n-gram counts at most as often as it stands in the reference: min of two "
        "Counters is Counter(a) & Counter(b).",
        "Precision divides by the number of n-grams of the candidate, max(len − n + 1, 0).",
        "Geometric mean: exp of the mean of four logarithms.",
    ),
    because="Clipping stops 'the the the', whose unigram precision falls from 7/7 to 2/7; the "
    "penalty stops the candidate that says only what it is sure of (Papineni et al. 2002).",
)
def bleu():
    def bleu(candidate, reference):
        logs = []
        for n in range(1, 5):
            ours, theirs = (
                Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
                for words in (candidate, reference)
            )
            right = (ours & theirs).total() if ours else 0
            if right == 0:
                return 0.0
            logs.append(math.log(right / ours.total()))
        penalty = min(1.0, math.exp(1 - len(reference) / len(candidate)))
        return penalty * math.exp(sum(logs) / 4)

    return bleu


@bleu.checked_by
def _(answer):
    expect(callable(answer), "type: give a function of two lists of words")
    words = "the quick brown fox jumps over the lazy dog today and again".split()
    expect(abs(answer(words, words) - 1) < 1e-9, "perfect: a sentence against itself scores 1")
    short = words[:9]  # all precisions are 1
    expect(abs(answer(short, words) - 1) > 1e-9, "brevity: c = 9 of r = 12 words must cost")
    expect(abs(answer(short, words) - math.exp(1 - 9 / 12)) > 1e-9, "brevity: r / c, not c / r")
    message = "brevity: exp(1 − 12 / 9) = 0.7165"
    expect(abs(answer(short, words) - math.exp(1 - 12 / 9)) < 1e-6, message)
    longer = (9 / 13) ** (1 / 4)  # 12/13 · 11/12 · 10/11 · 9/10, and no penalty
    message = "brevity: being longer is no reward; the penalty is at most 1"
    expect(abs(answer([*words, "yes"], words) - longer) < 1e-6, message)
    expect(answer(list("abcd"), list("abce")) == 0, "zero: no common 4-gram, so the result is 0")
    candidate, reference = list("abcdabcdabcdx"), list("abcdabcdyz")
    right = math.exp(sum(math.log(p) for p in (8 / 13, 7 / 12, 6 / 11, 5 / 10)) / 4)
    given = answer(candidate, reference)
    expect(given < 0.75, "clipping: a word counts at most as often as it stands in the reference")
    expect(abs(given - right) < 1e-6, f"value: expected {right:.4f}, got {given:.4f}")


# ---- break it ----------------------------------------------------------------------------------


@exercise(
    "Break greedy search: give (p1, p2), probabilities of a first token, (3,), and of a second "
    "given the first, (3, 3), rows summing to 1, for which the best sequence is at least 1.9 "
    "times as likely as the one that greedy search finds.",
    hint=(
        "Greedy commits to the likeliest first token. What may come after it?",
        "After the favourite let the second token be uniform, after the runner-up certain.",
    ),
    because="p1 = (0.34, 0.33, 0.33): after the favourite 1/3 at best, after the second 1. So "
    "0.33 against 0.34/3, nearly three times. No finite factor is safe from longer sequences.",
)
def greedy_trap():
    p1 = torch.tensor([0.34, 0.33, 0.33], dtype=torch.float64)
    p2 = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)
    return p1, p2


@greedy_trap.checked_by
def _(answer):
    p1, p2 = (torch.as_tensor(p).double() for p in answer)
    shapes = f"got {tuple(p1.shape)} and {tuple(p2.shape)}"
    expect(
        p1.shape == (3,) and p2.shape == (3, 3), f"shape: (3,) and (3, 3) are asked for, {shapes}"
    )
    proper = all((p >= 0).all() and ((p.sum(-1) - 1).abs() < 1e-5).all() for p in (p1, p2))
    expect(proper, "probabilities: no number below 0, and each row sums to 1")
    first = int(p1.argmax())
    tie = (p1 == p1[first]).sum() > 1
    expect(not tie, "tie: the first token must have one favourite, or greedy is a matter of luck")
    greedy, best = p1[first] * p2[first].max(), (p1[:, None] * p2).max()
    factor = (best / greedy).item()
    expect(factor > 1 + 1e-9, "trap: greedy search finds the best sequence here")
    expect(factor >= 1.9, f"factor: the best is only {factor:.2f} times as likely")


# ---- experiment --------------------------------------------------------------------------------


@exercise(
    "Does reading the source backwards help a one-directional model without attention? Train "
    "exercises.seq2seq.small_model(attention=False, reverse=...) with at least three seeds each, "
    "give {'forwards': [...], 'backwards': [...]}: validation phone error rates.",
    hint=(
        "small_model(attention=False, reverse=True, seed=1) trains for some ten seconds and "
        "returns the phone error rate on 500 validation words.",
        "Compare the difference of the means with the spread over seeds before you believe it.",
    ),
    because="Sutskever et al. 2014 found 25.9 → 30.6 BLEU on sentences of 20 and more words. "
    "Words of seven letters are short, and one seed proves nothing.",
)
def reversed_source():
    return {
        name: [small_model(attention=False, reverse=reverse, seed=seed) for seed in range(3)]
        for name, reverse in (("forwards", False), ("backwards", True))
    }


@reversed_source.checked_by
def _(answer):
    expect(isinstance(answer, dict), "type: give a dict")
    expect(set(answer) == {"forwards", "backwards"}, "keys: 'forwards' and 'backwards'")
    for name, values in answer.items():
        expect(len(values) >= 3, f"seeds: {name} has {len(values)} runs, at least 3 are needed")
        expect(all(0 <= v <= 1.5 for v in values), f"unit: give {name} as fractions, 0.3 for 30 %")
        expect(max(values) < 0.8, f"training: {name} has a run that learned next to nothing")
        expect(min(values) > 0.02, f"unit: {name} is too good to be true for 3,000 words")
        expect(len(set(values)) > 1, f"seeds: all runs of {name} are equal; seed each one anew")
