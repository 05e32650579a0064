"""What happens to the intensities of one block of patterns: hot pixels, gain, shift, crop, bin, Friedel mean.

Plain NumPy functions on blocks (rows, cols, det_row, det_col); they know nothing of scans.
"""

from __future__ import annotations

import numpy as np

__all__ = ["repair_hot_pixels", "divide_gain", "shift", "binned_dtype", "bin_pixels", "friedel_partners", "friedel_mean"]

_NEIGHBOURS = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]


def _neighbours(block):
    """The eight neighbours of every detector pixel, (8, rows, cols, det_row, det_col); NaN beyond the edge."""
    # Intensities up to 2**24 are exact in single precision; wider integers need double.
    dtype = np.float32 if block.dtype.itemsize <= 2 or block.dtype == np.float32 else np.float64
    padded = np.full((*block.shape[:2], block.shape[2] + 2, block.shape[3] + 2), np.nan, dtype)
    padded[:, :, 1:-1, 1:-1] = block
    rows, cols = block.shape[2:]
    return np.stack([padded[:, :, 1 + i : 1 + i + rows, 1 + j : 1 + j + cols] for i, j in _NEIGHBOURS])


def repair_hot_pixels(block, known=None, factor=10.0):
    """Replace hot pixels by the median of their neighbours.

    Parameters
    ----------
    block : ndarray (rows, cols, det_row, det_col)
    known : ndarray of bool (det_row, det_col), optional
        The hot pixels; without it a pixel is hot in a pattern when it exceeds `factor` times the brightest of its
        neighbours plus one count. A Bragg spot is wider than a pixel and is left alone.
    """
    out = np.array(block)
    for row in range(len(block)):  # a row of the scan at a time: eight neighbours would be eight blocks
        line = block[row : row + 1]
        if known is None:
            hot = line > factor * (_brightest_neighbour(line) + 1)
        else:
            hot = np.broadcast_to(known, line.shape)
        if hot.any():
            around = _neighbours(line)
            if known is not None:
                around = np.where(_neighbours(hot.astype(np.uint8)) == 1, np.nan, around)
            values = np.nanmedian(_nan_safe(around[:, hot]), axis=0)
            out[row : row + 1][hot] = values.astype(block.dtype)
    return out


def _brightest_neighbour(line):
    best = np.zeros(line.shape, np.result_type(line.dtype, np.float32))
    rows, cols = line.shape[2:]
    for i, j in _NEIGHBOURS:
        to = (slice(max(-i, 0), rows - max(i, 0)), slice(max(-j, 0), cols - max(j, 0)))
        of = (slice(max(i, 0), rows - max(-i, 0)), slice(max(j, 0), cols - max(-j, 0)))
        np.maximum(best[(..., *to)], line[(..., *of)], out=best[(..., *to)])
    return best


def _nan_safe(values):
    """A pixel with no good neighbour at all becomes 0 rather than NaN."""
    values = np.array(values)
    values[:, np.isnan(values).all(0)] = 0
    return values


def divide_gain(block, gain, dtype):
    """Intensities to electrons."""
    return (block / gain).astype(dtype)


def shift(block, shifts):
    """Every pattern moved by its own whole number of pixels (rows, cols, 1, 2); what comes in from outside is 0."""
    out = np.zeros_like(block)
    rows, cols = block.shape[2:]
    for i, j in np.ndindex(block.shape[:2]):
        dr, dc = (int(v) for v in shifts[i, j].ravel())
        if abs(dr) >= rows or abs(dc) >= cols:
            continue
        to = (slice(max(dr, 0), rows + min(dr, 0)), slice(max(dc, 0), cols + min(dc, 0)))
        of = (slice(max(-dr, 0), rows + min(-dr, 0)), slice(max(-dc, 0), cols + min(-dc, 0)))
        out[(i, j, *to)] = block[(i, j, *of)]
    return out


def binned_dtype(dtype, factors) -> np.dtype:
    """An integer wide enough for the sum of a bin; floats stay as they are."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return dtype.newbyteorder("=")
    # Smallest width that holds the largest value of the type times the number of summed pixels.
    largest = (1 if dtype.kind == "b" else np.iinfo(dtype).max) * int(np.prod(factors))
    kind = "i" if dtype.kind == "i" else "u"
    for size in (1, 2, 4):
        if largest <= np.iinfo(f"{kind}{size}").max:
            return np.dtype(f"{kind}{size}")
    return np.dtype(f"{kind}8")


def bin_pixels(block, factors, dtype):
    """Sums over factors[0] x factors[1] detector pixels."""
    rows, cols = (n // f for n, f in zip(block.shape[2:], factors))
    split = block.reshape(*block.shape[:2], rows, factors[0], cols, factors[1])
    return split.sum(axis=(3, 5), dtype=dtype)


def friedel_partners(shape, centre, mask=None) -> np.ndarray:
    """Flat index of the pixel opposite to each pixel, about the nearest half pixel to the centre.

    A pixel whose partner is outside or masked, or that is masked itself, is its own partner.
    """
    row, col = (round(2 * c) - np.arange(n) for c, n in zip(centre, shape))
    inside = ((row >= 0) & (row < shape[0]))[:, None] & ((col >= 0) & (col < shape[1]))[None, :]
    own = np.arange(shape[0] * shape[1]).reshape(shape)
    partner = np.where(inside, row.clip(0, shape[0] - 1)[:, None] * shape[1] + col.clip(0, shape[1] - 1)[None, :], own)
    if mask is not None:
        partner = np.where(mask | mask.ravel()[partner], own, partner)
    return partner.ravel()


def friedel_mean(block, partners, dtype):
    """Mean of every pixel and its partner."""
    flat = block.reshape(*block.shape[:2], -1).astype(dtype)
    return ((flat + flat[..., partners]) / 2).reshape(block.shape)
