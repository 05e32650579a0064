"""How much better counts that were not fitted are expected by k components than by the mean pattern."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..engine.buffers import buffer
from ..preparation.thinning import LEAST_EXPECTED

__all__ = ["gains_per_position"]


def gains_per_position(matrix, factors, totals, pixels, scale: float):
    """Poisson log-likelihood of every position's counts, above that under the mean pattern; one pass for all.

    matrix (PatternMatrix): Counts that were not fitted.
    factors (sequence of (maps, patterns)): Of the fitted part, unweighted.
    totals, pixels (ndarray (n_positions,), (n_pixels,)): Electrons of every position and of every pixel in the fitted part.
    scale: Expected electrons in `matrix` over those in the fitted part.
    Returns gains (ndarray of float64 (n_positions, n_factors)): Nats; as `Decomposition.log_likelihood` with
        ``relative_to="mean"`` before the division by the electrons.
    Returns electrons (float): In `matrix`.
    """
    maps = [np.ascontiguousarray(m, matrix.dtype) for m, _ in factors]
    patterns = [np.ascontiguousarray(p * scale, matrix.dtype) for _, p in factors]
    positions = np.maximum(np.asarray(totals, np.float64), LEAST_EXPECTED) * (scale / np.sum(pixels, dtype=np.float64))
    kernel = partial(_gain_kernel, patterns=patterns, pixels=np.maximum(np.asarray(pixels, np.float64), LEAST_EXPECTED))
    rows, _ = matrix.visit(kernel, (positions, *maps))
    return rows[:, :-1], float(rows[:, -1].sum())


def _gain_kernel(X, positions, *maps, patterns, pixels):
    counted = np.flatnonzero(X)
    counts = X.ravel()[counted]
    row = counted // X.shape[1]
    electrons = X.sum(1, dtype=np.float64)
    # The log-likelihood under the mean pattern, without the factorials, which drop out of every difference.
    log_mean = X @ np.log(pixels) + electrons * np.log(positions) - positions * pixels.sum()
    least = (LEAST_EXPECTED * positions).astype(X.dtype)[:, None]
    out = np.empty((len(X), len(maps) + 1))
    out[:, -1] = electrons
    for i, (own, its) in enumerate(zip(maps, patterns)):
        expected = np.dot(own, its, out=buffer("expected", X.shape, X.dtype))
        np.maximum(expected, least, out=expected)
        # Logarithms only where something was counted, which is a small part of a scan of few electrons.
        logs = counts * np.log(expected.ravel()[counted])
        out[:, i] = np.bincount(row, logs, minlength=len(X)) - expected.sum(1, dtype=np.float64) - log_mean
    return out, ()
