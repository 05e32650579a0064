"""One pass over a scan: a kernel on every block, its answers gathered, its sums added up.

Everything that reads the scan goes through `run_pass`, in memory, on disk and with dask.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial

import numpy as np

from ..core.progress import part_done
from ..core.scan import ScanError
from .blocks import Plan
from .buffers import buffer
from .cells import joined_rows
from .threads import in_order, one_thread_per_block

__all__ = ["BATCH_VALUES", "TREE_WIDTH", "added", "computed_lazily", "rows_of_batch", "run_pass"]

BATCH_VALUES = 1 << 20  # patterns are cast to float in batches of this many values (4 MB in single precision)
_LEAST_ROWS = 16  # patterns, unless they have four times as many values: products with fewer take twice as long
TREE_WIDTH = 8  # sums of blocks that one task of dask adds, a size of work: they differ by rounding only


def run_pass(plan: Plan, kernel: Callable, per_row: Sequence[np.ndarray] = ()):
    """Call ``kernel(X, *rows)`` for batches of positions; gather what it says of them and add up what it sums.

    Parameters
    ----------
    plan : Plan
    kernel : callable
        Gets X (m, n_pixels) in ``plan.dtype`` and the rows (m, ...) of every array in `per_row`; returns
        ``(piece, sums)``: an array (m, ...) or None, and a tuple of arrays that are summed over all batches in float64; what
        few batches know of is a dict of arrays, which are summed key by key as they are. With an attribute
        ``join = np.maximum`` the largest values are kept instead.
    per_row : sequence of ndarray (n_positions, ...)

    Returns
    -------
    piece : ndarray (n_positions, ...) or None
    sums : tuple of ndarray or dict
    """
    # Blocks already run in parallel: threads of the linear algebra on top would only get in each other's way.
    with one_thread_per_block():
        run = _run_local if plan.delayed is None else _run_dask
        pieces, sums = run(plan, kernel, per_row)
    sums = (part if isinstance(part, dict) else np.asarray(part, np.float64) for part in sums or ())
    return _gather(plan, pieces), tuple(sums)


def _run_local(plan, kernel, per_row):
    """Blocks in threads, as many at a time as there are cores; added up in their order, so that nothing depends on it."""
    pieces, sums, join = [], None, _join(kernel)
    for piece, part in in_order(lambda i, _: _one_block(plan, i, kernel, per_row), len(plan.tiles)):
        pieces.append(piece)
        sums = added(sums, part, join)
        part_done(len(pieces) / len(plan.tiles))
    return pieces, sums


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
    step = rows_of_batch(flat.shape[1])
    kernel, per_row = _aligned(kernel), _aligned(per_row)
    pieces, sums, join = [], None, _join(kernel)
    # Within a block products in single precision are added as they are, no less exactly than one product adds its rows:
    # with few patterns in a batch, sums in double take as long as the product. They travel between machines as such, too.
    dtype_of_sums = None if _trait(kernel, "narrow_sums", False) else np.float64
    for start in range(0, n_rows, step):
        stop = min(start + step, n_rows)
        batch = flat[start:stop] if kept is None else flat[kept[start:stop]]
        batch = _chosen(batch, pixels, dtype)
        piece, part = kernel(batch, *(a[start:stop] for a in per_row))
        pieces.append(piece)
        sums = added(sums, part, join, dtype_of_sums)
    return (None if pieces[0] is None else np.concatenate(pieces)), sums


def rows_of_batch(n_pixels: int) -> int:
    """How many patterns are treated together."""
    return max(1, BATCH_VALUES // n_pixels, min(_LEAST_ROWS, 4 * BATCH_VALUES // n_pixels))


def _aligned(value):
    """A kernel, or its arrays, with arrays in memory that begins at a multiple of their item.

    What comes from another process lies anywhere, and products would copy it again for every batch.
    """
    if isinstance(value, partial):
        return partial(value.func, *map(_aligned, value.args), **{k: _aligned(v) for k, v in value.keywords.items()})
    if isinstance(value, (list, tuple)):
        return [_aligned(one) for one in value]
    return np.require(value, requirements="A") if isinstance(value, np.ndarray) else value


def _chosen(batch, pixels, dtype):
    """The kept pixels of a batch, as floats; valid until this thread asks for the next batch."""
    if pixels is None:
        if batch.dtype == dtype and batch.flags.c_contiguous and batch.flags.aligned:
            return batch
        out = buffer("batch", batch.shape, dtype)
        np.copyto(out, batch, casting="unsafe")
        return out
    ends = np.flatnonzero(np.diff(pixels) != 1) + 1
    if len(ends) > len(pixels) // 8:
        return np.take(batch, pixels, axis=1).astype(dtype, copy=False)
    # Kept pixels come in long runs: copying and casting run by run is several times faster than picking them singly.
    out = buffer("batch", (len(batch), len(pixels)), dtype)
    for start, stop in zip([0, *ends], [*ends, len(pixels)]):
        first = pixels[start]
        out[:, start:stop] = batch[:, first : first + stop - start]
    return out


def _join(kernel):
    return _trait(kernel, "join", np.add)


def _trait(kernel, name, default):
    """An attribute of a kernel, also where it has arguments, or others of their own stand around it as ``kernel=``."""
    while isinstance(kernel, partial):
        if hasattr(kernel.func, name):
            return getattr(kernel.func, name)
        kernel = kernel.keywords.get("kernel", kernel.func)
    return getattr(kernel, name, default)


def added(left, right, join=np.add, dtype: type | None = np.float64):
    """The sums of two parts, in `left`; the first is copied to `dtype`, None for the type that it has."""
    if right is None:
        return left
    if left is None:
        return tuple(joined_rows({}, part) if isinstance(part, dict) else np.array(part, dtype) for part in right)
    for a, b in zip(left, right):
        if isinstance(a, dict):
            joined_rows(a, b)
        else:
            join(a, b, out=a)
    return left


def _add_all(parts, join):
    # A worker's data may be read-only (it came through shared memory): `added` starts from a copy.
    total = None
    for part in parts:
        total = added(total, part, join)
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
    add, join = dask.delayed(_add_all, pure=False), _join(kernel)
    while len(partials) > 1:
        partials = [add(partials[j : j + TREE_WIDTH], join) for j in range(0, len(partials), TREE_WIDTH)]
    # What the kernel and its rows weigh is meant to travel in the graph: a worker that is lost then costs time only.
    with computed_lazily(), _large_graphs():
        return dask.compute(pieces, partials[0] if partials else ())


def _large_graphs():
    """No warning of a large graph, where there is a cluster that could say it."""
    import dask

    # dask imports distributed when it computes. Within the setting its defaults would be lost again at the end of it.
    if "distributed" not in sys.modules:
        return nullcontext()
    return dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"})


@contextmanager
def computed_lazily():
    """Whatever the graph of the host or its cluster does, it is the reading of the scan that fails, not our arithmetic."""
    try:
        yield
    except (MemoryError, ScanError):
        raise
    except Exception as error:
        raise OSError(f"the lazy scan could not be computed: {type(error).__name__}: {error}") from error


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
