"""Tokens and their ids: what the vocabulary and both tokenizers check alike."""

import numbers
from collections import Counter
from collections.abc import Iterable, Sequence

from torch import Tensor

from dlnotes.checks import check_shape


def check_tokens(name: str, tokens: Sequence[str]) -> None:
    """Raise unless all tokens are strings and none comes twice."""
    for token in tokens:
        if not isinstance(token, str):
            raise TypeError(f"{name} must be strings, got {type(token).__name__}")
    if len(set(tokens)) < len(tokens):
        twice = Counter(tokens).most_common(1)[0][0]
        raise ValueError(f"{name} must all be different, got {twice!r} twice")


def check_ids(ids: Tensor | Iterable[int], size: int) -> list[int]:
    """Return token ids, (T,), as a list; raise unless they are integers in [0, size)."""
    if isinstance(ids, Tensor):
        check_shape("ids", ids, "T")
        ids = ids.tolist()
    ids = list(ids)
    for kind in set(map(type, ids)):
        if not issubclass(kind, numbers.Integral):
            raise TypeError(f"ids must be integers, got {kind.__name__}")
    if ids and not 0 <= min(ids) <= max(ids) < size:
        wrong = next(i for i in ids if not 0 <= i < size)
        raise ValueError(f"ids must lie in [0, {size - 1}], got {wrong}")
    return ids


def check_texts(texts: Iterable[str]) -> list[str]:
    """Return texts as a list; raise for what is no string, or a single one."""
    if isinstance(texts, str):
        raise TypeError("texts must be several strings, got a single one: put it into a list")
    texts = list(texts)
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, got {type(text).__name__}")
    return texts
