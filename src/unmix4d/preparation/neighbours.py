"""Mean over neighbouring probe positions (Cao 2025 filter their patterns with a 3 x 3 mean)."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..core.scan import Scan
from .lazy import as_dask

__all__ = ["average_neighbours", "over_windows", "reach", "window_sum"]


def average_neighbours(scan: Scan, size: int, dtype):
    """Every pattern replaced by the mean of the kept patterns within size x size positions around it; lazy."""
    half = reach(scan, size)
    keep = scan.geometry.kept_positions.reshape(*scan.geometry.scan_shape, 1)
    return over_windows(scan, half, partial(_mean, half=half, dtype=dtype), dtype, keep)


def reach(scan: Scan, size: int) -> tuple[int, int]:
    """Positions to either side in a window; one that is wider than the scan reaches no further than the scan."""
    rows, cols = (min(size // 2, length - 1) for length in scan.geometry.scan_shape)
    return rows, cols


def over_windows(scan: Scan, half: tuple[int, int], function, dtype, per_position):
    """``function(block, its part of per_position)`` on blocks with `half` positions more on every side; lazy.

    per_position (ndarray (scan_row, scan_col, n)): The block gets it as (rows, cols, 1, n).
    """
    import dask.array as da
    from dask.array.overlap import ensure_minimum_chunksize

    patterns = as_dask(scan)
    # Blocks thinner than the window cannot be overlapped.
    patterns = patterns.rechunk((*map(ensure_minimum_chunksize, half, patterns.chunks[:2]), *patterns.chunks[2:]))
    known = per_position[:, :, None]
    known = da.from_array(known, chunks=(*patterns.chunks[:2], (1,), (known.shape[-1],)), name=False)
    return da.map_overlap(
        function,
        patterns,
        known,
        depth={0: half[0], 1: half[1], 2: 0, 3: 0},
        boundary="none",
        dtype=dtype,
        meta=np.empty((0, 0, 0, 0), dtype),
        align_arrays=False,
        allow_rechunk=False,
    )


def _mean(block, keep, half, dtype):
    keep = keep.astype(dtype)
    # Excluded positions may hold NaN, and NaN times 0 is NaN.
    weighted = np.where(keep > 0, block, 0).astype(dtype)
    total, count = window_sum(weighted, half), window_sum(keep, half)
    return total / np.maximum(count, 1)


def window_sum(array, half):
    """Sums over windows of (2 half + 1) positions along the first two axes."""
    for axis in (0, 1):
        out = np.array(array)
        length = array.shape[axis]
        for step in range(1, min(half[axis], length - 1) + 1):
            low, high = [slice(None)] * 4, [slice(None)] * 4
            low[axis], high[axis] = slice(0, length - step), slice(step, length)
            out[tuple(low)] += array[tuple(high)]
            out[tuple(high)] += array[tuple(low)]
        array = out
    return array
