"""The leading singular vectors of anything that can be multiplied: exact from a Gram matrix, or by block Krylov.

The block Krylov method (Musco and Musco 2015, arXiv:1504.05477) is continued until the wanted singular vectors no longer
change. A plain randomised SVD is not accurate enough for components near the noise.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy

from .threads import one_thread_per_block

__all__ = ["GRAM_LIMIT", "MAX_PASSES", "leading_right"]

GRAM_LIMIT = 2048  # a shorter side up to this is solved exactly, by its Gram matrix: 32 MB, one pass instead of many
_OVERSAMPLING = 10  # directions more than are wanted: 5 or 10 in Halko, Martinsson and Tropp 2011; scikit-learn has 10
MAX_PASSES = 12  # and one for the start; what has not converged by then lies inside the noise (docs/dev/engine.md)


def leading_right(
    operator, n: int, *, wanted: int | None = None, seed: int = 0, tol: float = 1e-3, floor: Callable | None = None,
    tick: Callable | None = None,
):  # fmt: skip
    """An orthonormal basis of the n leading right singular vectors by block Krylov iteration.

    Parameters
    ----------
    operator
        Has ``shape``, ``dtype`` and ``normal(V)`` = X.T @ X @ V.
    wanted : int, optional
        How many of the n must have converged; all by default. The others are as good as they have become by then.
    tol : float
        The iteration stops when every wanted pair satisfies ``|X^T X v - s^2 v| <= tol * s^2``, or after 12 steps:
        components inside the noise are too close to one another to be told apart, and need not be.
    floor : callable, optional
        ``floor(squared singular values)`` -> squared singular value below which a pair need not converge.

    Returns
    -------
    basis : ndarray (n_pixels, n)
    residual : float
        Largest remaining error of a wanted pair, relative to its own s^2.
    """
    # The matrices beside the scan are thin: threads of the linear algebra would only wait for each other.
    with one_thread_per_block():
        return _iterate(operator, n, wanted, seed, tol, floor, tick)


def _iterate(operator, n, wanted, seed, tol, floor, tick):
    limit = min(operator.shape)
    wanted = n if wanted is None else wanted
    width = min(max(n, wanted + _OVERSAMPLING), limit)
    rng = np.random.default_rng(seed)
    # Start from what the scan itself produces: one pass spent here is worth more than a random block of pixels.
    block = scipy.linalg.qr(operator.normal(rng.standard_normal((operator.shape[1], width))), mode="economic")[0]
    basis = np.empty((operator.shape[1], 0), operator.dtype)
    projections = np.empty((0, 0))
    for _ in range(MAX_PASSES):
        basis = np.concatenate([basis, block.astype(operator.dtype)], axis=1)
        image = operator.normal(basis[:, -block.shape[1] :])
        if tick:
            tick()
        projections = _grow(projections, basis, image, block.shape[1])
        rest = _orthogonalise(_orthogonalise(image, basis), basis)
        # The strongest directions first: in a scan of few positions only so many are left.
        directions, sizes, turn = _thin_svd(rest)
        coupling = sizes[:, None] * turn
        values, vectors = scipy.linalg.eigh(projections)
        values, vectors = values[::-1], vectors[:, ::-1][:, :n]
        residual = _residual(values[:wanted], coupling @ vectors[-coupling.shape[1] :, :wanted], operator.dtype, floor)
        block = directions[:, : min(width, limit - basis.shape[1])]
        if residual <= tol or block.shape[1] == 0:
            break
    return basis @ vectors.astype(operator.dtype), float(residual)


def _thin_svd(block):
    """SVD of a block with many more rows than columns, several times faster by way of its triangle."""
    q, triangle = scipy.linalg.qr(block, mode="economic")
    left, sizes, turn = scipy.linalg.svd(triangle, full_matrices=False)
    return q @ left, sizes, turn


def _residual(values, errors, dtype, floor):
    errors = np.linalg.norm(errors, axis=0)
    # Below the rounding of the products nothing can be asked.
    least = max(values[0], np.finfo(float).tiny) * np.finfo(dtype).eps * 10
    relative = errors / np.maximum(values, least)
    if floor is not None:
        above = values > floor(values)
        # The first component is always asked for, so that there is an answer.
        above[0] = True
        relative = relative[above]
    return relative.max()


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
