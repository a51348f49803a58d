"""Weights on disk: files of weights, and the shipped ones with their checksums.

Weights are safetensors, which hold numbers and never code.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dlnotes.checks import check_choice, check_positive
from dlnotes.data import files
from dlnotes.files import SUMS, DataError, read_sums, sums_text, write_atomically, write_text

MIB = 2**20
_PRECISIONS = (None, torch.float16, torch.bfloat16, torch.float32, torch.float64)


# ---- shipped weights ---------------------------------------------------------------------------


def save_weights(
    path: str | Path,
    model: nn.Module,
    *,
    dtype: torch.dtype | None = None,
    max_bytes: int = 2 * MIB,
    listed: bool = True,
    **metadata: Any,
) -> None:
    """Write the weights of a model as safetensors and enter their sha256 in SHA256SUMS beside them.

    Args:
        path: such as ``data/weights/gan.safetensors``; the folder is made where it is missing.
        model: its parameters and buffers are stored, tied ones once.
        dtype: how to store floating-point numbers, such as ``torch.float16``; None = as they are.
        max_bytes: refuse a larger file: what is shipped with the course must stay small.
        listed: False leaves the table to a later ``list_weights``: two processes must not write it
            at the same time.
        **metadata: anything JSON can write: command, seed, digests, seconds, metrics.

    Raises:
        ValueError: the file would be larger than ``max_bytes``.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"path must end in .safetensors, got {path}")
    check_choice(_PRECISIONS, dtype=dtype)
    check_positive(max_bytes=max_bytes)
    tensors = _distinct(model)
    if dtype is not None:
        tensors = {k: v.to(dtype) if v.is_floating_point() else v for k, v in tensors.items()}
    size = sum(tensor.nbytes for tensor in tensors.values())
    if size > max_bytes:
        raise ValueError(
            f"the weights must take at most max_bytes = {max_bytes:,} bytes, got {size:,}: store "
            f"them with dtype=torch.float16, make the model smaller, or raise max_bytes"
        )
    # one entry, because safetensors writes several in any order and the checksum would change
    text = {"dlnotes": json.dumps(metadata, ensure_ascii=False, sort_keys=True)}
    write_atomically(path, lambda temporary: save_file(tensors, temporary, metadata=text))
    if listed:
        list_weights(path)


def list_weights(path: Path) -> None:
    """Enter the sha256 of a file of weights in the table beside it."""
    table = path.parent / SUMS
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    write_text(table, sums_text(read_sums(table) | {path.name: digest}))


def load_weights(name: str, model: nn.Module) -> dict[str, Any]:
    """Load shipped weights into a model and return their metadata.

    Looks in ``weights/`` of the folder ``DLNOTES_DATA``, then among the shipped files. Numbers
    stored in half precision are converted to the model's own.

    Args:
        name: of the file, without ``.safetensors``: ``"gan"``.
        model: of the architecture that was saved; changed in place, or not at all on an error.

    Raises:
        DataError: the file is missing or damaged.
        ValueError: the file holds another architecture.
    """
    path = verified(name)
    load(path, model)
    return read_metadata(path)


def weights_metadata(name: str) -> dict[str, Any]:
    """Return what ``save_weights`` was told about these shipped weights; arguments as there."""
    return read_metadata(verified(name))


def verified(name: str) -> Path:
    """Return the file of shipped weights, which has passed its sha256."""
    file = f"{name.removesuffix('.safetensors')}.safetensors"
    train = f"`dlnotes train {re.split(r'[-_.]', file)[0]}`"
    paths = [folder / "weights" / file for folder in files.folders()]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise DataError(f"weights file {file} is missing, make it with {train}: looked for {paths}")
    remedy = f"Restore it with git, reinstall dlnotes, or train it anew: {train}."
    expected = read_sums(path.parent / SUMS, remedy=remedy).get(file)
    if expected is None:
        raise DataError(f"weights file {path} has no line in {SUMS} beside it: run {train}")
    files.verify(path, path.read_bytes(), expected, remedy=remedy)
    return path


def read_metadata(path: Path) -> dict[str, Any]:
    """Return what ``save_weights`` was told about the weights in this file."""
    with safe_open(path, framework="pt") as file:
        return json.loads((file.metadata() or {}).get("dlnotes", "{}"))


# ---- one file of weights -----------------------------------------------------------------------


def save(path: Path, model: nn.Module) -> None:
    """Write the weights of a model, tied ones once, as they are."""
    tensors = _distinct(model)
    write_atomically(path, lambda temporary: save_file(tensors, temporary))


def load(path: Path, model: nn.Module) -> None:
    """Load weights into a model, whose dtype and device stay; all of them or, on an error, none."""
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"weights file {path} is missing or damaged: {error}") from error
    state = _state(model)
    ours = {name: state[name] for name in _distinct(model)}
    kind = type(getattr(model, "_orig_mod", model)).__name__
    for name in [*ours, *stored]:
        shapes = [_shape(ours.get(name)), _shape(stored.get(name))]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"model must have the architecture stored in {path.name}: {name} of {kind} is "
                f"{shapes[0]}, in the file it is {shapes[1]}"
            )
    with torch.no_grad():
        for name, tensor in ours.items():
            tensor.copy_(stored[name])


def _shape(tensor: Tensor | None) -> str:
    return "missing" if tensor is None else str(tuple(tensor.shape))


def _state(model: nn.Module) -> dict[str, Tensor]:
    return getattr(model, "_orig_mod", model).state_dict()  # torch.compile prefixes every name


def _distinct(model: nn.Module) -> dict[str, Tensor]:
    """Return parameters and buffers on the CPU; of tied ones the first name only."""
    tensors, seen = {}, set()
    for name, tensor in _state(model).items():
        place = (tensor.data_ptr(), tensor.shape, tensor.stride()) if tensor.numel() else name
        if place not in seen:
            tensors[name] = tensor.detach().cpu().contiguous()
        seen.add(place)
    return tensors
