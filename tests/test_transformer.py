"""dlnotes.transformer: torch's layers, loops over tokens, masks that cannot leak, two searches."""

import itertools
import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from searching import enumerated
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.vision_transformer import EncoderBlock

from dlnotes import seq2seq, transformer
from dlnotes.transformer import (
    Decoder,
    DecoderLayer,
    Encoder,
    EncoderLayer,
    KeyValueCache,
    MultiHeadAttention,
    TokenEmbedding,
    Transformer,
    attention_gradients,
    attention_weights,
    causal_mask,
    layer_norm_gradient,
    multiply_adds,
    padding_mask,
    positional_encoding,
    scaled_dot_product_attention,
    shift_matrix,
    smoothed_loss,
    teacher_forcing_loss,
    warmup_rate,
    without_heads,
)

exact = dict(rtol=0, atol=1e-10)
sizes = st.integers(1, 5)
either = pytest.mark.parametrize("norm_first", [False, True])
cached_or_not = pytest.mark.parametrize("cached", [True, False])


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def some(*shape):
    """Return a random mask; with few tokens, some rows hide everything."""
    return torch.rand(shape) < 0.6


# ---- positions ---------------------------------------------------------------------------------


@given(sizes, st.integers(1, 4), st.integers(0, 99))
def test_positions_are_sines_and_cosines_of_each_pair(length, pairs, start):
    code = positional_encoding(length, 2 * pairs, start=start, dtype=torch.float64)
    assert code.shape == (length, 2 * pairs)
    for row, i in itertools.product(range(length), range(pairs)):
        angle = (start + row) / 10_000 ** (2 * i / (2 * pairs))
        assert code[row, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-12)
        assert code[row, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-12)


def test_positions_have_the_default_dtype_and_are_exact_far_out():
    assert positional_encoding(2, 4).dtype == torch.float32
    far = positional_encoding(1, 2, start=10**6)
    assert far[0, 0].item() == pytest.approx(math.sin(10**6), abs=1e-6)


@given(st.integers(-9, 9), st.integers(1, 6))
def test_a_shift_turns_every_code_by_the_same_matrix(shift, pairs):
    R = shift_matrix(shift, 2 * pairs)
    code = positional_encoding(30, 2 * pairs, dtype=torch.float64)
    torch.testing.assert_close(code[10:20] @ R.T, code[10 + shift : 20 + shift], **exact)


def test_products_of_codes_depend_on_the_distance_alone():
    code = positional_encoding(20, 16, dtype=torch.float64)
    products = code @ code.T
    for k in range(20):
        torch.testing.assert_close(products.diagonal(k), products[0, k].expand(20 - k), **exact)


# ---- masks -------------------------------------------------------------------------------------


def test_a_causal_mask_hides_what_comes_after_and_not_the_token_itself():
    mask = causal_mask(10)
    assert (~mask).sum() == 45 and mask.diagonal().all()
    assert torch.equal(mask, torch.tensor([[j <= i for j in range(10)] for i in range(10)]))
    assert torch.equal(causal_mask(3, past=7), mask[7:])
    theirs = nn.Transformer.generate_square_subsequent_mask(10)
    assert torch.equal(~mask, theirs.isinf())


def test_a_padding_mask_is_the_same_for_all_queries():
    mask = padding_mask(torch.tensor([2, 4, 1]), 4)
    assert mask.shape == (3, 1, 4)
    assert mask[:, 0].tolist() == [[True, True, False, False], [True] * 4, [True] + [False] * 3]


# ---- attention, the formula --------------------------------------------------------------------


@given(st.lists(sizes, max_size=2), sizes, sizes, sizes, sizes, st.booleans())
def test_attention_is_torchs_fused_function(leading, T, S, d_k, d_v, masked):
    q, k, v = randn(*leading, T, d_k), randn(*leading, S, d_k), randn(*leading, S, d_v)
    mask = some(*leading, T, S) if masked else None
    output, weights = scaled_dot_product_attention(q, k, v, mask)
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(output, expected, **exact)
    assert weights.shape == (*leading, T, S) and output.shape == (*leading, T, d_v)
    alive = torch.ones(*leading, T).bool() if mask is None else mask.any(-1)
    torch.testing.assert_close(weights.sum(-1), alive.double(), **exact)


def test_attention_is_a_mean_of_values_for_each_query():
    q, k, v, mask = randn(3, 4), randn(5, 4), randn(5, 2), some(3, 5)
    mask[:, 0] = True
    output, weights = scaled_dot_product_attention(q, k, v, mask)
    for t in range(3):
        places = [j for j in range(5) if mask[t, j]]
        e = {j: math.exp(sum(a * b for a, b in zip(q[t], k[j], strict=True)) / 2) for j in places}
        for j in range(5):
            assert weights[t, j].item() == pytest.approx(e.get(j, 0) / sum(e.values()), abs=1e-12)
        mean = sum(e[j] * v[j] for j in places) / sum(e.values())
        torch.testing.assert_close(output[t], mean, **exact)
    assert (weights[~mask] == 0).all()


def test_the_numbers_of_hate():
    """The chapter's example: a of h, a, t, e asks whether there is an e."""
    X = torch.tensor([[0.0, 1, 0], [1, 0, 0], [0, 1, 0], [1, 0, 1]])  # vowel, consonant, e
    q = X @ torch.tensor([[2.0, 0], [0, 2], [0, 0]])
    k, v = X @ torch.tensor([[0.0, 1], [0, 0], [1, 0]]), X[:, 2:]
    output, weights = scaled_dot_product_attention(q, k, v)
    assert [round(w, 2) for w in weights[1].tolist()] == [0.14, 0.14, 0.14, 0.58]
    assert [round(y, 2) for y in output[:, 0].tolist()] == [0.40, 0.58, 0.40, 0.58]
    again = [2, 0, 3, 1]  # a permuted input, a permuted output
    permuted, _ = scaled_dot_product_attention(q[again], k[again], v[again])
    torch.testing.assert_close(permuted, output[again])


@pytest.mark.parametrize("masked", [False, True])
def test_gradients_of_attention_by_hand_are_autograds(masked):
    q, k, v = (randn(2, *s).requires_grad_() for s in ((5, 8), (7, 8), (7, 3)))
    mask = some(5, 7) if masked else None
    assert torch.autograd.gradcheck(partial(scaled_dot_product_attention, mask=mask), (q, k, v))
    output, _ = scaled_dot_product_attention(q, k, v, mask)
    dO = randn(2, 5, 3)
    expected = torch.autograd.grad(output, (q, k, v), dO)
    found = attention_gradients(q, k, v, dO, mask)
    torch.testing.assert_close(found, expected, **exact)


def test_the_gradient_of_layer_normalisation_by_hand_is_autograds():
    x, gain = randn(3, 2, 16).requires_grad_(), randn(16)
    for eps in (1e-5, 0.1):
        y, dy = F.layer_norm(x, (16,), gain, randn(16), eps), randn(3, 2, 16)
        (expected,) = torch.autograd.grad(y, x, dy)
        torch.testing.assert_close(layer_norm_gradient(x, gain, dy, eps=eps), expected, **exact)


def test_dropout_leaves_weights_out_and_returns_them_whole():
    q, k = randn(4, 8), randn(6, 8)
    output, weights = scaled_dot_product_attention(q, k, torch.eye(6).double(), dropout=0.5)
    kept = output != 0
    assert 0 < kept.sum() < 24
    torch.testing.assert_close(output[kept], 2 * weights[kept], **exact)
    torch.testing.assert_close(weights.sum(-1), torch.ones(4).double(), **exact)


# ---- several heads -----------------------------------------------------------------------------


def pair_of(dim=6, heads=3, **options):
    """Return our attention and torch's, with the calls of both made alike."""
    return MultiHeadAttention(dim, heads, **options), nn.MultiheadAttention(
        dim, heads, batch_first=True, **options
    )


class AsOurs(nn.MultiheadAttention):
    """torch's attention, called with our masks."""

    def forward(self, query, key, value, mask=None, *, need_weights=False):
        if mask is not None:
            T, S = query.shape[1], key.shape[1]
            mask = mask[:, None] if mask.ndim == 3 else mask
            mask = ~mask.expand(len(query), self.num_heads, T, S).flatten(0, 1)
        return super().forward(
            query,
            key,
            value,
            attn_mask=mask,
            need_weights=need_weights,
            average_attn_weights=False,
        )


def masks(N, heads, T, S):
    """Return masks of every allowed shape in which each query sees something."""
    shapes = [(T, S), (1, S), (N, T, S), (N, 1, S), (N, heads, T, S), (1, heads, 1, S)]
    made = [some(*shape) for shape in shapes]
    for mask in made:
        mask[..., 0] = True
    return [None, *made]


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_attention_with_several_heads_is_torchs(bias, need_weights, assert_equal_layers):
    x, y, z = torch.randn(2, 4, 6), torch.randn(2, 5, 6), torch.randn(2, 5, 6)
    ours = MultiHeadAttention(6, 3, bias=bias)
    theirs = AsOurs(6, 3, batch_first=True, bias=bias)
    for key, value in ((y, y), (y, z)):
        for mask in masks(2, 3, 4, 5):
            assert_equal_layers(ours, theirs, x, key, value, mask, need_weights=need_weights)


@given(sizes, sizes, sizes, sizes, sizes)
def test_shapes_of_attention(N, T, S, heads, size):
    attention = MultiHeadAttention(heads * size, heads)
    x, y = torch.randn(N, T, heads * size), torch.randn(N, S, heads * size)
    output, weights = attention(x, y, y, padding_mask(torch.ones(N).long(), S), need_weights=True)
    assert output.shape == x.shape and weights.shape == (N, heads, T, S)
    assert attention(x, x, x)[0].shape == x.shape and attention(x, x, x)[1] is None


class Itself(nn.Module):
    """Self-attention of a module, which then is one product for queries, keys and values."""

    def __init__(self, attention, **options):
        super().__init__()
        self.attention, self.options = attention, options

    def forward(self, x):
        return self.attention(x, x, x, **self.options)


def test_self_attention_is_torchs_also_where_dropout_acts(assert_equal_layers):
    x = torch.randn(2, 5, 6)
    for need_weights in (False, True):  # with them, torch returns what dropout has left over
        ours, theirs = pair_of(dropout=0.0 if need_weights else 0.5)
        options = dict(need_weights=need_weights)
        theirs = Itself(theirs, **options, average_attn_weights=False)
        assert_equal_layers(Itself(ours, **options), theirs, x)


def test_attention_starts_as_torchs():
    torch.manual_seed(3)
    ours = MultiHeadAttention(400, 4)
    theirs = nn.MultiheadAttention(400, 4)
    for name, weight in theirs.named_parameters():
        mine = dict(ours.named_parameters())[name]
        assert mine.shape == weight.shape
        torch.testing.assert_close(mine.std(), weight.std(), rtol=0.02, atol=1e-3)


def test_the_number_of_heads_changes_no_number_of_parameters():
    counts = {sum(p.numel() for p in MultiHeadAttention(4, h).parameters()) for h in (1, 2, 4)}
    assert counts == {80}


def test_both_forms_are_one_and_only_one_of_them_is_fused(monkeypatch):
    """With weights the formula, without torch's kernel: same outputs, same gradients."""
    attention, x = MultiHeadAttention(6, 2).double(), randn(3, 5, 6)
    calls, fused = [], F.scaled_dot_product_attention

    def counted(*arguments, **options):
        calls.append(options)
        return fused(*arguments, **options)

    monkeypatch.setattr(F, "scaled_dot_product_attention", counted)
    for mask, causal in itertools.product(masks(3, 2, 5, 5), (False, True)):
        results = []
        for need_weights in (False, True):
            calls.clear()
            attention.zero_grad()
            y = x.clone().requires_grad_()
            output, _ = attention(y, y, y, mask, causal=causal, need_weights=need_weights)
            output.cos().sum().backward()
            results.append([output, y.grad, *(p.grad.clone() for p in attention.parameters())])
            assert len(calls) == (not need_weights)
        torch.testing.assert_close(*results, **exact)
        if mask is None:  # no mask is made where the kernel knows it
            options = dict(attn_mask=None, dropout_p=0.0, is_causal=causal)
            attention(x, x, x, causal=causal)
            assert calls == [options]


def test_causal_is_the_causal_mask_and_what_else_is_hidden():
    attention, x = MultiHeadAttention(6, 2).double(), randn(3, 5, 6)
    padding = padding_mask(torch.tensor([5, 2, 3]), 5)
    for mask in (None, padding, padding[:, None], causal_mask(5)):
        whole = causal_mask(5) if mask is None else causal_mask(5) & mask
        for need_weights in (False, True):
            found = attention(x, x, x, mask, causal=True, need_weights=need_weights)
            expected = attention(x, x, x, whole, need_weights=need_weights)
            torch.testing.assert_close(found, expected, **exact)


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_what_a_mask_hides_has_no_influence_at_all(need_weights, causal):
    """The gradient with respect to a hidden token is exactly 0, and so is every change."""
    attention = MultiHeadAttention(6, 2).double()
    x, y = randn(2, 4, 6), randn(2, 4, 6)
    y.requires_grad_()
    mask = None if causal else some(2, 4, 4)
    seen = causal_mask(4).expand(2, 4, 4) if causal else mask

    def look(keys):
        return attention(x, keys, keys, mask, causal=causal, need_weights=need_weights)[0]

    output = look(y)
    for n, t in itertools.product(range(2), range(4)):
        (gradient,) = torch.autograd.grad(output[n, t].sum(), y, retain_graph=True)
        hidden = torch.ones(2, 4).bool()
        hidden[n] = ~seen[n, t]
        assert (gradient[hidden] == 0).all()
        assert (gradient[~hidden] != 0).any(-1).all()
        other = y.detach().clone()
        other[hidden] = 1e3 * torch.randn_like(other)[hidden]
        assert torch.equal(look(other)[n, t], output[n, t])


@pytest.mark.parametrize("need_weights", [False, True])
def test_a_query_that_may_look_nowhere_gets_zeros_and_no_nan(need_weights):
    attention, x = MultiHeadAttention(6, 2).double(), randn(2, 4, 6).requires_grad_()
    mask = torch.ones(2, 4, 4).bool()
    mask[1, 2] = False
    output, weights = attention(x, x, x, mask, need_weights=need_weights)
    torch.testing.assert_close(output[1, 2], attention.out_proj.bias, **exact)
    if need_weights:
        assert (weights[1, :, 2] == 0).all()
    output.sum().backward()
    assert x.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in attention.parameters())


# ---- keys and values that are kept -------------------------------------------------------------


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.booleans())
def test_tokens_in_portions_with_a_cache_are_all_at_once(portions, need_weights):
    torch.manual_seed(0)
    attention, x = MultiHeadAttention(6, 2).double(), randn(2, sum(portions), 6)
    lengths = torch.tensor([sum(portions), 1])
    for padded in (False, True):
        cache, outputs = KeyValueCache(), []
        for part in x.split(portions, dim=1):
            so_far = cache.length + part.shape[1]
            mask = padding_mask(lengths, so_far) if padded else None
            options = dict(causal=True, cache=cache, need_weights=need_weights)
            outputs.append(attention(part, part, part, mask, **options)[0])
        mask = padding_mask(lengths, x.shape[1]) if padded else None
        expected = attention(x, x, x, mask, causal=True)[0]
        torch.testing.assert_close(torch.cat(outputs, dim=1), expected, **exact)
        assert cache.length == x.shape[1] and cache.rows == 2


def test_what_is_remembered_of_a_memory_answers_as_the_memory():
    attention, x, memory = MultiHeadAttention(6, 2).double(), randn(2, 3, 6), randn(2, 5, 6)
    mask, cache = some(2, 3, 5), attention.remember(memory)
    for need_weights in (False, True):
        options = dict(mask=mask, need_weights=need_weights)
        expected = attention(x, memory, memory, **options)
        found = attention(x, None, None, cache=cache, **options)
        torch.testing.assert_close(found, expected, **exact)
    assert cache.length == 5  # asking adds nothing


# ---- layers ------------------------------------------------------------------------------------

TANH = partial(F.gelu, approximate="tanh")
ours_and_torchs = pytest.mark.parametrize(
    "activation, theirs", [("relu", "relu"), ("gelu", "gelu"), ("gelu_tanh", TANH)]
)


@either
@ours_and_torchs
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_layers_are_torchs(norm_first, activation, theirs, dropout, assert_equal_layers):
    """In training: dropout acts, and in the same places."""
    N = 1 if dropout else 2  # torch's attention puts time first, and draws in another order then
    x, memory = torch.randn(N, 4, 6), torch.randn(N, 5, 6)
    options = dict(norm_first=norm_first, dropout=dropout, layer_norm_eps=0.01)
    reference = dict(options, activation=theirs, batch_first=True)
    encoder = EncoderLayer(6, 2, 7, activation=activation, **options)
    decoder = DecoderLayer(6, 2, 7, activation=activation, **options)
    assert_equal_layers(encoder, nn.TransformerEncoderLayer(6, 2, 7, **reference), x)
    assert_equal_layers(decoder, nn.TransformerDecoderLayer(6, 2, 7, **reference), x, memory)


class WithMasks(nn.Module):
    """A layer of torch's with the masks that ours is given."""

    def __init__(self, layer, **options):
        super().__init__()
        self.layer, self.options = layer, options

    def forward(self, *inputs):
        return self.layer(*inputs, **self.options)


@either
def test_masks_of_layers_are_torchs(norm_first, assert_equal_layers):
    x, memory = torch.randn(2, 4, 6), torch.randn(2, 5, 6)
    source, target = torch.tensor([5, 2]), torch.tensor([1, 4])
    padded, hidden = padding_mask(source, 5), padding_mask(target, 4)
    encoder = nn.TransformerEncoderLayer(6, 2, 7, 0.0, norm_first=norm_first, batch_first=True)
    decoder = nn.TransformerDecoderLayer(6, 2, 7, 0.0, norm_first=norm_first, batch_first=True)
    theirs = WithMasks(encoder, src_key_padding_mask=~padded[:, 0])
    ours = EncoderLayer(6, 2, 7, norm_first=norm_first)
    assert_equal_layers(WithMasks(ours, mask=padded), theirs, memory)
    options = dict(tgt_mask=~causal_mask(4), memory_key_padding_mask=~padded[:, 0])
    theirs = WithMasks(decoder, **options, tgt_key_padding_mask=~hidden[:, 0])
    ours = DecoderLayer(6, 2, 7, norm_first=norm_first)
    ours = WithMasks(ours, mask=hidden, memory_mask=padded, causal=True)
    assert_equal_layers(ours, theirs, x, memory)


def test_each_dropout_has_its_place():
    """A probability of 1 leaves of a place nothing but the bias behind it."""
    x = randn(2, 4, 6)
    make = partial(EncoderLayer, 6, 2, 7, norm_first=True)
    assert torch.equal(make(dropout=1.0).double()(x), x)
    layer = make(attention_dropout=1.0).double()
    y = x + layer.self_attn.out_proj.bias
    expected = y + layer.feed_forward(layer.norm2(y))
    torch.testing.assert_close(layer(x), expected, **exact)
    layer = make(activation_dropout=1.0).double()
    y = x + layer.self_attn(*[layer.norm1(x)] * 3)[0]
    torch.testing.assert_close(layer(x), y + layer.linear2.bias, **exact)
    layer = make(dropout=0.5, attention_dropout=0.0, activation_dropout=0.0)
    assert layer.self_attn.dropout == layer.activation_dropout.p == 0.0
    decoder = DecoderLayer(6, 2, 7, dropout=0.5, attention_dropout=0.25)
    assert decoder.self_attn.dropout == decoder.multihead_attn.dropout == 0.25
    assert decoder.dropout.p == decoder.activation_dropout.p == 0.5


def test_a_layer_of_vit_is_torchvisions():
    """Chapter 12: norms first, exact GELU, eps 1e-6, and dropout in torch's places."""
    theirs = EncoderBlock(2, 6, 7, 0.3, 0.2, norm_layer=partial(nn.LayerNorm, eps=1e-6)).double()
    options = dict(norm_first=True, activation="gelu", layer_norm_eps=1e-6)
    ours = EncoderLayer(6, 2, 7, dropout=0.3, attention_dropout=0.2, **options).double()
    names = {"ln_1": "norm1", "ln_2": "norm2", "self_attention": "self_attn"}
    names |= {"mlp.0": "linear1", "mlp.3": "linear2"}
    state = theirs.state_dict()
    for old, new in names.items():
        state = {name.replace(old, new): value for name, value in state.items()}
    ours.load_state_dict(state, strict=True)
    x = randn(1, 5, 6)
    for training in (True, False):
        results = []
        for layer in (ours, theirs):
            torch.manual_seed(0)
            results.append(layer.train(training)(x))
        torch.testing.assert_close(*results, **exact)


def test_layers_of_bert_are_those_of_hugging_face():
    """Chapter 10: norms last, exact GELU, eps 1e-12, no dropout of hidden units."""
    bert = pytest.importorskip("transformers").BertConfig
    from transformers import BertModel

    sizes = dict(hidden_size=6, num_hidden_layers=2, num_attention_heads=2, intermediate_size=7)
    theirs = BertModel(bert(vocab_size=9, attn_implementation="eager", **sizes)).double().eval()
    options = dict(activation="gelu", layer_norm_eps=1e-12, dropout=0.1, activation_dropout=0.0)
    ours = Encoder(2, 6, 2, 7, **options).double().eval()
    for mine, layer in zip(ours.layers, theirs.encoder.layer, strict=True):
        looks = layer.attention.self
        projections = looks.query, looks.key, looks.value
        state = {
            "self_attn.in_proj_weight": torch.cat([p.weight for p in projections]),
            "self_attn.in_proj_bias": torch.cat([p.bias for p in projections]),
        }
        parts = {"self_attn.out_proj": layer.attention.output.dense}
        parts |= {"norm1": layer.attention.output.LayerNorm, "norm2": layer.output.LayerNorm}
        parts |= {"linear1": layer.intermediate.dense, "linear2": layer.output.dense}
        for name, part in parts.items():
            state |= {f"{name}.weight": part.weight, f"{name}.bias": part.bias}
        mine.load_state_dict(state, strict=True)
    ids, lengths = torch.randint(9, (3, 5)), torch.tensor([5, 2, 4])
    mask = padding_mask(lengths, 5)
    expected = theirs(ids, attention_mask=mask[:, 0].long()).last_hidden_state
    torch.testing.assert_close(ours(theirs.embeddings(ids), mask), expected, **exact)
    results = []
    for run in (
        lambda x: ours.train()(x),
        lambda x: theirs.encoder.train()(x).last_hidden_state,
    ):
        torch.manual_seed(0)  # dropout, too, acts in the same places
        results.append(run(theirs.embeddings.eval()(ids)))
    torch.testing.assert_close(*results, **exact)


def test_layers_of_gpt_are_those_of_hugging_face():
    """Chapter 11: norms first and one at the end, GELU by tanh, causal, cached."""
    config = pytest.importorskip("transformers").GPT2Config
    from transformers import GPT2Model

    sizes = dict(vocab_size=9, n_positions=7, n_embd=6, n_layer=2, n_head=2)
    special = dict(bos_token_id=1, eos_token_id=2, attn_implementation="eager")
    theirs = GPT2Model(config(**sizes, **special)).double().eval()
    options = dict(norm_first=True, activation="gelu_tanh", dropout=0.1, activation_dropout=0.0)
    ours = Encoder(2, 6, 2, 24, **options).double().eval()
    ours.norm.load_state_dict(theirs.ln_f.state_dict())
    for mine, block in zip(ours.layers, theirs.h, strict=True):
        attention = mine.self_attn
        linear = {
            block.attn.c_attn: (attention.in_proj_weight, attention.in_proj_bias),
            block.attn.c_proj: (attention.out_proj.weight, attention.out_proj.bias),
            block.mlp.c_fc: (mine.linear1.weight, mine.linear1.bias),
            block.mlp.c_proj: (mine.linear2.weight, mine.linear2.bias),
        }
        with torch.no_grad():
            for part, (weight, bias) in linear.items():
                weight.copy_(part.weight.T)
                bias.copy_(part.bias)
        mine.norm1.load_state_dict(block.ln_1.state_dict())
        mine.norm2.load_state_dict(block.ln_2.state_dict())
    ids = torch.randint(9, (3, 7))
    x = theirs.wte(ids) + theirs.wpe.weight
    expected = theirs(ids).last_hidden_state
    torch.testing.assert_close(ours(x, causal=True), expected, **exact)
    caches = ours.new_caches()
    steps = [ours(x_t, causal=True, caches=caches) for x_t in x.split(1, dim=1)]
    torch.testing.assert_close(torch.cat(steps, dim=1), expected, **exact)
    ours.train(), theirs.train()
    theirs.drop.eval()
    results = []
    for run in (lambda: ours(x, causal=True), lambda: theirs(ids).last_hidden_state):
        torch.manual_seed(0)
        results.append(run())
    torch.testing.assert_close(*results, **exact)


# ---- stacks and the table of tokens ------------------------------------------------------------


@either
def test_stacks_are_torchs(norm_first, assert_equal_layers):
    """With norms first, they need one more at the end."""
    x, memory = torch.randn(1, 4, 6), torch.randn(1, 5, 6)
    options = dict(norm_first=norm_first, dropout=0.3)
    norm = nn.LayerNorm(6) if norm_first else None
    layer = nn.TransformerEncoderLayer(6, 2, 7, batch_first=True, **options)
    theirs = nn.TransformerEncoder(layer, 3, norm, enable_nested_tensor=False)
    assert_equal_layers(Encoder(3, 6, 2, 7, **options), theirs, x)
    layer = nn.TransformerDecoderLayer(6, 2, 7, batch_first=True, **options)
    theirs = nn.TransformerDecoder(layer, 3, norm)
    assert_equal_layers(Decoder(3, 6, 2, 7, **options), theirs, x, memory)


@either
def test_a_stack_reads_in_portions_as_at_once(norm_first):
    encoder = Encoder(2, 6, 2, 7, norm_first=norm_first).double()
    decoder = Decoder(2, 6, 2, 7, norm_first=norm_first).double()
    x, memory, mask = randn(3, 5, 6), randn(3, 4, 6), some(3, 1, 4)
    caches, others = encoder.new_caches(), decoder.new_caches()
    remembered, parts = decoder.remember(memory), []
    for part in x.split([2, 1, 2], dim=1):
        read = encoder(part, causal=True, caches=caches)
        parts.append(decoder(read, remembered, None, mask, causal=True, caches=others))
    expected = decoder(encoder(x, causal=True), memory, None, mask, causal=True)
    torch.testing.assert_close(torch.cat(parts, dim=1), expected, **exact)


def test_consecutive_rows_share_a_remembered_source():
    layer = DecoderLayer(6, 2, 7).double()
    x, memory, mask = randn(6, 4, 6), randn(2, 5, 6), padding_mask(torch.tensor([5, 3]), 5)
    found = layer(x, layer.multihead_attn.remember(memory), None, mask, causal=True)
    three = [t.repeat_interleave(3, dim=0) for t in (memory, mask)]
    expected = layer(x, three[0], None, three[1], causal=True)
    torch.testing.assert_close(found, expected, **exact)


def test_a_token_is_its_row_of_the_table_and_its_position():
    embedding = TokenEmbedding(9, 6).double()
    ids = torch.tensor([[3, 0, 8]])
    one_hot = F.one_hot(ids, 9).double()
    code = positional_encoding(9, 6, dtype=torch.float64)[4:7]
    expected = math.sqrt(6) * one_hot @ embedding.table.weight + code
    torch.testing.assert_close(embedding(ids, start=4), expected, **exact)
    h = randn(2, 5, 6)
    expected = torch.stack([h @ row for row in embedding.table.weight], dim=-1)
    torch.testing.assert_close(embedding.logits(h), expected, **exact)
    placeless = TokenEmbedding(9, 6, positions=False).double()
    rows = math.sqrt(6) * placeless.table.weight[ids]
    torch.testing.assert_close(placeless(ids, start=4), rows, **exact)
    big = TokenEmbedding(2_000, 64)
    assert big.table.weight.var().item() == pytest.approx(1 / 64, rel=0.05)
    assert (embedding.train(), TokenEmbedding(9, 6, dropout=1.0)(ids) == 0)[1].all()


# ---- the model ---------------------------------------------------------------------------------


def build(source=7, target=6, **options):
    """Return a small model in float64, its weights large enough to make choices."""
    settings = dict(dim=6, num_heads=2, num_layers=2, feedforward_dim=8) | options
    model = Transformer(source, target, **settings).double().eval()
    with torch.no_grad():
        for weight in (*model.encoder.parameters(), *model.decoder.parameters()):
            weight.add_(0.7 * torch.randn_like(weight))
    return model


def batch(n=4, source=7, target=6, steps=5):
    lengths = torch.tensor([4, 2, 5, 1])[:n]
    x = torch.randint(source, (n, 5))
    y = torch.randint(3, target, (n, steps))
    return x, lengths, torch.cat([torch.ones(n, 1, dtype=torch.int64), y], dim=1)


@either
def test_logits_are_those_of_each_pair_alone_with_torch_nn(norm_first):
    """torch's own stacks, on a sentence without padding, one prefix of the target at a time."""
    model, (x, lengths, y) = build(norm_first=norm_first), batch()
    options = dict(dropout=0.0, norm_first=norm_first, batch_first=True)
    norms = [nn.LayerNorm(6) if norm_first else None for _ in range(2)]
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(6, 2, 8, **options), 2, norms[0], enable_nested_tensor=False
    )
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(6, 2, 8, **options), 2, norms[1])
    encoder.double().load_state_dict(model.encoder.state_dict())
    decoder.double().load_state_dict(model.decoder.state_dict())
    code = positional_encoding(9, 6, dtype=torch.float64)

    def embedded(table, ids):
        return (math.sqrt(6) * table.weight[ids] + code[: len(ids)])[None]

    logits = model(x, lengths, y)
    for i, n in enumerate(lengths):
        memory = encoder(embedded(model.source.table, x[i, :n]))
        for t in range(y.shape[1]):
            states = embedded(model.target.table, y[i, : t + 1])
            mask = ~causal_mask(t + 1)  # in each layer a token sees what stands before it
            h = decoder(states, memory, tgt_mask=mask)[0, -1]
            torch.testing.assert_close(logits[i, t], model.target.table.weight @ h, **exact)


def test_parameters_are_counted_as_for_the_base_model():
    with torch.device("meta"):
        model = Transformer(
            37_000, 37_000, dim=512, num_heads=8, num_layers=6, feedforward_dim=2_048, shared=True
        )
    count = lambda part: sum(p.numel() for p in part.parameters())  # noqa: E731
    assert count(model.encoder.layers[0]) == 3_152_384
    assert count(model.decoder.layers[0]) == 4_204_032
    assert count(model) == 63_082_496
    assert count(EncoderLayer(4, 2, 8)) == 172
    assert model.source is model.target


def test_lengths_of_none_are_all():
    model, (x, _, y) = build(), batch()
    full = torch.full((4,), 5)
    torch.testing.assert_close(model(x, None, y), model(x, full, y), **exact)
    assert torch.equal(model.greedy(x, None, max_length=4), model.greedy(x, full, max_length=4))


def test_a_target_token_reaches_no_logit_before_its_own():
    model, (x, lengths, y) = build(), batch()
    before = model(x, lengths, y)
    for t in range(1, y.shape[1]):
        changed = y.clone()
        changed[:, t] = (changed[:, t] + 1) % 6
        after = model(x, lengths, changed)
        assert torch.equal(before[:, :t], after[:, :t])
        assert (before[:, t] != after[:, t]).any()


@pytest.mark.parametrize("positions", [True, False])
def test_without_positions_the_order_of_the_source_is_lost(positions):
    model, (x, _, y) = build(positions=positions), batch()
    logits, permuted = model(x, None, y), model(x[:, [2, 0, 4, 1, 3]], None, y)
    if positions:
        assert (logits - permuted).abs().max() > 0.01
    else:
        torch.testing.assert_close(logits, permuted, **exact)


def rows_with_padding():
    x, lengths, y = batch()
    for i, (n, m) in enumerate(zip(lengths, (3, 5, 2, 4), strict=True)):
        x[i, n:] = 0
        y[i, m - 1] = 2
        y[i, m:] = 0
    return x, lengths, y


def loss_and_gradients(model, rows, **options):
    model.zero_grad()
    loss = teacher_forcing_loss(model, rows, **options)
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters()}


@either
def test_padded_values_and_more_padding_change_neither_loss_nor_gradients(norm_first):
    model = build(norm_first=norm_first)
    x, lengths, y = rows_with_padding()
    expected = loss_and_gradients(model, (x, lengths, y), smoothing=0.1)
    other = x.clone()
    for i, n in enumerate(lengths):
        other[i, n:] = torch.randint(1, 7, (5 - n,))  # what stands past the end
    wider = F.pad(other, (0, 3), value=4), lengths, F.pad(y, (0, 2))
    for rows in ((other, lengths, y), wider):
        found = loss_and_gradients(model, rows, smoothing=0.1)
        torch.testing.assert_close(found, expected, **exact)
    used = set(x[0, :4].tolist() + x[1, :2].tolist() + x[2].tolist() + x[3, :1].tolist())
    unused = sorted(set(range(7)) - used)
    gradient = expected[1]["source.table.weight"]
    assert (gradient[unused] == 0).all()
    assert (gradient[sorted(used)] != 0).any(1).all()


def test_dropout_acts_in_training_only():
    model, (x, lengths, y) = build(dropout=0.5), batch()
    assert torch.equal(model(x, lengths, y), model(x, lengths, y))
    model.train()
    assert not torch.equal(model(x, lengths, y), model(x, lengths, y))


# ---- the loss and the learning rate ------------------------------------------------------------


@pytest.mark.parametrize("groups", [2, 3, 9])
def test_groups_change_neither_loss_nor_gradients(groups):
    model, rows = build(), rows_with_padding()
    expected = loss_and_gradients(model, rows, smoothing=0.2)
    found = loss_and_gradients(model, rows, smoothing=0.2, groups=groups)
    torch.testing.assert_close(found, expected, **exact)


def test_smoothed_labels_give_each_token_its_share():
    logits, targets = randn(3, 4, 5), torch.tensor([[1, 2, 0, 0]] * 3)
    for smoothing in (0.0, 0.1):
        q = (1 - smoothing) * F.one_hot(targets, 5).double() + smoothing / 5
        terms = -(q * logits.log_softmax(-1)).sum(-1)
        found = smoothed_loss(logits, targets, smoothing=smoothing)
        torch.testing.assert_close(found, terms[:, :2].sum(1), **exact)
    plain = seq2seq.negative_log_likelihood(logits, targets)
    torch.testing.assert_close(smoothed_loss(logits, targets), plain, **exact)
    everything = smoothed_loss(logits, targets, smoothing=0.1, padding=4)
    torch.testing.assert_close(everything, terms.sum(1), **exact)
    # the least loss is the entropy of q: .349 for V = 4 and ε = .1
    q = torch.tensor([0.925, 0.025, 0.025, 0.025]).double()
    least = smoothed_loss(q.log()[None, None], torch.tensor([[0]]), smoothing=0.1, padding=3)
    assert least.item() == pytest.approx(0.349, abs=5e-4)


def test_the_loss_is_the_mean_over_sequences_of_their_negative_log_likelihood():
    model, (x, lengths, y) = build(), rows_with_padding()
    total = 0.0
    for i, n in enumerate(lengths):
        written = y[i][y[i] != 0]
        log_p = model(x[i : i + 1, :n], None, written[None, :-1])[0].log_softmax(-1)
        total -= sum(log_p[t, k].item() for t, k in enumerate(written[1:]))
    assert teacher_forcing_loss(model, (x, lengths, y)).item() == pytest.approx(total / 4)


def test_the_learning_rate_of_the_paper_is_largest_at_the_end_of_the_warm_up():
    rates = [warmup_rate(s, dim=512) for s in range(1, 20_001)]
    assert max(range(20_000), key=rates.__getitem__) == 3_999
    assert rates[3_999] == pytest.approx(512**-0.5 * 4_000**-0.5)
    assert rates[999] == pytest.approx(rates[3_999] / 4)
    assert rates[15_999] == pytest.approx(rates[3_999] / 2)


# ---- searching ---------------------------------------------------------------------------------


@either
@cached_or_not
@torch.no_grad()
def test_a_beam_of_all_prefixes_is_exact_and_ranks_everything(norm_first, cached):
    model = build(5, 4, norm_first=norm_first)
    x, lengths = torch.randint(5, (3, 4)), torch.tensor([4, 2, 3])
    ids, log_p = model.beams(x, lengths, max_length=3, beam_size=16, cached=cached)
    for i, n in enumerate(lengths):
        best = enumerated(model, model.target.table.num_embeddings, x[i], n, 3)
        assert [tuple(row) for row in ids[i].tolist()] == [row for row, _ in best[:16]]
        torch.testing.assert_close(log_p[i], torch.tensor([p for _, p in best[:16]]).double())


@either
@cached_or_not
@torch.no_grad()
def test_greedy_takes_the_likeliest_token_at_every_step(norm_first, cached):
    model = build(norm_first=norm_first)
    x, lengths, _ = batch()
    ids = model.greedy(x, lengths, max_length=7, cached=cached)
    assert ids.shape == (4, 7)
    for i, n in enumerate(lengths):
        tokens = [model.begin]
        while len(tokens) < 8 and tokens[-1] != model.end:
            logits = model(x[i : i + 1, :n], None, torch.tensor([tokens]))
            tokens.append(int(logits[0, -1].argmax()))
        assert ids[i].tolist() == tokens[1:] + [0] * (8 - len(tokens))
    beam = model.beam_search(x, lengths, max_length=7, beam_size=1, cached=cached)
    assert torch.equal(ids, beam)


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
@torch.no_grad()
def test_keeping_keys_and_values_changes_nothing_that_is_written(length_penalty):
    ends = []
    for seed in range(6):
        torch.manual_seed(seed)
        model, (x, lengths, _) = build(norm_first=seed % 2 == 0), batch()
        assert torch.equal(
            model.greedy(x, lengths, max_length=12),
            model.greedy(x, lengths, max_length=12, cached=False),
        )
        options = dict(max_length=12, beam_size=3, length_penalty=length_penalty)
        kept, anew = (model.beams(x, lengths, cached=c, **options) for c in (True, False))
        torch.testing.assert_close(kept, anew, **exact)
        best = model.beam_search(x, lengths, **options)
        assert torch.equal(best, kept[0][:, 0])
        assert torch.equal(best, model.beam_search(x, lengths, cached=False, **options))
        ends.append((best == model.end).any(1))
    ends = torch.cat(ends)
    assert ends.any() and not ends.all()  # else this says little


@cached_or_not
@torch.no_grad()
def test_the_ids_of_special_tokens_are_free(cached):
    """The same model with its target's tokens counted from behind writes and scores the same."""
    model, (x, lengths, y) = build(), rows_with_padding()
    other = build(padding=5, begin=4, end=3)
    other.load_state_dict(model.state_dict())
    other.target.table.weight.copy_(model.target.table.weight.flip(0))
    for options in (dict(smoothing=0.1), dict(groups=3)):
        expected = teacher_forcing_loss(model, (x, lengths, y), **options)
        found = teacher_forcing_loss(other, (x, lengths, 5 - y), **options)
        torch.testing.assert_close(found, expected, **exact)
    options = dict(max_length=6, cached=cached)
    found = other.greedy(x, lengths, **options)
    assert torch.equal(5 - found, model.greedy(x, lengths, **options))
    found = other.beam_search(x, lengths, beam_size=3, **options)
    assert torch.equal(5 - found, model.beam_search(x, lengths, beam_size=3, **options))


@torch.no_grad()
def test_with_a_cache_each_step_reads_one_token_and_the_source_once(monkeypatch):
    """Four sounds need 10 rows of keys without a cache, and 4 with one."""
    rows, original = {True: [], False: []}, MultiHeadAttention._project
    model = build(3, 4, num_layers=1)
    with torch.no_grad():
        model.target.table.weight[model.end] = 0  # and then never the largest
        model.target.table.weight[3] *= 20

    def counted(self, query, key, value):
        if self is model.decoder.layers[0].self_attn:
            rows[cached].append(key.shape[1])
        return original(self, query, key, value)

    monkeypatch.setattr(MultiHeadAttention, "_project", counted)
    read = []
    model.encoder.register_forward_hook(lambda *_: read.append(1))
    for cached in (True, False):
        model.greedy(torch.tensor([[1, 2]]), None, max_length=4, cached=cached)
    assert rows == {True: [1, 1, 1, 1], False: [1, 2, 3, 4]}
    assert len(read) == 2


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))
def test_shapes_of_the_model(n, s, t):
    model = Transformer(7, 6, dim=4, num_heads=2, num_layers=1, feedforward_dim=3)
    x, y = torch.randint(7, (n, s)), torch.randint(6, (n, t))
    lengths = torch.randint(1, s + 1, (n,))
    assert model(x, lengths, y).shape == (n, t, 6)
    assert model.greedy(x, lengths, max_length=t).shape == (n, t)
    assert model.beam_search(x, lengths, max_length=t, beam_size=2).shape == (n, t)


# ---- looking inside ----------------------------------------------------------------------------


def test_weights_of_every_attention_are_those_of_its_call():
    model, (x, lengths, y) = build(dropout=0.5).train(), batch()
    found = attention_weights(model, x, lengths, target_in=y)
    assert list(found) == [
        *(f"encoder.layers.{i}.self_attn" for i in range(2)),
        *(
            f"decoder.layers.{i}.{name}"
            for i in range(2)
            for name in ("self_attn", "multihead_attn")
        ),
    ]
    model.eval()
    first = model.encoder.layers[0].self_attn
    embedded = [model.source(x)] * 3
    _, expected = first(*embedded, padding_mask(lengths, 5), need_weights=True)
    torch.testing.assert_close(found["encoder.layers.0.self_attn"], expected, **exact)
    for name, weights in found.items():
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:3]).double(), **exact)
        if name.startswith("decoder") and name.endswith("self_attn"):
            assert (weights[..., ~causal_mask(6)] == 0).all()
        elif "encoder" in name or name.endswith("multihead_attn"):
            for i, n in enumerate(lengths):
                assert (weights[i, ..., n:] == 0).all()
    assert first(*embedded)[1] is None  # nothing of it stays
    model.train()
    attention_weights(model, x, lengths, y)
    assert model.training


def test_a_head_that_is_left_out_hands_over_zeros():
    attention, x = MultiHeadAttention(6, 3).double(), randn(2, 4, 6)
    whole, _ = attention(x, x, x)
    kept = attention.out_proj.weight.clone()
    with without_heads(attention, [0, 2]):
        found, _ = attention(x, x, x)
    with torch.no_grad():
        attention.out_proj.weight[:, [0, 1, 4, 5]] = 0
    torch.testing.assert_close(found, attention(x, x, x)[0], **exact)
    with torch.no_grad():
        attention.out_proj.weight.copy_(kept)
    assert torch.equal(attention(x, x, x)[0], whole)


@given(sizes, sizes, sizes, sizes)
def test_multiply_adds_are_those_that_torch_counts(length, heads, size, feedforward_dim):
    dim = heads * size
    layer, x = EncoderLayer(dim, heads, feedforward_dim), torch.randn(1, length, dim)
    found = multiply_adds(length, dim, feedforward_dim)
    with FlopCounterMode(display=False) as counter:
        attention_weights(layer, x)  # by the formula: torch does not count its fused function
    assert counter.get_total_flops() == 2 * sum(found.values())
    equal = multiply_adds(2 * dim, dim, feedforward_dim)
    assert equal["projections"] == equal["scores and mixing"]


# ---- bad input ---------------------------------------------------------------------------------


def wrong_calls():
    sizes = dict(dim=6, num_heads=2, num_layers=1, feedforward_dim=8)
    model, (x, n, y) = Transformer(7, 6, **sizes), batch()
    attention, layer = MultiHeadAttention(6, 2), EncoderLayer(6, 2, 8)
    stack, decoder = Encoder(2, 6, 2, 8), Decoder(2, 6, 2, 8)
    q, k, v = torch.zeros(2, 5, 6), torch.zeros(2, 4, 6), torch.zeros(2, 4, 3)
    old, mask = attention.remember(k), torch.ones(2, 4).bool()
    dot = scaled_dot_product_attention
    return {
        "dim must be even, got 5": lambda: positional_encoding(3, 5),
        "length must be at least 1, got 0": lambda: positional_encoding(0, 4),
        "start must be at least 0": lambda: positional_encoding(2, 4, start=-1),
        "dim must be even, got 3": lambda: shift_matrix(1, 3),
        "length must be at least 1, got -1": lambda: causal_mask(-1),
        "past must be at least 0": lambda: causal_mask(2, past=-1),
        "length must be an integer, got float": lambda: causal_mask(2.0),
        r"query must have shape \(2, T, 6\), got \(5, 6\)": lambda: dot(q[0], k, v),
        r"query must have shape \(2, T, 6\), got \(2, 4, 3\)": lambda: dot(v, k, v),
        "key must be a tensor, got NoneType": lambda: dot(q, None, v),
        r"key must have shape \(..., S, d_k\), got \(6,\)": lambda: dot(q, k[0, 0], v),
        r"value must have shape \(2, 4, d_v\)": lambda: dot(q, k, q),
        r"mask must have shape \(5, 4\) or \(2, 5, 4\), got \(2, 4\)": lambda: dot(q, k, v, mask),
        "mask must be boolean, True where attention is": lambda: dot(q, k, v, mask.float()),
        r"\(5, 4\) or \(2, 5, 4\) or \(2, 2, 5, 4\), got \(2, 4\): .* mask\[:, None\]": lambda: (
            attention(q, k, k, mask)
        ),
        "mask must be a tensor, got list": lambda: attention(q, k, k, [True]),
        "num_heads must divide dim = 6, got 4": lambda: MultiHeadAttention(6, 4),
        "num_heads must be at least 1": lambda: MultiHeadAttention(6, 0),
        r"dropout must lie in \[0, 1\], got 2": lambda: MultiHeadAttention(6, 2, dropout=2.0),
        r"query must have shape \(N, T, 6\)": lambda: attention(q[0], k, k),
        r"key must have shape \(2, S, 6\)": lambda: attention(q, k[:1], k[:1]),
        r"value must have shape \(2, 4, 6\)": lambda: attention(q, k, q),
        "key and value must both be given": lambda: attention(q, k, None),
        "cache must hold tokens where key is None": lambda: attention(q, None, None),
        "cache must be of 1 rows, got 2": lambda: attention(q[:1], q[:1], q[:1], cache=old),
        "causal needs queries and keys .* 5 queries and 4 keys": lambda: attention(
            q, k, k, causal=True
        ),
        r"memory must have shape \(N, S, 6\)": lambda: attention.remember(v),
        "values must have shape": lambda: KeyValueCache().append(q, k),
        r"x must have shape \(N, T, 6\)": lambda: layer(v),
        "activation must be one of 'relu', 'gelu', 'gelu_tanh', got 'tanh'": lambda: EncoderLayer(
            6, 2, 8, activation="tanh"
        ),
        "feedforward_dim must be at least 1": lambda: DecoderLayer(6, 2, 0),
        "attention_dropout must lie in": lambda: EncoderLayer(6, 2, 8, attention_dropout=-0.1),
        "activation_dropout must lie in": lambda: EncoderLayer(6, 2, 8, activation_dropout=1.1),
        "layer_norm_eps must lie in": lambda: EncoderLayer(6, 2, 8, layer_norm_eps=-1.0),
        r"memory must have shape \(2, S, 6\)": lambda: DecoderLayer(6, 2, 8)(q, v),
        "num_layers must be at least 1": lambda: Encoder(0, 6, 2, 8),
        "caches must be 2, one a layer, got 1": lambda: stack(q, caches=[KeyValueCache()]),
        "memory must be 2, one a layer, got 1": lambda: decoder(q, [old]),
        r"ids must lie in \[0, 6\], got 7": lambda: TokenEmbedding(7, 4)(x.clamp(max=0) + 7),
        "dim must be even, got 7": lambda: TokenEmbedding(7, 7),
        "vocabulary must be an integer, got str": lambda: TokenEmbedding("abc", 4),
        "source must have shape": lambda: model(x[..., None], n, y),
        r"source must lie in \[0, 6\], got 7": lambda: model(x.clamp(max=0) + 7, n, y),
        r"target_in must have shape \(4, T\)": lambda: model(x, n, y[:2]),
        r"target_in must lie in \[0, 5\], got -1": lambda: model(x, n, y - 2),
        r"source_lengths must lie in \[1, 5\], the size of S, got 6": lambda: model(x, n + 1, y),
        r"source_lengths must lie in \[1, 5\], the size of S, got 0": lambda: model(x, n - 1, y),
        r"source_lengths must have shape \(4,\)": lambda: model(x, n[:2], y),
        "source_lengths must be integers, got torch.float32": lambda: model(x, n.float(), y),
        "source_vocabulary must be at least 1": lambda: Transformer(0, 6, **sizes),
        "target_vocabulary must be at least 1": lambda: Transformer(7, 0, **sizes),
        "end must be one of 0, 1": lambda: Transformer(7, 2, **sizes),
        "shared needs vocabularies of one size": lambda: Transformer(7, 6, shared=True, **sizes),
        "max_length must be at least 1": lambda: model.greedy(x, n, max_length=0),
        "beam_size must be at least 1": lambda: model.beam_search(x, n, max_length=3, beam_size=0),
        "length_penalty must lie in": lambda: model.beams(
            x, n, max_length=3, beam_size=2, length_penalty=-1
        ),
        "groups must be at least 1": lambda: teacher_forcing_loss(model, (x, n, y), groups=0),
        r"logits must have shape \(N, T, V\)": lambda: smoothed_loss(q[0], y),
        r"targets must have shape \(2, 5\)": lambda: smoothed_loss(q, y),
        r"smoothing must lie in \[0, 1\]": lambda: smoothed_loss(q, y[:2, :5], smoothing=1.5),
        "step must be at least 1, got 0": lambda: warmup_rate(0, dim=4),
        "heads must be one of 0, 1, got 2": lambda: without_heads(attention, [2]).__enter__(),
        r"gradient must have shape \(2, 5, 3\)": lambda: attention_gradients(q, k, v, q),
        r"gain must have shape \(6,\)": lambda: layer_norm_gradient(q, q[0, 0, :2], q),
        "feedforward_dim must be at least 1, got 0": lambda: multiply_adds(2, 2, 0),
    }


@pytest.mark.parametrize("message", list(wrong_calls()))
def test_bad_input_is_named(message):
    with pytest.raises((ValueError, TypeError), match=message):
        wrong_calls()[message]()


def test_the_public_names_are_those_of_the_package():
    assert all(hasattr(transformer, name) for name in transformer.__all__)


# ---- memory ------------------------------------------------------------------------------------


def test_peak_memory_counts_what_lives_at_one_time():
    x = torch.zeros(256, 1024)  # one MiB
    assert transformer.peak_memory(lambda: None) == 0
    assert transformer.peak_memory(torch.neg, x) == pytest.approx(1)
    assert transformer.peak_memory(lambda: [-x, x.exp(), x.sin()]) == pytest.approx(3)

    def one_after_the_other():
        for _step in range(3):
            _ = x.exp()  # the one before is given back only when this one is there

    assert transformer.peak_memory(one_after_the_other) == pytest.approx(2)
    with pytest.raises(TypeError, match="function must be callable, got Tensor"):
        transformer.peak_memory(x)


def test_attention_without_weights_never_holds_the_square():
    layer, n = transformer.MultiHeadAttention(16, 4).eval(), 512
    x, square = torch.randn(1, n, 16), 4 * n * n * 4 / 2**20  # four heads of float32, in MiB
    with torch.no_grad():
        kept = transformer.peak_memory(lambda: layer(x, x, x, need_weights=True))
        fused = transformer.peak_memory(lambda: layer(x, x, x))
    assert kept > square and fused < 0.25 * square


def test_peak_memory_writes_nothing(capfd):
    transformer.peak_memory(lambda: torch.ones(3) + 1)
    assert capfd.readouterr() == ("", "")
