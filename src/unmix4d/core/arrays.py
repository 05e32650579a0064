"""Arrays that cannot be written to, as answers hold them."""

from __future__ import annotations

import numpy as np

__all__ = ["freeze", "frozen_columns", "read_only", "set_frozen_state"]


def read_only(value, dtype=None) -> np.ndarray:
    """A copy that cannot be written to, row by row in memory: sums over it round alike wherever it comes from.

    What is such an array already, with memory of its own, is not copied: answers made from one another share it.
    """
    own = type(value) is np.ndarray and value.base is None and value.flags.c_contiguous and not value.flags.writeable
    if own and (dtype is None or value.dtype == dtype):
        return value
    array = np.array(value, dtype, order="C")
    array.setflags(write=False)
    return array


def frozen_columns(table) -> dict[str, np.ndarray]:
    """The columns of a table, read-only."""
    return {name: read_only(column) for name, column in table.items()}


def freeze(record, names) -> None:
    """Put read-only copies into these fields of a frozen dataclass; what is None stays."""
    for name in names:
        value = getattr(record, name)
        if value is not None:
            object.__setattr__(record, name, read_only(value))


def set_frozen_state(record, state: dict) -> None:
    """``__setstate__`` of an answer: NumPy forgets on the way through pickle, or in a deep copy, what is read-only."""
    for value in state.values():
        for array in value.values() if isinstance(value, dict) else (value,):
            if isinstance(array, np.ndarray):
                array.setflags(write=False)
    vars(record).update(state)
