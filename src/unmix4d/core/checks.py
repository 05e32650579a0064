"""Named validators: every message gives the argument, the rule and the value found."""

from __future__ import annotations

import math
import numbers
import os
import sys

import numpy as np

__all__ = ["choice", "count", "file_name", "flag", "fraction", "is_a", "mask", "numbers_of", "pair", "positive",
           "real_dtype", "seed", "unwrap"]  # fmt: skip


def count(value, name: str, *, minimum: int = 1, maximum: int | None = None, why: str = "") -> int:
    """A whole number within bounds."""
    whole = isinstance(value, numbers.Integral) or (isinstance(value, numbers.Real) and float(value).is_integer())
    if isinstance(value, (bool, np.bool_)) or not whole:
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    value = int(value)
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    if maximum is not None and value > maximum:
        raise ValueError(f"{name} must be at most {maximum}{why}, got {value}")
    return value


def positive(value, name: str, *, zero: bool = False) -> float:
    """A finite number above zero (or at least zero)."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    value = float(value)
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise ValueError(f"{name} must be {'at least' if zero else 'above'} 0 and finite, got {value}")
    return value


def fraction(value, name: str) -> float:
    """A number above 0 and below 1."""
    value = positive(value, name)
    if value >= 1:
        raise ValueError(f"{name} must be below 1, got {value:g}")
    return value


def choice(value, name: str, options) -> str:
    """One of a few words."""
    if value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {value!r}")
    return value


def flag(value, name: str) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def is_a(obj, module: str, name: str) -> bool:
    """Whether an object is of a class of a module, which is not imported for that."""
    cls = getattr(sys.modules.get(module), name, None)
    return isinstance(cls, type) and isinstance(obj, cls)


def file_name(value, name: str = "path") -> str:
    """The name of a file as text that the system can take."""
    try:
        path = os.fspath(value)
    except TypeError:
        raise TypeError(f"{name} must be the name of a file, got {value!r}") from None
    try:
        path = os.fsdecode(path)
        possible = bool(path) and b"\0" not in os.fsencode(path)
    except UnicodeError:
        possible = False
    if not possible:
        raise ValueError(f"{name} must be a name that a file can have, got {value!r}")
    return path


def pair(value, name: str) -> tuple[float, float]:
    """(row, column), or one number for both, as finite floats."""
    try:
        values = np.asarray(value, dtype=float).ravel()
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.size == 1:
        values = np.repeat(values, 2)
    if values.size != 2 or not np.all(np.isfinite(values)):
        raise ValueError(f"{name} must be one finite number or a (row, column) pair, got {value!r}")
    return float(values[0]), float(values[1])


def unwrap(value):
    """The array inside a HyperSpy signal, and NaN where a masked array is masked; anything else as it is."""
    value = value.data if hasattr(value, "axes_manager") else value
    if not isinstance(value, np.ma.MaskedArray):
        return value
    # np.asarray would take what stands below the mask.
    masked = np.ma.is_masked(value) and value.dtype.kind in "biuf"
    return np.ma.filled(value.astype(np.result_type(value.dtype, np.float32)), np.nan) if masked else value.data


def numbers_of(value, name: str) -> np.ndarray:
    """An array of real numbers, as floats; NaN is one."""
    try:
        return np.asarray(unwrap(value), float)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be an array of numbers, got {type(value).__name__}") from None


def mask(value, name: str, shape: tuple[int, ...]) -> np.ndarray | None:
    """A boolean mask, True = excluded, of the given shape; a copy, or None.

    A mask that excludes everything is refused.
    """
    if value is None:
        return None
    try:
        array = np.array(unwrap(value))
    except ValueError:
        raise ValueError(f"{name} must have the shape {tuple(shape)}, got rows of different lengths") from None
    if array.shape != tuple(shape) and array.size == math.prod(shape) and min(shape) == 1:
        array = array.reshape(shape)
    if array.shape != tuple(shape):
        raise ValueError(f"{name} must have the shape {tuple(shape)}, got {array.shape}")
    if array.dtype != bool:
        if array.dtype.kind not in "iuf" or not np.all((array == 0) | (array == 1)):
            raise ValueError(f"{name} must be boolean (True = excluded), got values of dtype {array.dtype}")
        array = array.astype(bool)
    if array.all():
        raise ValueError(f"{name} excludes everything: at least one of its {array.size} entries must be False")
    return array


def seed(random_state) -> int:
    """A whole-number seed; None draws one of five digits at most, so that every run can be repeated."""
    if random_state is None:
        return int(np.random.SeedSequence().entropy % 100_000)  # type: ignore[operator]  # drawn, hence a whole number
    if isinstance(random_state, bool) or not isinstance(random_state, numbers.Integral):
        raise TypeError(f"random_state must be None or a whole number, got {random_state!r}")
    if random_state < 0:
        raise ValueError(f"random_state must be at least 0, got {random_state}")
    return int(random_state)


def real_dtype(dtype, name: str = "the scan") -> np.dtype:
    """Refuse complex, text and object data before any of it is read."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {dtype}")
    return dtype
