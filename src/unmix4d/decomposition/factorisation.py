"""One answer X ~ maps @ patterns, and the small things every alternating solver needs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = [
    "Factorisation", "across", "balance", "going_on", "gram_of", "relative_change", "scaled_inverse", "state_of",
    "unit_rows", "unit_sums",
]  # fmt: skip

_PIECE = 1024  # columns at a time, a size of work: sums differ by rounding only


@dataclass(frozen=True, eq=False)
class Factorisation:
    """One answer X ~ maps @ patterns and how it was reached.

    Attributes
    ----------
    maps : ndarray (n_positions, k)
    patterns : ndarray (k, n_pixels)
    objective : float
        What the starts are compared by: mean of the squared residuals of the data that were solved.
    history : ndarray of float64 (n_iterations,)
        The objective after each iteration, as far as the arithmetic can tell.
    changes : ndarray of float64 (n_iterations, 2)
        Sum of absolute changes of the patterns and of the maps, relative to their sums (Kimoto 2025, step 7).
    converged : bool
        Whether the tolerance was reached before the last allowed iteration.
    effects : list of dict
        What each constraint still changed in the last iteration.
    squares : ndarray of float64 (n_positions,) or None
        Sum of (X - M P)**2 over the pixels of every position, of the full unweighted data, once it is known.
    """

    maps: np.ndarray
    patterns: np.ndarray
    objective: float
    history: np.ndarray
    changes: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
    converged: bool = False
    effects: list = field(default_factory=list)
    squares: np.ndarray | None = None


def relative_change(new, old) -> float:
    """Sum of |new - old| relative to the sum of |new|."""
    size = np.abs(new).sum(dtype=np.float64)
    return float(np.abs(new - old).sum(dtype=np.float64) / size) if size else 0.0


def state_of(maps, patterns, history, changes, **facts):
    """Where a run is, as arrays and facts."""
    return {"maps": maps, "patterns": patterns, "history": np.array(history), "changes": np.array(changes)}, facts


def going_on(state):
    """Maps, patterns, history and changes of a state, to be continued."""
    arrays, _ = state
    return arrays["maps"], arrays["patterns"], arrays["history"].tolist(), [tuple(pair) for pair in arrays["changes"]]


def gram_of(rows) -> np.ndarray:
    """rows @ rows.T in float64, for rows (k, n) of any dtype, without a copy in float64."""
    return across(rows, rows)


def across(left, right) -> np.ndarray:
    """left @ right.T in float64, for rows (k, n) and (r, n) of one dtype, without a copy in float64.

    Products of pieces are added up in double precision, which keeps nearly all digits of it; few rows that are long are
    multiplied up to four times as fast as at once, because a piece of both stays in the cache.
    """
    if left.dtype == np.float64:
        return left @ right.T
    total = np.zeros((len(left), len(right)))
    for start in range(0, left.shape[1], _PIECE):
        total += left[:, start : start + _PIECE] @ right[:, start : start + _PIECE].T
    return total


def unit_rows(rows) -> np.ndarray:
    """Rows of norm 1; those of 0 stay 0."""
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(size > 0, size, 1)


def unit_sums(maps, patterns):
    """Maps in intensity and patterns of sum 1, with the same product; a pattern of 0 stays."""
    sums = patterns.sum(axis=1, dtype=np.float64)
    sums[sums == 0] = 1
    return (maps * sums).astype(maps.dtype), (patterns / sums[:, None]).astype(patterns.dtype)


def scaled_inverse(gram, rcond: float) -> np.ndarray:
    """Pseudo-inverse of a Gram matrix, components of very different strength treated alike."""
    size = np.sqrt(np.diag(gram))
    size[size == 0] = 1
    return np.linalg.pinv(gram / np.outer(size, size), rcond=rcond, hermitian=True) / np.outer(size, size)


def balance(maps, patterns):
    """Share the scale of every component evenly, so that neither factor grows out of single precision.

    Parameters
    ----------
    maps : ndarray (k, n_positions)
    patterns : ndarray (k, n_pixels)
    """
    sizes = np.linalg.norm(maps, axis=1), np.linalg.norm(patterns, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.sqrt(sizes[1] / sizes[0])[:, None]
    ratio[~np.isfinite(ratio) | (ratio == 0)] = 1
    return (maps * ratio).astype(maps.dtype), (patterns / ratio).astype(patterns.dtype)
