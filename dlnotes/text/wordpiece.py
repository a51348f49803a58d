"""Word pieces, BERT's tokenizer: a word as a beginning and continuations."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from dlnotes.checks import check_at_least, check_positive
from dlnotes.text.merges import learn_merges, remembered
from dlnotes.text.tokens import check_ids, check_texts, check_tokens


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
    ids, which is the price for a small vocabulary.

    Differs from the paper:
        learning merges the most frequent pair, as Hugging Face's trainer does; the one of Google,
        which takes what raises the likelihood of a language model most, was never published.

    Args:
        tokens: all different, the five special ones among them; a token's index is its id.
        lowercase: see ``split_words``.
        longest: a word of more characters is unknown.

    Attributes:
        padding, unknown, begin, end, mask: the ids of [PAD], [UNK], [CLS], [SEP] and [MASK].

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
        check_tokens("tokens", self.tokens)
        missing = [name for name in self.specials if name not in self.tokens]
        if missing:
            raise ValueError(f"tokens must hold the special ones, {', '.join(missing)} missing")

        self._ids = {token: i for i, token in enumerate(self.tokens)}
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
            word for text in check_texts(texts) for word in split_words(text, lowercase=lowercase)
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
        """Return the id of a token, that of the unknown for others."""
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
        """Return the ids of a text's word pieces.

        Args:
            text: any string.
            begin: put [CLS] before it.
            end: put [SEP] after it.
        """
        check_texts([text])
        ids = [self.begin] * begin
        for word in split_words(text, lowercase=self.lowercase):
            ids += remembered(self._words, word, self._encode_word)
        return ids + [self.end] * end

    def _encode_word(self, word: str) -> list[int]:
        if len(word) > self.longest:
            return [self.unknown]
        ids, start = [], 0
        while start < len(word):
            before = "##" if start else ""
            for stop in range(len(word), start, -1):  # the longest token that fits
                i = self._ids.get(before + word[start:stop])
                if i is not None:
                    break
            else:
                return [self.unknown]
            ids.append(i)
            start = stop
        return ids

    def decode(self, ids: Tensor | Iterable[int], *, specials: bool = False) -> str:
        """Return the words of a sequence of ids, with a space between any two.

        Args:
            ids: token ids, (T,).
            specials: keep [PAD], [CLS], [SEP] and [MASK].
        """
        left_out = () if specials else (self.padding, self.begin, self.end, self.mask)
        pieces = [self.tokens[i] for i in check_ids(ids, len(self)) if i not in left_out]
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
