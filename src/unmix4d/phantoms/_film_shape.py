"""Shape of a film and of its grains: wedge, holes, columns, lenses."""

import numpy as np
import scipy

from ._maps import film_grains, smooth_field, spread_points

_THINNEST = 0.05  # of the mean thickness, where the film is not gone altogether
_TRIES = 40  # draws at most; ours, from no table


def _points_on(film, n, rng):
    """Points (row, col) spread over the film, none of them in a hole."""
    points = spread_points(int(np.ceil(n * film.size / np.count_nonzero(film))), film.shape, rng)
    row, col = np.clip(np.rint(points).astype(int), 0, np.array(film.shape) - 1).T
    return rng.permutation(points[np.argsort(-film[row, col], kind="stable")[:n]])


def _ellipsoids(points, film, overlap, rng):
    """Lens-shaped grains that lie at different depths: share of the largest thickness, about 0 to 1 (n, rows, cols)."""
    row, col = np.indices(film.shape)
    radius = np.sqrt((1 + overlap) * np.count_nonzero(film) / (np.pi * len(points)))
    out = []
    for centre in points:
        long, turn, size = rng.uniform(1, 1.4), rng.uniform(0, np.pi), rng.uniform(0.8, 1.2)
        y, x = row - centre[0], col - centre[1]
        along, across = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
        inside = 1 - ((along / long) ** 2 + (across * long) ** 2) / (size * radius) ** 2
        out.append(size * np.sqrt(np.clip(inside, 0, None)))
    return np.stack(out)


def film_thickness(shape, wedge, variation, vacuum, rng):
    """Relative thickness of the film: a wedge, smooth variation, holes towards which it becomes thinner."""
    turn = rng.uniform(0, 2 * np.pi)
    row, col = (np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in shape)
    across = np.cos(turn) * row[:, None] + np.sin(turn) * col
    slope = 1 + wedge * across / np.abs(across).max()
    film = slope * (1 + variation * smooth_field(shape, rng, max(shape) / 10))
    film = np.maximum(film, _THINNEST)
    field = smooth_field(shape, rng, max(shape) / 4)
    if vacuum:
        there = field >= np.quantile(field, vacuum)
        film = film * np.minimum(scipy.ndimage.distance_transform_edt(there) / (0.08 * max(shape)), 1)
    return film


def grain_thickness(n_grains, overlap, film, rng):
    """Thickness of each grain (n, rows, cols), relative; drawn again where a grain is left with next to nothing."""
    for _ in range(_TRIES):
        points = _points_on(film, n_grains, rng)
        if overlap:
            grains = film * _ellipsoids(points, film, overlap, rng)
        else:
            grains = film * film_grains(points, film.shape, 0.0, 0.0, rng)
        large = (grains > 0.15 * grains.max()).sum(axis=(1, 2))
        if large.min() >= 0.3 * np.count_nonzero(film) / n_grains:
            return grains
    raise ValueError(f"n_grains must leave each grain some positions of {film.shape}, found {n_grains!r}")
