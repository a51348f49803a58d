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
from safetensors.torch import load_file
from safetensors.torch import save as as_safetensors
from torch import Tensor, nn

from dlnotes.checks import check_choice, check_positive
from dlnotes.data import files
from dlnotes.files import (
    SUMS,
    DataError,
    locked,
    parse_sums,
    read_sums,
    sha256_of,
    sums_text,
    write_atomically,
    write_text,
)

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
        listed: False leaves the table to a later ``list_weights``.
        **metadata: anything JSON can write: command, seed, digests, seconds, metrics.

    Raises:
        ValueError: the file would be larger than ``max_bytes``, a number is too large for
            ``dtype``, or the name cannot stand in a table of sums.
        TypeError: the metadata are not for JSON.
    """
    path = Path(path)
    _check_name(path)
    check_choice(_PRECISIONS, dtype=dtype)
    check_positive(max_bytes=max_bytes)
    tensors = _distinct(model)
    if dtype is not None:
        tensors = {name: rounded(name, tensor, dtype) for name, tensor in tensors.items()}
    size = sum(tensor.nbytes for tensor in tensors.values())
    if size > max_bytes:
        raise ValueError(
            f"the weights must take at most max_bytes = {max_bytes:,} bytes, got {size:,}: store "
            f"them with dtype=torch.float16, make the model smaller, or raise max_bytes"
        )
    # one entry, because safetensors writes several in any order and the checksum would change
    try:
        text = {"dlnotes": json.dumps(metadata, ensure_ascii=False, sort_keys=True)}
    except (TypeError, ValueError) as error:
        raise TypeError(f"metadata must be what JSON can write: {error}") from None
    write_atomically(path, lambda temporary: save_file(tensors, temporary, metadata=text))
    if listed:
        list_weights(path)


def list_weights(path: Path) -> None:
    """Enter the sha256 of a file of weights in the table beside it, one process after another."""
    table = path.parent / SUMS
    busy = f"the table {table} is being written by another process for a minute: look which"
    with locked(table.with_name(f".{SUMS}.lock"), busy=busy, wait=60):
        write_text(table, sums_text(read_sums(table) | {path.name: sha256_of(path)}))


def rounded(name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Return floating-point numbers in another dtype; others as they are.

    Raises:
        ValueError: a finite number would become infinite.
    """
    if not tensor.is_floating_point():
        return tensor
    new = tensor.to(dtype)
    lost = new.isinf() & tensor.isfinite()
    if lost.any():
        largest, most = tensor[lost].abs().max().item(), torch.finfo(dtype).max
        raise ValueError(
            f"{name} must hold numbers up to {most:.4g}, the largest of {dtype}, got {largest:.4g}"
        )
    return new


def _check_name(path: Path) -> None:
    """Raise unless a table of sums can hold the name of this file, and give it back."""
    if path.suffix != ".safetensors":
        raise ValueError(f"path must end in .safetensors, got {path}")
    try:
        line = {path.name: hashlib.sha256().hexdigest()}
        held = parse_sums(sums_text(line).encode(), path) == line
    except (DataError, UnicodeEncodeError):
        held = False
    if not held:
        raise ValueError(
            f"path must be named without a blank at its beginning, line breaks, and what is not "
            f"Unicode, got {path.name!r}"
        )


def load_weights(name: str, model: nn.Module) -> dict[str, Any]:
    """Load shipped weights into a model and return their metadata.

    Looks in ``weights/`` of the folder ``DLNOTES_DATA``, then among the shipped files. Numbers
    stored in half precision are converted to the model's own.

    Args:
        name: of the file, without ``.safetensors``: ``"gan"``.
        model: of the architecture that was saved; changed in place, or not at all on an error.

    Raises:
        DataError: the file is missing or damaged.
        ValueError: the file holds another architecture, or numbers that the model's dtype cannot
            hold.
    """
    path = verified(name)
    metadata = read_metadata(path)
    load(path, model)
    return metadata


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
    try:
        with safe_open(path, framework="pt") as file:
            found = json.loads((file.metadata() or {}).get("dlnotes", "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        raise DataError(f"weights file {path} is missing, or its metadata are: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"weights file {path} must have an object as metadata, got {found!r}")
    return found


# ---- one file of weights -----------------------------------------------------------------------


def save(path: Path, model: nn.Module, *, temporary: Path | None = None) -> None:
    """Write the weights of a model, tied ones once, as they are."""
    tensors = _distinct(model)
    write_atomically(path, lambda place: save_file(tensors, place), temporary=temporary)


def save_file(
    tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None
) -> None:
    """Write safetensors into this very file: their own function leaves others when killed."""
    path.write_bytes(as_safetensors(tensors, metadata))


def load(path: Path, model: nn.Module) -> None:
    """Load weights into a model, whose dtype and device stay; all of them or, on an error, none."""
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"weights file {path} is missing or damaged: {error}") from error
    state = _state(model)
    ours = {name: state[name] for name in _distinct(model)}
    kind = type(_plain(model)).__name__
    for name in [*ours, *stored]:
        shapes = [_shape(ours.get(name)), _shape(stored.get(name))]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"model must have the architecture stored in {path.name}: {name} of {kind} is "
                f"{shapes[0]}, in the file it is {shapes[1]}"
            )
    fitting = {name: _fitting(name, stored[name], ours[name]) for name in ours}
    with torch.no_grad():
        for name, tensor in ours.items():
            _base(tensor).copy_(_base(fitting[name], tensor))


def unsaved_buffers(model: nn.Module) -> dict[str, Tensor]:
    """Return copies, on the CPU, of the buffers that are not in the model's state dict."""
    model = _plain(model)
    saved = model.state_dict()
    return {
        name: buffer.detach().cpu().clone()
        for name, buffer in model.named_buffers()
        if name not in saved
    }


def set_unsaved_buffers(model: nn.Module, buffers: dict[str, Tensor]) -> None:
    """Give a model back what ``unsaved_buffers`` returned; a buffer may have grown since."""
    modules = dict(_plain(model).named_modules())
    where = next(model.parameters()).device
    for name, stored in buffers.items():
        module, _, last = name.rpartition(".")
        tensor = getattr(modules.get(module), last, None)
        if isinstance(tensor, Tensor) and tensor.shape == stored.shape:
            with torch.no_grad():
                _base(tensor).copy_(_base(stored, tensor))
        elif module in modules:
            setattr(modules[module], last, stored.to(where))


def _fitting(name: str, stored: Tensor, ours: Tensor) -> Tensor:
    """Return stored numbers in a model's dtype; raise if it cannot hold them."""
    if stored.is_floating_point() and ours.is_floating_point():
        new = rounded(name, stored, ours.dtype)
    else:
        new = (stored.real if stored.is_complex() and not ours.is_complex() else stored).to(
            ours.dtype
        )
        if not torch.equal(new.to(stored.dtype), stored):
            raise ValueError(
                f"{name} must hold numbers that {ours.dtype} can hold, as the model has it, got "
                f"others of {stored.dtype} in the file"
            )
    base = _base(new, ours)
    if base.shape != new.shape and not torch.equal(base.expand(new.shape), new):
        raise ValueError(f"{name} of the model repeats its numbers in memory, those stored differ")
    return new


def _base(tensor: Tensor, like: Tensor | None = None) -> Tensor:
    """Return a tensor without its repetitions, or without those that another one has."""
    like = tensor if like is None else like
    for dim, (size, stride) in enumerate(zip(like.shape, like.stride(), strict=True)):
        if stride == 0 and size > 1:
            tensor = tensor.narrow(dim, 0, 1)
    return tensor


def _shape(tensor: Tensor | None) -> str:
    return "missing" if tensor is None else str(tuple(tensor.shape))


def _plain(model: nn.Module) -> nn.Module:
    return getattr(model, "_orig_mod", model)  # torch.compile prefixes every name


def _state(model: nn.Module) -> dict[str, Tensor]:
    return _plain(model).state_dict()


def _distinct(model: nn.Module) -> dict[str, Tensor]:
    """Return parameters and buffers on the CPU; of tied ones the first name only.

    What shares its memory in another shape is copied: safetensors stores no views.
    """
    tensors, seen, storages = {}, set(), set()
    for name, tensor in _state(model).items():
        place = (tensor.data_ptr(), tensor.shape, tensor.stride()) if tensor.numel() else name
        if place not in seen:
            here = tensor.detach().cpu().contiguous()
            storage = here.untyped_storage().data_ptr()
            shared = storage in storages and tensor.numel()
            tensors[name] = here.clone() if shared else here
            storages.add(storage)
        seen.add(place)
    return tensors
