"""One pass over a scan, block by block, for arrays in memory, on disk and for dask.

Everything that reads the scan goes through `run_pass`. Blocks are whole storage chunks, gathered up to a size that keeps
memory small; integers stay integers until a batch of patterns inside a block is used.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np

from .scan import is_dask

__all__ = ["Plan", "make_plan", "tile_of", "run_pass", "compute_dtype"]

_BLOCK_BYTES = 64 << 20  # of files and dask arrays, where a block costs a read
_SLICE_BYTES = 8 << 20  # of arrays in memory
_BATCH_VALUES = 2 << 20  # patterns are cast to float in batches of this many values (8 MB in single precision)
_TREE_WIDTH = 8


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


def make_plan(patterns, frame, dtype) -> Plan:
    """Decide the blocks; nothing is read."""
    tile = tile_of(patterns)
    index = np.full(frame.scan_shape, -1, np.int64)
    keep = frame.kept_positions.reshape(frame.scan_shape)
    index[keep] = np.arange(frame.n_positions)
    delayed = None
    if is_dask(patterns):
        patterns = patterns.rechunk({0: tile[0], 1: tile[1], 2: -1, 3: -1})
        row_sizes, col_sizes = patterns.chunks[:2]
    else:
        row_sizes, col_sizes = (_sizes(n, t) for n, t in zip(frame.scan_shape, tile))
    tiles, rows, kept = [], [], []
    for row in _slices(row_sizes):
        for col in _slices(col_sizes):
            part = index[row, col].ravel()
            tiles.append((row, col))
            rows.append(part[part >= 0])
            kept.append(None if (part >= 0).all() else np.flatnonzero(part >= 0))
    if is_dask(patterns):
        delayed = list(patterns.to_delayed().ravel())
    pixels = None if frame.kept_pixels.all() else np.flatnonzero(frame.kept_pixels)
    return Plan(patterns, tiles, rows, kept, pixels, np.dtype(dtype), delayed)


def tile_of(patterns) -> tuple[int, int]:
    """Scan rows and columns of one block of this array."""
    pattern_bytes = math.prod(patterns.shape[2:]) * np.dtype(patterns.dtype).itemsize
    target = _SLICE_BYTES if isinstance(patterns, np.ndarray) else _BLOCK_BYTES
    # Every worker holds a block or two: on machines with many cores blocks are smaller, so that memory stays bounded.
    target = min(target, max((1 << 30) // (os.cpu_count() or 1), 8 << 20))
    return _tile_shape(patterns.shape[:2], pattern_bytes, _storage_chunk(patterns), target)


def _storage_chunk(patterns) -> tuple[int, int]:
    chunks = getattr(patterns, "chunks", None)
    if chunks is None:
        return (1, 1)
    return tuple(max(c) if isinstance(c, tuple) else int(c) for c in chunks[:2])


def _tile_shape(scan_shape, pattern_bytes, chunk, target) -> tuple[int, int]:
    """Whole chunks, first along the columns of the scan, then along its rows, up to the size of a block."""
    rows, cols = (min(c, n) for c, n in zip(chunk, scan_shape))
    cols = min(scan_shape[1], cols * max(1, target // max(1, rows * cols * pattern_bytes)))
    if cols == scan_shape[1]:
        rows = min(scan_shape[0], rows * max(1, target // max(1, rows * cols * pattern_bytes)))
    return rows, cols


def _sizes(total, size):
    return [min(size, total - start) for start in range(0, total, size)]


def _slices(sizes):
    start = 0
    for size in sizes:
        yield slice(start, start + size)
        start += size


def run_pass(plan: Plan, kernel: Callable, per_row: Sequence[np.ndarray] = ()):
    """Call ``kernel(X, *rows)`` for batches of positions; gather what it says of them and add up what it sums.

    Parameters
    ----------
    plan : Plan
    kernel : callable
        Gets X (m, n_pixels) in ``plan.dtype`` and the rows (m, ...) of every array in `per_row`; returns
        ``(piece, sums)``: an array (m, ...) or None, and a tuple of arrays that are summed over all batches in float64.
    per_row : sequence of ndarray (n_positions, ...)

    Returns
    -------
    piece : ndarray (n_positions, ...) or None
    sums : tuple of ndarray
    """
    # Blocks already run in parallel: threads of the linear algebra on top would only get in each other's way.
    with _linear_algebra().limit(limits=1, user_api="blas"):
        run = _run_local if plan.delayed is None else _run_dask
        pieces, sums = run(plan, kernel, per_row)
    return _gather(plan, pieces), sums if sums is not None else ()


@cache
def _linear_algebra():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _run_local(plan, kernel, per_row):
    """Blocks in threads, as many at a time as there are cores; added up in their order, so that nothing depends on it."""
    pieces, sums = [], None
    for piece, partial in _in_order(lambda i: _one_block(plan, i, kernel, per_row), len(plan.tiles)):
        pieces.append(piece)
        sums = _add(sums, partial)
    return pieces, sums


def _in_order(function, count):
    workers = min(count, os.cpu_count() or 1)
    if workers < 2:
        yield from map(function, range(count))
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque(pool.submit(function, i) for i in range(workers))
        try:
            for i in range(workers, count + workers):
                result = waiting.popleft().result()
                if i < count:
                    waiting.append(pool.submit(function, i))
                yield result
        finally:
            for future in waiting:
                future.cancel()


def _one_block(plan, i, kernel, per_row):
    rows, cols = plan.tiles[i]
    if not plan.rows[i].size:
        return None, None
    try:
        block = np.asarray(plan.patterns[rows, cols])
    except OSError as error:
        raise OSError(
            f"the scan could not be read at scan rows {rows.start}-{rows.stop - 1}, "
            f"columns {cols.start}-{cols.stop - 1}: {error}"
        ) from error
    return run_block(block, kernel, plan.kept[i], plan.pixels, plan.dtype, [a[plan.rows[i]] for a in per_row])


def run_block(block, kernel, kept, pixels, dtype, per_row):
    """The kernel on one block (rows, cols, det_row, det_col), a batch of patterns at a time."""
    flat = np.asarray(block).reshape(-1, math.prod(block.shape[2:]))
    n_rows = len(flat) if kept is None else len(kept)
    step = max(1, _BATCH_VALUES // flat.shape[1])
    pieces, sums = [], None
    for start in range(0, n_rows, step):
        stop = min(start + step, n_rows)
        batch = flat[start:stop] if kept is None else flat[kept[start:stop]]
        batch = _chosen(batch, pixels, dtype)
        piece, partial = kernel(batch, *(a[start:stop] for a in per_row))
        partial = tuple(np.array(p, np.float64) for p in partial)
        pieces.append(piece)
        sums = partial if sums is None else _add(sums, partial)
    return (None if pieces[0] is None else np.concatenate(pieces)), sums


def _chosen(batch, pixels, dtype):
    """The kept pixels of a batch, as floats."""
    if pixels is None:
        return batch.astype(dtype, order="C", copy=False)
    ends = np.flatnonzero(np.diff(pixels) != 1) + 1
    if len(ends) > len(pixels) // 8:
        return np.take(batch, pixels, axis=1).astype(dtype, copy=False)
    # Kept pixels come in long runs: copying and casting run by run is several times faster than picking them singly.
    out = np.empty((len(batch), len(pixels)), dtype)
    for start, stop in zip([0, *ends], [*ends, len(pixels)]):
        first = pixels[start]
        out[:, start:stop] = batch[:, first : first + stop - start]
    return out


def _add(left, right):
    if left is None or right is None:
        return right if left is None else left
    for a, b in zip(left, right):
        a += b
    return left


def _add_all(parts):
    # A worker's data may be read-only (it came through shared memory), so the sum starts from a copy.
    total = tuple(np.array(p) for p in parts[0])
    for part in parts[1:]:
        total = _add(total, part)
    return total


def _run_dask(plan, kernel, per_row):
    """A task per block, the sums added up in a tree, everything computed in one go."""
    import dask

    # The kernel carries the small matrices: as one node of the graph they travel once, not once per task.
    shared = dask.delayed(kernel, pure=False)
    task = dask.delayed(run_block, nout=2, pure=False)
    pieces, partials = [], []
    for i, block in enumerate(plan.delayed):
        if plan.rows[i].size:
            rows = [a[plan.rows[i]] for a in per_row]
            piece, sums = task(block, shared, plan.kept[i], plan.pixels, plan.dtype, rows)
            pieces.append(piece)
            partials.append(sums)
        else:
            pieces.append(None)
    add = dask.delayed(_add_all, pure=False)
    while len(partials) > 1:
        partials = [add(partials[j : j + _TREE_WIDTH]) for j in range(0, len(partials), _TREE_WIDTH)]
    return dask.compute(pieces, partials[0] if partials else ())


def _gather(plan, pieces):
    first = next((p for p in pieces if p is not None), None)
    if first is None:
        return None
    total = sum(len(rows) for rows in plan.rows)
    out = np.empty((total, *first.shape[1:]), first.dtype)
    for rows, piece in zip(plan.rows, pieces):
        if piece is not None:
            out[rows] = piece
    return out
