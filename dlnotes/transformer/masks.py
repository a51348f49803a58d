"""Who may look at whom: boolean masks, True where attention is allowed."""

import torch
from torch import Tensor

from dlnotes.checks import check_at_least, check_positive


def causal_mask(length: int, *, past: int = 0, device: torch.device | str | None = None) -> Tensor:
    """Return which positions each position may see: itself and those before it (TRF-11).

    Args:
        length: T, positions that look.
        past: how many more there are before them, all of them seen; those that a cache holds.
        device: of the result; None = torch's default.

    Returns:
        (T, past + T), boolean. The formula adds 0 where it is True and −∞ where it is False.

    >>> causal_mask(3).int()
    tensor([[1, 0, 0],
            [1, 1, 0],
            [1, 1, 1]], dtype=torch.int32)
    """
    check_positive(length=length)
    check_at_least(0, past=past)

    everything = torch.ones(length, past + length, dtype=torch.bool, device=device)
    return everything.tril(past)


def padding_mask(lengths: Tensor, length: int) -> Tensor:
    """Return which keys are tokens and not padding, for every query: (N, 1, length).

    Args:
        lengths: how many of them are, (N,).
        length: of the padded sequences.
    """
    check_positive(length=length)

    positions = torch.arange(length, device=lengths.device)
    return (positions < lengths[:, None])[:, None]


def check_mask(mask: Tensor, *shapes: tuple[int, ...]) -> None:
    """Raise unless a mask is boolean and has one of these shapes; all sizes but the last may be 1.

    A size of 1 stands for "the same for all", as a padding mask (N, 1, S) for all queries.
    """
    if not isinstance(mask, Tensor):
        raise TypeError(f"mask must be a tensor, got {type(mask).__name__}")
    if mask.dtype != torch.bool:
        raise TypeError(f"mask must be boolean, True where attention is allowed, got {mask.dtype}")
    for shape in shapes:
        if mask.ndim == len(shape) and mask.shape[-1] == shape[-1]:
            if all(size in (1, wanted) for size, wanted in zip(mask.shape, shape, strict=True)):
                return
    allowed = " or ".join(str(tuple(shape)) for shape in shapes)
    raise ValueError(
        f"mask must have shape {allowed}, got {tuple(mask.shape)}: all sizes but the last may be "
        "1, and a padding mask (N, S) is given as mask[:, None]"
    )
