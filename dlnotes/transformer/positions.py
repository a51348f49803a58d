"""Where a token stands: sinusoids of its position, and what a shift does to them."""

import torch
from torch import Tensor

from dlnotes.checks import check_at_least, check_positive


def positional_encoding(
    length: int,
    dim: int,
    *,
    start: int = 0,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Return the code of each position, one row per position (TRF-1).

    PE(pos, 2i) = sin(pos ω_i), PE(pos, 2i + 1) = cos(pos ω_i), ω_i = 10000^(−2i / dim): sine and
    cosine take turns over the coordinates of one code, not over the tokens.

    Args:
        length: how many positions.
        dim: coordinates of a code; even, since each ω has a sine and a cosine.
        start: the first position; past the tokens that a cache holds.
        dtype: of the result; None = torch's default. It is computed in float64.
        device: of the result; None = torch's default.

    Returns:
        (length, dim).
    """
    check_positive(length=length)
    check_at_least(0, start=start)

    positions = torch.arange(start, start + length, dtype=torch.float64, device=device)
    angles = positions[:, None] * frequencies(dim, device=device)
    code = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
    return code.to(torch.get_default_dtype() if dtype is None else dtype)


def frequencies(dim: int, *, device: torch.device | str | None = None) -> Tensor:
    """Return ω_i = 10000^(−2i / dim), (dim / 2,), in float64."""
    check_positive(dim=dim)
    if dim % 2:
        raise ValueError(f"dim must be even, got {dim}")

    return 10_000.0 ** (-torch.arange(0, dim, 2, dtype=torch.float64, device=device) / dim)


def shift_matrix(shift: int, dim: int) -> Tensor:
    """Return R with PE(pos + shift) = R PE(pos) for every pos, (dim, dim), in float64.

    It turns each pair (sin, cos) by the angle shift · ω_i; so a linear layer can ask for "two
    places further on" without knowing where it stands.
    """
    pairs = []
    for angle in shift * frequencies(dim):
        sin, cos = angle.sin(), angle.cos()
        pairs.append(torch.stack([torch.stack([cos, sin]), torch.stack([-sin, cos])]))
    return torch.block_diag(*pairs)
