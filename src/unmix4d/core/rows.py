"""One of the parts of an answer, as ``answer[i]`` gives it, and which of them an index means."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

__all__ = ["Row", "pick"]


class Row(SimpleNamespace):
    """One part of an answer: what is known of it, as attributes; numbers are Python's own."""

    def __init__(self, **known: Any) -> None:
        super().__init__(**{name: value.item() if isinstance(value, np.generic) else value for name, value in known.items()})

    def __repr__(self) -> str:
        told = [f"{name}={_short(value)}" for name, value in vars(self).items()]
        return f"{type(self).__name__}({', '.join(told)})"


def _short(value):
    if isinstance(value, np.ndarray):
        return f"<{' x '.join(map(str, value.shape))} {value.dtype}>"
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def pick(key: Any, n: int, what: str, make: Callable[[int], Any]) -> Any:
    """What ``answer[key]`` is: one part, or a list of those that a slice, a list of numbers or a mask means.

    key (int, slice, sequence of int, or array of bool (n,)): Negative numbers count from the end, as in lists.
    n: How many parts there are.
    what: What one is called.
    make: Makes the part of a number.
    Raises IndexError when there is none of that number.
    Raises TypeError when it is not an index.
    """
    if isinstance(key, list) and not key:
        return []
    try:
        found = np.arange(n)[key]
        bad = found.ndim > 1 or isinstance(key, (bool, np.bool_, tuple))
    except IndexError as error:
        if "out of bounds" in str(error):
            raise IndexError(f"there is no {what} {key!r}: there are {n}, numbered from 0") from None
        bad = True
    if bad:
        raise TypeError(
            f"the index of a {what} must be its number, a slice, a list of numbers or a mask of {n}, got {key!r}"
        )
    return make(int(found)) if found.ndim == 0 else [make(int(i)) for i in found]
