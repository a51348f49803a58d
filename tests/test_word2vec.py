"""dlnotes.word2vec: loops, enumeration, autograd, closed forms, scikit-learn and gensim agree."""

import heapq
import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from dlnotes import word2vec
from dlnotes.word2vec import (
    CBOW,
    END,
    Blocks,
    Corpus,
    HierarchicalSoftmax,
    ScoreTable,
    SkipGram,
    WordVectors,
)

exact = dict(rtol=0, atol=1e-10)
TEA = [s.split() for s in ("we drink tea", "we drink coffee", "we read books", "we read papers")]
lines = st.lists(st.text("abcd", min_size=1, max_size=9).map(list), min_size=1, max_size=6)


def tea():
    return Corpus(TEA, min_count=1)


def table(*, size=6, seed=0):
    """Return a symmetric table of counts without zeros, float64."""
    counts = torch.randint(1, 20, (size, size), generator=torch.Generator().manual_seed(seed))
    return (counts + counts.T).double()


def numbers(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


# ---- corpus ------------------------------------------------------------------------------------


def test_words_are_ordered_by_count_then_by_the_alphabet_and_rare_ones_do_not_stand_there():
    text = [["b", "a", "rare", "a"], ["c", "b", "a", "c"]]
    corpus = Corpus(text, min_count=2)
    assert corpus.words == ["a", "b", "c"] and corpus.counts.tolist() == [3, 2, 2]
    assert corpus.stream.tolist() == [1, 0, 0, END, 2, 1, 0, 2, END]
    assert Corpus(text, min_count=2, max_size=2).words == ["a", "b"]
    assert "b" in corpus and "rare" not in corpus and len(corpus) == 3 and corpus.id("c") == 2
    assert corpus.encode(["c", "rare", "a"]).tolist() == [2, 0]
    assert repr(corpus) == "Corpus(7 running words, 3 different)"


def test_two_texts_can_share_a_vocabulary():
    corpus = Corpus([["c", "x", "a"], []], words=["a", "b", "c"])
    assert corpus.words == ["a", "b", "c"] and corpus.counts.tolist() == [1, 0, 1]
    assert corpus.stream.tolist() == [2, 0, END, END]


@given(lines, st.integers(1, 7))
def test_rows_are_the_stream_cut_and_filled(text, length):
    corpus = Corpus(text, min_count=1)
    rows = corpus.rows(length)
    assert rows.shape[1] == length and 0 <= rows.numel() - len(corpus.stream) < length
    flat = rows.flatten()
    assert torch.equal(flat[: len(corpus.stream)], corpus.stream)
    assert (flat[len(corpus.stream) :] == END).all()


def test_a_corpus_refuses_what_is_no_text():
    with pytest.raises(TypeError, match="sentences must be lists of words, got the string 'we'"):
        Corpus(["we"])
    with pytest.raises(ValueError, match="sentences must hold a word 5 times"):
        Corpus(TEA[:1])
    with pytest.raises(ValueError, match="min_count must be at least 1, got 0"):
        Corpus(TEA, min_count=0)
    with pytest.raises(ValueError, match="max_size must be at least 1"):
        Corpus(TEA, max_size=0)
    with pytest.raises(ValueError, match="words must all be different, got 'a' twice"):
        Corpus(TEA, words=["a", "a"])
    with pytest.raises(ValueError, match="word must be one of the 7 of the corpus, got 'milk'"):
        tea().id("milk")
    with pytest.raises(ValueError, match="length must be at least 1"):
        tea().rows(0)


def test_frequent_words_are_kept_less_often():
    counts = torch.tensor([100, 1, 0, 899_899])
    f = counts.double() / 900_000
    keep = word2vec.keep_probability(counts, 1e-4)
    torch.testing.assert_close(keep[3], (1e-4 / f[3]).sqrt())
    assert keep[1] == 1 and keep[2] == 1
    torch.testing.assert_close(1 - keep[0], 1 - (1e-4 / f[0]).sqrt(), **exact)
    assert (word2vec.keep_probability(counts, None) == 1).all()
    # derivations: f = 0.01, t = 1e-5 is dropped with 0.9684
    assert 1 - word2vec.keep_probability(torch.tensor([1, 99]), 1e-5)[0] == pytest.approx(
        0.9684, abs=1e-4
    )
    with pytest.raises(ValueError, match=r"threshold must lie in \[0, 1\], got 2"):
        word2vec.keep_probability(counts, 2)


def test_noise_follows_the_counts_to_the_three_quarters():
    noise = word2vec.noise_distribution(torch.tensor([100, 1, 0]))
    assert noise.sum() == pytest.approx(1) and noise[2] == 0
    assert noise[0] / noise[1] == pytest.approx(31.62, abs=0.01)
    assert word2vec.noise_distribution(torch.tensor([3, 1, 0]), 1.0).tolist() == [0.75, 0.25, 0]
    assert word2vec.noise_distribution(torch.tensor([3, 1, 0]), 0.0).tolist() == [0.5, 0.5, 0]
    with pytest.raises(ValueError, match=r"power must lie in \[0, 1\]"):
        word2vec.noise_distribution(torch.tensor([1]), 1.5)


# ---- counting ----------------------------------------------------------------------------------


def counted(corpus, window, weight):
    """Count by two loops."""
    counts = torch.zeros(len(corpus), len(corpus))
    sentence = []
    for i in corpus.stream.tolist():
        if i != END:
            sentence.append(i)
            continue
        for a, b in itertools.permutations(range(len(sentence)), 2):
            if abs(a - b) <= window:
                counts[sentence[a], sentence[b]] += weight(abs(a - b))
        sentence = []
    return counts


@given(lines, st.integers(1, 5))
def test_counts_are_those_of_two_loops(text, window):
    corpus = Corpus(text, min_count=1)
    for name, weight in (
        ("equal", lambda d: 1.0),
        ("shrinking", lambda d: sum(d <= r for r in range(1, window + 1)) / window),
    ):
        found = word2vec.cooccurrence(corpus, window, weights=name)
        assert found.is_coalesced()
        torch.testing.assert_close(found.to_dense(), counted(corpus, window, weight))


def test_counts_of_whole_sentences_are_those_of_scikit_learn():
    corpus, text = tea(), [" ".join(s) for s in TEA]
    x = CountVectorizer(vocabulary=corpus.words).fit_transform(text).toarray()
    expected = x.T @ x - np.diag(x.sum(0))
    found = word2vec.cooccurrence(corpus, 9).to_dense()
    assert found.sum() == 24 and np.array_equal(found.numpy(), expected)


def test_the_numbers_of_the_story_by_counting():
    corpus = tea()
    counts = word2vec.cooccurrence(corpus, 9)
    rows = WordVectors(corpus.words, counts.to_dense())
    assert rows.similarity("tea", "coffee") == pytest.approx(1)
    assert rows.similarity("tea", "books") == pytest.approx(0.5)
    assert rows.similarity("tea", "drink") == pytest.approx(0.577, abs=1e-3)
    ids = {word: corpus.id(word) for word in corpus.words}
    pmi = word2vec.pmi(counts.to_dense())
    assert pmi[ids["tea"], ids["we"]] == pytest.approx(math.log(1.5))
    assert pmi[ids["tea"], ids["drink"]] == pytest.approx(math.log(3))
    assert pmi[ids["tea"], ids["coffee"]] == -math.inf
    ppmi = word2vec.ppmi(counts).to_dense()
    assert WordVectors(corpus.words, ppmi).similarity("tea", "books") == pytest.approx(
        0.12, abs=5e-3
    )
    singular = torch.linalg.svdvals(ppmi)
    torch.testing.assert_close(
        singular[:5], torch.tensor([2.03, 1.58, 1.55, 1.55, 0.45]), rtol=0, atol=5e-3
    )
    for dim, alike in ((2, 1.0), (4, 0.04)):
        short = WordVectors(corpus.words, word2vec.shorten(ppmi, dim))
        assert short.similarity("tea", "coffee") == pytest.approx(1, abs=1e-4)
        assert short.similarity("tea", "books") == pytest.approx(alike, abs=5e-3)


def test_pmi_does_not_change_when_the_text_is_doubled_and_is_zero_for_independent_words():
    torch.testing.assert_close(word2vec.pmi(2 * table()), word2vec.pmi(table()), **exact)
    independent = torch.outer(torch.tensor([1.0, 2, 3]), torch.tensor([4.0, 1, 2])).double()
    torch.testing.assert_close(word2vec.pmi(independent), torch.zeros(3, 3).double(), **exact)


@pytest.mark.parametrize("power", [1.0, 0.75, 0.0])
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_pmi_by_loops_and_the_sparse_table_is_the_dense_one(power, shift):
    counts = table() * (torch.rand(6, 6) > 0.4)
    counts[2], counts[:, 2] = 0, 0  # a word that never occurs
    total = counts.sum()
    smooth = counts.sum(0) ** power / (counts.sum(0) ** power).sum()
    for c, o in itertools.product(range(6), range(6)):
        if counts[c, o] > 0:
            lift = counts[c, o] / total / (counts[c].sum() / total * smooth[o])
            assert word2vec.pmi(counts, power=power)[c, o] == pytest.approx(math.log(lift))
        else:
            assert word2vec.pmi(counts, power=power)[c, o] == -math.inf
    dense = word2vec.ppmi(counts, power=power, shift=shift)
    expected = (word2vec.pmi(counts, power=power) - shift).clamp(min=0)
    torch.testing.assert_close(dense, expected, **exact)
    sparse = word2vec.ppmi(counts.to_sparse(), power=power, shift=shift)
    assert sparse.is_sparse and (sparse.coalesce().values() > 0).all()
    torch.testing.assert_close(sparse.to_dense(), dense, **exact)


def test_single_entries_of_a_sparse_table():
    counts = table() * (torch.rand(6, 6) > 0.5)
    first, second = (
        part.flatten() for part in torch.meshgrid(*[torch.arange(6)] * 2, indexing="ij")
    )
    for kind in (counts, counts.to_sparse()):
        assert torch.equal(word2vec.pair_counts(kind, first, second), counts.flatten())


@pytest.mark.parametrize("exponent", [0.5, 0.0, 1.0])
def test_short_rows_are_those_of_scikit_learn(exponent):
    x = torch.randn(30, 20, dtype=torch.float64)
    svd = TruncatedSVD(5, algorithm="arpack").fit(x.numpy())
    order = np.argsort(-svd.singular_values_)
    left = svd.transform(x.numpy())[:, order] / svd.singular_values_[order]
    expected = torch.tensor(left * svd.singular_values_[order] ** exponent)
    found = word2vec.shorten(x, 5, exponent=exponent)
    torch.testing.assert_close(found.abs(), expected.abs(), rtol=0, atol=1e-8)
    assert (found.gather(0, found.abs().argmax(0, keepdim=True)) > 0).all()
    loose = dict(rtol=0, atol=1e-6)
    torch.testing.assert_close(
        word2vec.shorten(x.to_sparse(), 5, exponent=exponent), found, **loose
    )


def test_all_directions_together_are_the_table_and_random_numbers_stay_where_they_were():
    x = table()
    short = word2vec.shorten(x, 6, exponent=1.0)
    torch.testing.assert_close(short @ short.T, x @ x.T, rtol=1e-10, atol=1e-8)
    before = torch.get_rng_state()
    word2vec.shorten(x.to_sparse(), 2)
    assert torch.equal(before, torch.get_rng_state())


def test_counting_refuses_what_is_no_table():
    counts = word2vec.cooccurrence(tea(), 2)
    with pytest.raises(TypeError, match="counts must be dense"):
        word2vec.pmi(counts)
    with pytest.raises(TypeError, match="counts must be floating-point numbers, got"):
        word2vec.ppmi(torch.ones(2, 2).long())
    with pytest.raises(ValueError, match="counts must be 0 or more and not all 0"):
        word2vec.ppmi(torch.zeros(2, 2))
    with pytest.raises(ValueError, match="counts must be 0 or more"):
        word2vec.ppmi(torch.tensor([[3.0, -1]]))
    with pytest.raises(ValueError, match="weights must be one of 'equal', 'shrinking', got 'x'"):
        word2vec.cooccurrence(tea(), 2, weights="x")
    with pytest.raises(ValueError, match="window must be at least 1"):
        word2vec.cooccurrence(tea(), 0)
    with pytest.raises(TypeError, match="corpus must be a Corpus, got list"):
        word2vec.cooccurrence(TEA, 2)
    with pytest.raises(ValueError, match="dim must be at most 2, got 3"):
        word2vec.shorten(torch.ones(5, 2), 3)
    with pytest.raises(ValueError, match=r"power must lie in \[0, 1\]"):
        word2vec.pmi(table(), power=2)


# ---- windows -----------------------------------------------------------------------------------


def test_a_sentence_of_three_words_makes_six_pairs():
    assert len(word2vec.pairs(TEA[0], 5)) == 6
    assert word2vec.pairs("abc", 1) == [("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")]
    assert word2vec.pairs(["alone"], 2) == []
    with pytest.raises(ValueError, match="window must be at least 1, got 0"):
        word2vec.pairs("abc", 0)


def by_loops(corpus, window):
    """Count all pairs of a corpus, sentence by sentence."""
    found, sentence = Counter(), []
    for i in corpus.stream.tolist():
        if i == END:
            found.update(word2vec.pairs(sentence, window))
            sentence = []
        else:
            sentence.append(i)
    return found


@given(lines, st.integers(1, 4), st.integers(1, 6))
def test_blocks_hold_exactly_the_pairs_of_the_sentences(text, window, block):
    corpus = Corpus(text, min_count=1)
    made = word2vec.sampler(
        corpus, window=window, shrink=False, threshold=None, block=block, noise_words=3
    )
    blocks = Blocks(*made((corpus.rows(len(corpus.stream)),)))
    center, context, noise = blocks.pairs()
    assert Counter(zip(center.tolist(), context.tolist(), strict=True)) == by_loops(corpus, window)
    assert noise.shape == (len(center), 3)
    B = -(-int(corpus.counts.sum()) // block)
    assert blocks.words.shape == (B, block + 2 * window) and blocks.noise.shape == (B, 3)


def test_rows_of_text_do_not_look_into_each_other():
    corpus = Corpus([list("abcd")], min_count=1)
    made = word2vec.sampler(corpus, window=3, shrink=False, threshold=None)
    rows = torch.tensor([[0, 1], [2, 3]])  # without END at the end of the first
    center, context, _ = Blocks(*made((rows,))).pairs()
    assert {*zip(center.tolist(), context.tolist(), strict=True)} == {
        (0, 1),
        (1, 0),
        (2, 3),
        (3, 2),
    }


def test_a_drawn_window_sees_near_words_more_often():
    corpus = Corpus([[str(i) for i in range(20_000)]], min_count=1)
    order = torch.tensor([int(word) for word in corpus.words])
    made = word2vec.sampler(corpus, window=5, threshold=None)
    center, context, _ = Blocks(*made((corpus.rows(20_001),))).pairs()
    distance = torch.bincount((order[center] - order[context]).abs())
    share = distance[1:].double() / distance[1]
    expected = torch.tensor([1.0, 0.8, 0.6, 0.4, 0.2]).double()
    torch.testing.assert_close(share, expected, rtol=0, atol=0.02)


def test_sub_sampling_leaves_out_the_share_that_it_should_and_no_end():
    keep = torch.tensor([0.25, 1.0, 0.0]).double()
    stream = torch.tensor([0, 1, 2, END]).repeat(20_000)
    found = word2vec.subsample(stream, keep, torch.Generator().manual_seed(0))
    assert (found == END).sum() == (found == 1).sum() == 20_000 and (found != 2).all()
    assert (found == 0).sum() == pytest.approx(5_000, abs=250)
    assert torch.equal(found, word2vec.subsample(stream, keep, torch.Generator().manual_seed(0)))


def test_words_left_out_let_the_others_move_together():
    corpus = Corpus([list("axxb")], min_count=1)
    keep = (torch.tensor([corpus.id("x")]) != torch.arange(3)).double()
    made = word2vec.sampler(corpus, window=1, threshold=None, shrink=False)
    thinned = word2vec.Sampler(keep=keep, noise=made.noise, window=1, shrink=False)
    center, context, _ = Blocks(*thinned((corpus.rows(5),))).pairs()
    assert {*zip(center.tolist(), context.tolist(), strict=True)} == {
        (corpus.id("a"), corpus.id("b")),
        (corpus.id("b"), corpus.id("a")),
    }


def test_noise_words_come_as_often_as_their_distribution_says():
    corpus = Corpus([["a"] * 90 + ["b"] * 9 + ["c"]], min_count=1)
    made = word2vec.sampler(corpus)
    drawn = made.draw((200_000,), torch.device("cpu"), torch.Generator().manual_seed(0))
    share = torch.bincount(drawn, minlength=3).double() / len(drawn)
    expected = word2vec.noise_distribution(corpus.counts)
    torch.testing.assert_close(share, expected, rtol=0, atol=3e-3)
    never = Corpus([["a"]], words=["a", "b"])  # b does not occur
    assert (word2vec.sampler(never).draw((999,), torch.device("cpu"), None) == 0).all()


def test_a_text_without_words_makes_a_block_without_pairs():
    made = word2vec.sampler(tea())
    blocks = Blocks(*made((torch.full((2, 4), END),)))
    assert not blocks.near.any()
    for kind in (SkipGram, CBOW):
        assert kind(7, 2).block_loss(blocks) == 0


def test_sampler_refuses_what_it_cannot_use():
    with pytest.raises(TypeError, match="corpus must be a Corpus, got list"):
        word2vec.sampler(TEA)
    with pytest.raises(ValueError, match="window must be at least 1"):
        word2vec.sampler(tea(), window=0)
    with pytest.raises(ValueError, match="shrink must be one of True, False, got 'no'"):
        word2vec.sampler(tea(), shrink="no")
    with pytest.raises(ValueError, match="noise_words must be at least 0"):
        word2vec.sampler(tea(), noise_words=-1)


# ---- losses ------------------------------------------------------------------------------------


@given(st.integers(1, 5), st.integers(1, 6), st.integers(2, 9))
def test_the_softmax_gradient_is_expected_minus_observed(N, D, V):
    v, U, o = numbers(N, D), numbers(V, D), torch.randint(V, (N,))
    loss = word2vec.softmax_loss(v, U, o)
    torch.testing.assert_close(loss, F.cross_entropy(v @ U.T, o, reduction="none"), **exact)
    expected, _ = torch.autograd.grad(loss.sum(), (v, U))
    found, p = word2vec.softmax_gradient(v, U, o)
    torch.testing.assert_close(found, expected, **exact)
    torch.testing.assert_close(p, (v @ U.T).softmax(1), **exact)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 6), st.sampled_from([None, 0, 2.5]))
def test_the_gradient_of_negative_sampling_by_hand_is_autograds(N, D, K, negatives):
    inputs = numbers(N, D), numbers(N, D), numbers(N, K, D)
    loss = word2vec.negative_loss(*inputs, negatives=negatives)
    expected = torch.autograd.grad(loss.sum(), inputs, materialize_grads=True)
    found = word2vec.negative_gradient(*inputs, negatives=negatives)
    torch.testing.assert_close(found, expected, **exact)
    v, u, n = (x.detach() for x in inputs)
    weight = 1 if negatives is None or K == 0 else negatives / K
    for i in range(N):
        by_hand = -math.log(torch.sigmoid(u[i] @ v[i]))
        by_hand -= weight * sum(math.log(torch.sigmoid(-n[i, k] @ v[i])) for k in range(K))
        assert loss[i].item() == pytest.approx(by_hand)


def test_the_numbers_of_the_story_by_predicting():
    U, v = torch.tensor([[0.0, 0], [2, 0], [0, 2]]), torch.tensor([1.0, 0])
    drink = torch.tensor(1)
    assert word2vec.softmax_loss(v, U, drink) == pytest.approx(0.24, abs=5e-3)
    gradient, p = word2vec.softmax_gradient(v, U, drink)
    near = dict(rtol=0, atol=5e-3)
    torch.testing.assert_close(p, torch.tensor([0.11, 0.79, 0.11]), **near)
    torch.testing.assert_close(gradient, torch.tensor([-0.43, 0.21]), **near)
    pair = U[1], U[2:]
    assert word2vec.negative_loss(v, *pair) == pytest.approx(0.82, abs=5e-3)
    gradient, _, _ = word2vec.negative_gradient(v, *pair)
    torch.testing.assert_close(gradient, torch.tensor([-0.24, 1.0]), **near)
    assert word2vec.negative_loss(v - gradient, *pair) == pytest.approx(0.21, abs=5e-3)


def test_a_table_of_scores_has_the_gradient_that_differences_show():
    v, u = numbers(2, 3, 4), numbers(2, 5, 4)
    weight = torch.rand(2, 3, 5, dtype=torch.float64)
    weight[0, 1, 2] = 0
    assert torch.autograd.gradcheck(lambda a, b: ScoreTable.apply(a, b, weight, 3), (v, u))
    signs = torch.tensor([1, 1, 1, -1, -1])
    plain = -(weight * F.logsigmoid(signs * (v @ u.mT))).sum()
    torch.testing.assert_close(ScoreTable.apply(v, u, weight, 3), plain, **exact)
    for scale in (1e3, -1e3):  # neither overflows nor loses its gradient
        a = torch.full((1, 1, 1), scale, requires_grad=True)
        loss = ScoreTable.apply(a, torch.ones(1, 1, 1), torch.ones(1, 1, 1), 1)
        loss.backward()
        assert loss == max(-scale, 0) and a.grad == (0 if scale > 0 else -1)


def test_losses_name_a_wrong_shape():
    v, u, n = torch.ones(3, 4), torch.ones(3, 4), torch.ones(3, 2, 4)
    for wrong, name in (
        ((v, u[0], n), "u_true"),
        ((v, u, n[0]), "u_noise"),
        ((v, u, u), "u_noise"),
    ):
        with pytest.raises(ValueError, match=f"{name} must have shape"):
            word2vec.negative_loss(*wrong)
    with pytest.raises(ValueError, match=r"negatives must lie in \[0, inf\], got -1"):
        word2vec.negative_loss(v, u, n, negatives=-1)
    with pytest.raises(ValueError, match="v must have shape"):
        word2vec.softmax_loss(torch.ones(5), u, torch.tensor(1))
    with pytest.raises(ValueError, match="o must have shape"):
        word2vec.softmax_gradient(v, u, torch.tensor(1))


# ---- models ------------------------------------------------------------------------------------


def blocks_of(text, *, window=2, block=4, noise_words=6, shrink=True):
    corpus = Corpus(text, min_count=1)
    made = word2vec.sampler(
        corpus, window=window, threshold=None, block=block, noise_words=noise_words, shrink=shrink
    )
    return Blocks(*made((corpus.rows(8),), torch.Generator().manual_seed(1))), len(corpus)


def large(model):
    """Return a model in float64 whose scores are not all near 0."""
    with torch.no_grad():
        for p in model.parameters():
            p.normal_()
    return model.double()


def same_loss_and_gradients(model, fast, plain):
    torch.testing.assert_close(fast, plain, **exact)
    names = list(model.parameters())
    found, expected = (torch.autograd.grad(loss, names) for loss in (fast, plain))
    torch.testing.assert_close(found, expected, **exact)


@given(lines.filter(lambda text: any(len(s) > 1 for s in text)), st.booleans(), st.integers(0, 7))
def test_skip_gram_in_blocks_is_skip_gram_pair_by_pair(text, shrink, negatives):
    blocks, V = blocks_of(text, shrink=shrink)
    model = large(SkipGram(V, 3))
    fast = model.block_loss(blocks, negatives=negatives)
    plain = model.negative_sampling_loss(*blocks.pairs(), negatives=negatives)
    same_loss_and_gradients(model, fast, plain)


@given(lines.filter(lambda text: any(len(s) > 1 for s in text)), st.booleans(), st.integers(0, 7))
def test_cbow_in_blocks_is_cbow_word_by_word(text, shrink, negatives):
    blocks, V = blocks_of(text, shrink=shrink)
    model = large(CBOW(V, 3))
    words, near, noise = blocks
    block, row = near.any(2).nonzero(as_tuple=True)
    plain = model.negative_sampling_loss(
        words[block], words[block, row + 2], noise[block], near[block, row], negatives=negatives
    )
    same_loss_and_gradients(model, model.block_loss(blocks, negatives=negatives), plain)


def test_blocks_without_noise_words_know_true_pairs_only():
    blocks, V = blocks_of(TEA, noise_words=0)
    model = large(SkipGram(V, 3))
    center, context, _ = blocks.pairs()
    plain = -F.logsigmoid((model.center(center) * model.context(context)).sum(1)).mean()
    same_loss_and_gradients(model, model.block_loss(blocks), plain)


@pytest.mark.parametrize("kind", [SkipGram, CBOW])
def test_blocks_are_compiled_as_they_are(kind):
    blocks, V = blocks_of(TEA)
    model = large(kind(V, 3))
    torch.compiler.reset()
    fast = torch.compile(model.block_loss, backend="aot_eager", fullgraph=True)(blocks)
    same_loss_and_gradients(model, fast, model.block_loss(blocks))


def test_words_outside_of_the_window_get_no_gradient():
    corpus = Corpus([list("ab"), list("cd")], min_count=1)
    made = word2vec.sampler(corpus, threshold=None, noise_words=0)
    words, near, noise = made((corpus.rows(6),))
    near = near & (words[:, None] < 2)  # c and d are nobody's neighbours now
    for kind, table in ((SkipGram, "context"), (CBOW, "context")):
        model = large(kind(4, 3))
        model.block_loss(Blocks(words, near, noise)).backward()
        gradient = getattr(model, table).weight.grad
        assert (gradient[2:] == 0).all() and (gradient[:2] != 0).all()


def test_skip_gram_is_one_product_and_a_softmax():
    model = large(SkipGram(5, 3))
    center, context = torch.tensor([0, 4, 4]), torch.tensor([1, 2, 4])
    scores = model.center.weight[center] @ model.context.weight.T
    torch.testing.assert_close(model(center), scores, **exact)
    plain = word2vec.softmax_loss(model.center.weight[center], model.context.weight, context)
    torch.testing.assert_close(model.softmax_loss(center, context), plain.mean(), **exact)
    assert torch.equal(model.vectors, model.center.weight) and not model.vectors.requires_grad


def test_cbow_does_not_see_the_order_nor_what_is_masked():
    model = large(CBOW(6, 3))
    context, mask = torch.tensor([[1, 2, 3, 5]]), torch.tensor([[True, True, True, False]])
    scores = model(context, mask)
    mean = model.context.weight[[1, 2, 3]].mean(0)
    torch.testing.assert_close(scores[0], model.center.weight @ mean, **exact)
    for order in itertools.permutations(range(3)):
        shuffled = torch.cat([context[:, list(order)], torch.tensor([[0]])], dim=1)
        torch.testing.assert_close(model(shuffled, mask), scores, **exact)
    (gradient,) = torch.autograd.grad(scores.square().sum(), model.context.weight)
    assert (gradient[5] == 0).all() and (gradient[1] != 0).all()
    center = torch.tensor([4])
    expected = F.cross_entropy(scores, center)
    torch.testing.assert_close(model.softmax_loss(context, center, mask), expected, **exact)
    assert torch.equal(model.vectors, model.context.weight)


def test_the_story_of_cbow():
    model = CBOW(3, 2)
    with torch.no_grad():
        model.center.weight.copy_(torch.tensor([[0.0, 0], [2, 0], [0, 2]]))
        model.context.weight.copy_(torch.tensor([[0.0, 0], [1, 0], [9, 9]]))
    p = model(torch.tensor([[0, 1]])).softmax(1)
    assert p[0, 1].item() == pytest.approx(0.58, abs=5e-3)


def test_models_start_small_and_have_two_tables():
    for kind in (SkipGram, CBOW):
        model = kind(50, 10)
        assert sum(p.numel() for p in model.parameters()) == 2 * 50 * 10
        for p in model.parameters():
            assert 0.04 < p.abs().max() <= 0.05 and p.std() > 0.02
        assert set(model.state_dict()) == {"center.weight", "context.weight"}


def test_models_name_what_they_cannot_use():
    skip, bag = SkipGram(5, 2), CBOW(5, 2)
    ids, noise = torch.tensor([1, 2]), torch.tensor([[1], [2]])
    with pytest.raises(ValueError, match="dim must be at least 1, got 0"):
        SkipGram(5, 0)
    with pytest.raises(TypeError, match="vocabulary_size must be an integer"):
        CBOW(5.0, 2)
    with pytest.raises(ValueError, match=r"center must lie in \[0, 4\], got 5"):
        skip(torch.tensor([5]))
    with pytest.raises(ValueError, match="center must have shape"):
        skip.softmax_loss(ids[:1], ids)
    with pytest.raises(ValueError, match=r"context must lie in \[0, 4\], got -1"):
        skip.negative_sampling_loss(ids, ids - 2, noise)
    with pytest.raises(ValueError, match="noise must have shape"):
        skip.negative_sampling_loss(ids, ids, ids)
    with pytest.raises(ValueError, match="context must have shape"):
        bag.negative_sampling_loss(ids, ids, noise)
    with pytest.raises(ValueError, match="mask must be True somewhere in each row, got row 1"):
        bag(torch.tensor([[1], [2]]), torch.tensor([[True], [False]]))
    with pytest.raises(TypeError, match="mask must be a tensor of bool, got"):
        bag(torch.tensor([[1]]), torch.tensor([[1]]))
    blocks, V = blocks_of(TEA)
    for kind in (SkipGram, CBOW):
        with pytest.raises(ValueError, match="negatives must be at least 0"):
            kind(V, 2).block_loss(blocks, negatives=-1)
        with pytest.raises(ValueError, match="near must have shape"):
            kind(V, 2).block_loss(blocks._replace(near=blocks.near[0]))
        with pytest.raises(ValueError, match="words must have shape"):
            kind(V, 2).block_loss(blocks._replace(words=blocks.words[:, 1:]))
        with pytest.raises(ValueError, match="noise must have shape"):
            kind(V, 2).block_loss(blocks._replace(noise=blocks.noise[:, 0]))


# ---- hierarchical softmax ----------------------------------------------------------------------


@given(st.lists(st.integers(0, 50), min_size=2, max_size=12))
def test_the_tree_is_the_shortest_there_is(counts):
    nodes, ways = word2vec.huffman_codes(counts)
    lengths = [len(way) for way in ways]
    assert sum(2.0**-n for n in lengths) == 1  # Kraft: every end of the tree is a word
    codes = ["".join(map(str, way)) for way in ways]
    assert not any(a != b and b.startswith(a) for a in codes for b in codes)
    heap, cost = list(counts), 0  # the cost of Huffman's tree, by its merges
    heapq.heapify(heap)
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        cost += merged
        heapq.heappush(heap, merged)
    assert sum(n * count for n, count in zip(lengths, counts, strict=True)) == cost
    total = sum(counts)
    if total:
        p = torch.tensor(counts).double() / total
        entropy = -torch.special.xlogy(p, p).sum().item() / math.log(2)
        assert entropy - 1e-9 <= cost / total <= entropy + 1
    for node, way in zip(nodes, ways, strict=True):
        assert len(node) == len(way) and node[0] == len(counts) - 2  # the root
        assert node == sorted(node, reverse=True)
    by_node = {}
    for node, way in zip(nodes, ways, strict=True):
        for i, n in enumerate(node):
            by_node.setdefault(n, set()).add(tuple(way[:i]))
    assert all(len(prefixes) == 1 for prefixes in by_node.values())  # a node has one place


@given(st.lists(st.integers(0, 50), min_size=2, max_size=9), st.integers(1, 4))
def test_all_words_of_the_tree_have_probability_one(counts, N):
    tree = large(HierarchicalSoftmax(torch.tensor(counts), 3))
    v = numbers(N, 3)
    log_p = tree(v)
    torch.testing.assert_close(log_p.exp().sum(1), torch.ones(N).double(), **exact)
    nodes, ways = word2vec.huffman_codes(counts)
    for i, word in itertools.product(range(N), range(len(counts))):
        p = 1.0
        for node, way in zip(nodes[word], ways[word], strict=True):
            right = torch.sigmoid(tree.node.weight[node] @ v[i]).item()
            p *= right if way else 1 - right
        assert log_p[i, word].exp().item() == pytest.approx(p)
    words = torch.randint(len(counts), (N,))
    fast, plain = tree.loss(v, words), -log_p.gather(1, words[:, None]).mean()
    torch.testing.assert_close(fast, plain, **exact)
    inputs = [v, tree.node.weight]
    found, expected = (torch.autograd.grad(x, inputs, retain_graph=True) for x in (fast, plain))
    torch.testing.assert_close(found, expected, **exact)


def test_ten_thousand_words_take_some_fourteen_decisions():
    nodes, _ = word2vec.huffman_codes([1] * 10_000)
    assert {len(node) for node in nodes} == {13, 14}


def test_the_tree_refuses_what_is_no_choice():
    with pytest.raises(ValueError, match=r"counts must hold two or more numbers from 0 on, got"):
        word2vec.huffman_codes([3])
    with pytest.raises(ValueError, match=r"counts must hold .* got \[3, -1\]"):
        HierarchicalSoftmax([3, -1], 2)
    tree = HierarchicalSoftmax([3, 2, 1], 2)
    with pytest.raises(ValueError, match="v must have shape"):
        tree.loss(torch.ones(1, 2), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"words must lie in \[0, 2\], got 3"):
        tree.loss(torch.ones(1, 2), torch.tensor([3]))


# ---- what negative sampling learns -------------------------------------------------------------


@pytest.mark.parametrize("negatives", [1, 3, 5])
def test_free_scores_descend_to_pmi_minus_log_k(negatives):
    counts = table()
    left, right = numbers(6, 6), numbers(6, 6)
    optimizer = torch.optim.LBFGS(
        [left, right], max_iter=3_000, tolerance_grad=1e-12, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        loss = word2vec.table_loss(left @ right.T, counts, negatives)
        loss.backward()
        return loss

    optimizer.step(closure)
    expected = (counts * counts.sum() / torch.outer(counts.sum(1), counts.sum(0))).log()
    optimum = word2vec.optimal_scores(counts, negatives)
    torch.testing.assert_close(optimum, expected - math.log(negatives), **exact)
    torch.testing.assert_close((left @ right.T).detach(), optimum, rtol=0, atol=1e-2)
    scores = optimum.clone().requires_grad_()
    (slope,) = torch.autograd.grad(word2vec.table_loss(scores, counts, negatives), scores)
    assert slope.abs().max() < 1e-12


def test_the_loss_of_a_table_is_that_of_its_pairs_with_every_noise_word():
    counts, model = table(size=4), large(SkipGram(4, 3))
    c, o = torch.cartesian_prod(torch.arange(4), torch.arange(4)).unbind(1)
    p = counts.sum(0) / counts.sum()
    v, u = model.center.weight, model.context.weight
    true = word2vec.negative_loss(v[c], u[o], u[:0].expand(len(c), 0, 3))
    noise = -(p * F.logsigmoid(-(v @ u.T))).sum(1)
    share = counts.flatten() / counts.sum()
    expected = (share * true).sum() + 2 * (share * noise[c]).sum()
    torch.testing.assert_close(word2vec.table_loss(v @ u.T, counts, 2), expected, **exact)


def test_trained_blocks_approach_the_scores_of_counting():
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(6, (1_500, 8), generator=generator)
    text[:, 1::2] = (text[:, ::2] + torch.randint(3, (1_500, 4), generator=generator)) % 6
    corpus = Corpus([[str(i) for i in row] for row in text.tolist()], min_count=1)
    model = SkipGram(6, 6)
    word2vec.train(
        model, corpus, window=1, threshold=None, power=1.0, negatives=2, epochs=15,
        batch_words=1_024, learning_rate=0.1, progress=False, device="cpu",
    )  # fmt: skip
    counts = word2vec.cooccurrence(corpus, 1).to_dense()
    scores = (model.center.weight @ model.context.weight.T).detach()
    noise = corpus.counts / corpus.counts.sum()
    pairs = counts.sum(1, keepdim=True) * noise
    optimum = (counts / pairs).log() - math.log(2)
    torch.testing.assert_close(scores, optimum, rtol=0, atol=0.15)


# ---- training ----------------------------------------------------------------------------------


def company():
    """Return a text of 12 words, a0 to d2, and their verbs, va to vd: a0, a1, a2 go with va."""
    generator = torch.Generator().manual_seed(0)
    kind, noun, fill = (torch.randint(n, (2_000,), generator=generator).tolist() for n in (4, 3, 5))
    rows = zip(["abcd"[k] for k in kind], noun, fill, strict=True)
    return Corpus([[f"x{f}", f"v{k}", f"{k}{n}"] for k, n, f in rows])


def partners(vectors):
    """Tell whether the two nearest of each of the 12 words are the two of the same company."""
    for k, n in itertools.product("abcd", range(3)):
        near = {word for word, _ in vectors.most_similar(f"{k}{n}", 2)}
        yield near == {f"{k}{other}" for other in range(3) if other != n}


@pytest.mark.parametrize("kind", [SkipGram, CBOW])
def test_words_of_the_same_company_come_together_without_ever_meeting(kind):
    corpus, model = company(), kind(21, 8)
    history = word2vec.train(
        model, corpus, epochs=25, batch_words=1_024, threshold=None, progress=False, device="cpu"
    )
    assert history.epochs[-1]["train_loss"] < 0.8 * history.epochs[0]["train_loss"]
    assert len(history.steps) == 25 * math.ceil(math.ceil(8_000 / 256) / 4)
    assert all(partners(WordVectors(corpus.words, model.vectors)))


def test_training_repeats_itself_and_takes_the_options_of_fit(tmp_path):
    def run(**options):
        torch.manual_seed(0)
        model = SkipGram(21, 4)
        options = dict(epochs=3, progress=False, device="cpu", seed=1) | options
        return model, word2vec.train(model, company(), **options)

    seen = []
    (first, a), (second, _) = run(), run(validate=lambda m: {"one": float(len(seen) + 1)})
    assert torch.equal(first.vectors, second.vectors)
    stopped = run(checkpoint=tmp_path, max_seconds=0)[1]
    assert stopped.interrupted
    resumed, b = run(checkpoint=tmp_path)
    assert torch.equal(first.vectors, resumed.vectors) and a.steps == b.steps
    assert not torch.equal(first.vectors, run(seed=2)[0].vectors)


def test_training_refuses_what_does_not_fit():
    corpus = tea()
    with pytest.raises(TypeError, match="model must be a SkipGram or CBOW, got Linear"):
        word2vec.train(torch.nn.Linear(2, 2), corpus)
    with pytest.raises(ValueError, match="model must have the 7 words of the corpus, got 6"):
        word2vec.train(SkipGram(6, 2), corpus)
    with pytest.raises(ValueError, match="negatives must be at least 0, got -1"):
        word2vec.train(SkipGram(7, 2), corpus, negatives=-1)
    with pytest.raises(ValueError, match="batch_words must be a multiple of 256, got 300"):
        word2vec.train(SkipGram(7, 2), corpus, batch_words=300)


# ---- word vectors ------------------------------------------------------------------------------


def some(V=30, D=5):
    return WordVectors([f"w{i}" for i in range(V)], torch.randn(V, D, dtype=torch.float64))


def test_neighbours_are_those_of_scikit_learn():
    vectors = some()
    cosines = cosine_similarity(vectors.vectors.numpy())
    for i, word in enumerate(vectors.words):
        order = [j for j in np.argsort(-cosines[i]) if j != i][:4]
        found = vectors.most_similar(word, 4)
        assert [w for w, _ in found] == [vectors.words[j] for j in order]
        assert [c for _, c in found] == pytest.approx(cosines[i, order])
        assert vectors.similarity(word, "w3") == pytest.approx(cosines[i, 3])
    many = vectors.neighbors(vectors.words, 4)
    assert many == [[w for w, _ in vectors.most_similar(word, 4)] for word in vectors.words]
    a, b = vectors.vectors[:4], vectors.vectors[4:8]
    expected = torch.tensor(np.diag(cosines[:4, 4:8]).copy())
    torch.testing.assert_close(word2vec.cosine(a, b), expected, **exact)


def test_the_nearest_to_king_minus_man_plus_woman_is_king_unless_that_is_forbidden():
    rows = torch.tensor([[1.0, 0], [1, 0.2], [3.0, 0], [3, 0.6], [0, 1]])
    vectors = WordVectors(["man", "woman", "king", "queen", "other"], rows)
    free = vectors.analogy("man", "woman", "king", 5, exclude=False, unit=False)
    assert [word for word, _ in free][:2] == ["king", "queen"] or free[0][0] == "man"
    assert dict(free)["king"] == pytest.approx(0.9978, abs=1e-4)
    assert dict(free)["queen"] == pytest.approx(0.9914, abs=1e-4)
    assert vectors.analogy("man", "woman", "king", 1, unit=False)[0][0] == "queen"
    assert {word for word, _ in vectors.analogy("man", "woman", "king", 2)} == {"queen", "other"}


def test_word_vectors_name_what_is_wrong():
    vectors = some(V=3)
    assert "w1" in vectors and "king" not in vectors and len(vectors) == 3
    assert torch.equal(vectors["w1"], vectors.vectors[1])
    assert repr(vectors) == "WordVectors(3 words, 5 numbers each)"
    with pytest.raises(ValueError, match="word must be one of the 3 with a vector, got 'king'"):
        vectors.most_similar("king", 1)
    with pytest.raises(ValueError, match="k must be at most 2, got 3"):
        vectors.most_similar("w1", 3)
    with pytest.raises(ValueError, match="k must be at most 2, got 3"):
        vectors.neighbors(["w1"], 3)
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        vectors.nearest(torch.ones(5).double(), 0)
    with pytest.raises(ValueError, match=r"vector must have shape \(5,\)"):
        vectors.nearest(torch.ones(4), 1)
    with pytest.raises(ValueError, match=r"vectors must have shape \(1, D\)"):
        WordVectors(["a"], torch.ones(2, 3))
    with pytest.raises(TypeError, match="vectors must be floating-point numbers"):
        WordVectors(["a"], torch.ones(1, 3).long())
    with pytest.raises(ValueError, match="words must hold at least 1 word"):
        WordVectors([], torch.ones(0, 3))


# ---- the text format ---------------------------------------------------------------------------


@given(st.integers(1, 4), st.integers(1, 5), st.integers(-30, 30))
def test_what_is_saved_is_read_to_the_last_bit(tmp_path_factory, V, D, power):
    path = tmp_path_factory.mktemp("w") / "vectors.txt"
    vectors = WordVectors([f"é{i}" for i in range(V)], torch.randn(V, D) * 10.0**power)
    vectors.save(path)
    again = WordVectors.load(path)
    assert again.words == vectors.words and torch.equal(again.vectors, vectors.vectors)
    assert path.read_text(encoding="utf-8").startswith(f"{V} {D}\né0 ")


def test_gensim_reads_what_we_save_and_we_read_what_it_saves(tmp_path):
    gensim = pytest.importorskip("gensim")
    ours = some()
    ours = WordVectors(ours.words, ours.vectors.float())
    ours.save(tmp_path / "ours.txt")
    theirs = gensim.models.KeyedVectors.load_word2vec_format(tmp_path / "ours.txt")
    assert theirs.index_to_key == ours.words
    assert np.array_equal(theirs.vectors, ours.vectors.numpy())
    for word in ours.words[:5]:
        names, cosines = zip(*theirs.most_similar(word, topn=6), strict=True)
        found = ours.most_similar(word, 6)
        assert [w for w, _ in found] == list(names)
        assert [c for _, c in found] == pytest.approx(cosines, abs=1e-6)
    asked = theirs.most_similar(positive=["w2", "w3"], negative=["w1"], topn=6)
    assert [w for w, _ in ours.analogy("w1", "w2", "w3", 6)] == [w for w, _ in asked]
    theirs.save_word2vec_format(tmp_path / "theirs.txt")
    again = WordVectors.load(tmp_path / "theirs.txt")
    assert again.words == ours.words and torch.equal(again.vectors, ours.vectors)


def test_gensim_finds_the_same_company(tmp_path):
    models = pytest.importorskip("gensim.models")
    corpus = company()
    text = " ".join("\n" if i == END else corpus.words[i] for i in corpus.stream.tolist())
    options = dict(vector_size=8, sg=1, sample=0, epochs=30, seed=0, workers=1)
    theirs = models.Word2Vec([line.split() for line in text.split("\n")], **options).wv
    theirs.save_word2vec_format(tmp_path / "theirs.txt")
    assert all(partners(WordVectors.load(tmp_path / "theirs.txt")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2\na 1\n", r"line 1 of .* must hold two integers.*, got '2'"),
        ("3 1\na 1\nb 2\n", "line 1 of .* must hold 2 words, as many as follow, got '3 1'"),
        ("1 2\na 1\n", "line 2 of .* must hold a word and 2 numbers, got 'a 1'"),
        ("2 1\na 1\nb c\n", "line 3 of .* must hold a word and 1 numbers, got 'b c'"),
        ("2 1\na 1\na 2\n", "words must all be different, got 'a' twice"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, text, message):
    path = tmp_path / "vectors.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        WordVectors.load(path)


@pytest.mark.parametrize("word", ["new york", "", "a\n", "a\u00a0b"])
def test_a_word_that_the_format_cannot_hold_is_refused(tmp_path, word):
    with pytest.raises(ValueError, match="words must hold no white space and not be empty, got"):
        WordVectors([word], torch.ones(1, 2)).save(tmp_path / "vectors.txt")
    assert not (tmp_path / "vectors.txt").exists()
