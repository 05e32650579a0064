"""Every pattern of a scan in polar coordinates, as spectra over the azimuth: one pass."""

from __future__ import annotations

from functools import partial

import numpy as np
import scipy.fft

from .similarity import halved, radial_weights, rings_from
from .turned_counts import Counts

__all__ = ["read_counts"]

_FREQUENCIES = 121  # of a turn; what is finer than 3 degrees at the edge is finer than spots are
_LEAST_AZIMUTHS = 120
_PAIRS = 61  # for the pairs, on fewer azimuths


def read_counts(matrix, transform, *, friedel: bool = False, weight="radius"):
    """Polar patterns of a scan, for `group_positions`.

    Parameters
    ----------
    matrix : PatternMatrix
    transform : PolarTransform
        Of its frame, with an even number of azimuths, and radii above 0.
    friedel, weight
        See `rings_of`.

    Returns
    -------
    counts : Counts
    rings : Rings
    some : ndarray of bool (n_positions,)
        Which positions hold intensity there; the others are left out of both.
    """
    weight = radial_weights(weight, transform.radius)
    sampling = transform.sampling()[:, matrix.frame.kept_pixels].astype(matrix.dtype).tocsr()
    valid = transform.valid
    if friedel:
        valid = halved(np.zeros((1, *valid.shape)), valid)[1]
    kernel = partial(
        _spectra, sampling=sampling, shape=transform.shape, valid=transform.valid, radius=transform.radius, friedel=friedel
    )
    rows = matrix.visit(kernel)[0]
    some = rows[:, 0].real.sum(axis=1) > 0
    spectra = np.ascontiguousarray(rows[some].transpose(1, 0, 2))
    del rows
    period = 180.0 if friedel else 360.0
    rings = _rings(spectra, valid, transform.radius, weight, period)
    return Counts(spectra, valid, transform.radius, period, weight), rings, some


def _spectra(X, sampling, shape, valid, radius, friedel):
    """Kernel: (m, n_frequency, n_radius) of patterns (m, n_pixels)."""
    polar = np.ascontiguousarray((sampling @ X.T).T).reshape(-1, *shape)
    if friedel:
        polar = halved(polar, valid)[0].astype(X.dtype)
    counts = polar * radius.astype(X.dtype)
    most = (_FREQUENCIES + 1) // 2 if friedel else _FREQUENCIES
    return np.ascontiguousarray(scipy.fft.rfft(counts, axis=1)[:, :most]), ()


def _rings(spectra, valid, radius, weight, period):
    """The same patterns with the means of their rings removed, on a third or half of the azimuths, for all pairs."""
    least = _LEAST_AZIMUTHS * period / 360
    n_azimuth = next(len(valid) // d for d in (3, 2, 1) if d == 1 or (len(valid) % d == 0 and len(valid) // d >= least))
    most = min(len(spectra), n_azimuth // 2 + 1, _PAIRS)
    seen = valid[:: len(valid) // n_azimuth]
    values = np.empty((spectra.shape[1], n_azimuth, len(radius)), spectra.real.dtype)
    scale = (np.sqrt(weight) / radius * (n_azimuth / len(valid))).astype(values.dtype)
    for start in range(0, len(values), 256):
        part = slice(start, start + 256)
        block = scipy.fft.irfft(spectra[:most, part], n_azimuth, axis=0).transpose(1, 0, 2) * scale
        block = np.where(seen, block, values.dtype.type(0))
        means = block.sum(axis=1) / np.maximum(seen.sum(axis=0), 1).astype(values.dtype)
        values[part] = np.where(seen, block - means[:, None, :], values.dtype.type(0))
    return rings_from(values, seen, period)
