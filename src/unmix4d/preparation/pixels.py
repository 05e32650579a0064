"""What happens to the intensities of one block of patterns: hot pixels, gain, shift, crop, bin, Friedel mean.

Plain NumPy functions on blocks (rows, cols, det_row, det_col); they know nothing of scans.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "repair_hot_pixels", "divide_gain", "shift", "shift_between_pixels", "binned_dtype", "bin_pixels", "friedel_mean",
]  # fmt: skip

_NEIGHBOURS = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
_ENOUGH = 3  # neighbours without which nothing can be said about a pixel


def repair_hot_pixels(block, known=None, factor=10.0, mask=None):
    """Replace hot pixels by the median of their neighbours, the lower one of two.

    block: ndarray (rows, cols, det_row, det_col).
    known (ndarray of bool (det_row, det_col)): The hot pixels; without it a pixel is hot in a pattern when it exceeds
        `factor` times the sum of its brightest neighbour and the median of the pattern's non-zero values. That median is one
        electron where counts are few, whatever the unit of intensity. A Bragg spot is wider than a pixel and is left alone.
    mask (ndarray of bool (det_row, det_col)): Excluded pixels: they count neither as hot nor as neighbours.
    """
    out = np.array(block)
    good = np.ones(block.shape[2:], bool) if mask is None else ~mask
    for i, j in np.ndindex(block.shape[:2]):
        image = block[i, j]
        if known is None:
            lit = image[good & (image > 0)]
            if not lit.size:
                continue
            bright, count = _brightest_neighbour(image, good)
            hot = good & (count >= _ENOUGH) & (image > factor * (bright + np.median(lit)))
            usable = good
        else:
            hot, usable = known & good, good & ~known
        out[i, j][hot] = _median_around(image, np.argwhere(hot), usable)
    return out


def _brightest_neighbour(image, good):
    """The largest good neighbour of every pixel, and how many good neighbours it has."""
    padded = np.pad(np.where(good, image, 0).astype(float), 1)
    inside = np.pad(good, 1)
    rows, cols = image.shape
    views = [(slice(1 + i, 1 + i + rows), slice(1 + j, 1 + j + cols)) for i, j in _NEIGHBOURS]
    return np.max([padded[v] for v in views], axis=0), np.sum([inside[v] for v in views], axis=0)


def _median_around(image, where, usable):
    """Median of the usable neighbours of the given pixels; 0 where there is none."""
    values = np.zeros(len(where), image.dtype)
    for n, (row, col) in enumerate(where):
        window = slice(max(row - 1, 0), row + 2), slice(max(col - 1, 0), col + 2)
        chosen = np.array(usable[window])
        chosen[row - window[0].start, col - window[1].start] = False
        if chosen.any():
            values[n] = _middle(image[window][chosen])
    return values


def _middle(values):
    """The median; of an even number of values, the lower one of the two in the middle.

    Their mean may be half a count: integers would cut it off and floats would not, so that the same counts would give
    different answers; and half a count is not a count.
    """
    middle = (len(values) - 1) // 2
    return np.partition(values, middle)[middle]


def divide_gain(block, gain, dtype):
    """Intensities to electrons."""
    # In half precision the quotient may be beyond 65504, the largest number there.
    wide = np.promote_types(block.dtype.newbyteorder("=") if block.dtype.kind != "b" else np.uint8, dtype)
    return np.divide(block, wide.type(gain), dtype=wide).astype(dtype, copy=False)


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


def shift_between_pixels(block, shifts):
    """Every pattern moved by its own (rows, cols, 1, 2), by linear interpolation; sums are kept, but for the edges."""
    dtype = np.result_type(block.dtype.newbyteorder("="), np.float32) if block.dtype.kind == "f" else np.float32
    out = np.zeros(block.shape, dtype)
    whole = np.floor(shifts).astype(int)
    rest = shifts - whole
    for row in (0, 1):
        for col in (0, 1):
            share = np.abs(1 - row - rest[..., 0]) * np.abs(1 - col - rest[..., 1])
            moved = shift(block, whole + (row, col))
            with np.errstate(invalid="ignore"):  # an excluded pixel may be infinite
                moved = moved * share[..., None].astype(dtype)
            np.add(out, moved, out=out, where=share[..., None] > 0)
    return out


def binned_dtype(dtype, factors) -> np.dtype:
    """A type wide enough for the sum of a bin: a wider integer, or double precision where none is wide enough."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return np.dtype(np.result_type(dtype.newbyteorder("="), np.float32))
    info = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    low, high = (int(v) * int(np.prod(factors)) for v in info)
    kind = "i" if dtype.kind == "i" else "u"
    for size in (1, 2, 4, 8):
        wider = np.iinfo(f"{kind}{size}")
        if wider.min <= low and high <= wider.max:
            return np.dtype(f"{kind}{size}")
    return np.dtype(np.float64)


def bin_pixels(block, factors, dtype):
    """Sums over factors[0] x factors[1] detector pixels."""
    rows, cols = (n // f for n, f in zip(block.shape[2:], factors))
    split = block.reshape(*block.shape[:2], rows, factors[0], cols, factors[1])
    return split.sum(axis=(3, 5), dtype=dtype)


def friedel_mean(block, partners, dtype):
    """Mean of every pixel and its partner."""
    flat = block.reshape(*block.shape[:2], -1).astype(dtype)
    return ((flat + flat[..., partners]) / 2).reshape(block.shape)
