"""Where an NMF may begin: from the SVD (NNDSVD), from vertex components, at random, or from what the caller gives."""

from __future__ import annotations

import numpy as np

from ..core import checks
from .svd import SVD
from .vertex_components import vertex_start

__all__ = ["INITS", "Start", "nndsvd", "random_start", "given_start"]

INITS = ("nndsvd", "vca", "random")


class Start:
    """Where each of several starts begins: the first as asked for, the second from vertex components, the rest at random.

    Parameters
    ----------
    low : LowRank
    mean_pattern : ndarray (n_pixels,)
        Of the unweighted data.
    init : {"nndsvd", "vca", "random"} or (maps, patterns)
        A given start of the unweighted data, see `given_start`. After ``"random"`` all starts are random.
    """

    def __init__(self, low, mean_pattern, init):
        self.low, self.mean_pattern, self.init = low, mean_pattern, init

    def kind(self, i: int) -> str:
        """What the i-th start is called."""
        if i == 0:
            return self.init if isinstance(self.init, str) else "given"
        return "vca" if i == 1 and self.init != "random" and self.init != "vca" else "random"

    def __call__(self, problem, n: int, i: int, rng):
        """Maps (n_positions, n) and patterns (n, n_pixels) of the weighted data."""
        kind = self.kind(i)
        if kind == "nndsvd":
            left, values, right = self.low.svd()
            return nndsvd(SVD(left[:, :n], values[:n], right[:n]), problem.dtype)
        if kind == "vca":
            return vertex_start(self.low.left, self.low.right, n, rng)
        if kind == "given":
            maps, patterns = self.init
        else:
            maps, patterns = random_start(np.maximum(self.mean_pattern, 0), problem.shape[0], n, rng)
        return problem.weights.on(np.array(maps, problem.dtype), np.array(patterns, problem.dtype))


def nndsvd(svd, dtype) -> tuple[np.ndarray, np.ndarray]:
    """Non-negative double SVD: the positive or the negative part of each singular pair, whichever is larger.

    Parameters
    ----------
    svd : SVD
    dtype : numpy dtype

    Returns
    -------
    maps : ndarray (n_positions, n)
    patterns : ndarray (n, n_pixels)

    References
    ----------
    Boutsidis and Gallopoulos, Pattern Recognition 41 (2008) 1350, doi:10.1016/j.patcog.2007.09.010
    """
    left, right = svd.left.T.astype(np.float64), svd.right.astype(np.float64)
    maps, patterns = np.empty_like(left), np.empty_like(right)
    for i, (u, v, value) in enumerate(zip(left, right, svd.values)):
        plus = np.maximum(u, 0), np.maximum(v, 0)
        minus = np.maximum(-u, 0), np.maximum(-v, 0)
        if i == 0:
            # The first pair of a non-negative matrix has one sign; what differs from that is rounding.
            plus = minus = (np.abs(u), np.abs(v))
        norms = [np.linalg.norm(a) * np.linalg.norm(b) for a, b in (plus, minus)]
        a, b = plus if norms[0] >= norms[1] else minus
        size = max(norms) * value
        scale = np.sqrt(size)
        maps[i] = scale * a / max(np.linalg.norm(a), np.finfo(float).tiny)
        patterns[i] = scale * b / max(np.linalg.norm(b), np.finfo(float).tiny)
    return np.ascontiguousarray(maps.T, dtype), patterns.astype(dtype)


def random_start(mean_pattern, n_positions: int, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random non-negative maps, and the mean pattern (n_pixels,) with random modulation, at the scale of the data.

    Returns maps (n_positions, n) and patterns (n, n_pixels).
    """
    maps = rng.random((n_positions, n))
    return maps, (mean_pattern / n) * 2 * rng.random((n, len(mean_pattern)))


def given_start(init, matrix, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Check ``init=(maps, patterns)``, images or matrices, and bring it into the form of the solver."""
    try:
        maps, patterns = (np.asarray(checks.unwrap(part)) for part in init)
    except (TypeError, ValueError):
        raise ValueError(f"init must be 'nndsvd', 'random' or a pair (maps, patterns), got {init!r}") from None
    geometry = matrix.geometry
    if maps.shape == (n, *geometry.scan_shape):
        maps = geometry.from_maps(maps)
    if patterns.shape == (n, *geometry.detector_shape):
        patterns = geometry.from_images(patterns)
    if maps.shape != (matrix.shape[0], n) or patterns.shape != (n, matrix.shape[1]):
        raise ValueError(
            f"init must be maps {(n, *geometry.scan_shape)} and patterns {(n, *geometry.detector_shape)}, "
            f"got {maps.shape} and {patterns.shape}"
        )
    for name, part in (("maps", maps), ("patterns", patterns)):
        if part.dtype.kind not in "biuf":
            raise TypeError(f"init must hold real numbers, but its {name} have the dtype {part.dtype}")
        if not part.any():
            raise ValueError(f"init must not be 0 everywhere, but its {name} are: no iteration leads away from there")
        if not np.isfinite(part).all() or part.min() < 0:
            raise ValueError(f"init must be finite and not negative, but its {name} hold NaN, infinite or negative values")
    return np.array(maps, matrix.dtype), np.array(patterns, matrix.dtype)
