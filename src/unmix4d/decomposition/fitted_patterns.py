"""Patterns of maps that were found from something else than the pixels: least squares on the scan, in one pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .nnls import nnls_rows

__all__ = ["FittedPatterns", "fitted_patterns"]


@dataclass(frozen=True, eq=False)
class FittedPatterns:
    """Patterns of given maps, and what the same pass says about the scan.

    Attributes
    ----------
    patterns : ndarray (k, n_pixels)
    mean_pattern : ndarray of float64 (n_pixels,)
    totals : ndarray of float64 (n_positions,)
        Sum of every pattern.
    total : float
    """

    patterns: np.ndarray
    mean_pattern: np.ndarray
    totals: np.ndarray
    total: float


def fitted_patterns(matrix, maps, signed: bool = False, centred: bool = False) -> FittedPatterns:
    """The patterns that fit a scan best, ``|X - maps @ patterns|^2`` for the maps given; one pass.

    Parameters
    ----------
    matrix : PatternMatrix
    maps : ndarray (n_positions, k)
    signed : bool
        Plain least squares; by default exact non-negative least squares.
    centred : bool
        Of the scan minus its mean pattern.

    Returns
    -------
    FittedPatterns

    Raises
    ------
    ValueError
        If a kept value of the scan is NaN or infinite; says where.
    """
    wide = maps.astype(np.float64)
    totals, (cross, pixel_sum) = matrix.visit(_fit_kernel, (np.ascontiguousarray(maps, matrix.dtype),))
    matrix.refuse_not_finite(totals[:, 0], pixel_sum)
    mean = pixel_sum / len(wide)
    if centred:
        cross = cross - np.outer(mean, wide.sum(0))
    gram = wide.T @ wide
    patterns = (np.linalg.pinv(gram, hermitian=True) @ cross.T) if signed else nnls_rows(cross, gram).T
    return FittedPatterns(patterns.astype(matrix.dtype), mean, totals[:, 0], float(totals.sum()))


def _fit_kernel(X, maps):
    with np.errstate(all="ignore"):
        return X.sum(1, dtype=np.float64)[:, None], (X.T @ maps, X.sum(0, dtype=np.float64))
