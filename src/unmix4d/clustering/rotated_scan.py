"""Groups of the positions of a large scan: found among some of them, and then given to all, in passes over the scan.

Comparing all pairs grows with the square of their number. Some thousand positions, spread over the scan, are grouped as a
small scan is; what their groups explain worst joins them, so that what is rare is not overlooked, and they are grouped once
more. Every position of the scan is then compared with the averages of the groups only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from .group_angles import folded, from_strongest, symmetry_order
from .rotated_counts import (
    Counts,
    Reader,
    Sums,
    Templates,
    likeliest,
    make_templates,
    read_counts,
    rings_of_counts,
    sums_of,
)
from .rotated_positions import ROUNDS, RotatedPositions, group_positions, rests
from .sampled_positions import evenly_spread, of_each_label, worst_explained
from .similarity import Rings, similarity_of

__all__ = ["MOST_COMPARED", "Witnesses", "group_scan"]

MOST_COMPARED = 2048  # positions of which all pairs are compared (docs/details, benchmarks/rotation)
_WORST = 512  # of them, that the first groups explain worst
_PARTNERS = 24  # positions of each group that angles are compared with, for their residuals; no table


@dataclass(frozen=True, eq=False)
class Witnesses:
    """Some positions of every group, held in memory: what is asked of pairs is asked of them.

    Attributes
    ----------
    rows : ndarray of int (n,)
        Rows of the matrix of the scan.
    matrix : PatternMatrix
        Of these positions, and of others without intensity.
    some : ndarray of bool
        Which of its positions these are.
    counts : Counts
    labels, angles_deg, mirrored : ndarray (n,)
    """

    rows: np.ndarray
    matrix: Any
    some: np.ndarray
    counts: Counts
    labels: np.ndarray
    angles_deg: np.ndarray
    mirrored: np.ndarray


def group_scan(
    matrix, only: Callable, reader: Reader, rng, *, mirror=False, most=MOST_COMPARED, tick=None, **how
) -> tuple[RotatedPositions | None, np.ndarray, Witnesses | None]:  # fmt: skip
    """Group the positions of a scan whose patterns are rotated copies of a few.

    Parameters
    ----------
    matrix : PatternMatrix
    only : callable
        Gets rows of the matrix, and returns a matrix of these alone.
    reader : Reader
    rng : numpy Generator
        Says which positions are compared in pairs, where there are more than `most`.
    mirror : bool
    most : int
    tick : callable, optional
        Called 11 times at most, 6 times where all pairs are compared.
    **how
        See `group_positions`.

    Returns
    -------
    found : RotatedPositions or None
        Of the positions with some intensity; None where these are fewer than two.
    some : ndarray of bool (n_positions,)
        Which these are.
    witnesses : Witnesses or None
    """
    tick = tick or (lambda: None)
    if matrix.shape[0] <= most:
        return _all_pairs(matrix, np.arange(matrix.shape[0]), matrix.shape[0], reader, mirror, tick, how)
    full = np.flatnonzero(matrix.statistics().totals > 0)
    if len(full) <= most:
        return _all_pairs(only(full), full, matrix.shape[0], reader, mirror, tick, how)
    rows = evenly_spread(matrix.geometry, full, most - min(_WORST, most // 4), rng)
    counts, found = _grouped(only, reader, rows, mirror, how)
    tick()
    if found is not None:
        templates, flat = _averages(counts, found)
        strange = _given(matrix, reader, templates, flat, mirror).strange
        tick()
        rows = np.sort(np.concatenate([rows, worst_explained(strange, rows, most - len(rows), rng)]))
        counts, found = _grouped(only, reader, rows, mirror, how)
    tick()
    if found is None:
        return None, np.zeros(matrix.shape[0], bool), None
    return _given_to_all(matrix, only, reader, counts, found, mirror, most, tick)


def _all_pairs(matrix, rows, n, reader, mirror, tick, how):
    """Of a matrix of these rows of n: no position is left to be given to the groups."""
    counts, rings, there = read_counts(matrix, reader)
    tick()
    some = np.zeros(n, bool)
    some[rows[there]] = True
    if some.sum() < 2:
        return None, some, None
    found = group_positions(counts, rings, mirror=mirror, tick=tick, **how)
    return found, some, Witnesses(rows[there], matrix, there, counts, found.labels, found.angles_deg, found.mirrored)


def _grouped(only, reader, rows, mirror, how):
    """Counts and groups of some positions; None where too few of them hold anything."""
    counts, rings, some = read_counts(only(rows), reader)
    if some.sum() < 2:
        return counts, None
    how = {**how, "n_groups": None if how.get("n_groups") is None else min(how["n_groups"], int(some.sum()))}
    return counts, group_positions(counts, rings, mirror=mirror, **how)


def _averages(counts, found):
    """Templates of the groups, and which of them are even."""
    flat = found.symmetry == 0
    sums = sums_of(counts, found.labels, np.nan_to_num(found.angles_deg), found.mirrored, len(flat))
    return make_templates(counts, sums, flat), flat


def _given_to_all(matrix, only, reader, counts, found, mirror, most, tick):
    """Every position to the likeliest part, and then in turns with their averages to the likeliest group."""
    parts = _given(matrix, reader, found.part_templates, None, mirror).labels
    tick()
    templates, flat = _averages(counts, found)
    labels = np.full(matrix.shape[0], -2)
    for _ in range(ROUNDS):
        before = labels
        given = _given(matrix, reader, templates, flat, mirror)
        labels = given.labels
        tick()
        if rests(labels, before):
            break
        templates = make_templates(counts, given.sums, flat)
    some = labels >= 0
    there, own = np.unique(labels[some], return_inverse=True)
    own, flat = own.ravel(), flat[there]
    averages = rings_of_counts(reader.of_spectra(_spectra_of(given.sums, there, counts)))
    symmetry = np.array([0 if flat[g] else symmetry_order(averages.spectra[:, g], averages) for g in range(len(there))])
    angles, mirrored = from_strongest(own, given.angles_deg[some], given.mirrored[some], given.totals[some], flat)
    angles = np.where(flat[own], np.nan, folded(angles, counts.period))
    mirrored &= ~flat[own]
    chosen = of_each_label(own, most // len(there))
    rows = np.flatnonzero(some)[chosen]
    witnesses = _witnesses(only, reader, rows, own[chosen], angles[chosen], mirrored[chosen])
    residuals = _residuals(matrix, reader, some, own, angles, mirrored, symmetry, witnesses, mirror)
    tick()
    leaves = np.where(np.isin(found.leaf_labels, there), np.searchsorted(there, found.leaf_labels), -1)
    found = replace(
        found, labels=own, angles_deg=angles, residuals_deg=residuals, mirrored=mirrored, symmetry=symmetry,
        parts=parts[some], leaf_labels=leaves,
    )  # fmt: skip
    return found, some, witnesses


def _spectra_of(sums, there, counts):
    return (sums.spectra[there] / sums.sizes[there, None, None]).transpose(1, 0, 2).astype(counts.spectra.dtype)


def _witnesses(only, reader, rows, labels, angles, mirrored):
    matrix = only(rows)
    counts, _, some = read_counts(matrix, reader, pairs=False)
    return Witnesses(rows[some], matrix, some, counts, labels[some], angles[some], mirrored[some])


# Passes


@dataclass(frozen=True, eq=False)
class _Given:
    """Which template each position was given to.

    Attributes
    ----------
    labels : ndarray of int (n_positions,)
        -1 without intensity.
    angles_deg, mirrored, totals : ndarray (n_positions,)
    strange : ndarray (n_positions,)
        How badly each is explained by its template; -inf without intensity.
    sums : Sums
        Of the positions of each template.
    """

    labels: np.ndarray
    angles_deg: np.ndarray
    mirrored: np.ndarray
    totals: np.ndarray
    strange: np.ndarray
    sums: Sums


def _given(matrix, reader, templates, flat, mirror) -> _Given:
    """One pass: the likeliest template, angle and mirroring of every position."""
    ready = Templates(reader.of_spectra(np.empty((reader.n_frequency, 0, 0))), templates, mirror, flat)
    piece, sums = matrix.visit(partial(_give, reader=reader, templates=ready))
    labels, angles, mirrored, totals, strange = piece.T
    return _Given(labels.astype(int), angles, mirrored > 0.5, totals, strange, Sums.from_real(sums))


def _give(X, *, reader, templates):
    """Kernel: rows of `_Given`, and the sums of the labels."""
    counts = reader(X)
    labels, angles, mirrored, heights = likeliest(counts, templates)
    totals = counts.totals
    # In standard deviations that the likelihood of counts of that template has, up to a factor that all share.
    score = (heights + templates.chances[labels]) / np.maximum(totals, 1e-30)
    strange = (templates.means[labels] - score) / templates.spreads[labels] * np.sqrt(np.maximum(totals, 0))
    labels = np.where(totals > 0, labels, -1)
    strange = np.where(totals > 0, strange, -np.inf)
    piece = np.stack([labels, angles, mirrored, totals, strange], axis=1).astype(float)
    return piece, sums_of(counts, labels, angles, mirrored, len(templates)).as_real()


def _residuals(matrix, reader, some, labels, angles, mirrored, symmetry, witnesses, mirror):
    """One pass: how far the angles against some positions of each group are from those in it (n,), root mean square."""
    partners = of_each_label(witnesses.labels, _PARTNERS)
    partners = partners[symmetry[witnesses.labels[partners]] > 0]
    if not partners.size:
        return np.full(len(labels), np.nan)
    counts = witnesses.counts
    rings = rings_of_counts(reader.of_spectra(np.ascontiguousarray(counts.spectra[:, partners])))
    table = np.stack([
        witnesses.rows[partners], witnesses.labels[partners], witnesses.angles_deg[partners], witnesses.mirrored[partners]
    ], axis=1).astype(float)  # fmt: skip
    own = np.full((len(some), 4), -1.0)
    own[:, 0] = np.arange(len(some))
    own[some, 1:] = np.stack([labels, np.nan_to_num(angles), mirrored], axis=1)
    kernel = partial(_compare, reader=reader, rings=rings, table=table, symmetry=symmetry, mirror=mirror)
    found = matrix.visit(kernel, (own,))[0][some, 0]
    return np.where(symmetry[labels] > 0, found, np.nan)


def _compare(X, own, *, reader, rings, table, symmetry, mirror):
    """Kernel: the residual (m, 1) of each position."""
    out = np.zeros((len(X), 1))
    batch = rings_of_counts(reader(X))
    for group in np.flatnonzero(symmetry):
        members, partners = np.flatnonzero(own[:, 1] == group), np.flatnonzero(table[:, 1] == group)
        if not members.size or not partners.size:
            continue
        both = _joined(batch, members, rings, partners)
        end = len(members)
        _, pairs, flips = similarity_of(both, slice(0, end), slice(end, end + len(partners)), mirror)
        row, _, angle, flipped = (v[:, None] for v in own[members].T)
        other, _, angles, mirrored = table[partners].T
        off = folded(pairs - angle + np.where(flips, -1, 1) * angles, 360 / symmetry[group])
        use = (flips == ((flipped > 0.5) ^ (mirrored > 0.5))) & (row != other)
        out[members, 0] = np.sqrt((off**2 * use).sum(axis=1) / np.maximum(use.sum(axis=1), 1))
    return out, ()


def _joined(one, members, other, partners):
    """Rings of some patterns of one and some of another."""

    def both(name, axis):
        first, second = getattr(one, name), getattr(other, name)
        return None if first is None else np.concatenate([first.take(members, axis), second.take(partners, axis)], axis)

    return Rings(
        both("spectra", 1), both("seen", 0), both("seen_mirrored", 0), both("energy", 0), one.period, one.n_azimuth
    )  # fmt: skip
