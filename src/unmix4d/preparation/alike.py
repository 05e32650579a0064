"""Mean over positions nearby whose patterns are alike within their counting noise: non-local means (Buades 2005).

Patterns of few electrons cannot be compared pixel by pixel. They are compared by what stands out of the noise of the whole
scan, each alone, which tells small areas apart, and as the mean of 3 x 3 positions, which tells grains apart where a single
pattern says too little. What is averaged are the patterns as measured.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import scipy

from ..constraints import SmoothMaps
from ..core.scan import Scan
from ..engine.compression import compress
from ..engine.matrix import PatternMatrix
from .neighbours import over_windows, reach, window_sum

__all__ = ["average_alike"]

_MOST = 60  # directions that are looked for; those that stand out of the noise count
_LEAST = 2  # of them, where fewer stand out of the noise
_SIGMA = 1.0  # positions, of the scan in which directions are looked for (docs/preparation.md)
_TINY = 1e-12  # of the mean square: the noise of data that have none
_NOTHING = 1e-3  # a weight that is as good as none


def average_alike(scan: Scan, size: int, dtype):
    """Every pattern replaced by a mean of those within size x size positions around it that are alike; lazy.

    The scan is read now, once for the statistics and a few times more where it is large, to compare its patterns.

    Returns patterns (dask array).
    Returns n (int): Directions by which patterns are compared.
    Returns electrons (float): Mean number of them in a pattern, by the noise where values are in other units.
    """
    guide, electrons = _guide(scan)
    half = reach(scan, size)
    patterns = over_windows(scan, half, partial(_mean, half=half, dtype=dtype), dtype, guide)
    return patterns, guide.shape[-1] // 2 - 1, electrons


def _guide(scan):
    """Of every position (scan_row, scan_col, 2 r + 3): r numbers that it is compared by and their variance, alone and as the
    mean of its neighbourhood, and whether it is kept.

    Pixels are weighted so that their noise is the same (Keenan and Kotula 2004): so is that of the numbers, and independent.
    """
    geometry = scan.geometry
    matrix = PatternMatrix(scan.patterns, geometry, keep=scan.keep)
    smoothing = SmoothMaps(sigma=_SIGMA).bind(geometry)
    low = compress(matrix, _MOST, weights="poisson", position_weights=False, smoothing=smoothing)
    low = low.leading(min(max(low.above_noise, _LEAST), low.rank))
    variance, electrons = _variance(low, matrix.statistics())
    columns = np.concatenate([low.left, variance[:, None]], axis=1)
    maps = np.zeros((geometry.kept_positions.size, low.rank + 2))
    maps[geometry.kept_positions] = np.pad(columns, ((0, 0), (0, 1)), constant_values=1)
    maps = maps.reshape(*geometry.scan_shape, 1, -1)
    half = tuple(min(1, n - 1) for n in geometry.scan_shape)
    total = window_sum(maps, half)
    number = np.maximum(total[..., -1:], 1)
    # The mean of m positions has an m-th of their variance.
    means = [total[..., :-2] / number, total[..., -2:-1] / number**2]
    return np.concatenate([maps[..., :-1], *means, maps[..., -1:]], axis=-1)[:, :, 0].astype(np.float32), electrons


def _variance(low, statistics):
    """Variance of each of the scores of every position, (n_positions,), and the mean number of electrons in a pattern.

    Of counts it is the mean intensity where the weights are 1, in proportion to the total of the position. In other units it
    is so many times that as the squares that are left over by the directions say.
    """
    n, mean = len(low.left), np.maximum(statistics.mean_pattern, 0)
    pixels = mean if low.weights.pixels is None else np.square(low.weights.pixels) * mean
    left_over = low.norm2 - float(np.square(low.left, dtype=np.float64).sum())
    units = left_over / (n * max(pixels.sum() - low.rank * pixels.mean(), _TINY))
    totals = np.maximum(statistics.totals, 0)
    least = _TINY * low.norm2 / n
    variance = np.maximum(units * mean.mean() * totals / max(totals.mean(), _TINY), max(least, _TINY))
    return variance, totals.mean() / max(units, _TINY)


def _mean(block, guide, half, dtype):
    """Patterns of a block, its border included, averaged; positions that are left out have no weight and may be NaN."""
    guide = guide[:, :, 0]
    kept = guide[..., -1:, None] > 0
    patterns = np.where(kept, block, 0).astype(dtype).reshape(kept.size, -1)
    return np.asarray(_weights(guide, half, dtype) @ patterns).reshape(block.shape)


def _weights(guide, half, dtype):
    """Sparse (n, n): weights of the positions around each one, of sum 1."""
    kept, alone, means = guide[..., -1] > 0, guide[..., : guide.shape[-1] // 2], guide[..., guide.shape[-1] // 2 : -1]
    number = np.arange(kept.size).reshape(kept.shape)
    entries = []
    for down in range(-half[0], half[0] + 1):
        for right in range(-half[1], half[1] + 1):
            (to_row, from_row), (to_col, from_col) = (_shifted(n, by) for n, by in zip(kept.shape, (down, right)))
            here, there = (to_row, to_col), (from_row, from_col)
            unlike = np.maximum(_unlike(means[here], means[there]), _unlike(alone[here], alone[there]))
            weight = np.where(kept[here] & kept[there], np.exp(-np.maximum(unlike, 0)), 0)
            if down == right == 0:
                weight = np.ones_like(weight)
            some = weight > _NOTHING
            entries.append((weight[some], number[here][some], number[there][some]))
    values, rows, columns = (np.concatenate(part) for part in zip(*entries))
    total = np.bincount(rows, values, minlength=kept.size)
    return scipy.sparse.csr_matrix(((values / total[rows]).astype(dtype), (rows, columns)), shape=(kept.size,) * 2)


def _unlike(one, other):
    """By how many of its standard deviations a distance is larger than noise makes it; the last column is the variance."""
    noise = np.maximum(one[..., -1] + other[..., -1], np.finfo(np.float32).tiny)
    r = one.shape[-1] - 1
    # A sum of r squares of noise is r times its variance, give or take a standard deviation of sqrt(2 r).
    return (np.square(one[..., :-1] - other[..., :-1]).sum(axis=-1) / noise - r) / np.sqrt(2 * r)


def _shifted(n, by):
    """Slices of an axis: positions, and those that lie `by` further on."""
    return slice(max(-by, 0), n - max(by, 0)), slice(max(by, 0), n - max(-by, 0))
