"""Words and their vectors: neighbours, analogies, and the text format of word2vec."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes.checks import check_positive, check_shape
from dlnotes.text.tokens import check_tokens


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Return the cosine of the angle between vectors, aᵀb / (|a| |b|), from −1 to 1, shape (...).

    Args:
        a: (..., D).
        b: (..., D).

    >>> cosine(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1.0])).item()
    0.7071067690849304
    """
    check_shape("b", b, "...", "D")
    check_shape("a", a, "...", b.shape[-1])

    return (F.normalize(a, dim=-1) * F.normalize(b, dim=-1)).sum(-1)


class WordVectors:
    """Words, and a vector for each.

    Args:
        words: V different ones, the most frequent first if it matters.
        vectors: (V, D).
    """

    def __init__(self, words: Sequence[str], vectors: Tensor) -> None:
        check_tokens("words", words)
        check_shape("vectors", vectors, len(words), "D")
        if not vectors.is_floating_point():
            raise TypeError(f"vectors must be floating-point numbers, got {vectors.dtype}")
        if not words:
            raise ValueError("words must hold at least 1 word, got 0")

        self.words = list(words)
        self.vectors = vectors.detach().cpu()
        self.directions = F.normalize(self.vectors, dim=1)  # of length 1: products are cosines
        self._ids = {word: i for i, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def __getitem__(self, word: str) -> Tensor:
        """Return the vector of a word, (D,); ValueError if it has none."""
        return self.vectors[self.id(word)]

    def __repr__(self) -> str:
        return f"WordVectors({len(self):,} words, {self.vectors.shape[1]} numbers each)"

    def id(self, word: str) -> int:
        """Return the place of a word; ValueError if it has none."""
        if word not in self._ids:
            raise ValueError(f"word must be one of the {len(self):,} with a vector, got {word!r}")
        return self._ids[word]

    def similarity(self, a: str, b: str) -> float:
        """Return the cosine of the vectors of two words."""
        return float(self.directions[self.id(a)] @ self.directions[self.id(b)])

    def nearest(
        self, vector: Tensor, k: int = 10, *, exclude: Collection[str] = ()
    ) -> list[tuple[str, float]]:
        """Return the k words whose vectors point most nearly in a direction, with their cosines.

        Args:
            vector: the direction, (D,).
            k: how many, at most as many as there are.
            exclude: words that may not be among them.
        """
        check_shape("vector", vector, self.vectors.shape[1])
        banned = {self.id(word) for word in exclude}
        self._check_count(k, len(banned))

        cosines = self.directions @ F.normalize(vector.to(self.directions), dim=0)
        cosines[list(banned)] = -torch.inf
        values, ids = cosines.topk(k)
        return [
            (self.words[i], value) for i, value in zip(ids.tolist(), values.tolist(), strict=True)
        ]

    def most_similar(self, word: str, k: int = 10) -> list[tuple[str, float]]:
        """Return the k nearest words, with their cosines, without the word itself."""
        return self.nearest(self[word], k, exclude=(word,))

    def neighbors(self, words: Iterable[str], k: int = 10) -> list[list[str]]:
        """Return the k nearest words of each word: ``most_similar`` for many, without cosines."""
        ids = torch.tensor([self.id(word) for word in words], dtype=torch.int64)
        self._check_count(k, 1)

        found = []
        for part in ids.split(1_000):
            cosines = self.directions[part] @ self.directions.T
            cosines[torch.arange(len(part)), part] = -torch.inf
            found += cosines.topk(k).indices.tolist()
        return [[self.words[i] for i in row] for row in found]

    def analogy(
        self, a: str, b: str, c: str, k: int = 10, *, exclude: bool = True, unit: bool = True
    ) -> list[tuple[str, float]]:
        """Return what is to c as b is to a: the k words nearest to b − a + c, with their cosines.

        ``analogy("man", "woman", "king")`` asks for the queen (Mikolov et al. 2013c).

        Args:
            a: a word.
            b: a word.
            c: a word.
            k: how many.
            exclude: whether a, b and c may not be the answer, as everywhere in the literature.
                False shows that mostly one of them is the nearest.
            unit: make the three vectors equally long first, as gensim does.
        """
        table = self.directions if unit else self.vectors
        x, y, z = (table[self.id(word)] for word in (a, b, c))
        return self.nearest(y - x + z, k, exclude=(a, b, c) if exclude else ())

    def save(self, path: str | Path) -> None:
        """Write the text format of word2vec, which gensim reads: "V D", then a word a line.

        Numbers are written with as many digits as it takes to read the same float32.
        """
        for word in self.words:
            if word.split() != [word]:
                raise ValueError(f"words must hold no white space and not be empty, got {word!r}")
        rows = zip(self.words, self.vectors.float().tolist(), strict=True)
        lines = [f"{len(self)} {self.vectors.shape[1]}"]
        lines += [" ".join([word, *(f"{x:.9g}" for x in row)]) for word, row in rows]
        Path(path).write_bytes("\n".join([*lines, ""]).encode("utf-8"))

    @classmethod
    def load(cls, path: str | Path) -> "WordVectors":
        """Read the text format of word2vec; ValueError names the line that is not in it."""
        path = Path(path)
        header, *lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        try:
            V, D = map(int, header.split())
        except ValueError:
            raise _damaged(path, 1, "two integers, how many words and numbers", header) from None
        if len(lines) != V:
            raise _damaged(path, 1, f"{len(lines)} words, as many as follow", header)
        words, numbers = [], []
        for i, line in enumerate(lines, start=2):
            word, *values = line.rstrip(" ").split(" ")
            try:
                numbers.append([float(value) for value in values])
            except ValueError:
                raise _damaged(path, i, f"a word and {D} numbers", line) from None
            if len(values) != D:
                raise _damaged(path, i, f"a word and {D} numbers", line)
            words.append(word)
        return cls(words, torch.tensor(numbers))

    def _check_count(self, k: int, banned: int) -> None:
        check_positive(k=k)
        if k > len(self) - banned:
            raise ValueError(f"k must be at most {len(self) - banned}, got {k}")


def _damaged(path: Path, number: int, wanted: str, line: str) -> ValueError:
    return ValueError(f"line {number} of {path} must hold {wanted}, got {line[:60]!r}")
