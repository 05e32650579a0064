"""Sums over cells of neighbouring positions: a small scan that the first pass makes beside its statistics.

Neighbours see nearly the same, so that the leading directions of these sums are a start that is close to those of the
whole scan, and closer to what the patterns are than those of single positions in noise. A scan that is small itself has
a cell for every position, and is then held.
"""

from __future__ import annotations

import numpy as np

from .buffers import buffer

__all__ = ["HELD_BYTES", "HELD_POSITIONS", "cell_rows", "cells_of", "joined_rows"]

HELD_BYTES = 96 << 20  # that the sums may take, in the type of the arithmetic
HELD_POSITIONS = 2048  # positions of a scan that may be held as it is: their Gram matrix takes 32 MB
_CELLS = 512  # of a larger scan: a size of work, their Gram matrix costs about as much as a pass


def cells_of(geometry, n_pixels: int, itemsize: int) -> np.ndarray:
    """Which cell every kept position belongs to, int (n_positions,), numbered from 0 without gaps.

    Cells are as square as the scan allows, and as many as fit.
    """
    room = max(1, HELD_BYTES // (n_pixels * itemsize))
    if geometry.n_positions <= min(HELD_POSITIONS, room):
        return np.arange(geometry.n_positions)
    rows, cols = geometry.scan_shape
    limit, side = min(_CELLS, room), 1
    while -(-rows // min(side, rows)) * -(-cols // min(side, cols)) > limit:
        side += 1
    row, col = np.divmod(np.flatnonzero(geometry.kept_positions), cols)
    return np.unique(row // side * cols + col // side, return_inverse=True)[1].ravel()


def cell_rows(X, cells) -> dict:
    """Sums of the rows of a batch, of those of every cell: {cell: (n_pixels,)}; `cells` (m,) says whose they are.

    They are to be added up before the next batch.
    """
    starts = np.flatnonzero(np.diff(cells, prepend=-1))
    # One by one: `np.add.reduceat` takes ten times as long along this axis.
    sums: dict = {}
    out = buffer("cells", (len(starts), X.shape[1]), X.dtype)
    for cell, start, stop, total in zip(cells[starts].tolist(), starts, [*starts[1:], len(X)], out):
        X[start:stop].sum(0, out=total)
        if cell in sums:
            sums[cell] += total
        else:
            sums[cell] = total
    return sums


def joined_rows(total: dict, more: dict) -> dict:
    """`total`, whose arrays are its own, with the sums of `more` added to it."""
    for cell, values in more.items():
        if cell in total:
            total[cell] += values
        else:
            total[cell] = values.copy()
    return total
