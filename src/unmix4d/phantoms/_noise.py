"""Counting noise: expectations, safe integer types, Poisson counts."""

import numpy as np

# Above this expectation per pixel `Generator.poisson` beats placing the electrons one by one (measured:
# 65536-pixel patterns, 0.2-0.5 s per 17 million pixels for poisson, 0.09 s per million electrons placed).
PLACE_BELOW = 0.2


def fits(largest, dtype):
    """Whether Poisson counts of expectation `largest` stay within the integer `dtype` (12 sigma above it)."""
    return largest + 12 * np.sqrt(largest) + 50 <= np.iinfo(dtype).max


def count_dtype(largest):
    """Smallest of uint16 and uint32 that Poisson counts of expectation `largest` do not overflow."""
    for dtype in (np.uint16, np.uint32):
        if fits(largest, dtype):
            return np.dtype(dtype)
    raise ValueError(f"dose must keep the counts of a pixel below 2**32, found {largest:.3g} expected")


def largest_expectation(patterns, maps):
    """Upper bound of the expected counts of any pixel."""
    return float(np.max(patterns.max(axis=(1, 2)).max() * maps.sum(axis=0).max()))


def row_expectation(patterns, maps, row):
    """Expectation of one scan row, (scan_col, det_row, det_col), float64."""
    k = len(patterns)
    return (maps[:, row].T @ patterns.reshape(k, -1)).reshape(-1, *patterns.shape[1:])


def make_data(patterns, maps, dose, rng, expectation=None):
    """Draw the scan, one scan row at a time so that no float copy of the whole scan is held.

    patterns, maps (ndarray): (k, det_row, det_col) and (k, scan_row, scan_col).
    dose (float or None): None returns the expectation as float32.
    rng: numpy.random.Generator.
    expectation (callable): ``expectation(row)`` where the scan is not the linear model (strain).
    Returns ndarray: (scan_row, scan_col, det_row, det_col), uint16 or uint32 counts, or float32.
    """
    if expectation is None:

        def expectation(row):
            return row_expectation(patterns, maps, row)

    dtype = np.dtype(np.float32)
    if dose is not None:
        # A strained spot can land more squarely on a pixel than the unstrained one, hence the factor.
        dtype = count_dtype(1.5 * largest_expectation(patterns, maps))
    data = np.empty(maps.shape[1:] + patterns.shape[1:], dtype)
    for row in range(len(data)):
        expected = expectation(row)
        data[row] = expected if dose is None else rng.poisson(expected)
    return data


def place_electrons(patterns, weights, rng, dtype):
    """Poisson counts by placing electrons, far faster than `Generator.poisson` at low dose.

    The counts of a sum of components are the sum of independent Poisson counts, and the electrons of one
    component are spread over the pixels by its pattern, independently of the position: so the number per
    position is drawn first, then sorted uniform deviates are looked up in the pattern's cumulative sum and
    dealt to the positions at random. The distribution is exactly Poisson, independent from pixel to pixel.

    patterns (ndarray): (k, n_pixels), non-negative.
    weights (ndarray): (n_positions, k), non-negative.
    rng: numpy.random.Generator.
    dtype: numpy.dtype.
    Returns ndarray: (n_positions, n_pixels) of `dtype`.
    """
    n_positions, n_pixels = len(weights), patterns.shape[1]
    counts = np.zeros(n_positions * n_pixels, dtype)
    one = np.ones((), dtype)
    for pattern, weight in zip(patterns, weights.T):
        cumulative = np.cumsum(pattern)
        per_position = rng.poisson(weight * cumulative[-1])
        n = int(per_position.sum())
        if n == 0:
            continue
        # n sorted uniforms: partial sums of n + 1 exponentials over their total.
        steps = np.cumsum(rng.standard_exponential(n + 1))
        pixel = np.searchsorted(cumulative, steps[:-1] / steps[-1] * cumulative[-1], side="right")
        pixel = np.minimum(pixel, n_pixels - 1)
        position = np.repeat(np.arange(n_positions) * n_pixels, per_position)
        np.add.at(counts, rng.permutation(position) + pixel, one)
    return counts.reshape(n_positions, n_pixels)


def draw_block(patterns, weights, rng, dtype):
    """Poisson counts (n_positions, n_pixels) by whichever way is the faster for this dose."""
    mean = float((weights @ patterns.sum(axis=1)).mean()) / patterns.shape[1]
    if mean < PLACE_BELOW:
        return place_electrons(patterns, weights, rng, dtype)
    return rng.poisson(weights @ patterns).astype(dtype)
