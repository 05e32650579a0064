"""What programs can do, row by row of the page of comparison, told by letting them do it: small tasks with known answers.

A module for each program, with `ROWS`: for every row of the table a task, which is true where the program has done it. What
is not there cannot be called; where there is nothing to call, the task looks for a name.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import warnings

import numpy as np

__all__ = ["alike", "arguments", "blobs", "has", "mixture", "named", "runs", "sources"]


def runs(task) -> bool:
    """Whether a task comes to its answer."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")  # of the program itself
        try:
            return bool(task())
        except (AttributeError, ImportError):
            return False


def blobs():
    """Two maps (24, 24), the first of two separate regions, and their patterns."""
    rows, cols = np.indices((24, 24))

    def blob(row, col):
        return np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / 8.0)

    return np.stack([blob(5, 5) + blob(18, 6), blob(12, 18)]), np.stack([blob(4, 4), blob(18, 18)])


def mixture(seed=0):
    """Data (9, 10, 5, 6) of two components; their maps (2, 9, 10), mostly one alone; their patterns (2, 5, 6)."""
    rng = np.random.default_rng(seed)
    maps = rng.random((2, 9, 10)) ** 3
    maps[0, :, :4], maps[1, :, 6:] = 0, 0
    patterns = rng.random((2, 5, 6))
    patterns[0, :2], patterns[1, 3:] = 0, 0
    return np.einsum("kij,kab->ijab", maps, patterns), maps, patterns


def sources():
    """Two independent signals (2, 400) and their mixture (400, 2)."""
    both = np.random.default_rng(0).laplace(size=(2, 400))
    return both, (np.array([[1.0, 0.4], [0.3, 1.0]]) @ both).T


def alike(found, truth, least=0.95) -> bool:
    """Whether each of the true images is one of those that were found, up to a scale and a sign."""
    found, truth = np.asarray(found, float), np.asarray(truth, float)
    found, truth = (one.reshape(len(one), -1) for one in (found, truth))
    match = np.abs(np.corrcoef(found, truth)[: len(found), len(found) :])
    return bool((match.max(axis=0) > least).all())


def has(owner, *names) -> bool:
    return all(hasattr(owner, name) for name in names)


def named(words, *owners) -> bool:
    """Whether something of these is called so."""
    everything = " ".join(name for owner in owners for name in dir(owner)).lower()
    return any(word in everything for word in words.split())


def arguments(function) -> set[str]:
    return set(inspect.signature(function).parameters)
