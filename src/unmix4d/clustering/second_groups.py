"""Which second group is at a position: where two grains overlap, a mixture of two averages explains its counts better."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import scipy

from .group_angles import folded, turns
from .rotated_counts import Reader, Sums, make_templates, sums_of

__all__ = ["second_groups"]

LEAST_SHARE = 0.15  # of the second group at a position; less is also what thickness leaves (docs/details)
_SURE = 8.0  # logarithm of the likelihood beyond what so many angles and groups give by chance: 4 standard deviations
_APART = 8.0  # degrees from the angle of the first: nearer copies of the same group are one crystal that is bent; no table
_PROMISING = 0.25  # of that, by the formula for small shares, from which on the share is looked for; no table
_STEPS = 12  # of finding the share; no table
_CHUNK = 64  # positions at a time, a size of work: no answer depends on it


def second_groups(matrix, reader: Reader, labels, angles, mirrored, symmetry, mirror: bool):
    """Second group of every position, in two passes.

    The averages of the groups are made first. For each position, counts c and the average t of its group at its angle, the
    share w of another average u that is best in (1 - w) t + w u is about g / F, and the gain in likelihood g^2 / 2F, with
    g = sum c (u / t - 1) and F = sum c (u / t - 1)^2. Both are correlations over the azimuth, for all angles at once.

    Parameters
    ----------
    matrix : PatternMatrix
    reader : Reader
    labels : ndarray of int (n_positions,)
        -1: the position is left out.
    angles, mirrored : ndarray (n_positions,)
    symmetry : ndarray of int (n_groups,)
        0 of groups without spots.
    mirror : bool
        Whether the second group may be mirrored.

    Returns
    -------
    second : ndarray of int (n_positions,)
        -1 where one group explains the counts.
    share : ndarray (n_positions,)
        Of the second one in the counts; 0 without one.
    """
    own = np.stack([labels, np.nan_to_num(angles), mirrored], axis=1).astype(float)
    summed = matrix.visit(partial(_sum, reader=reader, n=len(symmetry)), (own,))[1]
    grid = reader.of_spectra(np.empty((reader.n_frequency, 0, 0)))
    templates = make_templates(grid, Sums.from_real(summed), symmetry == 0)
    kernel = partial(_look, reader=reader, templates=templates, symmetry=symmetry, mirror=mirror)
    found = matrix.visit(kernel, (own,))[0]
    return found[:, 0].astype(int), found[:, 1]


def _sum(X, own, *, reader, n):
    """Kernel: sums of the groups."""
    return None, sums_of(reader(X), own[:, 0].astype(int), own[:, 1], own[:, 2] > 0.5, n).as_real()


def _look(X, own, *, reader, templates, symmetry, mirror):
    """Kernel: second group and share (m, 2)."""
    counts, out = reader(X), np.tile([-1.0, 0.0], (len(X), 1))
    flips = (False, True) if mirror else (False,)
    candidates = [(group, flip) for group in range(len(symmetry)) for flip in (flips if symmetry[group] else (False,))]
    spectra = scipy.fft.rfft(templates, axis=1)
    squares = scipy.fft.rfft(templates**2, axis=1)
    for start in range(0, len(X), _CHUNK):
        rows = np.flatnonzero(own[start : start + _CHUNK, 0] >= 0) + start
        if rows.size:
            out[rows] = _of_some(counts, rows, own[rows], candidates, templates, spectra, squares, symmetry)
    return out, ()


def _of_some(counts, rows, own, candidates, templates, spectra, squares, symmetry):
    n_azimuth = len(counts.valid)
    labels, flips = own[:, 0].astype(int), own[:, 2] > 0.5
    values = np.ascontiguousarray(scipy.fft.irfft(counts.spectra[:, rows], n_azimuth, axis=0).transpose(1, 0, 2))
    values = np.maximum(values, 0) * counts.valid
    totals = values.sum(axis=(1, 2))
    first = _turned(spectra[labels], own[:, 1], flips, n_azimuth, counts.period)
    first = np.maximum(first, templates.min())
    # What the mask hides of both is as much of either: angles at which that is not so gain nothing by it.
    once, twice = (scipy.fft.rfft(values / first**power, axis=1) for power in (1, 2))
    best = np.full(len(rows), -np.inf)
    which, angle = np.zeros(len(rows), int), np.zeros(len(rows))
    turn = np.arange(n_azimuth) * (counts.period / n_azimuth)
    for i, (group, flip) in enumerate(candidates):
        one, two = (s[group] if flip else s[group].conj() for s in (spectra, squares))
        a = scipy.fft.irfft(_along_radii(once, one), n_azimuth, axis=1)
        b = scipy.fft.irfft(_along_radii(twice, two), n_azimuth, axis=1)
        slope, bend = a - totals[:, None], np.maximum(b - 2 * a + totals[:, None], 1e-12)
        gain = np.where(slope > 0, slope**2 / bend, 0) / 2
        near = (labels == group) & (flips == flip)
        period = counts.period if not symmetry[group] else 360 / symmetry[group]
        same = near[:, None] & (np.abs(folded(turn - own[:, 1:2], period)) < _APART)
        gain[same | (near & (symmetry[group] == 0))[:, None]] = -np.inf
        place = gain.argmax(axis=1)
        height = gain[np.arange(len(rows)), place]
        better = height > best
        best[better], which[better], angle[better] = height[better], i, turn[place[better]]
    group, flip = np.array(candidates).T
    least, out = math.log(n_azimuth * len(candidates)) + _SURE, np.tile([-1.0, 0.0], (len(rows), 1))
    at = np.flatnonzero(best > _PROMISING * least)
    which = which[at]
    second = _turned(spectra[group[which]], angle[at], flip[which].astype(bool), n_azimuth, counts.period)
    share, gain = _mixed(values[at], first[at], np.maximum(second, templates.min()))
    good = (gain > least) & (share >= LEAST_SHARE)
    out[at[good]] = np.stack([group[which], share], axis=1)[good]
    return out


def _along_radii(rows, one):
    """Sums (n, n_frequency) over the radii of products of spectra (n, n_frequency, n_radius)."""
    return np.matmul(rows.transpose(1, 0, 2), one[:, :, None])[:, :, 0].T


def _turned(spectra, angles, flips, n_azimuth, period):
    """Averages (n, n_azimuth, n_radius), mirrored and turned."""
    spectra = np.where(flips[:, None, None], spectra.conj(), spectra)
    forward = turns(angles, spectra.shape[1], period).conj().T.astype(spectra.dtype)
    return scipy.fft.irfft(spectra * forward[:, :, None], n_azimuth, axis=1)


def _mixed(values, first, second):
    """Share of the second in the likeliest mixture of two, and the gain in the logarithm of the likelihood."""
    share, totals = np.full(len(values), 0.3, values.dtype), np.maximum(values.sum(axis=(1, 2)), 1e-30)
    for _ in range(_STEPS):
        part = share[:, None, None] * second
        share = (values * part / ((1 - share[:, None, None]) * first + part)).sum(axis=(1, 2)) / totals
    mixture = (1 - share[:, None, None]) * first + share[:, None, None] * second
    return share, (values * np.log(mixture / first)).sum(axis=(1, 2))
