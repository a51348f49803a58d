"""Byte pairs, GPT-2's tokenizer: any text as frequent strings of bytes."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, groupby, pairwise
from pathlib import Path

from torch import Tensor

from dlnotes.checks import check_at_least, check_positive
from dlnotes.text.merges import IdPair, learn_merges, merge_pair, remembered
from dlnotes.text.tokens import check_ids, check_texts, check_tokens


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
    merged in the order in which the merges were learned. The ids are GPT-2's: the 256 bytes, those
    first that can be seen; then a token for each merge; the special ones at the end. So GPT-2's
    own file of merges gives its 50,257 tokens.

    Args:
        merges: pairs of tokens that are already there when it is their turn.
        specials: tokens that no text contains, such as an end of text; look up their ids by
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
        check_tokens("specials", self.specials)

        self.tokens = list(BYTES)
        self._ids = {token: i for i, token in enumerate(self.tokens)}
        self._rank: dict[IdPair, int] = {}
        self._made: list[int] = []  # the id that the merge of each rank makes
        for pair in self.merges:
            self._add(pair)
        self._first_special = len(self.tokens)
        self.tokens += [name.encode() for name in self.specials]
        self._pieces: dict[str, list[int]] = {}

    def _add(self, pair: tuple[bytes, bytes]) -> None:
        """Let a pair of tokens be merged after those that were added before."""
        if not all(token in self._ids for token in pair):
            raise ValueError(f"merges must join tokens that are there already, got {pair!r}")

        merged = b"".join(pair)
        if merged not in self._ids:
            self._ids[merged] = len(self.tokens)
            self.tokens.append(merged)
        self._rank[self._ids[pair[0]], self._ids[pair[1]]] = len(self._made)
        self._made.append(self._ids[merged])

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
        texts = check_texts(texts)
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
        """Return the id of a special token."""
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
        """Return the ids of a text's tokens; the name of a special token is text like any."""
        check_texts([text])
        ids: list[int] = []
        for piece in split_text(text):
            ids += remembered(self._pieces, piece, self._encode_piece)
        return ids

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
        """Return the text of a sequence of ids, which undoes ``encode``.

        Args:
            ids: token ids, (T,). Where they begin or end within a character, "�" stands for it.
            specials: keep special tokens, by their names.
        """
        last = len(self) if specials else self._first_special
        kept = [self.tokens[i] for i in check_ids(ids, len(self)) if i < last]
        return b"".join(kept).decode(errors="replace")

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
        lines = list(enumerate(Path(path).read_text(encoding="utf-8").split("\n"), 1))
        if lines[0][1].startswith("#version"):
            lines = lines[1:]
        merges = [_read_pair(line, row, path) for row, line in lines if line]
        return cls(merges, specials=specials)


def _read_pair(line: str, row: int, path: str | Path) -> tuple[bytes, ...]:
    """Return the two tokens that a line of a file of merges holds."""
    pair = line.split(" ")
    if len(pair) != 2 or not all(pair) or not set("".join(pair)) <= set(_LETTER_BYTES):
        raise ValueError(f"line {row} of {path} must be two tokens, got {line!r}")
    return tuple(bytes(_LETTER_BYTES[letter] for letter in token) for token in pair)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        bad = text[error.start]
        raise ValueError(f"text must be valid Unicode, got the lone surrogate {bad!r}") from None
