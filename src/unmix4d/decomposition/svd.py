"""The truncated singular value decomposition of a scan, and how much of it is more than rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy

from ..engine.subspace import GRAM_LIMIT, leading_right

__all__ = ["SVD", "truncated_svd", "numerical_rank", "require_rank"]


@dataclass(frozen=True, eq=False)
class SVD:
    """X ~ left @ diag(values) @ right.

    Attributes
    ----------
    left : ndarray (n_positions, n)
    values : ndarray of float64 (n,)
        Singular values, descending.
    right : ndarray (n, n_pixels)
    residual : float
        Largest remaining error |X^T X v - s^2 v| of a wanted pair, relative to its own s^2.
    """

    left: np.ndarray
    values: np.ndarray
    right: np.ndarray
    residual: float = 0.0


def truncated_svd(matrix, n: int, *, seed: int = 0, tol: float = 1e-3, tick: Callable | None = None) -> SVD:
    """The n largest singular values and vectors.

    Parameters
    ----------
    matrix : PatternMatrix
    n : int
        At most min(matrix.shape).
    seed : int
        Of the random starting block.
    tol : float
        The iteration stops when every wanted pair satisfies ``|X^T X v - s^2 v| <= tol * s^2``, or after 12 passes:
        components inside the noise are too close to one another to be told apart, and need not be.
    tick : callable, optional
        Called after every pass.

    Returns
    -------
    SVD
        The largest absolute entry of every row of ``right`` is positive.
    """
    if matrix.shape[1] <= GRAM_LIMIT:
        values, vectors = scipy.linalg.eigh(matrix.gram())
        basis, residual = vectors[:, ::-1][:, :n], 0.0
    else:
        basis, residual = leading_right(matrix, n, seed=seed, tol=tol, tick=tick)
    # Singular values from X V itself, not from the Gram matrix: squaring would cost half of the digits.
    projected = matrix.times(basis).astype(np.float64, copy=False)
    left, values, turn = scipy.linalg.svd(projected, full_matrices=False)
    left, values, right = left[:, :n], values[:n], (turn @ np.asarray(basis, np.float64).T)[:n]
    sign = np.sign(right[np.arange(len(right)), np.abs(right).argmax(1)])
    sign[sign == 0] = 1
    return SVD((left * sign).astype(matrix.dtype), values, (right * sign[:, None]).astype(matrix.dtype), float(residual))


_ROUNDING = 2  # singular values below so many times the precision of the largest one are rounding


def numerical_rank(values, dtype) -> int:
    """Number of singular values (descending) above the rounding of the largest one in this dtype."""
    values = np.asarray(values, np.float64)
    return int((values > _ROUNDING * np.finfo(dtype).eps * values[:1]).sum())


def require_rank(values, dtype, method: str) -> None:
    """Refuse more components than the scan has, on behalf of `method`.

    Parameters
    ----------
    values : ndarray (n,)
        Singular values, descending, as many as components are asked for.
    dtype : numpy dtype
        Of the arithmetic they come from.
    method : str

    Raises
    ------
    ValueError
        If not all of them are above rounding.
    """
    rank = numerical_rank(values, dtype)
    if rank == 0:
        raise ValueError(f"{method} needs a signal, but every value of the scan is 0")
    if rank < len(values):
        raise ValueError(
            f"n must be at most {rank}, the rank of the scan, because {method} needs as many linearly independent "
            f"patterns as components, got {len(values)}"
        )
