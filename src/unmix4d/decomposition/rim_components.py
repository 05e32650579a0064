"""Components that are no grains of their own: what a grain scatters besides, at its rim or together with one above it."""

from __future__ import annotations

import numpy as np

from .factorisation import unit_rows
from .map_smoothing import smooth_maps

__all__ = ["LEAST_PART", "NOISE", "own_part", "rim_components_of"]

LEAST_PART = 0.15  # of the fitted squares at its own places (docs/merging.md); no table of other values
_BROAD = 3.0  # times the usual smoothing: a rim lies round its grain, not on it (docs/merging.md); no table
NOISE = -2  # a mark, no number: "is mostly noise"
_OWN_MEAN = 0.85  # least correlation of a map with its average over neighbours (docs/merging.md); below, mostly noise
_AROUND = 0.55  # least correlation of so broad maps (docs/merging.md); no table


def rim_components_of(geometry, maps, patterns, *, least_part: float = LEAST_PART, sigma: float = 1.0) -> np.ndarray:
    """Which component each rim component belongs to.

    A rim component is a small part of what is fitted at its own places, and lies where a component is that is a larger part
    at its own: thickness fringes round the middle of a grain, or what two grains scatter one after the other.

    Parameters
    ----------
    geometry : ScanGeometry
    maps : ndarray (n_positions, k)
    patterns : ndarray (k, n_pixels)
        Weighted, so that noise is even.
    least_part : float
        Rim components have less than this `own_part`; 0: there are none.
    sigma : float
        Of the usual smoothing of maps, in positions; here they are smoothed three times as broadly.

    Returns
    -------
    ndarray of int (k,)
        The component it joins, or -1 for what stays; `NOISE` for a small part without a component around it whose map is
        mostly noise. The one joined has the larger own part, so there are no circles.
    """
    part, k = own_part(maps, patterns), maps.shape[1]
    hosts = np.full(k, -1)
    if k < 2 or least_part <= 0:
        return hosts
    rows = np.ascontiguousarray(maps.T, np.float64)
    broad = smooth_maps(rows, geometry, _BROAD * sigma)
    broad = unit_rows(broad - broad.mean(axis=1, keepdims=True))
    alike = np.where(part[None, :] > part[:, None], broad @ broad.T, -1)
    nearest = alike.argmax(axis=1)
    joins = (part < least_part) & (alike[np.arange(k), nearest] > _AROUND)
    hosts[joins] = nearest[joins]
    close = smooth_maps(rows, geometry, sigma)
    own = [np.corrcoef(a, b)[0, 1] if a.any() and np.ptp(a) > 0 else 1.0 for a, b in zip(rows, close)]
    hosts[(hosts == -1) & (part < least_part) & (np.array(own) < _OWN_MEAN)] = NOISE
    return hosts


def own_part(maps, patterns) -> np.ndarray:
    """How much of what is fitted where a component is, is the component itself: 1 where it is alone.

    The squares of every component at every position, as a share of those of all components there; the mean over the
    positions, weighted with the squares of the component.

    Parameters
    ----------
    maps : ndarray (n_positions, k)
    patterns : ndarray (k, n_pixels)
        Weighted, so that noise is even.

    Returns
    -------
    ndarray of float64 (k,)
    """
    squares = maps.astype(np.float64) ** 2 * np.square(patterns, dtype=np.float64).sum(axis=1)
    total, own = squares.sum(axis=1, keepdims=True), squares.sum(axis=0)
    share = np.divide(squares, total, out=np.zeros_like(squares), where=total > 0)
    return np.divide((squares * share).sum(axis=0), own, out=np.zeros_like(own), where=own > 0)
