"""What every notebook of the course uses: ``begin`` it, ``check`` a claim, ``record`` a number.

All are also reachable as ``dlnotes.begin`` and so on.
"""

import inspect
import math
import numbers
import os
import platform
import sys
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlnotes import PROFILES, RECORD_MIME_TYPE
from dlnotes.checks import check_at_least, check_between, check_choice

# ---- claims ------------------------------------------------------------------------------------


def check(
    claim: str,
    ours: Tensor | float | bool,
    theirs: Tensor | float | None = None,
    *,
    within: float | None = None,
) -> None:
    """Print ``✓ claim`` or raise ``AssertionError`` with the largest difference.

    The printed line names the tolerance, never the difference, so it is the same on every machine.

    Args:
        claim: the sentence that is being proved.
        ours: a truth value, or numbers to hold against ``theirs``.
        theirs: the reference, of the same shape; None if ``ours`` is a truth value.
        within: largest absolute difference allowed; 1e-10 for float64, 1e-5 for float32, and no
            difference at all for integers.

    >>> check("0.1 + 0.2 = 0.3", 0.1 + 0.2, 0.3)
    ✓ 0.1 + 0.2 = 0.3  (float64, max |Δ| ≤ 1e-10)
    >>> check("one is odd", 1 % 2 == 1)
    ✓ one is odd
    """
    if not isinstance(claim, str) or not claim.strip():
        raise TypeError(f"claim must be a sentence, got {claim!r}")
    if theirs is None:
        if not _truth(ours):
            raise AssertionError(f"✗ {claim}: not true")
        print(f"✓ {claim}")
        return
    ours, theirs = _numbers("ours", ours), _numbers("theirs", theirs)
    if ours.shape != theirs.shape:
        raise AssertionError(f"✗ {claim}: shapes {tuple(ours.shape)} and {tuple(theirs.shape)}")
    if not ours.numel():
        raise AssertionError(f"✗ {claim}: nothing to compare in shape {tuple(ours.shape)}")
    dtype = min((ours.dtype, theirs.dtype), key=_digits)
    if within is None:
        within = _TOLERANCES.get(dtype, 0.0)
    check_between(0, sys.float_info.max, within=within)
    largest = _largest_difference(ours, theirs)
    if not largest <= within:  # written so that nan fails, too
        raise AssertionError(f"✗ {claim}: max |Δ| = {largest:.1e}, allowed {within:.0e}")
    name = str(dtype).removeprefix("torch.")
    print(f"✓ {claim}  ({name}, " + ("equal)" if within == 0 else f"max |Δ| ≤ {within:.0e})"))


_TOLERANCES = {
    torch.float64: 1e-10,
    torch.complex128: 1e-10,
    torch.float32: 1e-5,
    torch.complex64: 1e-5,
}


def _truth(x: Any) -> bool:
    """Return one truth value; a number is none, since 0.3 would count as true, and nan, too."""
    if isinstance(x, Tensor) and x.shape == () and x.dtype == torch.bool:
        return bool(x)
    if isinstance(x, bool | np.bool_):
        return bool(x)
    raise TypeError(f"ours must be one truth value when theirs is None, got {x!r}")


def _numbers(name: str, x: Any) -> Tensor:
    if isinstance(x, Tensor):
        return x.detach().cpu()
    try:
        return torch.as_tensor(x, dtype=torch.float64 if isinstance(x, float) else None)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise TypeError(f"{name} must be numbers, got {x!r}: {error}") from None


def _largest_difference(ours: Tensor, theirs: Tensor) -> float:
    """Return max |ours − theirs|, as exactly as float64 can say it; integers exactly."""
    kinds = {_kind(x) for x in (ours, theirs)}
    if kinds == {"integer"}:  # in float64 2⁵³ and 2⁵³ + 1 would be one number
        different = ours != theirs
        distance = (ours.double() - theirs.double()).abs().clamp_min(1.0)
        return torch.where(different, distance, 0.0).max().item()
    wide = torch.complex128 if "complex" in kinds else torch.float64
    ours, theirs = _widened(ours, wide), _widened(theirs, wide)
    # equal infinities are equal, although their difference is nan
    return torch.where(ours == theirs, 0.0, (ours - theirs).abs()).max().item()


def _kind(x: Tensor) -> str:
    return "complex" if x.is_complex() else "real" if x.is_floating_point() else "integer"


def _widened(x: Tensor, dtype: torch.dtype) -> Tensor:
    if _kind(x) == "integer" and x.dtype != torch.bool and (x.abs() > 2**53).any():
        raise TypeError("integers beyond 2⁵³ can only be compared with integers")
    return x.to(dtype)


def _digits(dtype: torch.dtype) -> float:
    exact = not dtype.is_floating_point and not dtype.is_complex
    return math.inf if exact else -math.log10(torch.finfo(dtype).eps)


# ---- what a run measured -----------------------------------------------------------------------


def profile() -> str:
    """Return the profile of this run: "smoke", "standard" (the default) or "full".

    It comes from the environment variable ``DLNOTES_PROFILE``.
    """
    name = os.environ.get("DLNOTES_PROFILE", "standard")
    check_choice(PROFILES, DLNOTES_PROFILE=name)
    return name


def choose(*, smoke: Any, standard: Any, full: Any) -> Any:
    """Return what this run's profile asks for, beside the place where it is used.

    ``epochs=choose(smoke=1, standard=7, full=30)``.
    """
    return {"smoke": smoke, "standard": standard, "full": full}[profile()]


def begin(profile: str, seed: int) -> None:
    """Start a notebook: seed torch, make ``profile`` the profile of this process, say where we are.

    Prints one line with versions, device, threads, profile and seed.
    """
    from dlnotes import __version__

    check_choice(PROFILES, profile=profile)
    check_at_least(0, seed=seed)
    os.environ["DLNOTES_PROFILE"] = profile
    torch.manual_seed(seed)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(
        f"dlnotes {__version__} · Python {platform.python_version()} · torch {torch.__version__} · "
        f"{device}, {torch.get_num_threads()} threads · profile {profile} · seed {seed}"
    )


def record(
    name: str,
    value: float,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    baseline: float | None = None,
    unit: str = "",
) -> None:
    """Show a measured number and keep it, exactly, where the runner collects it.

    In the profile "smoke" the bounds are shown but not enforced: seconds of training prove that
    the code runs, not what the model can do.

    Args:
        name: what was measured, as in ``notebooks/results.json``: ``"test_accuracy"``.
        value: the number.
        at_least: smallest value that passes.
        at_most: largest value that passes.
        baseline: what the trivial method reaches on the same data.
        unit: "%" shows value, bounds and baseline times 100; anything else is appended.

    Raises:
        AssertionError: the value is outside its bounds, or nan.
        ValueError: a bound or the baseline is not finite, or no value can pass.
    """
    bounds = {"at_least": at_least, "at_most": at_most, "baseline": baseline}
    value = _check_record(name, value, bounds)
    entry = {"name": name, "value": value, "unit": unit, "profile": profile()}
    entry |= {key: float(bound) for key, bound in bounds.items() if bound is not None}
    entry["device"] = "cuda" if torch.cuda.is_available() else "cpu"
    entry["peak_memory_mib"] = _peak_memory_mib()

    def text(number: float) -> str:
        return f"{100 * number:.2f} %" if unit == "%" else f"{number:.4g} {unit}".rstrip()

    words = {"at_least": "at least", "at_most": "at most", "baseline": "baseline"}
    notes = [f"{words[key]} {text(bound)}" for key, bound in bounds.items() if bound is not None]
    if profile() == "smoke" and (at_least is not None or at_most is not None):
        notes.append("not applied at smoke")
    line = f"{name} = {text(value)}" + (f"  ({', '.join(notes)})" if notes else "")
    _display({RECORD_MIME_TYPE: entry, "text/plain": line}, line)
    missed = (
        not math.isfinite(value)
        or (at_least is not None and value < at_least)
        or (at_most is not None and value > at_most)
    )
    if missed and profile() != "smoke":
        raise AssertionError(f"{line}: outside its bounds")


def _check_record(name: str, value: Any, bounds: dict[str, float | None]) -> float:
    """Raise unless there is a name, a number, and bounds that something can pass; return it."""
    if not isinstance(name, str) or not name:
        raise TypeError(f"name must be a string, got {name!r}")
    if isinstance(value, Tensor | np.generic) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"value must be a number, got {value!r}")
    most = sys.float_info.max
    check_between(-most, most, **{key: x for key, x in bounds.items() if x is not None})
    least, most = bounds["at_least"], bounds["at_most"]
    if least is not None and most is not None and least > most:
        raise ValueError(f"at_least must not be above at_most, got {least} and {most}")
    return float(value)


def show(item: Any) -> None:
    """Display the source code of a class or function of the package, coloured."""
    try:
        source = inspect.getsource(item)
    except TypeError:
        raise TypeError(f"item must be a class, function or module, got {item!r}") from None
    # Markdown is coloured by every front end: JupyterLab, Colab, GitHub, the site and the slides
    markdown = f"```python\n{source.rstrip()}\n```"
    _display({"text/markdown": markdown, "text/plain": source.rstrip()}, source)


def _display(item: Any, text: str) -> None:
    """Display in a notebook; print elsewhere."""
    if "IPython" in sys.modules:
        from IPython import get_ipython
        from IPython.display import display

        if get_ipython() is not None:
            display(item, raw=isinstance(item, dict))
            return
    print(text)


def _peak_memory_mib() -> float:
    """Largest resident memory of this process so far, in MiB; 0 where the system cannot tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
