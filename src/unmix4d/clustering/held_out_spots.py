"""Whether groups of positions rest on spots or on noise that was turned until it agreed.

Turning noise so that it agrees makes spots of it. Counts that took no part cannot be made to agree: the average of one
half of a group says where the spots of the other half should be; every pattern of that is turned by half of its pixels,
and the other half of its pixels is looked up.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import scipy

from ..core.polar import PolarTransform
from .rotated_counts import make_templates, sums_of

__all__ = ["told_from_noise"]

_SURE = 3.0  # standard errors by which held-out counts must be better predicted by spots than by even rings
_SECTORS = 72  # of a turn, whose gains count as independent of each other: 5 degrees are wider than a spot
_EVEN = 0.5  # share of even rings in what predicts: noise in the averages of few positions then costs little


def told_from_noise(transform, witnesses, n_groups):
    """Which groups predict counts that they were not made of, (n_groups,); True for groups of one, which say nothing.

    Parameters
    ----------
    transform : PolarTransform
        That their counts were read with.
    witnesses : Witnesses
        Positions that are asked; an angle of NaN is none.
    n_groups : int
    """
    matrix, counts, labels, mirrored = witnesses.matrix, witnesses.counts, witnesses.labels, witnesses.mirrored
    some, angles = witnesses.some, witnesses.angles_deg
    half = np.zeros(len(labels), int)
    for group in range(n_groups):
        members = np.flatnonzero(labels == group)
        half[members] = np.arange(len(members)) % 2
    # The templates of the one half are for the other.
    number = 2 * labels + half
    templates = make_templates(counts, sums_of(counts, number, np.nan_to_num(angles), mirrored, 2 * n_groups))
    there = np.bincount(number, minlength=2 * n_groups) > 0
    partner = np.full((len(some), 2), -1.0)
    partner[some, 0] = np.where(there[number ^ 1], number ^ 1, -1)
    partner[some, 1] = mirrored
    gains = matrix.visit(_kernel_for(transform, matrix.geometry.kept_pixels, templates), (partner,))[0][some]
    told = np.ones(n_groups, bool)
    for group in range(n_groups):
        found = gains[labels == group]
        squares = float((found**2).sum())
        if (labels == group).sum() > 1:
            told[group] = squares > 0 and float(found.sum()) > _SURE * np.sqrt(squares)
    return told


def _kernel_for(transform, pixels, templates):
    geometry = transform.geometry
    row, col = np.indices(geometry.detector_shape)
    kept = geometry.kept_pixels.reshape(geometry.detector_shape)
    n, radius = len(transform.azimuth_deg), transform.radius
    step = float(radius[1] - radius[0]) if len(radius) > 1 else 1.0
    samplings = []
    for i in (0, 1):
        mask = ~kept | ((row + col) % 2 == i)
        if mask.all():
            mask = ~kept
        grid = dict(n_azimuth=n, radial_step=step, r_min=float(radius[0]), r_max=float(radius[-1]) + 1e-6)
        half = PolarTransform(geometry.replace(detector_mask=mask), **grid)
        samplings.append(half.sampling()[:, pixels].tocsr())
    even = templates.mean(axis=1, keepdims=True)
    logs = np.log(_EVEN + (1 - _EVEN) * templates / np.maximum(even, 1e-30))
    if logs.shape[1] != n:  # opposite points were averaged: half a turn stands for the whole
        logs = np.concatenate([logs, logs], axis=1)
    return partial(_gains, samplings=samplings, logs=logs, radius=radius, valid=transform.valid)


def _gains(X, partner, *, samplings, logs, radius, valid):
    """Kernel: (m, n_sectors) what spots predict better than even rings, of the counts that found no angle."""
    shape = valid.shape
    polar = [np.where(valid, (s @ X.T).T.reshape(-1, *shape), 0) * radius for s in samplings]
    out = np.zeros((len(X), _SECTORS if shape[0] % _SECTORS == 0 else 1), X.dtype)
    for i, (number, flip) in enumerate(partner):
        if number < 0:
            continue
        pattern = logs[int(number)]
        if flip:
            pattern = np.roll(pattern[::-1], 1, axis=0)
        spectrum = scipy.fft.rfft(pattern, axis=0).conj()
        for seen, kept_out in ((0, 1), (1, 0)):
            curve = scipy.fft.irfft((scipy.fft.rfft(polar[seen][i], axis=0) * spectrum).sum(axis=1), shape[0])
            gain = (polar[kept_out][i] * np.roll(pattern, int(curve.argmax()), axis=0)).sum(axis=1)
            out[i] += gain.reshape(out.shape[1], -1).sum(axis=1)
    return out, ()
