"""Which positions stand for a scan: spread over it, or some of every group."""

from __future__ import annotations

import numpy as np

__all__ = ["evenly_spread", "of_each_label"]


def evenly_spread(geometry, n: int, rng):
    """`n` rows (in order) of the matrix of a scan: one position of each of at most n equal cells, and others besides.

    Every grain that is larger than two cells a side is hit.

    Parameters
    ----------
    geometry : ScanGeometry
    n : int
        Not more than there are.
    rng : numpy Generator
    """
    rows, cols = np.divmod(np.flatnonzero(geometry.kept_positions), geometry.scan_shape[1])
    side, count = np.sqrt(len(rows) / n), len(rows)
    while count > n:
        cell = (rows // side).astype(int) * (geometry.scan_shape[1] + 1) + (cols // side).astype(int)
        count, side = len(np.unique(cell)), side * 1.05
    order = np.lexsort((rng.random(len(rows)), cell))
    first = np.append(True, cell[order][1:] != cell[order][:-1])
    # The first of every cell, in any order, before all others.
    rank = np.lexsort((rng.random(len(rows)), ~first))
    return np.sort(order[rank[:n]])


def of_each_label(labels, most: int):
    """Indices (in order) of at most `most` of each label, evenly spaced."""
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = min(len(members), max(most, 1))
        chosen.append(members[np.linspace(0, len(members) - 1, count).round().astype(int)])
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, int)
