"""How probably each component of a polycrystal is one grain, by what its map and pattern look like among the others.

Where grains scatter dynamically, there are components besides them: thickness fringes at a rim, what two grains scatter one
after the other, halves of a bent grain. Runs agree on these as well as on grains, so their stability does not tell.
"""

from __future__ import annotations

import numpy as np
import scipy

from .factorisation import unit_rows
from .map_smoothing import smooth_maps

__all__ = ["GRAIN", "SIGNS", "count_interval", "grain_probability", "own_part", "signs_of_a_grain"]

SIGNS = ("own part", "agreement", "smoothness", "area", "nearness", "likeness", "in one piece")
_WEIGHTS = np.array([0.957, 8.822, 13.575, 0.951, -2.136, -2.302, 3.788])
_OFFSET = -22.731  # logistic regression by benchmarks/dynamical/calibrate.py; how well it holds: its CALIBRATION.md
GRAIN = 0.5  # probability from which on a component counts as a grain
_BROAD = 0.45  # of the radius of a typical component: rims and overlaps are near then; no table
_PRESENT = 0.3  # of the maximum of a smoothed map, for its largest piece; no table


def grain_probability(signs) -> np.ndarray:
    """Probability that a component is one grain: that the correlation of its map with the grain is above 0.7.

    Parameters
    ----------
    signs : ndarray (k, 7)
        From `signs_of_a_grain`.

    Returns
    -------
    ndarray of float64 (k,)
    """
    return scipy.special.expit(np.asarray(signs) @ _WEIGHTS + _OFFSET)


def count_interval(probability, level: float = 0.9) -> tuple[int, int]:
    """Central interval of the number of grains among components that are grains with these probabilities.

    Parameters
    ----------
    probability : ndarray (k,)
    level : float

    Returns
    -------
    (int, int)
        Quantiles of the sum of independent draws (Poisson binomial distribution).
    """
    chances = np.ones(1)
    for p in probability:
        chances = np.convolve(chances, [1 - p, p])
    below = np.cumsum(chances)
    return tuple(int(np.searchsorted(below, q - 1e-12)) for q in ((1 - level) / 2, (1 + level) / 2))  # type: ignore[return-value]


def signs_of_a_grain(geometry, maps, patterns, agreement) -> np.ndarray:
    """What tells grains from other components, for each of them.

    Parameters
    ----------
    geometry : ScanGeometry
    maps : ndarray (n_positions, k)
        In intensity.
    patterns : ndarray (k, n_pixels)
        Weighted, so that noise is even, each of sum 1 before.
    agreement : ndarray (k,)
        Mean correlation of the maps of the runs.

    Returns
    -------
    ndarray of float64 (k, 7)
        Logarithm of its `own_part`; agreement; correlation of the map with its mean over neighbours; logarithm of its area
        over the typical one; largest correlation with the map of a brighter component, both smoothed broadly; correlation of
        the pattern with that of this component; share of its intensity that is in one piece.
    """
    rows = np.ascontiguousarray(maps.T, np.float64)
    k, intensity = len(rows), rows.sum(axis=1)
    area = intensity**2 / np.maximum((rows**2).sum(axis=1), np.finfo(float).tiny)
    typical = _weighted_median(area, intensity)
    close, broad = (smooth_maps(rows, geometry, width) for width in (1.0, _BROAD * np.sqrt(typical / np.pi)))
    near = np.where(intensity > intensity[:, None], _correlations(broad), -1)
    nearest, among = near.argmax(axis=1), np.arange(k)
    some = near[among, nearest] > -1
    alike = _correlations(np.asarray(patterns, np.float64))[among, nearest]
    return np.column_stack([
        np.log(own_part(maps, patterns) + 1e-3), agreement, _correlation_of_pairs(rows, close),
        np.log(np.maximum(area, 1) / typical), np.where(some, near[among, nearest], 0), np.where(some, alike, 0),
        [_in_one_piece(row, image, geometry) for row, image in zip(rows, close)],
    ])  # fmt: skip


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


def _in_one_piece(row, smooth, geometry):
    """Share of a map, where it is present, that its largest connected region holds."""
    image = np.zeros(geometry.kept_positions.size)
    image[geometry.kept_positions] = np.where(smooth > _PRESENT * smooth.max(), row, 0)
    image = image.reshape(geometry.scan_shape)
    pieces, n = scipy.ndimage.label(image > 0)
    if not n:
        return 0.0
    held = np.bincount(pieces.ravel(), image.ravel())[1:]
    return float(held.max() / held.sum())


def _weighted_median(values, weights):
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return max(float(values[order][np.searchsorted(below, below[-1] / 2)]), 1.0)


def _centred(rows):
    return unit_rows(rows - rows.mean(axis=1, keepdims=True))


def _correlations(rows):
    rows = _centred(rows)
    return rows @ rows.T


def _correlation_of_pairs(rows, others):
    return (_centred(rows) * _centred(others)).sum(axis=1)
