"""dlnotes.text: tokens and numbers, there and back."""

import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pad_sequence

from dlnotes.text import Vocabulary, pad

few = settings(max_examples=50, deadline=None)
words = st.lists(st.text("abcdef", max_size=4), max_size=6)


def test_special_tokens_come_first_and_the_others_as_given():
    v = Vocabulary(["b", "a"])
    assert v.tokens == ["<pad>", "<bos>", "<eos>", "<unk>", "b", "a"]
    assert (v.padding, v.begin, v.end, v.unknown) == (0, 1, 2, 3)
    assert len(v) == 6
    assert (v["b"], v["a"], v["<eos>"], v["c"]) == (4, 5, 2, 3)
    assert "a" in v and "c" not in v and "<pad>" in v


def test_without_an_unknown_token_the_numbers_begin_at_3_and_others_are_named():
    v = Vocabulary("ba", unknown=False)
    assert v.tokens == ["<pad>", "<bos>", "<eos>", "b", "a"]
    assert v.unknown is None
    with pytest.raises(KeyError, match="'c' is not in the vocabulary"):
        v["c"]
    with pytest.raises(ValueError, match=r"tokens must be in the vocabulary: .*'c'"):
        v.encode("abc")


def test_a_corpus_is_counted_most_frequent_first_ties_in_alphabetical_order():
    corpus = ["bbbac", "cda"]
    assert Vocabulary.from_sequences(corpus).tokens[4:] == ["b", "a", "c", "d"]
    assert Vocabulary.from_sequences(corpus, min_count=2).tokens[4:] == ["b", "a", "c"]
    assert Vocabulary.from_sequences(corpus, max_size=2).tokens[4:] == ["b", "a"]
    assert Vocabulary.from_sequences(corpus, unknown=False).tokens[3:] == ["b", "a", "c", "d"]
    assert Vocabulary.from_sequences([["to", "be"], ["to"]]).tokens[4:] == ["to", "be"]


def test_encode_adds_begin_and_end_where_asked():
    v = Vocabulary("abc")
    assert v.encode("cab") == [6, 4, 5]
    assert v.encode("cab", begin=True) == [1, 6, 4, 5]
    assert v.encode("cab", end=True) == [6, 4, 5, 2]
    assert v.encode("cxb") == [6, 3, 5]
    assert v.encode("") == []


def test_decode_stops_at_the_end_and_skips_padding_and_begin():
    v = Vocabulary("abc")
    assert v.decode([1, 4, 0, 3, 5, 2, 6]) == ["a", "<unk>", "b"]
    assert v.decode(torch.tensor([4, 2, 0])) == ["a"]
    everything = ["<bos>", "a", "<eos>", "<pad>", "b"]
    assert v.decode([1, 4, 2, 0, 5], specials=True) == everything
    for wrong in (7, -1):
        with pytest.raises(ValueError, match=rf"ids must lie in \[0, 6\], got {wrong}"):
            v.decode([4, wrong])


@few
@given(words)
def test_a_batch_holds_every_sequence_and_decodes_to_it(sequences):
    v = Vocabulary("abcdef", unknown=False)
    ids, lengths = v.batch(sequences, begin=True, end=True)
    assert ids.dtype == lengths.dtype == torch.int64
    assert lengths.tolist() == [len(s) + 2 for s in sequences]
    assert [v.decode(row) for row in ids] == [list(s) for s in sequences]
    if sequences:
        rows = [torch.tensor(v.encode(s, begin=True, end=True)) for s in sequences]
        assert torch.equal(ids, pad_sequence(rows, batch_first=True))


@few
@given(st.lists(st.lists(st.integers(1, 9), max_size=5), max_size=5), st.integers(-3, 0))
def test_pad_fills_short_rows_with_the_value(rows, value):
    padded, lengths = pad(rows, value=value)
    assert lengths.tolist() == [len(row) for row in rows]
    longest = max(map(len, rows), default=0)
    assert padded.shape == (len(rows), longest)
    assert padded.tolist() == [row + [value] * (longest - len(row)) for row in rows]


def test_wrong_tokens_are_named():
    with pytest.raises(ValueError, match="tokens must all be different, got 'a' twice"):
        Vocabulary("aba")
    with pytest.raises(ValueError, match="tokens must all be different, got '<pad>' twice"):
        Vocabulary(["<pad>"])
    with pytest.raises(TypeError, match="tokens must be strings, got int"):
        Vocabulary([3])
    for wrong in (dict(min_count=0), dict(max_size=0)):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be at least 1"):
            Vocabulary.from_sequences(["ab"], **wrong)


def test_vocabularies_are_equal_by_their_tokens_and_can_be_copied():
    v = Vocabulary("ab")
    assert v == Vocabulary("ab") != Vocabulary("ba")
    assert v != Vocabulary("ab", unknown=False)
    assert hash(v) == hash(Vocabulary("ab"))
    for twin in (copy.deepcopy(v), pickle.loads(pickle.dumps(v))):
        assert twin == v and twin.encode("ba") == v.encode("ba")
    assert repr(v) == "Vocabulary(6 tokens)"
