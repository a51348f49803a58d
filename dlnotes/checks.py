"""Is an argument what it must be? If not, the course raises one kind of error.

The module imports torch and nothing of ours.
"""

import numbers
import warnings
from collections.abc import Collection
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

# ---- bad input ---------------------------------------------------------------------------------


def check_shape(name: str, x: Tensor, *shape: int | str) -> None:
    """Raise unless ``x`` is a tensor of this shape.

    Args:
        name: how the caller knows the tensor; the message starts with it.
        x: the tensor to look at.
        shape: one entry per dimension: a size, or a letter that stands for any size but always
            the same one. A first entry ``"..."`` stands for any number of leading dimensions.

    Raises:
        TypeError: ``x`` is not a tensor.
        ValueError: it has another shape.

    >>> check_shape("x", torch.zeros(2, 5, 3), "N", "T", 4)
    Traceback (most recent call last):
    ValueError: x must have shape (N, T, 4), got (2, 5, 3)
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a tensor, got {type(x).__name__}")
    wanted, given = tuple(shape), tuple(x.shape)
    if wanted[:1] == ("...",):
        wanted = wanted[1:]
        given = given[max(len(given) - len(wanted), 0) :]
    fits = len(wanted) == len(given)
    sizes: dict[str, int] = {}
    for want, size in zip(wanted, given, strict=False):  # a plain loop: every compiler follows it
        if isinstance(want, str):
            if want not in sizes:
                sizes[want] = size
            want = sizes[want]
        fits = fits and want == size
    if not fits:
        letters = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
        raise ValueError(f"{name} must have shape ({letters}), got {tuple(x.shape)}")


def check_positive(**sizes: int) -> None:
    """Raise unless every size is an integer of at least 1: ``check_positive(stride=stride)``."""
    check_at_least(1, **sizes)


def check_at_least(least: int, **sizes: int) -> None:
    """Raise unless every size is an integer of at least ``least``."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, numbers.Integral):
            raise TypeError(f"{name} must be an integer, got {type(size).__name__}")
        if size < least:
            raise ValueError(f"{name} must be at least {least}, got {size}")


def check_between(least: float, most: float, **values: float) -> None:
    """Raise unless every value is a number in [least, most]; nan is not."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(f"{name} must be a number, got {type(value).__name__}")
        if not least <= value <= most:
            raise ValueError(f"{name} must lie in [{least:g}, {most:g}], got {value}")


def check_choice(allowed: Collection[Any], **values: Any) -> None:
    """Raise unless every value is one of ``allowed``."""
    for name, value in values.items():
        if value not in allowed:
            choices = ", ".join(map(repr, allowed))
            raise ValueError(f"{name} must be one of {choices}, got {value!r}")


def check_labels(name: str, y: Tensor, num_classes: int, count: int | str = "N") -> None:
    """Raise unless ``y`` holds ``count`` labels, int64 and from 0 to num_classes − 1; not none."""
    check_shape(name, y, count)
    if y.dtype != torch.int64:
        raise TypeError(f"{name} must be a tensor of int64, got {y.dtype}")
    if len(y) == 0 or y.min() < 0 or y.max() >= num_classes:
        given = y.unique().tolist()
        raise ValueError(f"{name} must hold labels 0 to {num_classes - 1}, got {given}")


def check_unit_interval(name: str, x: Tensor) -> None:
    """Raise unless all values of a tensor lie in [0, 1]; nan does not."""
    low, high = (value.item() for value in x.detach().aminmax()) if x.numel() else (0, 1)
    if not (low >= 0 and high <= 1):  # written so that nan fails, too
        raise ValueError(f"{name} must lie in [0, 1], got values from {low:.4g} to {high:.4g}")


def __getattr__(name: str):
    """Fetch what stood here before version 0.2, with a warning."""
    if name in ("begin", "check", "profile", "record", "show"):
        message = f"dlnotes.checks.{name} is now dlnotes.notebook.{name}"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return getattr(import_module("dlnotes.notebook"), name)
    raise AttributeError(f"module 'dlnotes.checks' has no attribute {name!r}")
