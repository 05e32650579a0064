"""Rings of spots: ranges between the minima of the radial profile of the maximum pattern (Bruefach 2022)."""

from __future__ import annotations

import numpy as np
import scipy

from ..core.units import in_pixels
from .sectors import Grid, sector_shares, weighted

__all__ = ["beam_edge", "find_rings", "given_rings", "radial_profile", "reach", "maximum_pattern"]


_STEP = 0.5  # pixels between the radii of the profile
_SMOOTH = 1.0  # pixels, sigma: minima of single pixels are noise
_PROMINENCE = 0.1  # of the logarithm: how far, relatively, a ring rises above the minima beside it
_FOOT = 0.05  # of the height of the last ring: where it ends when nothing follows


def radial_profile(grid: Grid, pattern) -> tuple[np.ndarray, np.ndarray]:
    """Mean of a pattern over the azimuth, smoothed, at radii half a pixel apart.

    pattern (ndarray (n_pixels,)): Kept pixels.
    Returns radius, profile (ndarray (n,)): Radii (pixels) of which enough lies on the detector; the first ones may be
        masked.
    """
    n = max(1, int(np.ceil(grid.radius.max() / _STEP)))  # a single pixel has a radius of 0
    edges = np.arange(n + 1) * _STEP
    shares = sector_shares(grid, list(zip(edges, edges[1:])), 1)
    used = shares.used[:, 0]
    profile = weighted(shares) @ np.asarray(pattern, np.float64)
    radius = (edges[:-1] + _STEP / 2)[used]
    keep = radius <= reach(grid)
    return radius[keep], scipy.ndimage.gaussian_filter1d(profile, _SMOOTH / _STEP, mode="nearest")[keep]


def reach(grid) -> float:
    """The last radius in pixels of which half lies on the detector; further out only its corners are left."""
    edges = np.arange(max(1, int(np.ceil(grid.radius.max()))) + 1.0)
    counts, _ = np.histogram(grid.radius, edges)
    whole = np.array([grid.area(a, b, 1) for a, b in zip(edges, edges[1:])])
    half = np.flatnonzero(scipy.ndimage.uniform_filter1d(counts / whole, 3, mode="nearest") >= 0.5)
    return float(edges[half[-1] + 1]) if half.size else float(edges[-1])


def find_rings(grid: Grid, maximum) -> list[tuple[float, float]]:
    """Rings of spots in the maximum pattern of a scan.

    A ring is a maximum of the radial profile that rises by a tenth above the minima beside it; it reaches from one minimum
    to the next. The direct beam, which falls off from the centre, is none. The last ring ends where the profile has come
    down to a twentieth of the ring's height above the lowest value outside.

    Parameters
    ----------
    grid : Grid
    maximum : ndarray (n_pixels,)
        Largest value of every kept pixel in the scan.

    Returns
    -------
    list of (float, float)
        Inner and outer radius in pixels.

    Raises
    ------
    ValueError
        If there is no ring.

    References
    ----------
    Bruefach et al., Microsc. Microanal. 28 (2022), Angular Averaging and Fig. 3g.
    """
    from scipy import signal  # brings scipy.stats: half of what `Unmix` would take to import

    radius, profile = radial_profile(grid, maximum)
    floor = max(profile.max(initial=0) * 1e-6, np.finfo(float).tiny)
    peaks, _ = signal.find_peaks(np.log(np.maximum(profile, floor)), prominence=_PROMINENCE)
    if not peaks.size:
        raise ValueError(
            "rings must be given, because the radial profile of the maximum pattern has no maximum beside the direct beam"
        )
    between = [a + int(profile[a:b].argmin()) for a, b in zip(peaks, peaks[1:])]
    first, last = int(profile[: peaks[0] + 1].argmin()), _foot(profile, peaks[-1])
    bounds = radius[[first, *between, last]]
    return [(float(a), float(b)) for a, b in zip(bounds, bounds[1:])]


def _foot(profile, peak):
    outside = profile[peak:]
    low = outside.min()
    return peak + int(np.argmax(outside <= low + _FOOT * (profile[peak] - low)))


def beam_edge(grid: Grid, maximum) -> float:
    """Radius in pixels of the first minimum of the radial profile; 0 where it does not fall from the centre.

    maximum: ndarray (n_pixels,).
    """
    radius, profile = radial_profile(grid, maximum)
    rises = np.flatnonzero(np.diff(profile) > 0)
    if not radius.size or radius[0] > 1 or not rises.size or rises[0] == 0:
        return 0.0
    return float(radius[rises[0]])


def given_rings(rings, grid) -> list[tuple[float, float]]:
    """Rings of a call, (inner, outer) in pixels or texts with a unit, in pixels.

    Raises ValueError when there is none, a ring has no width, or it is not on the detector.
    """
    try:
        pairs = [tuple(ring) for ring in rings]
    except TypeError:
        raise TypeError(f"rings must be a list of (inner, outer) radii, got {rings!r}") from None
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"rings must be a list of (inner, outer) radii, got {rings!r}")
    largest = float(grid.radius.max())
    out = []
    for pair in pairs:
        inner, outer = (in_pixels(r, grid.length, grid.unit, "rings") for r in pair)
        if not 0 <= inner < outer < np.inf:
            raise ValueError(f"rings must have 0 <= inner < outer radius, got {pair[0]!r} and {pair[1]!r}")
        if inner > largest:
            raise ValueError(f"rings must be on the detector, which ends at {largest:.4g} pixels, got {pair[0]!r}")
        out.append((inner, outer))
    return out


def maximum_pattern(matrix) -> np.ndarray:
    """Largest value of every kept pixel over the kept positions of a scan; one pass.

    matrix: PatternMatrix.
    Raises ValueError when a kept value is NaN or infinite; says where.
    """
    pattern = matrix.visit(_maximum_kernel)[1][0].astype(matrix.dtype)
    if not np.isfinite(pattern).all():
        matrix.statistics()  # which says where
    return pattern


def _maximum_kernel(X):
    return None, (X.max(0),)


_maximum_kernel.join = np.maximum  # type: ignore[attr-defined]
