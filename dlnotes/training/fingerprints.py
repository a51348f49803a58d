"""What a resumed run must share with the one before: data, model, code and settings, as digests.

A digest is the same in every process: it knows no addresses, no order of sets, no line numbers.
"""

import dis
import hashlib
import re
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields
from functools import partial
from pathlib import Path
from platform import python_version_tuple
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

if TYPE_CHECKING:
    from dlnotes.training.run import Job

WHOLE = 2**28  # bytes of a tensor up to which each one enters the digest by sha256
_BLOCK = 2**20
_HOW = {"fused", "foreach", "capturable", "differentiable", "params"}  # to compute, not what
_PYTHON = ".".join(python_version_tuple()[:2])  # its byte code is that of its own version
_CODE = re.compile(r"code (\w+) of Python ([\d.]+)$")
_INSTALLED = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))
_ABSENT = object()


def settings(job: "Job", optimizer: Optimizer) -> dict[str, str]:
    """Return what a resumed run must share with the one that wrote the checkpoint."""
    options = {key: _plain(entry) for key, entry in optimizer.defaults.items() if key not in _HOW}
    found: dict[str, Any]
    found = {f"model.{name}": tuple(p.shape) for name, p in job.model.named_parameters()}
    found |= dict(_structure(job.model))
    found |= {f"train[{i}]": (*x.shape, x.dtype, data(x)) for i, x in enumerate(job.data)}
    found["optimizer"] = f"{type(optimizer).__name__} {options}"
    for i, group in enumerate(optimizer.param_groups):
        rate = {"lr": group.get("initial_lr", group.get("lr"))}  # before the schedule changed it
        entries = {key: _plain(entry) for key, entry in (group | rate).items() if key not in _HOW}
        found[f"optimizer group {i}"] = f"{len(group['params'])} parameters, {entries}"
    found |= {
        item.name: getattr(job, item.name)
        for item in fields(job)
        if item.metadata.get("on_resume") == "same"
    }
    found |= {"loss": of_code(job.loss), "transform": of_code(job.transform)}
    if job.monitor is not None:  # else another measure is one more column of the history
        found["validate"] = of_code(job.validate)
    return {name: _clean(str(value)) for name, value in found.items()}


def check(folder: Path, state: dict[str, Any], settings: dict[str, str], job: "Job") -> None:
    """Raise unless a checkpoint can be continued with these settings."""
    remedy = "use another folder, or resume=False to overwrite it"
    old = state["settings"]
    for name in [*settings, *old]:
        if not _agree(old.get(name), settings.get(name)):
            raise ValueError(
                f"checkpoint {folder} comes from other settings: {name} was "
                f"{old.get(name, 'missing')}, is {settings.get(name, 'missing')}; {remedy}"
            )
    if state["step"] > job.total:
        raise ValueError(
            f"checkpoint {folder} is at step {state['step']}, beyond the {job.total} asked for; "
            f"{remedy}"
        )
    if state["total"] != job.total and (job.schedule or job.warmup):
        raise ValueError(
            f"checkpoint {folder} has a schedule for {state['total']} steps, which cannot become "
            f"{job.total}; {remedy}"
        )


def _agree(old: str | None, new: str | None) -> bool:
    """Tell whether two settings are the same; code of two versions of Python cannot differ."""
    first, second = _CODE.search(old or ""), _CODE.search(new or "")
    if first and second:
        return first[1] == second[1] or first[2] != second[2]
    return old == new


# ---- data --------------------------------------------------------------------------------------


def data(x: Tensor) -> str:
    """Return a digest of a tensor's numbers.

    Up to ``WHOLE`` bytes all of them enter. Beyond, a quarter of that does, in rows spread over the
    tensor, and the sum of each block of a MiB: every changed number is noticed, but two that change
    places within a block and among the rows left out are not.
    """
    digest = hashlib.sha256()
    size = x.numel() * x.element_size()
    if size <= WHOLE:
        digest.update(_raw(x))
        return digest.hexdigest()[:16]
    digest.update(_raw(x[:: max(1, 4 * size // WHOLE)]))
    rows = max(1, len(x) * _BLOCK // size)
    for start in range(0, len(x), rows):
        raw = _raw(x[start : start + rows])
        digest.update(bytes(raw[len(raw) // 8 * 8 :]))
        words = raw[: len(raw) // 8 * 8].view(np.int64)
        digest.update(np.add.reduce(words, dtype=np.int64).tobytes())  # wraps around
    return digest.hexdigest()[:16]


def _raw(x: Tensor) -> Any:
    return x.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()


# ---- models ------------------------------------------------------------------------------------


def _structure(model: nn.Module) -> Iterator[tuple[str, str]]:
    """Yield each module's place, and its class with the settings that it was made with."""
    model = getattr(model, "_orig_mod", model)
    codes: list[str] = []
    seen: set[int] = set()
    for name, module in model.named_modules():
        kind = type(module)
        words = f"{kind.__qualname__}({module.extra_repr()})"
        for key, value in _made_with(module):
            if _is_plain(value):
                words += f", {key}={_plain(value)!r}"
            else:
                codes += (f"{name}.{key}", *_parts(value, seen))
        yield f"module {name} of the model" if name else "model", words
        codes += _of_class(kind, seen)
    yield "code of the model", _signed("", codes)


def _made_with(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an object keeps, under the same name, of what its constructor was given."""
    code = getattr(type(thing).__init__, "__code__", None)
    for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ():
        value = getattr(thing, "__dict__", {}).get(name, _ABSENT)
        if _is_plain(value) or (callable(value) and value is not thing):
            yield name, value


def _clean(text: str) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


# ---- code --------------------------------------------------------------------------------------


def of_code(function: Any) -> str:
    """Return a function's name and a digest of what it does, as far as code can tell.

    That is its byte code and constants, defaults, the numbers, strings and functions it takes from
    around it (but no variable that it assigns to), and so on for functions that are not installed.
    """
    if function is None:
        return "None"
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return _signed(name, _parts(function, set(), root=True))


def _signed(name: str, parts: Iterable[str]) -> str:
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return f"{name} code {digest} of Python {_PYTHON}".strip()


def _parts(value: Any, seen: set[int], *, root: bool = False) -> Iterator[str]:
    """Yield what tells this value from another one, in an order that never changes."""
    if _is_plain(value):
        yield repr(_plain(value))
    elif isinstance(value, partial):
        yield from _parts(value.func, seen, root=root)
        yield from _values({**dict(enumerate(value.args)), **value.keywords}, seen)
    elif isinstance(value, MethodType):
        yield from _parts(value.__func__, seen, root=root)
        yield from _parts(value.__self__, seen)
    elif isinstance(value, FunctionType):
        yield from _of_function(value, seen, root=root)
    elif isinstance(value, type):
        yield from _of_class(value, seen)
    elif isinstance(value, BuiltinFunctionType | ModuleType):
        yield value.__name__
    elif isinstance(value, nn.Module):
        yield from (f"{place} {words}" for place, words in _structure(value))
    elif not root and not callable(value):
        yield type(value).__qualname__
    else:  # a callable object: its class and what it was made with
        yield str(getattr(value, "__name__", ""))
        yield from _of_class(type(value), seen)
        yield from _values(dict(_made_with(value)), seen)


def _of_function(function: FunctionType, seen: set[int], *, root: bool) -> Iterator[str]:
    name = f"{function.__module__}.{function.__qualname__}"
    if id(function) in seen:
        return
    seen.add(id(function))
    if not (root or _is_own(function)):
        yield name
        return
    code = function.__code__
    used, assigned = _used(code)
    yield _of_code(code, skip=function.__doc__)
    yield from _values(dict(enumerate(function.__defaults__ or ())), seen)
    yield from _values(function.__kwdefaults__ or {}, seen)
    around = {key: function.__globals__[key] for key in used if key in function.__globals__}
    for key, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # not assigned yet
            around[key] = cell.cell_contents
    yield from _values({key: around[key] for key in sorted(set(around) - assigned)}, seen)


def _values(values: Mapping[Any, Any], seen: set[int]) -> Iterator[str]:
    for name, value in values.items():
        yield f"{name}:"
        yield from _parts(value, seen)


def _of_class(kind: type, seen: set[int]) -> Iterator[str]:
    """Yield the names of a class and its bases, and the code of those that are not installed."""
    if id(kind) in seen:
        return
    seen.add(id(kind))
    for base in kind.__mro__:
        yield base.__qualname__
        if not _is_own(base):
            continue
        for name, entry in sorted(vars(base).items()):
            function = getattr(entry, "fget", None) or getattr(entry, "__func__", entry)
            if isinstance(function, FunctionType):
                yield name
                yield from _of_function(function, seen, root=False)


def _used(code: CodeType) -> tuple[set[str], set[str]]:
    """Return the names of globals that code reads, and of outer variables it assigns to."""
    used, assigned = set(), set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            used.add(step.argval)
        elif step.opname in ("STORE_GLOBAL", "STORE_DEREF"):
            assigned.add(step.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner = _used(constant)
            used |= inner[0]
            assigned |= inner[1]
    return used, assigned


def _of_code(code: CodeType, skip: str | None = None) -> str:
    """Return byte code, names and constants, without places in files and docstrings."""
    constants = [_constant(entry) for entry in code.co_consts if entry is None or entry != skip]
    names = (*code.co_names, *code.co_freevars)
    return f"{code.co_code.hex()} {' '.join(names)} {' '.join(constants)}"


def _constant(value: Any) -> str:
    if isinstance(value, CodeType):
        return f"({_of_code(value)})"
    if isinstance(value, frozenset):
        return f"{{{' '.join(sorted(map(_constant, value)))}}}"
    if isinstance(value, tuple):
        return f"({' '.join(map(_constant, value))})"
    return repr(value)


def _is_own(function: Any) -> bool:
    """Tell whether a function or class is the user's: not installed, and no part of Python."""
    if isinstance(function, type):
        functions = [entry for entry in vars(function).values() if isinstance(entry, FunctionType)]
        return any(_is_own(entry) for entry in functions)
    file = function.__code__.co_filename
    return not (file.startswith(_INSTALLED) or "-packages" in file or file.startswith("<frozen"))


def _is_plain(value: Any) -> bool:
    """Tell whether a value is a number, a string, None, or a tuple of such."""
    if isinstance(value, tuple):
        return all(_is_plain(entry) for entry in value)
    return value is None or isinstance(
        value, bool | int | float | complex | str | bytes | np.generic | torch.dtype
    )


def _plain(value: Any) -> Any:
    """Return NumPy's numbers as Python's, so that they read alike."""
    if isinstance(value, tuple):
        return tuple(_plain(entry) for entry in value)
    if isinstance(value, np.generic):
        return value.item()
    return value
