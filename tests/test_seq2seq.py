"""dlnotes.seq2seq: models step by step, searches against enumeration, padding cannot leak."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from searching import enumerated
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from dlnotes.seq2seq import (
    BahdanauAttention,
    ConditionalGenerator,
    Decoder,
    Encoder,
    Seq2Seq,
    SequenceClassifier,
    SequenceTagger,
    beam_search,
    negative_log_likelihood,
    teacher_forcing_loss,
    write_tokens,
)
from dlnotes.text import Vocabulary

exact = dict(rtol=0, atol=1e-10)
few = settings(max_examples=15, deadline=None)
every_cell = pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
with_and_without = pytest.mark.parametrize("attention", [True, False])


def build(source=7, target=6, *, hidden_size=5, **options):
    """Return a small model in float64, its weights large enough to make choices."""
    model = Seq2Seq(source, target, hidden_size=hidden_size, **options).double().eval()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(2)
    return model


def batch(n=4, source=7, target=6, steps=5):
    lengths = torch.tensor([4, 2, 5, 1])[:n]
    x = torch.randint(source, (n, 5))
    y = torch.randint(3, target, (n, steps))
    return x, lengths, torch.cat([torch.ones(n, 1, dtype=torch.int64), y], dim=1)


def alone(model, x, y):
    """Return the logits of one pair, by torch.nn's layers and loops over time and place."""
    layers = {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}

    def run(layer, inputs, state=None):
        kind = layers[type(layer).__name__]
        twin = kind(
            layer.input_size,
            layer.hidden_size,
            layer.num_layers,
            bidirectional=layer.bidirectional,
            batch_first=True,
        ).double()
        twin.load_state_dict(layer.state_dict())
        return twin(inputs, state)

    encoder, decoder = model.encoder, model.decoder
    h, state = run(encoder.layer, encoder.embedding.weight[x][None])
    state = state if isinstance(state, tuple) else (state,)
    directions = 1 + encoder.layer.bidirectional
    start = []
    for bridge, s in zip(model.bridge, state, strict=True):
        v = s[-directions:].flatten()  # forwards, then backwards
        s = torch.tanh(bridge.weight @ v + bridge.bias)
        start.append(s.view(decoder.layer.num_layers, 1, -1))
    state, rows, alphas = tuple(start) if len(start) > 1 else start[0], [], []
    for token in y:
        out, state = run(decoder.layer, decoder.embedding.weight[token][None, None], state)
        s = out[0, 0]
        if decoder.attention is not None:
            W, U, v = (getattr(decoder.attention, name).weight for name in "WUv")
            e = torch.stack([v[0] @ torch.tanh(W @ s + U @ h_j) for h_j in h[0]])
            alpha = e.exp() / e.exp().sum()
            c = sum(a * h_j for a, h_j in zip(alpha, h[0], strict=True))
            s = torch.tanh(decoder.combine.weight @ torch.cat([s, c]))
            alphas.append(alpha)
        rows.append(decoder.output.weight @ s + decoder.output.bias)
    return torch.stack(rows), alphas


# ---- the model ---------------------------------------------------------------------------------


@every_cell
@with_and_without
def test_logits_are_those_of_each_pair_alone_with_torch_nn(cell, attention):
    model = build(cell=cell, attention=attention, embedding_size=3, attention_size=4)
    x, lengths, y = batch()
    logits = model(x, lengths, y)
    for i, n in enumerate(lengths):
        expected, alphas = alone(model, x[i, :n], y[i])
        torch.testing.assert_close(logits[i], expected, **exact)
        if attention:
            weights = model.alignment(x, lengths, y)[i]
            torch.testing.assert_close(weights[:, :n], torch.stack(alphas), **exact)
            assert (weights[:, n:] == 0).all()


@pytest.mark.parametrize("bidirectional", [True, False])
def test_layers_and_directions(bidirectional):
    model = build(encoder_layers=2, decoder_layers=3, bidirectional=bidirectional)
    x, lengths, y = batch()
    expected, _ = alone(model, x[1, :2], y[1])
    torch.testing.assert_close(model(x, lengths, y)[1], expected, **exact)
    assert model.encoder.output_size == 5 * (1 + bidirectional)


@every_cell
def test_the_encoder_is_torch_nn_on_a_packed_sequence(cell):
    encoder = Encoder(9, hidden_size=4, embedding_size=3, cell=cell).double()
    twin = getattr(nn, cell.upper())(3, 4, bidirectional=True, batch_first=True).double()
    twin.load_state_dict(encoder.layer.state_dict())
    x, lengths = torch.randint(9, (3, 6)), torch.tensor([6, 1, 4])
    packed = pack_padded_sequence(
        encoder.embedding(x), lengths, batch_first=True, enforce_sorted=False
    )
    out, state = twin(packed)
    out, _ = nn.utils.rnn.pad_packed_sequence(out, batch_first=True)
    annotations, last = encoder(x, lengths)
    torch.testing.assert_close(annotations, out, **exact)
    for ours, theirs in zip(last, state if cell == "lstm" else (state,), strict=True):
        torch.testing.assert_close(ours, torch.cat([theirs[0], theirs[1]], dim=1), **exact)


@every_cell
@with_and_without
def test_one_call_for_all_steps_is_the_steps_one_by_one(cell, attention):
    model = build(cell=cell, attention=attention)
    x, lengths, y = batch()
    memory, state = model.encode(x, lengths)
    steps = []
    for t in range(y.shape[1]):
        logits, state, _ = model.decoder(y[:, t : t + 1], state, memory)
        steps.append(logits)
    torch.testing.assert_close(model(x, lengths, y), torch.cat(steps, 1), **exact)


def test_a_target_token_reaches_no_logit_before_its_own():
    model, (x, lengths, y) = build(), batch()
    before = model(x, lengths, y)
    for t in range(1, y.shape[1]):
        changed = y.clone()
        changed[:, t] = (changed[:, t] + 1) % 6
        after = model(x, lengths, changed)
        assert torch.equal(before[:, :t], after[:, :t])
        assert (before[:, t] != after[:, t]).any()


def test_without_attention_all_that_is_known_of_the_source_is_the_first_state():
    model, (x, lengths, y) = build(attention=False), batch()
    memory, state = model.encode(x, lengths)
    assert memory is None
    logits, _, weights = model.decoder(y, state)
    assert weights is None
    torch.testing.assert_close(logits, model(x, lengths, y), **exact)
    with pytest.raises(ValueError, match="attention must be True"):
        model.alignment(x, lengths, y)


def test_lengths_of_none_are_all():
    model, (x, _, y) = build(), batch()
    full = torch.full((4,), 5)
    torch.testing.assert_close(model(x, None, y), model(x, full, y), **exact)
    assert torch.equal(model.greedy(x, None, max_length=4), model.greedy(x, full, max_length=4))


# ---- padding -----------------------------------------------------------------------------------


def loss_and_gradients(model, rows, **options):
    model.zero_grad()
    loss = teacher_forcing_loss(model, rows, **options)
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters()}


def rows_with_padding():
    x, lengths, y = batch()
    for i, (n, m) in enumerate(zip(lengths, (3, 5, 2, 4), strict=True)):
        x[i, n:] = 0
        y[i, m - 1] = 2
        y[i, m:] = 0
    return x, lengths, y


@every_cell
@with_and_without
def test_padded_values_and_more_padding_change_neither_loss_nor_gradients(cell, attention):
    model = build(cell=cell, attention=attention)
    x, lengths, y = rows_with_padding()
    expected = loss_and_gradients(model, (x, lengths, y))
    other = x.clone()
    for i, n in enumerate(lengths):
        other[i, n:] = torch.randint(1, 7, (5 - n,))  # what stands past the end
    wider = F.pad(other, (0, 3), value=4), lengths, F.pad(y, (0, 2))
    for rows in ((other, lengths, y), wider):
        torch.testing.assert_close(loss_and_gradients(model, rows), expected, **exact)
    used = set(x[0, :4].tolist() + x[1, :2].tolist() + x[2].tolist() + x[3, :1].tolist())
    unused = sorted(set(range(7)) - used)
    gradient = expected[1]["encoder.embedding.weight"]
    assert (gradient[unused] == 0).all()
    assert (gradient[sorted(used)] != 0).any(1).all()


@pytest.mark.parametrize("groups", [2, 3, 4, 9])
def test_groups_change_neither_loss_nor_gradients(groups):
    model, rows = build(), rows_with_padding()
    expected = loss_and_gradients(model, rows)
    torch.testing.assert_close(loss_and_gradients(model, rows, groups=groups), expected, **exact)


def test_the_loss_is_the_mean_over_sequences_of_their_negative_log_likelihood():
    model, (x, lengths, y) = build(), rows_with_padding()
    total = 0.0
    for i, n in enumerate(lengths):
        written = y[i][y[i] != 0]
        logits, _ = alone(model, x[i, :n], written[:-1])
        p = logits.softmax(-1)
        total -= sum(math.log(p[t, k].item()) for t, k in enumerate(written[1:]))
    assert teacher_forcing_loss(model, (x, lengths, y)).item() == pytest.approx(total / 4)


def test_negative_log_likelihood_counts_what_is_not_padding():
    logits, targets = torch.randn(3, 4, 5).double(), torch.tensor([[1, 2, 0, 0]] * 3)
    expected = -logits.log_softmax(-1)[:, [0, 1], [1, 2]].sum(1)
    torch.testing.assert_close(negative_log_likelihood(logits, targets), expected, **exact)
    everything = negative_log_likelihood(logits, targets, padding=4)
    more = -logits.log_softmax(-1)[:, [2, 3], [0, 0]].sum(1)
    torch.testing.assert_close(everything, expected + more, **exact)


# ---- attention ---------------------------------------------------------------------------------


def test_attention_is_bahdanaus_sum_for_each_state_and_position():
    attention = BahdanauAttention(3, 4, 2).double()
    s, h = torch.randn(2, 5, 3).double(), torch.randn(2, 6, 4).double()
    mask = torch.ones(2, 6, dtype=torch.bool)
    mask[1, 4:] = False
    context, weights = attention(s, h, mask)
    W, U, v = attention.W.weight, attention.U.weight, attention.v.weight[0]
    for n, t in itertools.product(range(2), range(5)):
        places = [j for j in range(6) if mask[n, j]]
        e = [torch.exp(v @ torch.tanh(W @ s[n, t] + U @ h[n, j])).item() for j in places]
        for j, score in zip(places, e, strict=True):
            assert weights[n, t, j].item() == pytest.approx(score / sum(e), abs=1e-12)
        c = sum(weights[n, t, j] * h[n, j] for j in places)
        torch.testing.assert_close(context[n, t], c, **exact)
    assert (weights[1, :, 4:] == 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 5).double(), **exact)
    projected = attention(s, h, mask, projected=attention.U(h))
    torch.testing.assert_close(projected, (context, weights), **exact)
    torch.testing.assert_close(attention(s, h)[1][0], weights[0], **exact)


def test_gradients_of_attention_are_right_by_finite_differences():
    attention = BahdanauAttention(3, 4, 2).double()
    s, h = (torch.randn(2, k, d).double().requires_grad_() for k, d in ((2, 3), (3, 4)))
    mask = torch.tensor([[True, True, False], [True, True, True]])
    assert torch.autograd.gradcheck(lambda s, h: attention(s, h, mask), (s, h))
    (gradient,) = torch.autograd.grad(attention(s, h, mask)[0].sum(), h)
    assert (gradient[0, 2] == 0).all()


def test_parameters_of_attention_are_counted_as_in_the_paper():
    assert sum(p.numel() for p in BahdanauAttention(1000, 2000).parameters()) == 3_001_000
    assert [name for name, _ in BahdanauAttention(2, 3).named_parameters()] == [
        "W.weight",
        "U.weight",
        "v.weight",
    ]


# ---- searching ---------------------------------------------------------------------------------


@every_cell
@with_and_without
@torch.no_grad()
def test_a_beam_of_all_prefixes_is_exact_and_ranks_everything(cell, attention):
    model = build(5, 4, cell=cell, attention=attention)
    x, lengths = torch.randint(5, (3, 4)), torch.tensor([4, 2, 3])
    ids, log_p = model.beams(x, lengths, max_length=3, beam_size=4**2)
    for i, n in enumerate(lengths):
        best = enumerated(model, model.decoder.output.out_features, x[i], n, 3)
        assert [tuple(row) for row in ids[i].tolist()] == [row for row, _ in best[:16]]
        torch.testing.assert_close(log_p[i], torch.tensor([p for _, p in best[:16]]).double())
    # all probability there is: sequences that ended, and prefixes that did not
    everything = model.beams(x, lengths, max_length=3, beam_size=4**3)[1]
    torch.testing.assert_close(everything.exp().sum(1), torch.ones(3).double())


def slow_beam(model, x, n, longest, B, a=0.0):
    """Beam search over Python lists, each prefix scored anew by ``forward``."""
    prefixes = [((), 0.0)]
    for _ in range(longest):
        grown = []
        for tokens, log_p in prefixes:
            if tokens and tokens[-1] == model.end:
                grown.append((tokens, log_p))
                continue
            y = torch.tensor([[model.begin, *tokens]])
            step = model(x[None, :n], None, y).log_softmax(-1)[0, -1].tolist()
            grown += [((*tokens, k), log_p + step[k]) for k in range(len(step))]
        prefixes = sorted(grown, key=lambda item: -item[1] / len(item[0]) ** a)[:B]
    return prefixes


@pytest.mark.parametrize("beam_size", [1, 2, 3, 5])
@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
@with_and_without
@torch.no_grad()
def test_the_batched_search_is_the_slow_one(beam_size, length_penalty, attention):
    model = build(attention=attention)
    x, lengths, _ = batch()
    options = dict(max_length=6, beam_size=beam_size, length_penalty=length_penalty)
    ids, log_p = model.beams(x, lengths, **options)
    best = model.beam_search(x, lengths, **options)
    assert best.shape == (4, 6)
    for i, n in enumerate(lengths):
        expected = slow_beam(model, x[i], n, 6, beam_size, length_penalty)
        rows = [list(tokens) + [0] * (6 - len(tokens)) for tokens, _ in expected]
        assert ids[i].tolist() == rows
        torch.testing.assert_close(log_p[i], torch.tensor([p for _, p in expected]).double())
        assert best[i].tolist() == rows[0]


def test_some_of_these_searches_end_early_and_some_do_not():
    """Else the tests of searches would say little."""
    torch.manual_seed(0)
    model, (x, lengths, _) = build(), batch()
    ids = model.beam_search(x, lengths, max_length=6, beam_size=3)
    ended = (ids == model.end).any(1)
    assert ended.any() and not ended.all()


@every_cell
@with_and_without
@torch.no_grad()
def test_greedy_takes_the_likeliest_token_at_every_step(cell, attention):
    model = build(cell=cell, attention=attention)
    x, lengths, _ = batch()
    ids = model.greedy(x, lengths, max_length=7)
    assert ids.shape == (4, 7)
    for i, n in enumerate(lengths):
        tokens = [model.begin]
        while len(tokens) < 8 and tokens[-1] != model.end:
            logits = model(x[i : i + 1, :n], None, torch.tensor([tokens]))
            tokens.append(int(logits[0, -1].argmax()))
        assert ids[i].tolist() == tokens[1:] + [0] * (8 - len(tokens))
    assert torch.equal(ids, model.beam_search(x, lengths, max_length=7, beam_size=1))


@torch.no_grad()
def test_a_wider_beam_that_is_exact_is_never_worse_than_greedy():
    greedy_missed = 0
    for seed in range(20):
        torch.manual_seed(seed)
        model = build(5, 4)
        x = torch.randint(5, (1, 3))
        _, first = model.beams(x, None, max_length=3, beam_size=1)
        _, best = model.beams(x, None, max_length=3, beam_size=16)
        assert best[0, 0] >= first[0, 0] - 1e-12
        greedy_missed += bool(best[0, 0] > first[0, 0] + 1e-12)
    assert greedy_missed > 0  # else the comparison shows nothing


def test_a_length_penalty_makes_longer_sequences_win():
    def mean_length(a):
        lengths = []
        for seed in range(10):
            torch.manual_seed(seed)
            model, (x, n, _) = build(), batch()
            ids = model.beam_search(x, n, max_length=8, beam_size=4, length_penalty=a)
            lengths.append((ids != 0).sum().item())
        return sum(lengths)

    assert mean_length(2.0) > mean_length(0.0)


def test_with_a_length_penalty_the_search_does_not_stop_at_the_first_end():
    overtaken = 0
    for seed in range(20):
        torch.manual_seed(seed)
        model, (x, n, _) = build(), batch()
        options = dict(max_length=8, beam_size=4, length_penalty=2.0)
        best = model.beams(x, n, **options)[0][:, 0]
        assert torch.equal(model.beam_search(x, n, **options), best)
        stopped, _ = model._beams(x, n, **options, only_best=True)
        overtaken += not torch.equal(stopped[:, 0], best)
    assert overtaken > 0  # else this says nothing


def of_all_read(V):
    """A step whose state is all that was read, (1, R, t, 1): it grows, as cached keys do."""
    table = torch.randn(7, V).double()

    def step(last, state):
        (read,) = state
        read = torch.cat([read, last[None, :, None, None].double()], dim=2)
        n = torch.arange(1, read.shape[2] + 1)
        return table[((read[0, :, :, 0] * n).sum(1).long() + n[-1]) % 7], (read,)

    return step


@pytest.mark.parametrize("V, beam_size", [(3, 3**3), (4, 3)])
def test_the_searches_take_any_step_and_any_state(V, beam_size):
    step, empty = of_all_read(V), (torch.zeros(1, 2, 0, 1).double(),)
    special = dict(padding=0, begin=1, end=2)

    def cut(tokens):  # what follows the end does not count
        return tokens[: (*tokens, 2).index(2) + 1]

    def score(tokens):
        state, total = (torch.zeros(1, 1, 0, 1).double(),), 0.0
        for last, token in zip((1, *tokens), tokens, strict=False):
            logits, state = step(torch.tensor([last]), state)
            total += logits.log_softmax(-1)[0, token].item()
        return total

    ids, log_p = beam_search(step, empty, max_length=4, beam_size=beam_size, **special)
    for row, p in zip(ids.flatten(0, 1).tolist(), log_p.flatten().tolist(), strict=True):
        tokens = cut(row)
        assert p == pytest.approx(score(tokens)) and set(row[len(tokens) :]) <= {0}
    if beam_size == V**3:  # no prefix is dropped
        best = max(score(cut(tokens)) for tokens in itertools.product(range(V), repeat=4))
        assert log_p[:, 0].tolist() == pytest.approx([best, best])
    greedy = write_tokens(step, lambda logits: logits.argmax(-1), empty, max_length=4, **special)
    one, _ = beam_search(step, empty, max_length=4, beam_size=1, **special)
    assert torch.equal(greedy, one[:, 0])


# ---- the special tokens ------------------------------------------------------------------------


def test_a_vocabulary_and_its_size_give_the_same_model():
    source, target = Vocabulary("abc"), Vocabulary("xy")
    models = []
    for sizes in ((source, target), (7, 6)):
        torch.manual_seed(1)
        models.append(Seq2Seq(*sizes, hidden_size=4))
    assert models[0].state_dict().keys() == models[1].state_dict().keys()
    tied = Vocabulary.from_sequences(["zya", "zb"])  # z twice, the others in alphabetical order
    assert tied.tokens[-4:] == ["z", "a", "b", "y"]
    torch.testing.assert_close(*(dict(m.state_dict()) for m in models))
    assert (models[0].padding, models[0].begin, models[0].end) == (0, 1, 2)


@torch.no_grad()
def test_other_numbers_of_special_tokens_are_used():
    model = build(padding=5, begin=4, end=3)
    x, lengths, _ = batch()
    ids = model.greedy(x, lengths, max_length=5)
    moved = build()
    moved.load_state_dict(model.state_dict())
    first = moved(x, lengths, torch.full((4, 1), 4))[:, 0].argmax(-1)
    assert torch.equal(ids[:, 0], first)
    ended = (ids == 3).int().cumsum(1) - (ids == 3).int() > 0
    assert (ids[ended] == 5).all()
    found, log_p = model.beams(x, lengths, max_length=5, beam_size=3)
    for i, n in enumerate(lengths):
        expected = slow_beam(model, x[i], n, 5, 3)
        assert found[i].tolist() == [list(t) + [5] * (5 - len(t)) for t, _ in expected]
        torch.testing.assert_close(log_p[i], torch.tensor([p for _, p in expected]).double())
    assert (found == 5).any()
    # 0 is a token like any other, and the rows have different lengths
    y = torch.tensor([[4, 1, 3, 5, 5], [4, 0, 0, 0, 3], [4, 0, 3, 5, 5], [4, 3, 5, 5, 5]])
    log_p = model(x, lengths, y[:, :-1]).log_softmax(-1)
    terms = [log_p[i, t, y[i, t + 1]] for i in range(4) for t in range(4) if y[i, t + 1] != 5]
    assert len(terms) == 2 + 4 + 2 + 1
    for groups in (1, 4):
        loss = teacher_forcing_loss(model, (x, lengths, y), groups=groups)
        torch.testing.assert_close(loss, -sum(terms) / 4, **exact)


# ---- the other shapes --------------------------------------------------------------------------


@every_cell
@pytest.mark.parametrize("keep_vectors", [False, True])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "sum"])
def test_the_classifier_reads_each_sequence_alone(cell, pooling, keep_vectors):
    options = dict(hidden_size=4, embedding_size=3, cell=cell, pooling=pooling)
    if pooling == "last" and keep_vectors:
        with pytest.raises(ValueError, match="pooling must be one of 'mean', 'max', 'sum'"):
            SequenceClassifier(7, 3, keep_vectors=True, **options)
        return
    model = SequenceClassifier(7, 3, keep_vectors=keep_vectors, **options).double()
    x, lengths, _ = batch()
    logits = model(x, lengths)
    assert logits.shape == (4, 3)
    for i, n in enumerate(lengths):
        h, (last, *_) = model.encoder(x[i : i + 1, :n])
        if keep_vectors:
            h = torch.cat([h, model.encoder.embedding.weight[x[i, :n]][None]], dim=-1)
        total = h.sum(1) / math.sqrt(n)
        kept = {"last": last, "mean": h.mean(1), "max": h.max(1).values, "sum": total}[pooling]
        torch.testing.assert_close(logits[i], model.output(kept)[0], **exact)
    changed = x.clone()
    changed[1, 2:] = (changed[1, 2:] + 1) % 7
    assert torch.equal(model(changed, lengths), logits)
    torch.testing.assert_close(model(x), model(x, torch.full((4,), 5)), **exact)


@every_cell
def test_the_tagger_answers_for_each_token_and_backwards_only_if_asked(cell):
    x, lengths, _ = batch()
    for bidirectional in (True, False):
        model = SequenceTagger(7, 3, hidden_size=4, cell=cell, bidirectional=bidirectional)
        logits = model.double()(x, lengths)
        assert logits.shape == (4, 5, 3)
        for i, n in enumerate(lengths):
            torch.testing.assert_close(logits[i, :n], model(x[i : i + 1, :n])[0], **exact)
        later = x.clone()
        later[2, 4] = (later[2, 4] + 1) % 7
        same = torch.equal(model(later, lengths)[2, 0], logits[2, 0])
        assert same is not bidirectional


def test_one_to_one_is_a_feed_forward_network():
    model = SequenceTagger(9, 3, hidden_size=4, cell="rnn", bidirectional=False).double()
    plain = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    layer = model.encoder.layer
    with torch.no_grad():
        plain[0].weight.copy_(model.encoder.embedding.weight)
        plain[1].weight.copy_(layer.weight_ih_l0)
        plain[1].bias.copy_(layer.bias_ih_l0 + layer.bias_hh_l0)
        plain[3].load_state_dict(model.output.state_dict())
    x = torch.arange(9)
    torch.testing.assert_close(model(x[:, None])[:, 0], plain(x), **exact)


@every_cell
def test_the_generator_starts_from_its_condition(cell):
    model = ConditionalGenerator(3, 6, hidden_size=4, cell=cell, num_layers=2).double()
    condition, y = torch.tensor([2, 0]), torch.tensor([[1, 4, 5], [1, 3, 3]])
    logits = model(condition, y)
    state = tuple(
        torch.tanh(e.weight[condition]).view(2, 2, 4).transpose(0, 1) for e in model.states
    )
    expected, _, _ = model.decoder(y, state)
    torch.testing.assert_close(logits, expected, **exact)
    other = model(torch.tensor([1, 0]), y)
    assert torch.equal(other[1], logits[1]) and (other[0] != logits[0]).any()


def test_samples_have_the_probabilities_that_forward_gives():
    torch.manual_seed(0)
    model = ConditionalGenerator(2, 4, hidden_size=4).double()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(3)
    n = 20_000
    for temperature in (1.0, 0.5):
        ids = model.sample(
            torch.ones(n, dtype=torch.int64),
            max_length=2,
            temperature=temperature,
            generator=torch.Generator().manual_seed(0),
        )
        counts = torch.zeros(4, 4).double()
        for first, second in ids.tolist():
            counts[first, second] += 1 / n
        y = torch.tensor([[1, k] for k in range(4)])
        p = (model(torch.ones(4, dtype=torch.int64), y) / temperature).softmax(-1)
        expected = p[0, 0][:, None] * p[:, 1]
        expected[2] = torch.tensor([p[0, 0, 2].item(), 0, 0, 0])  # after the end stands padding
        torch.testing.assert_close(counts, expected, rtol=0, atol=0.02)


def test_samples_are_fixed_by_their_generator():
    model = ConditionalGenerator(2, 6, hidden_size=4)
    labels = torch.tensor([0, 1] * 20)
    first, again, other = (
        model.sample(labels, max_length=5, generator=torch.Generator().manual_seed(s))
        for s in (3, 3, 4)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


# ---- in general --------------------------------------------------------------------------------


def test_models_compute_in_the_precision_of_their_weights():
    x, lengths, y = batch()
    for dtype in (torch.float32, torch.float64):
        model = build().to(dtype)
        assert model(x, lengths, y).dtype == dtype
        assert model.beams(x, lengths, max_length=3, beam_size=2)[1].dtype == dtype


def test_dropout_acts_in_training_only():
    model, (x, lengths, y) = build(dropout=0.5), batch()
    assert torch.equal(model(x, lengths, y), model(x, lengths, y))
    model.train()
    assert not torch.equal(model(x, lengths, y), model(x, lengths, y))


@few
@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.sampled_from(["rnn", "lstm"]))
def test_shapes(n, s, t, cell):
    model = Seq2Seq(7, 6, hidden_size=3, cell=cell)
    x, y = torch.randint(7, (n, s)), torch.randint(6, (n, t))
    lengths = torch.randint(1, s + 1, (n,))
    assert model(x, lengths, y).shape == (n, t, 6)
    assert model.alignment(x, lengths, y).shape == (n, t, s)
    assert model.greedy(x, lengths, max_length=t).shape == (n, t)
    assert model.beam_search(x, lengths, max_length=t, beam_size=2).shape == (n, t)


def wrong_calls():
    model, (x, n, y) = Seq2Seq(7, 6, hidden_size=3), batch()
    attention = BahdanauAttention(3, 4)
    q, k = torch.zeros(2, 5, 3), torch.zeros(2, 6, 4)
    small = dict(hidden_size=3)
    return {
        "source must have shape": lambda: model(x[..., None], n, y),
        r"source must lie in \[0, 6\], got 7": lambda: model(x.clamp(max=0) + 7, n, y),
        "source must be integers, got torch.float32": lambda: model(x.float(), n, y),
        r"target_in must have shape \(4, T\)": lambda: model(x, n, y[:2]),
        r"target_in must lie in \[0, 5\], got -1": lambda: model(x, n, y - 2),
        r"lengths must lie in \[1, 5\]": lambda: model(x, n + 1, y),
        r"lengths must have shape \(4,\)": lambda: model(x, n[:2], y),
        "max_length must be at least 1": lambda: model.greedy(x, n, max_length=0),
        "beam_size must be at least 1": lambda: model.beam_search(x, n, max_length=3, beam_size=0),
        "length_penalty must lie in": lambda: model.beams(
            x, n, max_length=3, beam_size=2, length_penalty=-1
        ),
        "groups must be at least 1": lambda: teacher_forcing_loss(model, (x, n, y), groups=0),
        "cell must be one of 'rnn', 'lstm', 'gru'": lambda: Seq2Seq(7, 6, cell="x", **small),
        "source_vocabulary must be at least 1": lambda: Seq2Seq(0, 6, **small),
        "target_vocabulary must be at least 1": lambda: Seq2Seq(7, 0, **small),
        "hidden_size must be at least 1": lambda: Seq2Seq(7, 6, hidden_size=0),
        "end must be one of 0, 1": lambda: Seq2Seq(7, 2, **small),
        r"dropout must lie in \[0, 1\]": lambda: Seq2Seq(7, 6, dropout=2.0, **small),
        "encoder_layers must be at least 1": lambda: Seq2Seq(7, 6, encoder_layers=0, **small),
        "decoder_layers must be at least 1": lambda: Seq2Seq(7, 6, decoder_layers=0, **small),
        "attention_size must be at least 1": lambda: BahdanauAttention(3, 4, 0),
        r"query must have shape \(N, T, 3\)": lambda: attention(k, k),
        r"keys must have shape \(2, S, 4\)": lambda: attention(q, k[:1]),
        r"mask must have shape \(2, 6\)": lambda: attention(q, k, torch.ones(6, 2).bool()),
        "mask must be boolean": lambda: attention(q, k, torch.ones(2, 6)),
        r"projected must have shape \(2, 6, 3\)": lambda: attention(q, k, projected=k),
        "pooling must be one of 'last', 'mean', 'max', 'sum'": lambda: SequenceClassifier(
            7, 2, pooling="first", **small
        ),
        "num_classes must be at least 1": lambda: SequenceClassifier(7, 0, **small),
        "num_tags must be at least 1": lambda: SequenceTagger(7, 0, **small),
        "num_conditions must be at least 1": lambda: ConditionalGenerator(0, 6, **small),
        r"condition must lie in \[0, 1\], got 2": lambda: ConditionalGenerator(2, 6, **small)(
            torch.tensor([2]), y[:1]
        ),
        "temperature must lie in": lambda: ConditionalGenerator(2, 6, **small).sample(
            torch.tensor([1]), max_length=2, temperature=0.0
        ),
        r"logits must have shape \(N, T, V\)": lambda: negative_log_likelihood(q[0], y),
        r"targets must have shape \(2, 5\)": lambda: negative_log_likelihood(q, y),
        "vocabulary must be an integer, got str": lambda: Encoder("abc", **small),
        "num_layers must be at least 1": lambda: Decoder(6, num_layers=0, **small),
        "memory must be given": lambda: model.decoder(y, model.encode(x, n)[1]),
    }


@pytest.mark.parametrize("message", list(wrong_calls()))
def test_bad_input_is_named(message):
    with pytest.raises((ValueError, TypeError), match=message):
        wrong_calls()[message]()
