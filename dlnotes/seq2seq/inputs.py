"""What every model of the chapter is given: vocabularies, token ids, and how many of them count."""

import torch
from torch import Tensor

from dlnotes.checks import check_positive, check_shape
from dlnotes.text import Vocabulary


def vocabulary_size(name: str, vocabulary: Vocabulary | int) -> int:
    """Return how many tokens there are; a vocabulary may be given as this number alone."""
    size = len(vocabulary) if isinstance(vocabulary, Vocabulary) else vocabulary
    check_positive(**{name: size})
    return size


def check_ids(name: str, ids: Tensor, size: int, *shape: int | str) -> None:
    """Raise unless ``ids`` are integers in [0, size), token ids for example, of this shape."""
    check_shape(name, ids, *shape)
    if ids.is_floating_point() or ids.dtype == torch.bool:
        raise TypeError(f"{name} must be integers, got {ids.dtype}")
    if torch.compiler.is_compiling() or not ids.numel():  # a look at the values splits the graph
        return
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= size:
        wrong = low if low < 0 else high
        raise ValueError(f"{name} must lie in [0, {size - 1}], got {wrong}")


def mask_of_lengths(source: Tensor, lengths: Tensor | None) -> Tensor:
    """Return which tokens of ``source``, (N, S), count: the first ``lengths``; None = all."""
    if lengths is None:
        return torch.ones_like(source, dtype=torch.bool)
    positions = torch.arange(source.shape[1], device=source.device)
    return positions < lengths.to(source.device)[:, None]
