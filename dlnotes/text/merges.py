"""What both tokenizers share: learning what to merge, merging, remembering what was encoded.

Byte pairs and word pieces are both learned by merging, again and again, the most frequent pair of
neighbours (Sennrich et al. 2016, algorithm 1).
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

Token = TypeVar("Token", str, bytes)
IdPair = tuple[int, int]
REMEMBERED = 100_000  # pieces at most


def learn_merges(
    words: Mapping[tuple[Token, ...], int],
    alphabet: Sequence[Token],
    size: int,
    *,
    min_count: int = 2,
    join: Callable[[Token, Token], Token],
) -> tuple[list[Token], list[tuple[Token, Token]]]:
    """Merge the most frequent pair of neighbours, again and again: Sennrich et al. (2016), alg. 1.

    Of equally frequent pairs the one with the smaller ids is merged.

    Args:
        words: a word, cut into tokens of the alphabet -> how often it occurs.
        alphabet: the first tokens; a token's index is its id.
        size: stop with so many tokens; earlier where no pair is left.
        min_count: leave rarer pairs apart.
        join: the token that two tokens make.

    Returns:
        All tokens, and the pairs that were merged, in this order.
    """
    tokens, merges = list(alphabet), []
    ids = {token: i for i, token in enumerate(tokens)}
    neighbours = _Neighbours([[ids[token] for token in word] for word in words], words.values())
    while len(tokens) < size:
        pair, count = neighbours.most_frequent()
        if count < min_count:
            break
        left, right = (tokens[i] for i in pair)
        merges.append((left, right))
        merged = join(left, right)
        if merged not in ids:  # another pair may have made it before
            ids[merged] = len(tokens)
            tokens.append(merged)
        neighbours.merge(pair, ids[merged])
    return tokens, merges


class _Neighbours:
    """How often each pair of ids stands side by side in a corpus, kept up to date by each merge.

    A merge looks only at the words in which it happens.

    Args:
        rows: the different words, each as ids.
        often: how often each of them occurs.
    """

    def __init__(self, rows: list[list[int]], often: Iterable[int]) -> None:
        self.rows, self.often = rows, list(often)
        self.counts: Counter[IdPair] = Counter()
        self.where: defaultdict[IdPair, set[int]] = defaultdict(set)  # in which words a pair was
        for i in range(len(rows)):
            self._count(i, 1)
        self.heap = [(-count, pair) for pair, count in self.counts.items()]
        heapq.heapify(self.heap)

    def _count(self, i: int, sign: int) -> list[IdPair]:
        """Add the pairs of word i, or take them away; return them."""
        pairs, often = list(pairwise(self.rows[i])), sign * self.often[i]
        for pair in pairs:
            self.counts[pair] += often
            if sign > 0:
                self.where[pair].add(i)
        return pairs

    def most_frequent(self) -> tuple[IdPair, int]:
        """Return the most frequent pair and its count, 0 if none is left; it leaves the heap."""
        while self.heap:
            count, pair = heapq.heappop(self.heap)
            if -count == self.counts[pair]:  # else a count of before, since when it changed
                return pair, -count
        return (0, 0), 0

    def merge(self, pair: IdPair, merged: int) -> None:
        """Replace a pair by one id in all words."""
        changed: set[IdPair] = set()
        for i in self.where.pop(pair):
            changed.update(self._count(i, -1))
            self.rows[i] = merge_pair(self.rows[i], pair, merged)
            changed.update(self._count(i, 1))
        for neighbours in changed:
            if self.counts[neighbours] > 0:
                heapq.heappush(self.heap, (-self.counts[neighbours], neighbours))


def merge_pair(row: Sequence[int], pair: IdPair, merged: int) -> list[int]:
    """Return the row with every occurrence of the pair, from left to right, made one id."""
    out: list[int] = []
    for item in row:
        if out and item == pair[1] and out[-1] == pair[0]:
            out[-1] = merged
        else:
            out.append(item)
    return out


def remembered(
    memory: dict[str, list[int]], piece: str, encode: Callable[[str], list[int]]
) -> list[int]:
    """Return the ids of a piece; words come again, so remembering saves most of the work."""
    known = memory.get(piece)
    if known is None:
        known = encode(piece)
        if len(memory) < REMEMBERED:
            memory[piece] = known
    return known
