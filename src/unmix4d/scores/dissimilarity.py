"""How much the patterns of one grain differ among themselves: a score for scans without a truth (Bruefach 2022, eq. 6)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..engine.sparse_columns import as_columns, batches, weighted_sums

if TYPE_CHECKING:
    from scipy import sparse

    from ..engine.matrix import PatternMatrix

__all__ = ["dissimilarity", "matrix_dissimilarity"]


def dissimilarity(patterns: ArrayLike, weights: ArrayLike) -> float | np.ndarray:
    """Compute the weighted mean distance of patterns from their weighted mean pattern.

    This is ``sum_j w_j |DP_j - mean|_1 / sum_j w_j``, where each pattern, and the weighted mean of the unscaled patterns, is
    scaled to 0-1 first (Bruefach 2022, eq. 6; the absolute value is missing there, and without it differences would cancel).

    Parameters
    ----------
    patterns : array_like (n, ...)
        One pattern, or feature vector, for each position. Pixels that are NaN in any of them are excluded.
    weights : array_like (n,) or (n, k)
        Non-negative weight of each position in the grain, or in each of k grains. Positions with weight 0 are not used.

    Returns
    -------
    float or ndarray (k,)
        Dissimilarity, 0 if all patterns are equal up to a factor and an offset, NaN if all weights are 0. It increases with
        the number of pixels and the noise, so only compare values of one scan and one kind of features.

    Raises
    ------
    ValueError
        If shapes do not fit, or a value is infinite, or a weight negative or NaN.

    Examples
    --------
    >>> from unmix4d.scores import dissimilarity
    >>> dissimilarity([[0, 1.0], [0, 3.0]], [1.0, 1.0]), dissimilarity([[0, 1.0], [1.0, 0]], [3.0, 1.0])
    (0.0, 0.5)
    """
    patterns, weights = np.asarray(patterns, float), np.asarray(weights, float)
    if patterns.ndim < 2 or patterns.size == 0:
        raise ValueError(f"patterns must be (n, ...) with at least 2 dimensions, found shape {patterns.shape}")
    if weights.ndim not in (1, 2) or len(weights) != len(patterns):
        raise ValueError(f"weights must be (n,) or (n, k) for {len(patterns)} patterns, found shape {weights.shape}")
    _refuse_weights(weights)
    patterns = patterns.reshape(len(patterns), -1)
    if np.isinf(patterns).any():
        raise ValueError("patterns must be finite or NaN (excluded), found an infinite value")
    patterns = patterns[:, ~np.isnan(patterns).any(axis=0)]
    columns = weights.reshape(len(weights), -1)
    totals = columns.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = _scaled((patterns.T @ columns / totals).T)
        _, (sums,) = _kernel(patterns, as_columns(columns), means=means)
        answer = sums / totals
    return float(answer[0]) if weights.ndim == 1 else answer


def matrix_dissimilarity(matrix: PatternMatrix, weights: ArrayLike | sparse.sparray) -> np.ndarray:
    """Compute the `dissimilarity` of the patterns of a scan, in two passes for as many grains as fit into memory.

    Parameters
    ----------
    matrix : unmix4d.engine.matrix.PatternMatrix
        Patterns of the scan.
    weights : array_like or scipy sparse array (n_positions, k)
        Non-negative weights of the positions in each grain. Sparse columns only need memory for the positions of the grain.

    Returns
    -------
    ndarray of float64 (k,)

    Raises
    ------
    ValueError
        If a weight is negative, NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import Unmix
    >>> from unmix4d.scores import matrix_dissimilarity
    >>> scan = np.zeros((1, 3, 2, 2)); scan[0, :2, 0, 0] = [1.0, 2.0]; scan[0, 2, 1, 1] = 3.0
    >>> matrix_dissimilarity(Unmix(scan).matrix(), [[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]).round(6)
    array([0., 1.])
    """
    columns = as_columns(weights)
    _refuse_weights(columns.data)
    answer = np.empty(columns.shape[1])
    for some in batches(columns, matrix.shape[1]):
        rows = columns[:, some].tocsr()
        with np.errstate(invalid="ignore", divide="ignore"):
            totals = rows.sum(axis=0)
            means = _scaled(weighted_sums(matrix, rows) / totals[:, None])
            _, (sums,) = matrix.visit(partial(_kernel, means=means), (rows,))
            answer[some] = sums / totals
    return answer


def _refuse_weights(values: np.ndarray) -> None:
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError("weights must be finite and not negative, found other values")


def _scaled(rows: np.ndarray) -> np.ndarray:
    """Each row from 0 to 1; 0 throughout where it is constant, NaN where it is."""
    low = rows.min(axis=1, keepdims=True)
    span = rows.max(axis=1, keepdims=True) - low
    return (rows - low) / np.where(span == 0, 1, span)


def _kernel(X: np.ndarray, weights: sparse.csr_array, *, means: np.ndarray) -> tuple[None, tuple[np.ndarray]]:
    """Sum of weight x distance over a batch of patterns, for every grain."""
    X = _scaled(X)
    columns = weights.tocsc()
    sums = np.zeros(columns.shape[1])
    # Most grains have no position in a batch.
    for i in np.flatnonzero(np.diff(columns.indptr)):
        entries = slice(columns.indptr[i], columns.indptr[i + 1])
        use = columns.data[entries] > 0
        distances = np.abs(X[columns.indices[entries][use]] - means[i]).sum(axis=1)
        sums[i] = columns.data[entries][use] @ distances
    return None, (sums,)
