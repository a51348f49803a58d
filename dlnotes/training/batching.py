"""Data in batches, and models on batches; ``dlnotes.training`` offers all of this."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlnotes.checks import check_choice, check_positive

Batch = tuple[Tensor, ...]


def device(name: str = "auto") -> torch.device:
    """Return the device to compute on.

    Args:
        name: "auto" takes the best there is (CUDA, then Apple's MPS, then the CPU); or "cpu",
            "cuda", "cuda:1", "mps".

    Raises:
        ValueError: this machine has no such device.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next((kind for kind, there in available.items() if there), "cpu"))
    allowed = ["auto", "cpu", *(kind for kind, there in available.items() if there)]
    kind, _, index = str(name).partition(":")
    check_choice(allowed, device=kind)
    if index and not (kind == "cuda" and index.isdigit() and int(index) < _gpus()):
        raise ValueError(f"device must be one of the {_gpus()} CUDA devices here, got {name!r}")
    return torch.device(name)


def _gpus() -> int:
    return torch.cuda.device_count()


def batches(
    data: Any,
    batch_size: int,
    *,
    shuffle: bool = True,
    generator: torch.Generator | None = None,
    drop_last: bool = False,
) -> Iterator[Batch]:
    """Iterate once over in-memory data, in minibatches.

    One permutation per epoch and one ``index_select`` per batch and tensor, on the device where
    the data lies: no work per sample.

    Args:
        data: a ``Split``, a tuple of equally long tensors, or one tensor.
        batch_size: samples per batch; the last batch may be smaller.
        shuffle: draw a new order; else batches are consecutive slices.
        generator: source of the order; None = torch's own.
        drop_last: leave out a last batch that is smaller.

    Returns:
        an iterator over tuples of tensors.

    Raises:
        ValueError: no data, unequal lengths, no batch at all, or a test set to be shuffled:
            whoever shuffles wants to train.
    """
    tensors = as_tensors(data, train=shuffle)
    check_positive(batch_size=batch_size)
    n = len(tensors[0])
    end = n - n % batch_size if drop_last else n
    if end == 0:
        raise ValueError(f"batch_size must be at most the {n} samples, got {batch_size}")

    def iterate() -> Iterator[Batch]:
        order = None
        if shuffle:
            source = "cpu" if generator is None else generator.device
            order = torch.randperm(n, generator=generator, device=source).to(tensors[0].device)
        for start in range(0, end, batch_size):
            part = slice(start, start + batch_size)
            if order is None:
                yield tuple(x[part] for x in tensors)
            else:
                yield tuple(x.index_select(0, order[part]) for x in tensors)

    return iterate()


def as_tensors(data: Any, *, train: bool, name: str = "data") -> Batch:
    """Return the data as a tuple of tensors, if it is fit to be trained (or evaluated) on."""
    if train and getattr(data, "name", None) == "test":
        raise ValueError(
            "train must be a Split named 'train', 'validation' or 'train+validation', got 'test': "
            "what was trained on can measure nothing"
        )
    tensors = (data,) if isinstance(data, Tensor) else data
    if not isinstance(tensors, tuple | list) or not all(isinstance(x, Tensor) for x in tensors):
        raise TypeError(f"{name} must be a tuple of tensors, got {_kind(data)}")
    lengths = [len(x) if x.ndim else None for x in tensors]
    if not lengths or None in lengths or len(set(lengths)) > 1:
        raise ValueError(f"{name} must be tensors of equal length, got lengths {lengths}")
    if lengths[0] == 0:
        raise ValueError(f"{name} must have at least 1 sample, got 0")
    return tuple(tensors)


def _kind(data: Any) -> str:
    """Return the type of what is no tuple of tensors, with the types in it."""
    kind = type(data).__name__
    if not isinstance(data, tuple | list):
        return kind
    return f"{kind} of {', '.join(sorted({type(x).__name__ for x in data})) or 'nothing'}"


def classification_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Return the mean cross-entropy, in nats.

    Args:
        model: from inputs (N, ...) to logits (N, K).
        batch: inputs (N, ...) and class numbers (N,).
    """
    inputs, targets = batch
    return F.cross_entropy(model(inputs), targets)


@contextmanager
def mode(model: nn.Module, *, training: bool) -> Iterator[None]:
    """Set every module to train or eval mode, afterwards each back to its own."""
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, was_training in modes:
            module.training = was_training


def predict(model: nn.Module, inputs: Tensor, *, batch_size: int = 1000) -> Tensor:
    """Return the model's outputs for all inputs, computed in batches, in eval mode.

    Args:
        model: from inputs (N, ...) to outputs (N, ...); computes where its parameters are.
        inputs: (N, ...) on any device; the outputs return there.
        batch_size: how many at a time.
    """
    if not isinstance(inputs, Tensor):
        raise TypeError(f"inputs must be a tensor, got {type(inputs).__name__}")
    where = next(model.parameters(), inputs).device
    with mode(model, training=False), torch.inference_mode():
        parts = [
            model(x.to(where)).to(inputs.device)
            for (x,) in batches(inputs, batch_size, shuffle=False)
        ]
    return torch.cat(parts)  # outside of inference mode, so autograd may use it


def accuracy(model: nn.Module, data: Any, *, batch_size: int = 1000) -> float:
    """Return the share of samples whose largest logit is that of their class.

    Args:
        model: from inputs (N, ...) to logits (N, K).
        data: a ``Split`` (a test set is welcome) or ``(inputs, class numbers)``.
        batch_size: how many at a time.
    """
    from torchmetrics.functional.classification import multiclass_accuracy

    inputs, targets = as_tensors(data, train=False)
    logits = predict(model, inputs, batch_size=batch_size)
    return multiclass_accuracy(logits, targets, logits.shape[1], average="micro").item()
