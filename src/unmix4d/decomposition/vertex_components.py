"""The purest patterns of a scan: vertices among its loadings, their patterns, and maps fitted to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .factorisation import scaled_inverse
from .nnls import nnls_rows, simplex_rows
from .svd import numerical_rank

__all__ = [
    "VertexComponents",
    "vertex_components",
    "vertex_patterns",
    "vertex_start",
    "PROJECTIONS",
    "Vertices",
    "find_vertices",
]


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
    matrix : WeightedMatrix
        With weights of pixels or without any.
    svd : SVD
        Of the weighted matrix, with as many components as are wanted, all of them above rounding.
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
    power = matrix.norm2 / matrix.shape[0]
    if sum_to_one and projection == "auto":
        projection = "affine"
    found = find_vertices(loadings, n, generators, projection=projection, power=power, n_pixels=matrix.shape[1])
    weighted = vertex_patterns(loadings, svd.right, found.members).astype(matrix.dtype)
    wide = weighted.astype(np.float64)
    cross, gram = matrix.times(weighted.T).astype(np.float64), wide @ wide.T
    maps = nnls_rows(cross, gram)
    unevenness = _unevenness(maps, wide, gram, matrix, svd)
    if sum_to_one:
        maps = simplex_rows(cross, gram)
    maps, patterns = matrix.weights.off(maps.astype(matrix.dtype), weighted)
    return VertexComponents(maps, patterns, found, unevenness)


def _unevenness(maps, patterns, gram, matrix, svd):
    # Components that are nearly the same share their sum at will: as one they count, not their difference.
    inverse = scaled_inverse(gram, _ALIKE)
    # What the subspace leaves is noise; like counts it is the stronger the brighter a pixel.
    mean = matrix.matrix.statistics().mean_pattern
    if matrix.weights.pixels is not None:
        mean = mean * matrix.weights.pixels**2
    per_count = max(matrix.norm2 - float((svd.values**2).sum()), 0) / (matrix.shape[0] * float(mean.sum()))
    noise = per_count * float((inverse.sum(0) @ patterns) ** 2 @ mean)
    excess = float(maps.sum(1).var()) - noise
    return float(np.sqrt(excess)) if excess > noise / 4 else 0.0


def vertex_patterns(loadings, basis, members) -> np.ndarray:
    """Patterns (n, n_pixels) of the corners, not negative: means of their positions within the subspace.

    That takes most noise off. For loadings (n_positions, r), a basis (r, n_pixels) and members (n, q).
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


PROJECTIONS = ("auto", "affine", "projective")

_DARK = 0.1  # share of the mean signal below which a position says nothing about its pattern
_AVERAGED = 9  # positions a corner is the mean of, where the scan is large enough ...
_SHARE = 0.005  # ... for that to be no more than this share of it
_EQUAL = 1e-9  # relative difference of volumes that is rounding


@dataclass(frozen=True, eq=False)
class Vertices:
    """The corners of a scan.

    Attributes
    ----------
    members : ndarray of int (n, q)
        Rows of the loadings each corner is the mean of, the outermost first.
    projection : {"affine", "projective"}
        What the loadings were projected on.
    snr_db : float
        Signal-to-noise ratio of the scan in decibels, nan where it was not asked for.
    """

    members: np.ndarray
    projection: str
    snr_db: float = float("nan")


def find_vertices(loadings, n: int, generators, *, projection: str = "auto", power: float | None = None, n_pixels: int = 0):
    """The n positions (and their like) that span the largest simplex found from random directions.

    From every generator: random directions orthogonal to the corners found so far, and in each direction the outermost
    positions are the next corner [1]_; the mean of a few of them, because one measured pattern is noisy [2]_. What is
    returned is the largest simplex.

    Parameters
    ----------
    loadings : ndarray of float64 (n_positions, n)
        Coordinates in an orthonormal basis of pattern space; of rank n.
    n : int
        Number of corners.
    generators : sequence of numpy.random.Generator
        One for every set of random directions.
    projection : {"auto", "affine", "projective"}
        ``"affine"``: onto the plane of the n - 1 strongest principal components, for patterns that are mixed with shares
        that add up to 1. ``"projective"``: along the rays from zero, for any total signal. ``"auto"``: as the paper, the
        latter above a signal-to-noise ratio of 15 + 10 log10(n) decibels; and where there are positions without signal,
        which would else be a corner.
    power : float, optional
        Mean squared norm of the patterns of the scan, for the signal-to-noise ratio.
    n_pixels : int
        Likewise.

    Returns
    -------
    Vertices

    References
    ----------
    .. [1] Nascimento and Bioucas-Dias, IEEE Trans. Geosci. Remote Sens. 43 (2005) 898, doi:10.1109/TGRS.2005.844293
    .. [2] Nadisic, Gillis and Kervazo, Smoothed separable nonnegative matrix factorization, arXiv:2110.05528
    """
    snr = float("nan") if power is None else _snr_db(loadings, n, power, n_pixels)
    mean = loadings.mean(0)
    along = loadings @ mean / max(mean @ mean, np.finfo(float).tiny)
    dark = along <= _DARK
    if projection == "auto":
        projection = "projective" if dark.any() or snr > 15 + 10 * np.log10(n) else "affine"
    q = int(np.clip(_SHARE * len(loadings), 1, _AVERAGED))
    if n == 1:
        return Vertices(_outermost(along, q)[None], projection, snr)
    points = _affine(loadings, n) if projection == "affine" else _projective(loadings, along, dark)
    # The sign of a principal component is arbitrary; what is found must not be.
    points = points * np.where(points[np.abs(points).argmax(0), np.arange(n)] < 0, -1, 1)
    best, largest = None, 0.0
    for rng in generators:
        corners, members = _corners(points, n, q, rng)
        volume = abs(np.linalg.det(corners))
        # Of equal volumes the first, so that rounding does not choose.
        if best is None or volume > largest * (1 + _EQUAL):
            best, largest = members, volume
    return Vertices(best, projection, snr)  # type: ignore[arg-type]  # set in the loop


def _snr_db(loadings, n, power, n_pixels):
    kept = np.einsum("ij,ij->", loadings, loadings) / len(loadings)
    # Of the noise, too, a share of n / n_pixels lies in the subspace.
    floor = float(np.finfo(np.float32).eps) * power  # NumPy 2 would go on in single precision
    signal, noise = max(kept - n / n_pixels * power, floor), max(power - kept, floor)
    return float(10 * np.log10(signal / noise))


def _affine(loadings, n):
    """The n - 1 strongest principal components and a constant, which makes a simplex of n corners span n dimensions."""
    centred = loadings - loadings.mean(0)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, : n - 1]
    flat = centred @ axes
    return np.column_stack([flat, np.full(len(flat), np.sqrt((flat**2).sum(1).max()))])


def _projective(loadings, along, dark):
    # At the origin a position is outermost in no direction.
    return np.where(dark[:, None], 0, loadings / np.where(dark, 1, along)[:, None])


def _corners(points, n, q, rng):
    corners, members = np.empty((n, n)), np.empty((n, q), int)
    for i in range(n):
        direction = rng.standard_normal(n)
        # Before there is a corner: along the simplex, not across it.
        found = corners[:, :i] if i else points.mean(0)[:, None]
        direction -= found @ np.linalg.lstsq(found, direction, rcond=None)[0]
        heights = points @ (direction / max(np.linalg.norm(direction), np.finfo(float).tiny))
        ends = [_outermost(sign * heights, q) for sign in (1, -1)]
        members[i] = max(ends, key=lambda end: abs(heights[end].mean()))
        corners[:, i] = points[members[i]].mean(0)
    return corners, members


def _outermost(heights, q):
    chosen = np.argpartition(-heights, q - 1)[:q]
    return chosen[np.argsort(-heights[chosen], kind="stable")]
