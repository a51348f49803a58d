"""Text to numbers and back: the vocabularies and tokenizers that the language chapters share.

A ``Vocabulary`` numbers whole tokens (letters, phones, words); nothing is known of how they are
written. A ``BytePairTokenizer`` cuts any text into frequent strings of bytes, as GPT-2 does, and a
``WordPieceTokenizer`` cuts words into a beginning and continuations, as BERT does. Both learn what
to merge from a corpus in the same way: again and again the most frequent pair of neighbours.

Torch is needed only to hand out padded batches.
"""

import heapq
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, groupby, pairwise
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from dlnotes.checks import check_at_least, check_positive

Token = TypeVar("Token", str, bytes)


class Vocabulary:
    """Tokens and their numbers, one to one.

    The first numbers belong to the special tokens: 0 fills up short sequences, 1 begins one, 2
    ends it, 3 stands for every token that is not in the vocabulary. The others follow as given.

    Args:
        tokens: all different, none of them a special one.
        unknown: False leaves 3 out; then ``encode`` raises for a token it does not know.

    Attributes:
        padding, begin, end: 0, 1 and 2.
        unknown: 3, or None.

    >>> letters = Vocabulary("abc")
    >>> letters.encode("cab", end=True)
    [6, 4, 5, 2]
    >>> letters.decode([6, 4, 5, 2, 0])
    ['c', 'a', 'b']
    """

    specials = ("<pad>", "<bos>", "<eos>", "<unk>")
    padding, begin, end = 0, 1, 2

    def __init__(self, tokens: Iterable[str], *, unknown: bool = True) -> None:
        self.tokens = [*self.specials[: 3 + bool(unknown)], *tokens]
        self.unknown = 3 if unknown else None
        self._ids = {token: number for number, token in enumerate(self.tokens)}
        for token in self.tokens:
            if not isinstance(token, str):
                raise TypeError(f"tokens must be strings, got {type(token).__name__}")
        if len(self._ids) < len(self.tokens):
            twice = Counter(self.tokens).most_common(1)[0][0]
            raise ValueError(f"tokens must all be different, got {twice!r} twice")

    @classmethod
    def from_sequences(
        cls,
        sequences: Iterable[Iterable[str]],
        *,
        min_count: int = 1,
        max_size: int | None = None,
        unknown: bool = True,
    ) -> "Vocabulary":
        """Collect the tokens of a corpus, the most frequent first; ties in alphabetical order.

        Args:
            sequences: sequences of tokens; a string is a sequence of letters.
            min_count: leave rarer tokens out.
            max_size: keep only so many tokens, special ones not counted; None = all.
            unknown: see ``Vocabulary``.
        """
        check_positive(min_count=min_count)
        if max_size is not None:
            check_positive(max_size=max_size)
        counts = Counter(token for sequence in sequences for token in sequence)
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        tokens = [token for token, count in ranked if count >= min_count]
        return cls(tokens[:max_size], unknown=unknown)

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __getitem__(self, token: str) -> int:
        """Return the number of a token; that of the unknown for others, or KeyError without one."""
        number = self._ids.get(token, self.unknown)
        if number is None:
            raise KeyError(f"token {token!r} is not in the vocabulary")
        return number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.tokens == other.tokens

    def __hash__(self) -> int:
        return hash(tuple(self.tokens))

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens)"

    def encode(self, tokens: Iterable[str], *, begin: bool = False, end: bool = False) -> list[int]:
        """Return the numbers of a sequence of tokens.

        Args:
            tokens: a sequence of tokens; a string is a sequence of letters.
            begin: put ``<bos>`` before it.
            end: put ``<eos>`` after it.

        Raises:
            ValueError: a token is not in a vocabulary that has no ``<unk>``.
        """
        try:
            numbers = [self[token] for token in tokens]
        except KeyError as error:
            raise ValueError(f"tokens must be in the vocabulary: {error.args[0]}") from None
        return [self.begin] * begin + numbers + [self.end] * end

    def decode(self, ids: Tensor | Iterable[int], *, specials: bool = False) -> list[str]:
        """Return the tokens of a sequence of numbers, which undoes ``encode``.

        Args:
            ids: numbers, (T,). What follows the first ``<eos>`` is left out.
            specials: keep ``<pad>``, ``<bos>`` and ``<eos>``, and what follows, too.
        """
        tokens = []
        for number in ids.tolist() if isinstance(ids, Tensor) else ids:
            if not 0 <= number < len(self):
                raise ValueError(f"ids must lie in [0, {len(self) - 1}], got {number}")
            if number == self.end and not specials:
                break
            if specials or number not in (self.padding, self.begin):
                tokens.append(self.tokens[number])
        return tokens

    def batch(
        self, sequences: Sequence[Iterable[str]], *, begin: bool = False, end: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return sequences as one padded tensor, and how long each of them is.

        Args:
            sequences: N of them.
            begin: see ``encode``.
            end: see ``encode``.

        Returns:
            (N, T) int64, T the longest length, short rows filled up with ``padding``; (N,) int64
            lengths, ``<bos>`` and ``<eos>`` counted.
        """
        return pad([self.encode(s, begin=begin, end=end) for s in sequences], value=self.padding)


def pad(sequences: Sequence[Sequence[int]], *, value: int = 0) -> tuple[Tensor, Tensor]:
    """Return lists of numbers as one tensor (N, T), filled up with ``value``, and lengths (N,)."""
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.int64)
    longest = int(lengths.max()) if len(sequences) else 0
    padded = torch.full((len(sequences), longest), value, dtype=torch.int64)
    # one assignment for all rows, since a loop over 100,000 rows would take seconds
    filled = torch.arange(longest) < lengths[:, None]
    padded[filled] = torch.tensor([i for s in sequences for i in s], dtype=torch.int64)
    return padded, lengths


# ---- learning what to merge --------------------------------------------------------------------


def learn_merges(
    words: Mapping[tuple[Token, ...], int],
    alphabet: Sequence[Token],
    size: int,
    *,
    min_count: int = 2,
    join: Callable[[Token, Token], Token],
) -> tuple[list[Token], list[tuple[Token, Token]]]:
    """Merge the most frequent pair of neighbours, again and again: Sennrich et al. (2016), alg. 1.

    Of equally frequent pairs the one with the smaller numbers is merged. Counts are kept up to
    date: a merge looks only at the words in which it happens.

    Args:
        words: a word, cut into tokens of the alphabet -> how often it occurs.
        alphabet: the first tokens.
        size: stop with so many tokens; earlier where no pair is left.
        min_count: leave rarer pairs apart.
        join: the token that two tokens make.

    Returns:
        All tokens, and the pairs that were merged, in this order.
    """
    tokens, merges = list(alphabet), []
    number = {token: i for i, token in enumerate(tokens)}
    rows = [[number[token] for token in word] for word in words]
    often = list(words.values())
    counts: Counter[tuple[int, int]] = Counter()
    where: defaultdict[tuple[int, int], set[int]] = defaultdict(set)  # in which words a pair was
    for i, row in enumerate(rows):
        for pair in pairwise(row):
            counts[pair] += often[i]
            where[pair].add(i)
    heap = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(heap)
    while heap and len(tokens) < size:
        count, pair = heapq.heappop(heap)
        if -count < min_count:
            break
        if -count != counts[pair]:
            continue  # a count of before, since when it changed
        left, right = (tokens[i] for i in pair)
        merges.append((left, right))
        merged = join(left, right)
        if merged not in number:  # another pair may have made it before
            number[merged] = len(tokens)
            tokens.append(merged)
        changed = set()
        for i in where.pop(pair):
            before, rows[i] = rows[i], merge_pair(rows[i], pair, number[merged])
            for sign, row in ((-1, before), (1, rows[i])):
                for neighbours in pairwise(row):
                    counts[neighbours] += sign * often[i]
                    changed.add(neighbours)
                    if sign > 0:
                        where[neighbours].add(i)
        for neighbours in changed:
            if counts[neighbours] > 0:
                heapq.heappush(heap, (-counts[neighbours], neighbours))
    return tokens, merges


def merge_pair(row: Sequence[int], pair: tuple[int, int], merged: int) -> list[int]:
    """Return the row with every occurrence of the pair, from left to right, made one number."""
    out: list[int] = []
    for item in row:
        if out and item == pair[1] and out[-1] == pair[0]:
            out[-1] = merged
        else:
            out.append(item)
    return out


# ---- byte pairs --------------------------------------------------------------------------------


def _byte_letters() -> dict[int, str]:
    """Return GPT-2's letter for each byte: its own where that can be seen, else one from U+0100."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {b: chr(b) for b in seen} | {b: chr(256 + k) for k, b in enumerate(hidden)}


BYTE_LETTERS = _byte_letters()
BYTES = [bytes([byte]) for byte in sorted(BYTE_LETTERS, key=BYTE_LETTERS.get)]  # GPT-2's order
_LETTER_BYTES = {letter: byte for byte, letter in BYTE_LETTERS.items()}

# An English contraction; or, each with a space before it if there is one: letters and digits, or
# other signs; or white space, whose last sign is left to a word that follows.
_PIECES = re.compile(r"'(?:[sdmt]|ll|ve|re)| ?[^\W_]+| ?(?:[^\w\s]|_)+|\s+(?!\S)|\s+")


def split_text(text: str) -> list[str]:
    """Cut a text into pieces that no token may cross, by GPT-2's rule; joined they are the text.

    >>> split_text("It's 10km, isn't it?")
    ['It', "'s", ' 10', 'km', ',', ' isn', "'t", ' it', '?']
    """
    pieces = []
    for piece in _PIECES.findall(text):
        core = piece[piece[0] == " " :]
        if core.isalpha() or not core[:1].isalnum():
            pieces.append(piece)
        else:  # the standard library's regular expressions don't tell letters from digits
            first, *others = ("".join(run) for _, run in groupby(core, str.isalpha))
            pieces += [piece[: -len(core)] + first, *others]
    return pieces


class BytePairTokenizer:
    """Byte pair encoding of any text: GPT-2's (Radford et al. 2019, section 2.2).

    A text is bytes (UTF-8), each of which is a token: nothing is ever unknown, and ``decode`` of
    ``encode`` is the text, letter for letter. Within a piece of ``split_text`` neighbours are
    merged in the order in which the merges were learned. The numbers are GPT-2's: the 256 bytes,
    those first that can be seen; then a token for each merge; the special ones at the end. So
    GPT-2's own file of merges gives its 50,257 tokens.

    Args:
        merges: pairs of tokens that are already there when it is their turn.
        specials: tokens that no text contains, such as an end of text; look up their numbers by
            ``tokenizer["<|endoftext|>"]``.

    Attributes:
        tokens: the bytes of every token, of special ones their names.

    >>> tokenizer = BytePairTokenizer.train(["low lower lowest"], 259)
    >>> tokenizer.tokens[256:], tokenizer.encode("low"), tokenizer.decode([256, 257])
    ([b'lo', b'low', b'<|endoftext|>'], [257], 'lolow')
    """

    def __init__(
        self,
        merges: Iterable[tuple[bytes, bytes]],
        *,
        specials: Sequence[str] = ("<|endoftext|>",),
    ) -> None:
        self.merges = [tuple(pair) for pair in merges]
        self.specials = tuple(specials)
        self.tokens = list(BYTES)
        self._ids = {token: number for number, token in enumerate(self.tokens)}
        self._rank: dict[tuple[int, int], int] = {}
        self._made: list[int] = []  # by the merge of each rank
        for pair in self.merges:
            if not all(token in self._ids for token in pair):
                raise ValueError(f"merges must join tokens that are there already, got {pair!r}")
            merged = b"".join(pair)
            if merged not in self._ids:
                self._ids[merged] = len(self.tokens)
                self.tokens.append(merged)
            self._rank[self._ids[pair[0]], self._ids[pair[1]]] = len(self._made)
            self._made.append(self._ids[merged])
        if len(set(self.specials)) < len(self.specials):
            raise ValueError(f"specials must all be different, got {self.specials}")
        self._first_special = len(self.tokens)
        self.tokens += [name.encode() for name in self.specials]
        self._pieces: dict[str, list[int]] = {}

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocabulary_size: int,
        *,
        min_count: int = 2,
        specials: Sequence[str] = ("<|endoftext|>",),
    ) -> "BytePairTokenizer":
        """Learn the merges from a corpus.

        Args:
            texts: strings; nothing is merged across two of them.
            vocabulary_size: how many tokens, bytes and special ones counted; fewer if the corpus
                has no further pair.
            min_count: a pair must occur so often to be merged.
            specials: see ``BytePairTokenizer``.

        Raises:
            ValueError: not even the bytes and the special tokens fit.
        """
        texts = _check_texts(texts)
        check_at_least(256 + len(specials), vocabulary_size=vocabulary_size)
        check_positive(min_count=min_count)
        pieces = Counter(chain.from_iterable(map(split_text, texts)))
        words = {tuple(bytes([b]) for b in _utf8(piece)): n for piece, n in pieces.items()}
        size = vocabulary_size - len(specials)
        _, merges = learn_merges(words, BYTES, size, min_count=min_count, join=bytes.__add__)
        return cls(merges, specials=specials)

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, special: str) -> int:
        """Return the number of a special token."""
        if special not in self.specials:
            raise KeyError(f"{special!r} is none of the special tokens {self.specials}")
        return self._first_special + self.specials.index(special)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BytePairTokenizer) and (self.merges, self.specials) == (
            other.merges,
            other.specials,
        )

    def __hash__(self) -> int:
        return hash((tuple(self.merges), self.specials))

    def __repr__(self) -> str:
        return f"BytePairTokenizer({len(self)} tokens)"

    def encode(self, text: str) -> list[int]:
        """Return the numbers of a text's tokens; the name of a special token is text like any."""
        _check_texts([text])
        numbers: list[int] = []
        for piece in split_text(text):
            numbers += _remembered(self._pieces, piece, self._encode_piece)
        return numbers

    def _encode_piece(self, piece: str) -> list[int]:
        row = [self._ids[bytes([byte])] for byte in _utf8(piece)]
        never = len(self._rank)
        while len(row) > 1:
            pair = min(pairwise(row), key=lambda p: self._rank.get(p, never))
            if pair not in self._rank:
                break
            row = merge_pair(row, pair, self._made[self._rank[pair]])
        return row

    def decode(self, ids: Tensor | Iterable[int], *, specials: bool = False) -> str:
        """Return the text of a sequence of numbers, which undoes ``encode``.

        Args:
            ids: numbers, (T,). Where they begin or end within a character, "�" stands for it.
            specials: keep special tokens, by their names.
        """
        last = len(self) if specials else self._first_special
        numbers = _check_ids(ids, len(self))
        return b"".join(self.tokens[i] for i in numbers if i < last).decode(errors="replace")

    def save(self, path: str | Path) -> None:
        """Write the merges as GPT-2 does: a pair on each line, a letter for each byte."""
        lines = ["#version: 0.2"]
        for pair in self.merges:
            lines.append(" ".join("".join(BYTE_LETTERS[b] for b in token) for token in pair))
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")

    @classmethod
    def load(
        cls, path: str | Path, *, specials: Sequence[str] = ("<|endoftext|>",)
    ) -> "BytePairTokenizer":
        """Read what ``save`` wrote, or GPT-2's own ``merges.txt``.

        Raises:
            ValueError: a line is not a pair of tokens.
        """
        merges = []
        for row, line in enumerate(Path(path).read_text(encoding="utf-8").split("\n"), 1):
            pair = line.split(" ")
            if line and not (row == 1 and line.startswith("#version")):
                if len(pair) != 2 or not all(pair) or not set("".join(pair)) <= set(_LETTER_BYTES):
                    raise ValueError(f"line {row} of {path} must be two tokens, got {line!r}")
                merges.append(tuple(bytes(_LETTER_BYTES[c] for c in token) for token in pair))
        return cls(merges, specials=specials)


def _check_texts(texts: Iterable[str]) -> list[str]:
    """Return the texts as a list; what is no string, or a single one, is an error."""
    if isinstance(texts, str):
        raise TypeError("texts must be several strings, got a single one: put it into a list")
    texts = list(texts)
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, got {type(text).__name__}")
    return texts


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        bad = text[error.start]
        raise ValueError(f"text must be valid Unicode, got the lone surrogate {bad!r}") from None


def _remembered(
    memory: dict[str, list[int]], piece: str, encode: Callable[[str], list[int]]
) -> list[int]:
    """Return the numbers of a piece; words come again, so remembering saves most of the work."""
    known = memory.get(piece)
    if known is None:
        known = encode(piece)
        if len(memory) < 100_000:
            memory[piece] = known
    return known


def _check_ids(ids: Tensor | Iterable[int], size: int) -> list[int]:
    numbers = ids.tolist() if isinstance(ids, Tensor) else list(ids)
    for number in numbers:
        if not 0 <= number < size:
            raise ValueError(f"ids must lie in [0, {size - 1}], got {number}")
    return numbers


# ---- word pieces -------------------------------------------------------------------------------


class _Signs(dict):
    """What BERT makes of each character before it splits at white space, found when it is met."""

    def __missing__(self, code: int) -> str:
        sign, category = chr(code), unicodedata.category(chr(code))
        if sign in "\t\n\r":
            new = " "
        elif category[0] == "C" or code == 0xFFFD:
            new = ""  # control characters, and what could not be read
        elif category[0] == "P" or (code < 128 and not sign.isalnum()) or _is_chinese(code):
            new = f" {sign} "
        else:
            new = sign
        self[code] = new
        return new


def _is_chinese(code: int) -> bool:
    blocks = (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B81F)
    more = (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)
    return any(low <= code <= high for low, high in blocks + more)


_SIGNS = _Signs()


def split_words(text: str, *, lowercase: bool = True) -> list[str]:
    """Cut a text into words and punctuation marks, as BERT does before it looks for word pieces.

    Args:
        text: any string.
        lowercase: also take accents from letters, as the "uncased" models do.

    >>> split_words("Déjà vu, isn't it?")
    ['deja', 'vu', ',', 'isn', "'", 't', 'it', '?']
    """
    if lowercase:
        apart = unicodedata.normalize("NFD", text)
        text = "".join(c for c in apart if unicodedata.category(c) != "Mn").lower()
    return text.translate(_SIGNS).split()


class WordPieceTokenizer:
    """Words as a beginning and continuations, "##" before these: BERT's (Wu et al. 2016).

    A word is cut from the left, each time at the longest token that fits; a word that cannot be
    cut so is unknown as a whole. Case, white space and unknown words do not come back from the
    numbers, which is the price for a small vocabulary.

    Differs from the paper:
        learning merges the most frequent pair, as Hugging Face's trainer does; the one of Google,
        which takes what raises the likelihood of a language model most, was never published.

    Args:
        tokens: all different, the five special ones among them; their place is their number.
        lowercase: see ``split_words``.
        longest: a word of more characters is unknown.

    Attributes:
        padding, unknown, begin, end, mask: the numbers of [PAD], [UNK], [CLS], [SEP] and [MASK].

    >>> tokenizer = WordPieceTokenizer.train(["low lower lowest"], 14)
    >>> [tokenizer.tokens[i] for i in tokenizer.encode("Lowest tower", begin=True, end=True)]
    ['[CLS]', 'low', '##e', '##s', '##t', '[UNK]', '[SEP]']
    >>> tokenizer.decode(tokenizer.encode("Lowest"))
    'lowest'
    """

    specials = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

    def __init__(
        self, tokens: Iterable[str], *, lowercase: bool = True, longest: int = 100
    ) -> None:
        check_positive(longest=longest)
        self.tokens, self.lowercase, self.longest = list(tokens), lowercase, longest
        self._ids = {token: number for number, token in enumerate(self.tokens)}
        if len(self._ids) < len(self.tokens):
            twice = Counter(self.tokens).most_common(1)[0][0]
            raise ValueError(f"tokens must all be different, got {twice!r} twice")
        missing = [name for name in self.specials if name not in self._ids]
        if missing:
            raise ValueError(f"tokens must hold the special ones, {', '.join(missing)} missing")
        self.padding, self.unknown, self.begin, self.end, self.mask = (
            self._ids[name] for name in self.specials
        )
        self._words: dict[str, list[int]] = {}

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocabulary_size: int,
        *,
        min_count: int = 2,
        lowercase: bool = True,
    ) -> "WordPieceTokenizer":
        """Learn the tokens from a corpus: its characters, then what merges make.

        Args:
            texts: strings.
            vocabulary_size: how many tokens, special ones counted; fewer if the corpus has no
                further pair.
            min_count: a pair must occur so often to be merged.
            lowercase: see ``split_words``.

        Raises:
            ValueError: not even the characters and the special tokens fit.
        """
        check_positive(min_count=min_count)
        counts = Counter(
            word for text in _check_texts(texts) for word in split_words(text, lowercase=lowercase)
        )
        words = {(word[0], *("##" + c for c in word[1:])): n for word, n in counts.items()}
        alphabet = [*cls.specials, *sorted({token for word in words for token in word})]
        check_at_least(len(alphabet), vocabulary_size=vocabulary_size)
        tokens, _ = learn_merges(
            words, alphabet, vocabulary_size, min_count=min_count, join=_join_word_pieces
        )
        return cls(tokens, lowercase=lowercase)

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __getitem__(self, token: str) -> int:
        """Return the number of a token, that of the unknown for others."""
        return self._ids.get(token, self.unknown)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WordPieceTokenizer) and (
            self.tokens, self.lowercase, self.longest
        ) == (other.tokens, other.lowercase, other.longest)  # fmt: skip

    def __hash__(self) -> int:
        return hash((tuple(self.tokens), self.lowercase, self.longest))

    def __repr__(self) -> str:
        return f"WordPieceTokenizer({len(self)} tokens)"

    def encode(self, text: str, *, begin: bool = False, end: bool = False) -> list[int]:
        """Return the numbers of a text's word pieces.

        Args:
            text: any string.
            begin: put [CLS] before it.
            end: put [SEP] after it.
        """
        _check_texts([text])
        numbers = [self.begin] * begin
        for word in split_words(text, lowercase=self.lowercase):
            numbers += _remembered(self._words, word, self._encode_word)
        return numbers + [self.end] * end

    def _encode_word(self, word: str) -> list[int]:
        numbers, start = [], 0
        if len(word) > self.longest:
            return [self.unknown]
        while start < len(word):
            before = "##" if start else ""
            for stop in range(len(word), start, -1):
                number = self._ids.get(before + word[start:stop])
                if number is not None:
                    break
            else:
                return [self.unknown]
            numbers.append(number)
            start = stop
        return numbers

    def decode(self, ids: Tensor | Iterable[int], *, specials: bool = False) -> str:
        """Return the words of a sequence of numbers, with a space between any two.

        Args:
            ids: numbers, (T,).
            specials: keep [PAD], [CLS], [SEP] and [MASK].
        """
        left_out = () if specials else (self.padding, self.begin, self.end, self.mask)
        numbers = _check_ids(ids, len(self))
        pieces = [self.tokens[number] for number in numbers if number not in left_out]
        return " ".join(pieces).replace(" ##", "")

    def save(self, path: str | Path) -> None:
        """Write the tokens as BERT's ``vocab.txt``: one on each line."""
        Path(path).write_text("\n".join(self.tokens) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path, *, lowercase: bool = True) -> "WordPieceTokenizer":
        """Read what ``save`` wrote, or BERT's own ``vocab.txt``."""
        text = Path(path).read_text(encoding="utf-8")
        return cls(text.removesuffix("\n").split("\n"), lowercase=lowercase)


def _join_word_pieces(left: str, right: str) -> str:
    return left + right.removeprefix("##")
