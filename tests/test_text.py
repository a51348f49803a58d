"""dlnotes.text: tokens and their ids, there and back."""

import copy
import pickle
import random
from collections import Counter
from itertools import pairwise

import pytest
import tokenizers
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pad_sequence

from dlnotes import data, text
from dlnotes.text import (
    BytePairTokenizer,
    Vocabulary,
    WordPieceTokenizer,
    merges,
    pad,
)

few = settings(max_examples=50, deadline=None)
words = st.lists(st.text("abcdef", max_size=4), max_size=6)


def test_special_tokens_come_first_and_the_others_as_given():
    v = Vocabulary(["b", "a"])
    assert v.tokens == ["<pad>", "<bos>", "<eos>", "<unk>", "b", "a"]
    assert (v.padding, v.begin, v.end, v.unknown) == (0, 1, 2, 3)
    assert len(v) == 6
    assert (v["b"], v["a"], v["<eos>"], v["c"]) == (4, 5, 2, 3)
    assert "a" in v and "c" not in v and "<pad>" in v


def test_without_an_unknown_token_the_ids_begin_at_3_and_others_are_named():
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
        with pytest.raises(ValueError, match=rf"ids must lie in \[0, 6\], got {wrong}"):
            v.decode([4, 2, wrong])  # after the end, too


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


# ---- merges ------------------------------------------------------------------------------------


def counted_anew(words, alphabet, size, min_count, join):
    """The definition of ``learn_merges``: all pairs are counted again before each merge."""
    tokens, merges = list(alphabet), []
    words = {number: (list(word), n) for number, (word, n) in enumerate(words.items())}
    while len(tokens) < size:
        counts = Counter()
        for word, n in words.values():
            for pair in pairwise(word):
                counts[pair] += n
        places = {pair: tuple(map(tokens.index, pair)) for pair in counts}
        best = min(counts, key=lambda pair: (-counts[pair], places[pair]), default=None)
        if best is None or counts[best] < min_count:
            break
        merges.append(best)
        if join(*best) not in tokens:
            tokens.append(join(*best))
        for word, _ in words.values():
            i = 0
            while i < len(word) - 1:
                if (word[i], word[i + 1]) == best:
                    word[i : i + 2] = [join(*best)]
                i += 1
    return tokens, merges


@few
@given(
    st.dictionaries(st.text("ab", max_size=7).map(tuple), st.integers(1, 3), max_size=6),
    st.integers(2, 9),
    st.integers(1, 3),
)
def test_merges_are_those_of_counting_anew_each_time(words, size, min_count):
    found = text.learn_merges(words, ["a", "b"], size, min_count=min_count, join=str.__add__)
    assert found == counted_anew(words, ["a", "b"], size, min_count, str.__add__)


def test_a_token_that_two_pairs_make_is_one_token():
    words = {("a", "b", "c"): 5, ("b", "c"): 9, ("d", "a", "b"): 9, ("a", "bc"): 3}
    tokens, merges = text.learn_merges(words, ["a", "b", "bc", "c", "d"], 99, join=str.__add__)
    assert len(set(tokens)) == len(tokens) < 5 + len(merges)
    assert (tokens, merges) == counted_anew(words, ["a", "b", "bc", "c", "d"], 99, 2, str.__add__)


# ---- byte pairs --------------------------------------------------------------------------------

corpus = "\n\n".join(p for chapter in data.moby_dick()[:12] for p in chapter.paragraphs)
austen = data.austen()[3].paragraphs[:30]
strange = (
    "Ça coûte 3½ € … naïve  ſtraße\n\n\t 東京は一龥12°、x_1²=\u0301y 🙂🙂 it's O'Neill'll\u3000end "
)


@pytest.fixture(scope="module")
def hugging_face():
    """The same corpus, learned by Hugging Face's library."""
    theirs = tokenizers.ByteLevelBPETokenizer()
    theirs.train_from_iterator([corpus], 700, 2, False, ["<|endoftext|>"])
    return theirs


@pytest.fixture(scope="module")
def byte_pairs():
    return BytePairTokenizer.train([corpus], 700)


def test_the_tokens_are_those_that_hugging_face_learns(byte_pairs, hugging_face):
    assert len(byte_pairs) == 700
    letters = text.BYTE_LETTERS
    ours = {"".join(letters[b] for b in token) for token in byte_pairs.tokens[:-1]}
    theirs = hugging_face.get_vocab()
    assert ours | {"<|endoftext|>"} == theirs.keys()
    shift = {"".join(letters[b] for b in t): i for i, t in enumerate(byte_pairs.tokens[:-1])}
    assert all(theirs[token] == number + 1 for token, number in shift.items())  # its special: 0


def assert_same_pieces(byte_pairs, hugging_face, line):
    numbers = byte_pairs.encode(line)
    assert [number + 1 for number in numbers] == hugging_face.encode(line).ids
    assert byte_pairs.decode(numbers) == line


def test_texts_are_cut_as_hugging_face_does(byte_pairs, hugging_face):
    for line in (strange, *austen):
        assert_same_pieces(byte_pairs, hugging_face, line)


signs = st.one_of(
    st.sampled_from([*" \n'_1a²½éß—.", "'s", "'ll", "  ", " 7"]),
    st.characters(exclude_categories=["Cs", "Cc", "Cn"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(signs, max_size=12).map("".join))
def test_any_text_is_cut_as_hugging_face_does_and_comes_back(byte_pairs, hugging_face, line):
    assert_same_pieces(byte_pairs, hugging_face, line)


@few
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_encoded_comes_back_letter_for_letter(byte_pairs, line):
    assert byte_pairs.decode(torch.tensor(byte_pairs.encode(line), dtype=torch.int64)) == line
    assert "".join(text.split_text(line)) == line


def test_contractions_and_spaces_are_pieces_of_their_own():
    pieces = ["they", "'re", "  ", " we", "'ve", " I", "'ll", " '", "remember", "\n"]
    assert text.split_text("".join(pieces)) == pieces


def test_special_tokens_stand_at_the_end_and_are_never_read_from_a_text():
    tokenizer = BytePairTokenizer.train(["<pad><pad><pad>"], 261, specials=("<pad>", "<end>"))
    assert len(tokenizer) == 261 and tokenizer.specials == ("<pad>", "<end>")
    assert (tokenizer["<pad>"], tokenizer["<end>"]) == (259, 260)
    numbers = tokenizer.encode("<pad>")
    assert max(numbers) < 259 and tokenizer.decode(numbers) == "<pad>"
    assert tokenizer.decode([259, *tokenizer.encode("a"), 260]) == "a"
    assert tokenizer.decode([259, *tokenizer.encode("a"), 260], specials=True) == "<pad>a<end>"
    with pytest.raises(KeyError, match="'<bos>' is none of the special tokens"):
        tokenizer["<bos>"]


def test_the_ids_of_bytes_are_those_of_gpt2():
    tokenizer = BytePairTokenizer([(b"h", b"e"), (b"l", b"l"), (b" ", b"t")])
    assert tokenizer.encode('!"~') == [0, 1, 93]  # as in the vocab.json of GPT-2
    assert tokenizer.encode(" ") == [220] and tokenizer.encode("\n") == [198]
    assert tokenizer.encode("hell t") == [256, 257, 258] and tokenizer["<|endoftext|>"] == 259


def test_merges_happen_in_the_order_in_which_they_were_learned():
    merges = [(b"b", b"c"), (b"a", b"b"), (b"a", b"bc")]
    tokenizer = BytePairTokenizer(merges)
    assert [tokenizer.tokens[i] for i in tokenizer.encode("abc")] == [b"abc"]
    assert [tokenizer.tokens[i] for i in tokenizer.encode("abab")] == [b"ab", b"ab"]
    other = BytePairTokenizer(merges[1:2] + merges[:1])
    assert [other.tokens[i] for i in other.encode("abc")] == [b"ab", b"c"]


def test_part_of_a_character_is_shown_as_such(byte_pairs):
    numbers = BytePairTokenizer([]).encode("€")
    assert len(numbers) == 3 and byte_pairs.decode(numbers[:2]) == "�"


def test_a_file_of_merges_is_read_by_both(byte_pairs, tmp_path):
    path = tmp_path / "merges.txt"
    byte_pairs.save(path)
    again = BytePairTokenizer.load(path)
    assert again == byte_pairs and again.encode(strange) == byte_pairs.encode(strange)
    assert BytePairTokenizer.load(path, specials=("<pad>",)) != byte_pairs
    vocabulary = {  # what Hugging Face needs beside the merges
        "".join(text.BYTE_LETTERS[b] for b in token): i
        for i, token in enumerate(byte_pairs.tokens[:-1])
    }
    pairs = [tuple(line.split()) for line in path.read_text("utf-8").splitlines()[1:]]
    theirs = tokenizers.ByteLevelBPETokenizer(vocabulary, pairs)
    assert theirs.encode(strange).ids == byte_pairs.encode(strange)
    path.write_text("#version: 0.2\na b c\n", "utf-8")
    with pytest.raises(ValueError, match=r"line 2 of .*merges.txt must be two tokens, got 'a b c'"):
        BytePairTokenizer.load(path)
    path.write_text("a \u4e00\n", "utf-8")
    with pytest.raises(ValueError, match=r"line 1 of .* must be two tokens"):
        BytePairTokenizer.load(path)


def test_a_small_corpus_gives_what_it_has():
    assert len(BytePairTokenizer.train([], 1000)) == 257
    assert len(BytePairTokenizer.train(["ab", "ab"], 1000)) == 258
    assert len(BytePairTokenizer.train(["ab"], 1000)) == 257  # once is too rare
    assert len(BytePairTokenizer.train(["ab"], 1000, min_count=1)) == 258


def test_wrong_arguments_of_byte_pairs_are_named(byte_pairs):
    with pytest.raises(ValueError, match="vocabulary_size must be at least 257, got 256"):
        BytePairTokenizer.train(["a"], 256)
    with pytest.raises(ValueError, match="min_count must be at least 1, got 0"):
        BytePairTokenizer.train(["a"], 300, min_count=0)
    with pytest.raises(TypeError, match="texts must be several strings"):
        BytePairTokenizer.train("a text", 300)
    with pytest.raises(TypeError, match="text must be a string, got int"):
        BytePairTokenizer.train([3], 300)
    with pytest.raises(TypeError, match="text must be a string, got NoneType"):
        byte_pairs.encode(None)
    with pytest.raises(ValueError, match="text must be valid Unicode, got the lone surrogate"):
        byte_pairs.encode("a\ud800")
    with pytest.raises(ValueError, match="merges must join tokens that are there already"):
        BytePairTokenizer([(b"ab", b"c")])
    with pytest.raises(ValueError, match="specials must all be different, got 'a' twice"):
        BytePairTokenizer([], specials=("a", "b", "a"))
    with pytest.raises(TypeError, match="specials must be strings, got bytes"):
        BytePairTokenizer([], specials=(b"a",))
    for wrong in (700, -1):
        with pytest.raises(ValueError, match=rf"ids must lie in \[0, 699\], got {wrong}"):
            byte_pairs.decode([1, wrong])


# ---- word pieces -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def word_pieces():
    return WordPieceTokenizer.train([corpus], 600)


def bert(tokenizer):
    """Hugging Face's tokenizer of BERT with the same tokens."""
    vocabulary = {token: number for number, token in enumerate(tokenizer.tokens)}
    return tokenizers.BertWordPieceTokenizer(vocabulary, lowercase=tokenizer.lowercase)


@pytest.mark.parametrize("lowercase", [True, False])
def test_words_are_cut_as_bert_does(lowercase):
    ours = WordPieceTokenizer.train([corpus, strange], 600, lowercase=lowercase)
    theirs = bert(ours)
    for line in (strange, *austen):
        assert ours.encode(line) == theirs.encode(line, add_special_tokens=False).ids
        assert ours.encode(line, begin=True, end=True) == theirs.encode(line).ids


@settings(max_examples=200, deadline=None)
@given(st.lists(signs, max_size=12).map("".join))
def test_any_text_is_cut_as_bert_does(word_pieces, line):
    theirs = bert(word_pieces)
    assert word_pieces.encode(line) == theirs.encode(line, add_special_tokens=False).ids


def test_word_pieces_are_merged_most_frequent_pair_first(word_pieces):
    assert word_pieces.tokens[:5] == list(WordPieceTokenizer.specials)
    special = (word_pieces.padding, word_pieces.unknown, word_pieces.begin, word_pieces.end)
    assert special == (0, 1, 2, 3) and word_pieces.mask == 4
    words = Counter(text.split_words(corpus))
    letters = {(w[0], *("##" + c for c in w[1:])): n for w, n in words.items()}
    alphabet = word_pieces.tokens[: 5 + len({c for word in letters for c in word})]
    expected, _ = counted_anew(
        letters, alphabet, len(alphabet) + 60, 2, lambda a, b: a + b.removeprefix("##")
    )
    assert word_pieces.tokens[: len(expected)] == expected and len(word_pieces) == 600


def test_the_longest_piece_is_taken_and_what_cannot_be_cut_is_unknown():
    tokens = [*WordPieceTokenizer.specials, "un", "##aff", "##able", "##a", "a", "unaffa"]
    tokenizer = WordPieceTokenizer(tokens, longest=9)
    cut = lambda line: [tokenizer.tokens[i] for i in tokenizer.encode(line)]  # noqa: E731
    assert cut("un unaffable") == ["un", "[UNK]"]  # greedy: unaffa + ##b... finds no end
    assert cut("unable") == ["un", "##able"] and cut("una a") == ["un", "##a", "a"]
    assert cut("a" * 9) == ["a", *["##a"] * 8] and cut("a" * 10) == ["[UNK]"]
    assert tokenizer.decode(tokenizer.encode("Unable a", begin=True, end=True)) == "unable a"
    both = tokenizer.encode("a x", begin=True, end=True)
    assert tokenizer.decode(both, specials=True) == "[CLS] a [UNK] [SEP]"
    assert tokenizer.decode(torch.tensor([0, 4, 9])) == "a"
    assert tokenizer["un"] == 5 and tokenizer["xy"] == 1 and "##a" in tokenizer


def test_a_file_of_tokens_is_read_again(word_pieces, tmp_path):
    path = tmp_path / "vocab.txt"
    word_pieces.save(path)
    assert WordPieceTokenizer.load(path) == word_pieces
    assert WordPieceTokenizer.load(path, lowercase=False) != word_pieces
    theirs = tokenizers.BertWordPieceTokenizer(str(path))
    assert theirs.encode("Call me Ishmael.").ids == word_pieces.encode(
        "Call me Ishmael.", begin=True, end=True
    )


def test_wrong_arguments_of_word_pieces_are_named(word_pieces):
    with pytest.raises(ValueError, match=r"tokens must hold the special ones, \[CLS\] missing"):
        WordPieceTokenizer(["[PAD]", "[UNK]", "[SEP]", "[MASK]"])
    with pytest.raises(ValueError, match="tokens must all be different, got 'a' twice"):
        WordPieceTokenizer([*WordPieceTokenizer.specials, "a", "a"])
    with pytest.raises(TypeError, match="tokens must be strings, got int"):
        WordPieceTokenizer([*WordPieceTokenizer.specials, 3])
    with pytest.raises(ValueError, match="longest must be at least 1, got 0"):
        WordPieceTokenizer(WordPieceTokenizer.specials, longest=0)
    with pytest.raises(ValueError, match="vocabulary_size must be at least 7, got 6"):
        WordPieceTokenizer.train(["ab"], 6)
    with pytest.raises(TypeError, match="texts must be several strings"):
        WordPieceTokenizer.train("ab", 60)
    with pytest.raises(ValueError, match=r"ids must lie in \[0, 599\], got 600"):
        word_pieces.decode([600])


def test_every_decode_names_what_are_no_ids(byte_pairs, word_pieces):
    for tokens in (Vocabulary("abc"), byte_pairs, word_pieces):
        for ids, got in [([1, 2.0], "float"), (torch.tensor([1.0]), "float"), (["a"], "str")]:
            with pytest.raises(TypeError, match=f"ids must be integers, got {got}"):
                tokens.decode(ids)
        with pytest.raises(ValueError, match=r"ids must have shape \(T,\), got \(1, 2\)"):
            tokens.decode(torch.tensor([[4, 5]]))
        assert len(tokens.decode([])) == 0
        assert tokens.decode(iter([5, 4])) == tokens.decode(torch.tensor([5, 4]))


def test_tokenizers_can_be_copied_and_compared(byte_pairs, word_pieces):
    for tokenizer in (byte_pairs, word_pieces):
        numbers = tokenizer.encode("The white whale")  # something is in the memory of pieces now
        for twin in (copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer))):
            assert twin == tokenizer and hash(twin) == hash(tokenizer)
            assert twin.encode("The white whale") == numbers
    assert byte_pairs != word_pieces
    assert repr(byte_pairs) == "BytePairTokenizer(700 tokens)"
    assert repr(word_pieces) == "WordPieceTokenizer(600 tokens)"


def test_the_memory_of_pieces_is_used_and_bounded(monkeypatch, byte_pairs, word_pieces):
    for tokenizer, memory in ((byte_pairs, "_pieces"), (word_pieces, "_words")):
        ids, twin = tokenizer.encode(strange), copy.deepcopy(tokenizer)
        monkeypatch.setattr(twin, memory, {})
        monkeypatch.setattr(merges, "REMEMBERED", 3)
        assert twin.encode(strange) == twin.encode(strange) == ids
        assert len(getattr(twin, memory)) == 3


def test_a_long_piece_takes_no_long_time(byte_pairs):
    letters = random.Random(0)
    long = "".join(letters.choice("aeinst") for _ in range(20_000))
    assert byte_pairs.decode(byte_pairs.encode(long)) == long
