"""Which blocks a scan is read in: whole storage chunks, gathered up to a size that keeps memory small."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..core.scan import is_dask
from .threads import cores

__all__ = ["Plan", "make_plan", "tile_of", "compute_dtype"]

_BLOCK_BYTES = 64 << 20  # of files, where a block costs a read
_TASK_BYTES = 16 << 20  # of dask arrays, whose chunks may lie on different machines: small ones alone are put together
_SLICE_BYTES = 8 << 20  # of arrays in memory


def compute_dtype(dtype, precision: str) -> np.dtype:
    """float32 for integers and float32 in single precision; float64 for float64 input or double precision."""
    dtype = np.dtype(dtype)
    double = precision == "double" or (dtype.kind == "f" and dtype.itemsize > 4)
    return np.dtype(np.float64 if double else np.float32)


@dataclass(frozen=True, eq=False)
class Plan:
    """Which blocks a scan is read in, and which row of the matrix each of their positions is.

    Attributes
    ----------
    patterns : array (scan_row, scan_col, det_row, det_col)
    tiles : list of (slice, slice)
        Scan rows and columns of each block.
    rows : list of ndarray
        For each block, the matrix row of each of its kept positions.
    kept : list of ndarray or None
        For each block, the flat indices of its kept positions; None when all are kept.
    pixels : ndarray or None
        Flat indices of the kept detector pixels; None when all are kept.
    dtype : numpy dtype
        Of the arithmetic.
    """

    patterns: object
    tiles: list
    rows: list
    kept: list
    pixels: np.ndarray | None
    dtype: np.dtype
    delayed: list | None = None


def make_plan(patterns, geometry, dtype) -> Plan:
    """Decide the blocks; nothing is read."""
    tile = tile_of(patterns)
    index = np.full(geometry.scan_shape, -1, np.int64)
    keep = geometry.kept_positions.reshape(geometry.scan_shape)
    index[keep] = np.arange(geometry.n_positions)
    delayed = None
    if is_dask(patterns):
        # Not where chunks suit already: with sizes of its own, dask would look at every one of them.
        sizes = tuple(_row_sizes(geometry, tile[0])) if geometry.scans else tile[0]
        patterns = patterns.rechunk({0: sizes, 1: tile[1], 2: -1, 3: -1})
        row_sizes, col_sizes = patterns.chunks[:2]
    else:
        row_sizes, col_sizes = _row_sizes(geometry, tile[0]), _sizes(geometry.scan_shape[1], tile[1])
    tiles, rows, kept = [], [], []
    for row in _slices(row_sizes):
        for col in _slices(col_sizes):
            part = index[row, col].ravel()
            tiles.append((row, col))
            rows.append(part[part >= 0])
            kept.append(None if (part >= 0).all() else np.flatnonzero(part >= 0))
    if is_dask(patterns):
        delayed = list(patterns.to_delayed().ravel())
    pixels = None if geometry.kept_pixels.all() else np.flatnonzero(geometry.kept_pixels)
    return Plan(patterns, tiles, rows, kept, pixels, np.dtype(dtype), delayed)


def tile_of(patterns) -> tuple[int, int]:
    """Scan rows and columns of one block of this array."""
    pattern_bytes = math.prod(patterns.shape[2:]) * np.dtype(patterns.dtype).itemsize
    target = _SLICE_BYTES if isinstance(patterns, np.ndarray) else _TASK_BYTES if is_dask(patterns) else _BLOCK_BYTES
    # Every worker holds a block or two: on machines with many cores blocks are smaller, so that memory stays bounded.
    target = min(target, max((1 << 30) // cores(), 8 << 20))
    return _tile_shape(patterns.shape[:2], pattern_bytes, _storage_chunk(patterns), target)


def _storage_chunk(patterns) -> tuple[int, int]:
    chunks = getattr(patterns, "chunks", None)
    if chunks is None:
        return (1, 1)
    rows, cols = (max(c) if isinstance(c, tuple) else int(c) for c in chunks[:2])
    return rows, cols


def _tile_shape(scan_shape, pattern_bytes, chunk, target) -> tuple[int, int]:
    """Whole chunks, first along the columns of the scan, then along its rows, up to the size of a block."""
    rows, cols = (min(c, n) for c, n in zip(chunk, scan_shape))
    cols = min(scan_shape[1], cols * max(1, target // max(1, rows * cols * pattern_bytes)))
    if cols == scan_shape[1]:
        rows = min(scan_shape[0], rows * max(1, target // max(1, rows * cols * pattern_bytes)))
    return rows, cols


def _row_sizes(geometry, size):
    """Rows of the blocks; none holds rows of two scans, and the rows between scans are blocks of their own."""
    found, end = [], 0
    for rows, _ in geometry.scan_slices:
        found += [rows.start - end] * (rows.start > end) + _sizes(rows.stop - rows.start, size)
        end = rows.stop
    return found


def _sizes(total, size):
    return [min(size, total - start) for start in range(0, total, size)]


def _slices(sizes):
    start = 0
    for size in sizes:
        yield slice(start, start + size)
        start += size
