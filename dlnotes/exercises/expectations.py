"""What a check may ask of an answer: type and length first, then the mistakes one knows.

A message names the mistake and never the right value. What no branch explains ends in "use
.hint()". Nothing here changes what it is given: functions of the learner get copies.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor

BLANK = "still blank: put your answer in place of the dots"
Wrong = Mapping[str, Any]  # a message -> what the answer is if one makes this mistake


class NotYet(AssertionError):
    """The answer is not right; the message says which property fails."""


def expect(condition: Any, message: str) -> None:
    """Raise ``NotYet(message)`` unless the condition holds."""
    if not bool(condition):
        raise NotYet(message)


def kind(value: Any) -> str:
    """Return in words what a value is: "a number", "a tuple of 3", "a tensor of shape (2,)"."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if type(value).__module__ == "numpy" and hasattr(value, "shape") and value.shape:
        return "a NumPy array"
    if isinstance(value, Real) and not isinstance(value, bool):
        return "a number"
    if isinstance(value, tuple | list | dict | set):
        return f"a {type(value).__name__} of {len(value)}"
    if inspect.isroutine(value):
        return "a function"
    names = {"str": "a string", "NoneType": "None", "bool": "True or False"}
    name = type(value).__name__
    return names.get(name, f"an object of the type {name}")


# ---- numbers -----------------------------------------------------------------------------------


def expect_number(
    answer: Any,
    right: float,
    what: str = "the answer",
    *,
    wrong: Wrong | None = None,
    within: float | None = None,
) -> float:
    """Return a number that is right, else raise ``NotYet`` that names the mistake.

    Looked at in this order: type, nan, the right value, the right value rounded, known mistakes,
    sign. If ``right`` is an int the answer is a count, which is exact.

    Args:
        answer: the learner's number; a tensor without dimensions is one, too.
        right: what it should be.
        what: how the message calls it.
        wrong: message -> the number that this mistake leads to, compared to three digits.
        within: largest difference allowed, also from ``wrong``; by default, for a float, one unit
            of the fourth digit.
    """
    number = as_number(answer, what)
    exact = isinstance(right, int)
    allowed = within if within is not None else 0.0 if exact else _unit(right, 4) * (1 + 1e-9)
    if abs(number - right) <= allowed:
        return number
    more = "give four digits" if within is None else "do not round"
    rounded = not exact and is_rounded(number, right, 3 if within is None else 6)
    expect(not rounded, f"rounded: {what} is right so far, {more}")
    for message, value in (wrong or {}).items():
        slack = within if within is not None else 0.0 if exact else _unit(value, 3) / 2
        expect(abs(number - value) > slack, message)
    expect(abs(number + right) > allowed, f"sign: {what} has the opposite sign")
    raise NotYet(f"not yet: {what} is another number; use .hint()")


def as_number(answer: Any, what: str = "the answer") -> float:
    """Return a number as a float; raise ``NotYet`` if it is something else, nan or infinite."""
    single = isinstance(answer, Tensor) and answer.ndim == 0 and not answer.is_complex()
    real = isinstance(answer, Real) and not isinstance(answer, bool)
    expect(single or real, f"type: {what}: a number is wanted, got {kind(answer)}")
    number = float(answer)
    expect(math.isfinite(number), f"value: {what} is {number}, not a finite number")
    return number


def is_rounded(number: float, right: float, most: int = 3) -> bool:
    """Return whether a number is the right one, rounded or cut off after 1 to ``most`` digits."""
    for digits in range(1, most + 1):
        unit = _unit(right, digits)
        whole = abs(number / unit - round(number / unit)) < 1e-6
        cut_off = 0 <= (right - number) * math.copysign(1, right) < unit
        if whole and number and (cut_off or abs(number - right) <= unit / 2 * (1 + 1e-9)):
            return True
    return False


def _unit(number: float, digits: int) -> float:
    """Return one unit of the last of so many significant digits."""
    return 10.0 ** (math.floor(math.log10(abs(number))) + 1 - digits) if number else 1e-9


# ---- several values ----------------------------------------------------------------------------


def expect_parts(answer: Any, *names: str) -> list[Any]:
    """Return the parts of an answer that has as many as there are names; else raise ``NotYet``.

    A tuple, a list and a tensor whose first dimension runs over the parts will do.
    """
    wanted = f"{len(names)} values are wanted, ({', '.join(names)})"
    several = isinstance(answer, tuple | list) or (isinstance(answer, Tensor) and answer.ndim)
    expect(several, f"type: {wanted}, got {kind(answer)}")
    expect(len(answer) == len(names), f"length: {wanted}, got {len(answer)}")
    return list(answer)


def expect_runs(
    answer: Any, *keys: Any, low: float = 0.0, high: float = 1.0, unit: str = "fractions in [0, 1]"
) -> dict[Any, list[float]]:
    """Return the results of an experiment, key -> numbers, if they can be such; else ``NotYet``.

    At least three runs for each key, finite, from ``low`` to ``high``, each with its own seed. Only
    runs that lie at an end of the range, all right or all wrong, may be alike.

    Args:
        answer: the learner's dict.
        keys: what was compared; more keys are allowed.
        low: smallest number that is possible.
        high: largest number that is possible.
        unit: how the message calls such numbers.
    """
    names = ", ".join(map(repr, keys))
    expect(
        isinstance(answer, dict),
        f"type: a dict with the keys {names} is wanted, got {kind(answer)}",
    )
    missing = [key for key in keys if key not in answer]
    expect(not missing, f"keys: {names} are asked for, {missing} is not there")
    runs = {}
    for key, values in answer.items():
        several = isinstance(values, tuple | list) or (isinstance(values, Tensor) and values.ndim)
        expect(several, f"type: {key!r}: a list of numbers is wanted, got {kind(values)}")
        numbers = [as_number(value, f"a run of {key!r}") for value in values]
        expect(len(numbers) >= 3, f"seeds: {key!r} has {len(numbers)} runs, at least 3 are needed")
        expect(low <= min(numbers) and max(numbers) <= high, f"unit: give {key!r} as {unit}")
        alike = len(set(numbers)) == 1 and numbers[0] not in (low, high)
        expect(not alike, f"seeds: all runs of {key!r} are equal; seed each one anew")
        runs[key] = numbers
    return runs


# ---- functions ---------------------------------------------------------------------------------


def expect_function(answer: Any, *arguments: str, in_place: bool = False) -> Callable[..., Any]:
    """Return a function of the learner to be called, or raise ``NotYet`` if it is none.

    The function that comes back calls his with copies of the tensors, and says in a sentence if it
    raises, returns nothing, or has blanks left.

    Args:
        answer: what he gave.
        arguments: the names of the arguments, as the question has them.
        in_place: the function is to change its argument, and may return nothing.
    """
    wanted = f"a function of ({', '.join(arguments)}) is wanted"
    expect(callable(answer), f"type: {wanted}, got {kind(answer)}")
    expect(_takes(answer, len(arguments)), f"arguments: {wanted}; yours takes others")

    def call(*values: Any) -> Any:
        try:
            result = answer(*map(copy_of, values))
        except NotYet:
            raise
        except Exception as error:
            raise NotYet(told(error, "your function")) from error
        expect(not holds_blank(result), BLANK)
        message = "nothing: your function returns None; is the return missing?"
        expect(in_place or result is not None, message)
        return result

    return call


def _takes(function: Callable, count: int) -> bool:
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True


def copy_of(value: Any) -> Any:
    """Return a value whose tensors are copies, also inside lists, tuples and dicts."""
    if type(value) is Tensor:
        return value.detach().clone().requires_grad_(value.requires_grad)
    if type(value) in (list, tuple):
        return type(value)(map(copy_of, value))
    return {key: copy_of(part) for key, part in value.items()} if type(value) is dict else value


def holds_blank(value: Any) -> bool:
    """Return whether a value is ``...``, or a list, tuple, set or dict in which one is left."""
    if isinstance(value, dict):
        value = list(value.values())
    return value is ... or (isinstance(value, list | tuple | set) and any(map(holds_blank, value)))


def told(error: Exception, who: str) -> str:
    """Return in one line what an error of the learner's code says."""
    if "ellipsis" in str(error).lower():
        return BLANK
    return f"error: {who} raised {type(error).__name__}: {error}"


# ---- tensors -----------------------------------------------------------------------------------


def expect_close(
    answer: Any, right: Tensor, what: str, *, within: float = 1e-5, wrong: Wrong | None = None
) -> None:
    """Raise ``NotYet`` that names the property in which ``answer`` differs from ``right``.

    Looked at in this order: type, known mistakes, shape, nan, dtype, sign, scale, sizes, values.

    Args:
        answer: the learner's tensor.
        right: the tensor it should equal.
        what: how the message calls it.
        within: largest absolute difference allowed.
        wrong: message -> the tensor that this mistake leads to; its shape may be wrong, too.
    """
    _expect_numbers(answer, right, what)
    if _equal(answer, right, within):
        return
    for message, value in (wrong or {}).items():
        expect(not _equal(answer, value, within), message)
    shapes = f"expected {tuple(right.shape)}, got {tuple(answer.shape)}"
    expect(answer.shape == right.shape, f"shape: {what}: {shapes}")
    expect(torch.isfinite(answer).all(), f"values: {what} holds nan or infinity")
    narrow = right.dtype == torch.float64 and answer.dtype != torch.float64
    far = (answer.double() - right).abs().max() > 1e-5 * right.abs().max().clamp_min(1)
    message = f"dtype: {what} is right to the few digits of {answer.dtype}; keep torch.float64"
    expect(far or not narrow, message)
    _expect_scale(answer.detach().double(), right.detach().double(), what, within)


def _expect_numbers(answer: Any, right: Tensor, what: str) -> None:
    """Raise unless the answer is a tensor of numbers of the kind that ``right`` holds."""
    name = type(answer).__name__
    makes = {"ndarray": "from_numpy", "list": "tensor", "tuple": "stack", "float": "tensor"}
    tip = f"; torch.{makes[name]} makes one" if name in makes else ""
    expect(isinstance(answer, Tensor), f"type: {what} must be a tensor, got {name}{tip}")
    floating = answer.is_floating_point() or not right.is_floating_point()
    message = f"dtype: {what} must hold floating-point numbers, got {answer.dtype}"
    expect(floating and not answer.is_complex(), message)


def _equal(answer: Tensor, other: Tensor, within: float) -> bool:
    if answer.shape != other.shape or not torch.isfinite(answer).all():
        return False
    difference = (answer.detach().double() - other.detach().double()).abs()
    return bool((difference <= within).all())


def _expect_scale(answer: Tensor, right: Tensor, what: str, within: float) -> None:
    """Raise ``NotYet`` for a tensor that is not right, by sign, scale, rounding or sizes."""
    expect((answer + right).abs().max() > within, f"sign: {what} has the opposite sign")
    expect(answer.any(), f"zero: {what} is 0 everywhere")
    difference = (answer - right).abs().max().item()
    rounded = any(torch.equal(answer, answer.round(decimals=digits)) for digits in (1, 2, 3))
    near = difference <= 0.05 * right.abs().max().item()
    expect(not (rounded and near), f"rounded: {what} is right so far; do not round")
    square = (right * right).sum().item()
    scale = (answer * right).sum().item() / max(square, 1e-300)
    same_direction = (answer - scale * right).abs().max() <= within * max(1, abs(scale))
    if square and same_direction and (right.numel() > 1 or _is_simple(scale)):
        raise NotYet(f"scale: {what} is {scale:.4g} times what it should be")
    size = math.sqrt((answer * answer).sum().item() / max(square, 1e-300))
    if square and not 0.5 <= size <= 2:
        sizes = f"on the whole {size:.2g} times as large as it should be"
        raise NotYet(f"sizes: {what} is {sizes}, but not everywhere alike; use .hint()")
    plausible = "shape and scale are plausible" if square else "it should be 0 everywhere"
    raise NotYet(f"values: {what} differs by up to {difference:.2g} ({plausible}); use .hint()")


def _is_simple(factor: float) -> bool:
    """Return whether a factor is a small whole number, or one over it."""
    simple = [float(n) for n in range(2, 11)]
    simple += [1 / n for n in simple]
    return any(abs(abs(factor) - n) < 1e-6 for n in simple)
