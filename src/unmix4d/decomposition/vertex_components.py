"""Vertex component analysis: the purest patterns of a scan, and maps of how much of each is where.

Works on thin matrices but for one pass over the scan, for the maps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .nnls import nnls_rows, simplex_rows
from .rank import numerical_rank
from .vertices import Vertices, find_vertices

__all__ = ["VertexComponents", "vertex_components", "vertex_patterns", "vertex_start"]

_ALIKE = 1e-2  # smallest eigenvalue of the cosines of the patterns, relative to the largest, that is told from 0


@dataclass(frozen=True, eq=False)
class VertexComponents:
    """One answer X ~ maps @ patterns and how it was reached.

    Attributes
    ----------
    maps : ndarray (n_positions, n)
    patterns : ndarray (n, n_pixels)
    vertices : Vertices
    unevenness : float
        By how much the sums of maps that are only not negative scatter over the scan (standard deviation), beyond what
        noise does: 0 where shares add up to 1, as far as can be told.
    """

    maps: np.ndarray
    patterns: np.ndarray
    vertices: Vertices
    unevenness: float


def vertex_components(matrix, svd, *, n_starts: int, projection: str, sum_to_one: bool, seed: int) -> VertexComponents:
    """Patterns of the corners of the scan, and maps by non-negative least squares on the scan itself; one pass.

    Parameters
    ----------
    matrix : PatternMatrix
    svd : SVD
        Of the matrix, with as many components as are wanted, all of them above rounding.
    n_starts : int
        Sets of random directions, each from its own generator.
    projection : {"auto", "affine", "projective"}
        See `find_vertices`.
    sum_to_one : bool
        Maps that add up to 1 at every position.
    seed : int

    Returns
    -------
    VertexComponents
    """
    n = len(svd.values)
    loadings = svd.left.astype(np.float64) * svd.values
    generators = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(n_starts)]
    power = matrix.statistics().norm2 / matrix.shape[0]
    if sum_to_one and projection == "auto":
        projection = "affine"
    found = find_vertices(
        loadings, n, generators, projection=projection, power=power, n_pixels=matrix.shape[1]
    )
    patterns = vertex_patterns(loadings, svd.right, found.members).astype(matrix.dtype)
    wide = patterns.astype(np.float64)
    cross, gram = matrix.times(patterns.T).astype(np.float64), wide @ wide.T
    maps = nnls_rows(cross, gram)
    unevenness = _unevenness(maps, wide, gram, matrix.statistics(), svd)
    if sum_to_one:
        maps = simplex_rows(cross, gram)
    return VertexComponents(maps.astype(matrix.dtype), patterns, found, unevenness)


def _unevenness(maps, patterns, gram, statistics, svd):
    size = np.sqrt(np.maximum(np.diag(gram), np.finfo(float).tiny))
    # Components that are nearly the same share their sum at will: as one they count, not their difference.
    inverse = np.linalg.pinv(gram / np.outer(size, size), rcond=_ALIKE, hermitian=True) / np.outer(size, size)
    # What the subspace leaves is noise; like counts it is the stronger the brighter a pixel.
    per_count = max(statistics.norm2 - float((svd.values**2).sum()), 0) / statistics.total
    noise = per_count * float((inverse.sum(0) @ patterns) ** 2 @ statistics.mean_pattern)
    excess = float(maps.sum(1).var()) - noise
    return float(np.sqrt(excess)) if excess > noise / 4 else 0.0


def vertex_patterns(loadings, basis, members) -> np.ndarray:
    """Patterns of the corners, not negative: means of their positions within the subspace, which takes most noise off.

    Parameters
    ----------
    loadings : ndarray (n_positions, r)
    basis : ndarray (r, n_pixels)
    members : ndarray of int (n, q)

    Returns
    -------
    ndarray of float64 (n, n_pixels)
    """
    return np.maximum(loadings[members].mean(1, dtype=np.float64) @ basis.astype(np.float64), 0)


def vertex_start(loadings, basis, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Vertex components as the start of an iteration: n patterns of the scan ``loadings @ basis``, and their maps.

    Parameters
    ----------
    loadings : ndarray (n_positions, r)
        With r at least n; less than n of them may be independent.
    basis : ndarray (r, n_pixels)
        Need not be orthonormal.
    n : int
        Number of components.
    rng : numpy.random.Generator
        One set of random directions, and the positions that fill up where the rank is below n.

    Returns
    -------
    maps : ndarray (n_positions, n)
    patterns : ndarray (n, n_pixels)
        Both not negative, of the dtype of `loadings`; their product is at the scale of the scan.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.decomposition.vertex_components import vertex_start
    >>> shares = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    >>> maps, patterns = vertex_start(shares, np.eye(2, 5), 2, np.random.default_rng(0))
    >>> np.allclose(maps @ patterns, shares @ np.eye(2, 5))
    True
    """
    wide = loadings.astype(np.float64)
    # In an orthonormal basis distances between loadings are distances between patterns.
    flat = wide @ np.linalg.qr(basis.T.astype(np.float64))[1].T
    left, values, _ = np.linalg.svd(flat, full_matrices=False)
    rank = min(n, numerical_rank(values, loadings.dtype))
    members = rng.integers(len(wide), size=(n - rank, 1))
    patterns = vertex_patterns(wide, basis, members)
    if rank:
        found = find_vertices(left[:, :rank] * values[:rank], rank, [rng])
        patterns = np.concatenate([vertex_patterns(wide, basis, found.members), patterns])
    maps = nnls_rows(wide @ (basis.astype(np.float64) @ patterns.T), patterns @ patterns.T)
    return maps.astype(loadings.dtype), patterns.astype(loadings.dtype)
