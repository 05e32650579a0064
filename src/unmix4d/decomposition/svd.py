"""Truncated SVD and PCA of a pattern matrix in a few passes.

Few pixels: the exact Gram matrix. Otherwise a block Krylov method (Musco and Musco 2015, arXiv:1504.05477), continued
until the wanted singular vectors no longer change. A plain randomised SVD is not accurate enough for components near
the noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg

__all__ = ["SVD", "truncated_svd"]

_GRAM_LIMIT = 2048
_OVERSAMPLING = 10
_MAX_PASSES = 12


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
    if matrix.shape[1] <= _GRAM_LIMIT:
        values, vectors = linalg.eigh(matrix.gram())
        basis, residual = vectors[:, ::-1][:, :n], 0.0
    else:
        basis, residual = _krylov(matrix, n, seed, tol, tick)
    # Singular values from X V itself, not from the Gram matrix: squaring would cost half of the digits.
    projected = matrix.times(basis).astype(np.float64, copy=False)
    left, values, turn = linalg.svd(projected, full_matrices=False)
    left, values, right = left[:, :n], values[:n], (turn @ np.asarray(basis, np.float64).T)[:n]
    sign = np.sign(right[np.arange(len(right)), np.abs(right).argmax(1)])
    sign[sign == 0] = 1
    return SVD(
        (left * sign).astype(matrix.dtype), values, (right * sign[:, None]).astype(matrix.dtype), float(residual)
    )


def _krylov(matrix, n, seed, tol, tick):
    """An orthonormal basis (n_pixels, n) of the leading right singular vectors."""
    limit = min(matrix.shape)
    width = min(n + _OVERSAMPLING, limit)
    rng = np.random.default_rng(seed)
    # Start from what the scan itself produces: one pass spent here is worth more than a random block of pixels.
    block = linalg.qr(matrix.normal(rng.standard_normal((matrix.shape[1], width))), mode="economic")[0]
    basis = np.empty((matrix.shape[1], 0), matrix.dtype)
    projections = np.empty((0, 0))
    for _ in range(_MAX_PASSES):
        basis = np.concatenate([basis, block.astype(matrix.dtype)], axis=1)
        image = matrix.normal(basis[:, -block.shape[1] :])
        if tick:
            tick()
        projections = _grow(projections, basis, image, block.shape[1])
        rest = _orthogonalise(_orthogonalise(image, basis), basis)
        # The strongest directions first: in a scan of few positions only so many are left.
        directions, sizes, turn = linalg.svd(rest, full_matrices=False)
        coupling = sizes[:, None] * turn
        values, vectors = linalg.eigh(projections)
        wanted = vectors[:, ::-1][:, :n]
        errors = np.linalg.norm(coupling @ wanted[-coupling.shape[1] :], axis=0)
        # Below the rounding of the products nothing can be asked.
        floor = max(values[-1], np.finfo(float).tiny) * np.finfo(matrix.dtype).eps * 10
        residual = (errors / np.maximum(values[::-1][:n], floor)).max()
        block = directions[:, : min(width, limit - basis.shape[1])]
        if residual <= tol or block.shape[1] == 0:
            break
    return basis @ wanted.astype(matrix.dtype), residual


def _grow(projections, basis, image, width):
    column = basis.T.astype(np.float64) @ image
    size = basis.shape[1]
    grown = np.zeros((size, size))
    grown[: len(projections), : len(projections)] = projections
    grown[:, size - width :] = column
    grown[size - width :, :] = column.T
    return (grown + grown.T) / 2


def _orthogonalise(block, basis):
    return block - basis @ (basis.T @ block.astype(basis.dtype))
