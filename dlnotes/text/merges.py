"""Learning what to merge: again and again the most frequent pair of neighbours."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

from torch import Tensor

Token = TypeVar("Token", str, bytes)


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


def _check_texts(texts: Iterable[str]) -> list[str]:
    """Return the texts as a list; what is no string, or a single one, is an error."""
    if isinstance(texts, str):
        raise TypeError("texts must be several strings, got a single one: put it into a list")
    texts = list(texts)
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, got {type(text).__name__}")
    return texts


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
