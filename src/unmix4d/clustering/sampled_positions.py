"""Which positions stand for a scan: spread over it, or some of every group."""

from __future__ import annotations

import numpy as np

__all__ = ["evenly_spread", "of_each_label", "worst_explained"]

_STRANGE = 4.0  # robust standard deviations: what is stranger is no noise of counting


def evenly_spread(geometry, rows, n: int, rng):
    """`n` of some rows (in order) of the matrix of a scan: one of each of at most n equal cells, and others besides.

    Every grain that is larger than two cells a side is hit.

    Parameters
    ----------
    geometry : ScanGeometry
    rows : ndarray of int
        Those that there is a choice of.
    n : int
        Not more than there are.
    rng : numpy Generator
    """
    scan_row, scan_col = np.divmod(np.flatnonzero(geometry.kept_positions)[rows], geometry.scan_shape[1])
    side, count = np.sqrt(len(rows) / n), len(rows)
    cell = np.arange(count)
    while count > n:
        cell = (scan_row // side).astype(int) * (geometry.scan_shape[1] + 1) + (scan_col // side).astype(int)
        count, side = len(np.unique(cell)), side * 1.05
    order = np.lexsort((rng.random(len(rows)), cell))
    first = np.append(True, cell[order][1:] != cell[order][:-1])
    # The first of every cell, in any order, before all others.
    rank = np.lexsort((rng.random(len(rows)), ~first))
    return np.sort(rows[order[rank[:n]]])


def worst_explained(strange, rows, n: int, rng):
    """`n` positions besides `rows`: those stranger than noise, the strangest first, and any others where these are fewer.

    Positions that only noise tells apart have their noise in common when they are the strangest: groups would be made of it.

    Parameters
    ----------
    strange : ndarray (n_positions,)
        How badly each is explained; -inf without intensity.
    rows : ndarray of int
        Those that are already chosen.
    n : int
        Fewer are returned where there are no more.
    rng : numpy Generator
    """
    some = np.isfinite(strange)
    middle = np.median(strange[some])
    spread = 1.4826 * np.median(np.abs(strange[some] - middle))
    free = np.setdiff1d(np.flatnonzero(some), rows)
    free = free[np.lexsort((rng.random(len(free)), -np.maximum(strange[free], middle + _STRANGE * spread)))]
    return free[:n]


def of_each_label(labels, most: int):
    """Indices (in order) of at most `most` of each label, evenly spaced."""
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = min(len(members), max(most, 1))
        chosen.append(members[np.linspace(0, len(members) - 1, count).round().astype(int)])
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, int)
