"""The odd part of a pattern under inversion about its centre: what I(g) and I(-g) differ in."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import scipy

from ..core.geometry import Calibration, ScanGeometry
from ..core.grids import area_weights
from ..core.polar import to_polar
from .features import Features, feature_geometry
from .scaling import deviation

__all__ = ["friedel_odd"]

_SEEN = 0.5  # share of a cell, and of the opposite one, on pixels that take part; else it is dropped


def friedel_odd(source, r_min: float, r_max: float, cell: float, halves: bool, centre) -> Features:
    """Differences of opposite cells of a grid about the centre in units of their counting noise, one pass.

    source: Unmix.
    r_min, r_max: Of the middles of the cells, in pixels of `ScanGeometry.radius`.
    cell: Edge of the square cells, in pixels; the pixels that a cell shares count with their area.
    halves: True: all cells, the differences that are negative set to 0, so that nothing is below 0. False: the cells above
        the centre only, with their sign; those below have the opposite one.
    centre: (float, float), about which patterns are turned.
    Returns Features: Of the shape (2 n, 2 n), or (n, 2 n).
    """
    n = max(1, math.ceil(r_max / cell))
    own = source.geometry.replace(centre=centre)
    weights, used = _cells(own, n, cell)
    radius = to_polar(own, *_middles(own, n, cell))[1].ravel()
    used &= (radius >= r_min) & (radius <= r_max)
    if not used.any():
        raise ValueError(
            f"r_min, r_max and cell must leave cells whose pixels take part on both sides of the centre, got radii "
            f"{r_min:.4g} to {r_max:.4g} and cells of {cell:.4g} pixels"
        )
    if not halves:
        used = used & (np.arange(len(used)) < len(used) // 2)
    shape = (2 * n, 2 * n) if halves else (n, 2 * n)
    geometry = feature_geometry(own, shape, ~used[: math.prod(shape)].reshape(shape))
    opposite = weights[::-1]
    compute = partial(_differences, source, weights[used], opposite[used], halves)
    settings = {
        "radius": [float(r_min), float(r_max)],
        "cell": float(cell),
        "halves": halves,
        "centre": [float(c) for c in centre],
    }
    return Features("friedel_odd", geometry, compute, settings, source, additive=not halves, signed=not halves)


def _cells(geometry, n, cell):
    """Mean of the pixels of every cell, sparse (n_cells, n_pixels), and which cells and their opposites are seen."""
    grid = ScanGeometry((1, 1), (2 * n, 2 * n), centre=(n - 0.5, n - 0.5), calibration=Calibration(pixel_size=(cell, cell)))
    pixels = ScanGeometry((1, 1), geometry.detector_shape, centre=geometry.centre)
    rows, cols = area_weights(grid, pixels)
    weights = scipy.sparse.kron(scipy.sparse.csr_matrix(rows), cols).tocsr()[:, geometry.kept_pixels]
    area = np.asarray(weights.sum(axis=1)).ravel()
    seen = area >= _SEEN * cell**2
    scale = np.divide(1, area, out=np.zeros_like(area), where=seen)
    return scipy.sparse.csr_matrix(scipy.sparse.diags(scale) @ weights), seen & seen[::-1]


def _middles(geometry, n, cell):
    row, col = np.meshgrid(*[(np.arange(2 * n) - n + 0.5) * cell] * 2, indexing="ij")
    return row + geometry.centre[0], col + geometry.centre[1]


def _differences(source, weights, opposite, halves):
    matrix = source.matrix()
    kernel = partial(_odd_kernel, weights=weights - opposite, n=matrix.shape[0])
    odd, (mean,) = matrix.visit_and_look(kernel)
    # Of counts, the variance of a difference is the sum of the variances; in arbitrary units elsewhere.
    per_count = weights.multiply(weights) + opposite.multiply(opposite)
    odd = odd / deviation(per_count @ np.maximum(mean.ravel(), 0)).astype(odd.dtype)
    return np.maximum(odd, 0) if halves else odd


def _odd_kernel(X, weights, n):
    odd = (weights @ X.T.astype(np.float64, copy=False)).T
    return np.ascontiguousarray(odd).astype(X.dtype), (X.sum(axis=0, dtype=np.float64)[None] / n,)
