"""Exercises of chapter 6: predict, derive, implement, break it, experiment."""

import math
from collections import Counter

import torch
import torch.nn.functional as F

from dlnotes.exercises import (
    exercise,
    expect,
    expect_close,
    expect_function,
    expect_number,
    expect_runs,
)
from dlnotes.exercises.seq2seq import breaking
from dlnotes.exercises.seq2seq.experiment import small_model
from dlnotes.exercises.seq2seq.trials import (
    a_padded_batch,
    an_attention,
    judge_lags,
    pairs_of_sentences,
    scores_of_one_query,
    states_of_a_batch,
)

# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "1. Predict. Bahdanau's scorer e = vᵀ tanh(W s + U h) compares the decoder's state s with an "
    "annotation h, and has no biases. s has n = 1000 features. The encoder reads the sentence in "
    "both directions with 1000 features each, and h holds both. tanh(…) has 1000 features. How "
    "many parameters has the scorer? Give a whole number.",
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
    mistakes = {
        "U: an annotation holds both directions, 2000 features": 2_001_000,
        "v: the vector that makes one number of 1000 is missing": 3_000_000,
        "biases: this scorer has none": 3_002_000,
        "biases: this scorer has none, neither with W nor with U": 3_003_000,
        "biases: this scorer has none, not even one number": 3_001_001,
        "W: the decoder's state has 1000 features, it reads in one direction": 4_001_000,
    }
    expect_number(answer, 3_001_000, "the number of parameters", wrong=mistakes)


@exercise(
    "2. Complete the code. Source and target both have n tokens, and y_i, the i-th of the target, "
    "depends on x_i. An encoder reads one token of the source in each step; in the step after "
    "the last one the decoder writes y_1, then y_2, and so on. If reverse is True the source is "
    "read from its end. Fill the blanks of lags, which returns the list, for i = 1 to n, of how "
    "many steps after x_i was read y_i is written.",
    hint=(
        "Number the steps: the source takes steps 1 … n, the target n + 1 … 2n.",
        "In order, x_i is read in step i; reversed, in step n + 1 − i. y_i is written in n + i.",
    ),
    because="n for each in order; 2i − 1 reversed. The mean stays n, but the first pairs are now "
    "close together, and gradients find them first (Sutskever et al. 2014, §3.3).",
    skeleton="""
        def lags(n, reverse):
            read = [... for i in range(1, n + 1)]  # the step in which x_i is read
            return [... - read[i - 1] for i in range(1, n + 1)]
    """,
)
def lags():
    def lags(n, reverse):
        read = [n + 1 - i if reverse else i for i in range(1, n + 1)]  # the step for x_i
        return [n + i - read[i - 1] for i in range(1, n + 1)]

    return lags


@lags.checked_by
def _(answer):
    judge_lags(expect_function(answer, "n", "reverse"))


# ---- derive ------------------------------------------------------------------------------------


@exercise(
    "3. Derive. attention is a BahdanauAttention, whose scores are e = vᵀ tanh(W s + U h) with "
    "the weights attention.v.weight, attention.W.weight, attention.U.weight. Write "
    "attend_to_the_mean(attention), which changes it in place, such that for every query s the "
    "context is the mean of the annotations h that are not padding. W and U must keep their "
    "values.",
    hint=(
        "Which scores make a softmax uniform?",
        "All scores equal, whatever the query: e = vᵀ tanh(...) with v = 0.",
    ),
    because="With e constant α_j = 1/S and c = Σ h_j / S. A model that averages (a bag of "
    "words) is thus one point in the space of models with attention.",
    skeleton="""
        def attend_to_the_mean(attention):
            with torch.no_grad():
                ...
    """,
)
def uniform_attention():
    def attend_to_the_mean(attention):
        with torch.no_grad():
            attention.v.weight.zero_()

    return attend_to_the_mean


@uniform_attention.checked_by
def _(answer):
    change = expect_function(answer, "attention", in_place=True)
    attention, query, keys, mask, mistakes = an_attention()
    before = {name: p.detach().clone() for name, p in attention.named_parameters()}
    change(attention)
    after = dict(attention.named_parameters())
    changed = [name for name in before if not torch.equal(after[name], before[name])]
    for name in ("W.weight", "U.weight"):
        expect(name not in changed, f"kept: {name} must keep its values")
    context, weights = attention(query, keys, mask)
    expect(torch.isfinite(weights).all(), "finite: the weights are nan; is a score infinite?")
    same = (weights[0] - 0.2).abs().max() < 1e-9
    expect(same or changed, "in place: nothing has changed; methods that end in _ change a tensor")
    expect(same, "uniform: equal weights need equal scores, whatever s and h are")
    right = torch.stack([keys[0].mean(0), keys[1, :3].mean(0)])[:, None].expand(2, 3, 6)
    expect_close(context, right, "the context", within=1e-9, wrong=mistakes)


@exercise(
    "4. Derive and implement. One query attends to S annotations of M features each: weights (S,) "
    "is α = softmax(e), annotations (S, M) holds the h_j, and the context is c = Σ α_j h_j. "
    "delta (M,) is ∂L/∂c. Write score_gradient(weights, annotations, delta), which returns ∂L/∂e, "
    "the gradient with respect to the scores, (S,), without autograd.",
    hint=(
        "c = Σ_j α_j h_j and ∂α_j/∂e_k = α_j (1[j = k] − α_k).",
        "∂c/∂e_k = α_k (h_k − c). The chain rule multiplies by delta.",
    ),
    because="α_k (h_k − c)·δ: a place gains if its annotation lies on the useful side of the mean, "
    "and only as far as it is looked at already. The sum over k is zero.",
    skeleton="""
        def score_gradient(weights, annotations, delta):
            c = ...
            return ...
    """,
)
def score_gradient():
    def score_gradient(weights, annotations, delta):
        c = weights @ annotations
        return weights * ((annotations - c) @ delta)

    return score_gradient


@score_gradient.checked_by
def _(answer):
    gradient = expect_function(answer, "weights", "annotations", "delta")
    values, right, mistakes = scores_of_one_query()
    expect_close(gradient(*values), right, "the gradient", within=1e-9, wrong=mistakes)


# ---- implement ---------------------------------------------------------------------------------


@exercise(
    "5. Complete the code. A batch holds N sequences, padded to T steps: logits (N, T, V) for V "
    "tokens, targets (N, T) of token ids, lengths (N,) in steps. Fill the blanks of loss, which "
    "returns minus the log-likelihood of a sequence, summed over its own steps and averaged over "
    "the N sequences, one number. What stands past a length must not matter, not even if the "
    "logits there are nan or the targets are no tokens at all; you may need more lines.",
    hint=(
        "F.cross_entropy(logits.transpose(1, 2), targets, reduction='none') is (N, T).",
        "Multiply by torch.arange(T) < lengths[:, None], sum over T, then take the mean over N.",
        "A mask cannot save what is already nan: clean logits and targets first, with torch.where.",
    ),
    because="Summing and dividing by N keeps the loss a log-likelihood; a mean over all N · T "
    "cells would make it depend on how much padding there happens to be.",
    skeleton="""
        def loss(logits, targets, lengths):
            inside = torch.arange(targets.shape[1]) < ...
            losses = ...
            return ...
    """,
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
    loss = expect_function(answer, "logits", "targets", "lengths")
    (logits, targets, lengths), right, mistakes = a_padded_batch()
    given = loss(logits, targets, lengths)
    given = torch.tensor(given).double() if isinstance(given, float) else given
    expect_close(given, right, "the loss", within=1e-9, wrong=mistakes)
    broken, odd = logits.clone(), targets.clone()
    broken[1, 1:] = torch.nan
    odd[1, 1:] = 99
    message = "leak: what stands past the length (nan, or no token at all) must not matter"
    try:
        expect_close(torch.as_tensor(loss(broken, odd, lengths)), right, "the loss", within=1e-9)
    except AssertionError as reason:
        raise type(reason)(message) from reason


@exercise(
    "6. Complete the code. Another score. Luong et al. compare by a scalar product, "
    "e_j = sᵀ W h_j, without a tanh. For a batch of N words, s (N, H) holds one state of the "
    "decoder each, h (N, S, M) the states of the letters, and W is (H, M). inside (N, S) is True "
    "at letters and False at padding. Fill the blanks of attend, which returns the contexts, "
    "(N, M).",
    hint=(
        "s @ W is (N, M), one vector for each word. It is compared with every h_j of its word.",
        "e is (N, S): (h @ (s @ W)[:, :, None])[:, :, 0].",
        "masked_fill with -torch.inf where not inside, then a softmax over the letters, dim=1.",
    ),
    because="s @ W turns the question into the space of the letters' states, and a scalar product "
    "measures how well they agree. Mask, softmax and mean stay as they were. Chapter 7 is built "
    "on this score.",
    skeleton="""
        def attend(s, h, inside, W):
            e = ...
            alpha = ...
            return ...
    """,
)
def dot_product():
    def attend(s, h, inside, W):
        e = (h @ (s @ W)[:, :, None])[:, :, 0]
        alpha = e.masked_fill(~inside, -torch.inf).softmax(dim=1)
        return (alpha[:, :, None] * h).sum(dim=1)

    return attend


@dot_product.checked_by
def _(answer):
    attend = expect_function(answer, "s", "h", "inside", "W")
    values, right, mistakes = states_of_a_batch()
    expect_close(attend(*values), right, "the contexts", within=1e-9, wrong=mistakes)


@exercise(
    "7. Complete the code. BLEU of two lists of words: the geometric mean of four precisions, "
    "times min(1, exp(1 − r / c)), the brevity penalty, c and r being the numbers of words of "
    "candidate and reference. The precision for n = 1, 2, 3, 4 is the share of the candidate's "
    "n-grams that stand in the reference, where an n-gram counts at most as often as it stands "
    "there. If one of the precisions is 0, so is the result. A Counter, a dict of counts, is "
    "prepared.",
    hint=(
        "Clipped: an n-gram counts at most as often as it stands in the reference: min of two "
        "Counters is Counter(a) & Counter(b).",
        "Precision divides by the number of n-grams of the candidate, max(len − n + 1, 0).",
        "Geometric mean: exp of the mean of four logarithms.",
    ),
    because="Clipping stops 'the the the', whose unigram precision falls from 7/7 to 2/7; the "
    "penalty stops the candidate that says only what it is sure of (Papineni et al. 2002).",
    skeleton="""
        def bleu(candidate, reference):
            logs = []
            for n in range(1, 5):
                ours, theirs = (
                    Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
                    for words in (candidate, reference)
                )
                right = ...
                if right == 0:
                    return 0.0
                logs.append(...)
            penalty = ...
            return ...
    """,
)
def bleu():
    def bleu(candidate, reference):
        logs = []
        for n in range(1, 5):
            ours, theirs = (
                Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
                for words in (candidate, reference)
            )
            right = sum((ours & theirs).values())
            if right == 0:
                return 0.0
            logs.append(math.log(right / sum(ours.values())))
        penalty = min(1.0, math.exp(1 - len(reference) / len(candidate)))
        return penalty * math.exp(sum(logs) / 4)

    return bleu


@bleu.checked_by
def _(answer):
    bleu = expect_function(answer, "candidate", "reference")
    for (candidate, reference), right, mistakes in pairs_of_sentences():
        given = bleu(candidate.split(), reference.split())
        what = f"the BLEU of {candidate!r} against {reference!r}"
        expect_number(given, right, what, wrong=mistakes, within=1e-6)


# ---- break it ----------------------------------------------------------------------------------

no_mask = breaking.no_mask
wider_beam = breaking.wider_beam

# ---- experiment --------------------------------------------------------------------------------


@exercise(
    "10. Experiment. Does it help a model without attention, whose encoder reads in one direction, "
    "if it reads the source backwards? exercises.seq2seq.small_model(attention=False, "
    "reverse=True, seed=0) trains one to pronounce words, some ten seconds long, and returns its "
    "phone error rate on validation words, 0.3 for 30 %. Call it with reverse=False and True, at "
    "least three seeds each, and give {'forwards': [rates], 'backwards': [rates]}.",
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
    answer = expect_runs(answer, "forwards", "backwards", high=1.5, unit="fractions, 0.3 for 30 %")
    for name, values in answer.items():
        expect(max(values) < 0.8, f"training: {name} has a run that learned next to nothing")
        expect(min(values) > 0.02, f"unit: {name} is too good to be true for 3,000 words")
