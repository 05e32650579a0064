"""Polar counts of every position, and how likely they are under a template at any in-plane angle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.fft

from .group_angles import average_spectrum, turns
from .similarity import halved, highest, radial_weights, rings_from

__all__ = ["Counts", "likeliest", "make_templates", "read_counts"]


_FLAT = 0.1  # share of its ring's mean that every template holds, so that one stray electron excludes nothing
_CHUNK = 512  # positions at a time, a size of work: no answer depends on it


@dataclass(frozen=True, eq=False)
class Counts:
    """Polar patterns of positions as counts.

    Attributes
    ----------
    spectra : ndarray of complex (n_frequency, n, n_radius)
        Fourier transform over the azimuth of intensity times radius; the highest frequencies may be left out.
    valid : ndarray of bool (n_azimuth, n_radius)
    radius : ndarray (n_radius,)
        Above 0.
    period : float
    weight : ndarray (n_radius,)
        Of each radius in the similarity of pairs.
    """

    spectra: np.ndarray
    valid: np.ndarray
    radius: np.ndarray
    period: float
    weight: np.ndarray

    @property
    def n(self) -> int:
        return self.spectra.shape[1]

    @property
    def totals(self) -> np.ndarray:
        """Sum of every pattern (n,)."""
        return self.spectra[0].real.sum(axis=1, dtype=np.float64)


def make_templates(counts: Counts, labels, angles, mirrored, n: int, flat=None):
    """Rotated-back averages as probabilities (n, n_azimuth, n_radius) that sum to 1; rings are even where `flat`.

    Points that no rotated-back pattern has seen, because of a mask, get the mean of their ring.
    """
    n_azimuth = len(counts.valid)
    mask = scipy.fft.rfft(counts.valid.astype(np.float32), axis=0)[: len(counts.spectra), None]
    out = np.empty((n, n_azimuth, len(counts.radius)), np.float32)
    for i in range(n):
        members = np.flatnonzero(labels == i)
        if not members.size:
            members = np.arange(counts.n)
        share = np.ones(len(members))
        rotated = (angles[members], mirrored[members], counts.period)
        total = scipy.fft.irfft(average_spectrum(counts.spectra[:, members], share, *rotated), n_azimuth, axis=0)
        seen = 1.0 if counts.valid.all() else scipy.fft.irfft(_exposure(mask, *rotated), n_azimuth, axis=0)
        good = np.broadcast_to(seen, total.shape) > 0.5 / len(members)
        values = np.where(good, np.maximum(total, 0) / np.where(good, seen, 1), 0)
        mean = values.sum(axis=0) / np.maximum(good.sum(axis=0), 1)
        share_flat = 1.0 if flat is not None and flat[i] else _FLAT
        values = (1 - share_flat) * np.where(good, values, mean) + share_flat * mean
        values = values + 1e-6 * max(values.mean(), 1e-30)
        out[i] = values / values.sum()
    return out


def _exposure(mask, angles, mirrored, period):
    """Spectrum (n_frequency, n_radius) of the share of patterns, rotated back, that have a pixel at each point."""
    factors = turns(angles, len(mask), period) / len(angles)
    plain, flipped = (factors[:, use].sum(axis=1)[:, None, None] for use in (~mirrored, mirrored))
    return (mask * plain + (mask * flipped).conj())[:, 0]


def likeliest(counts: Counts, templates, mirror: bool, flat=None):
    """The template, angle and mirroring under which the counts of each position are most likely.

    For counts c and a template t rotated by an angle, the multinomial log-likelihood is the sum of c log(t), less the
    logarithm of what the mask leaves of the template for every count. A template that may be rotated has as many chances as
    there are angles: it has to be better than an even one by the logarithm of that.

    Returns
    -------
    labels : ndarray of int (n,)
    angles_deg : ndarray (n,)
    mirrored : ndarray of bool (n,)
    """
    n_azimuth, cut = len(counts.valid), len(counts.spectra)
    logs = scipy.fft.rfft(np.log(templates), axis=1)[:, :cut].transpose(1, 2, 0)
    seen, totals = _visible(counts, templates), counts.totals
    best = np.full(counts.n, -np.inf)
    labels, angles, mirrored = np.zeros(counts.n, int), np.zeros(counts.n), np.zeros(counts.n, bool)
    even = np.zeros(len(templates), bool) if flat is None else np.asarray(flat, bool)
    chances = np.where(even, 0, math.log(n_azimuth * (2 if mirror else 1)))
    for start in range(0, counts.n, _CHUNK):
        part = slice(start, start + _CHUNK)
        for flip in (False, True) if mirror else (False,):
            products = np.matmul(counts.spectra[:, part], np.ascontiguousarray(logs if flip else logs.conj()))
            for i in np.flatnonzero(~even) if flip else range(len(templates)):
                curve = scipy.fft.irfft(products[:, :, i], n_azimuth, axis=0)
                if seen is not None:
                    curve -= (seen[flip][i][:, None] * totals[part]).astype(curve.dtype)
                turn, height = highest(curve, counts.period)
                height = height - chances[i]
                better = np.flatnonzero(height > best[part])
                at = better + start
                best[at], labels[at], mirrored[at] = height[better], i, flip
                angles[at] = 0 if even[i] else turn[better]
    return labels, angles, mirrored


def _visible(counts, templates):
    """Logarithm of what the mask leaves of each template at every angle: {mirrored: (n, n_azimuth)}; None without mask."""
    if counts.valid.all():
        return None
    mask = scipy.fft.rfft(counts.valid.astype(float), axis=0)
    spectra = scipy.fft.rfft(templates, axis=1)
    pairs = {False: np.einsum("mr,tmr->tm", mask, spectra.conj()), True: np.einsum("mr,tmr->tm", mask, spectra)}
    n = len(counts.valid)
    return {flip: np.log(np.maximum(scipy.fft.irfft(p, n, axis=1), 1e-6)) for flip, p in pairs.items()}


_FREQUENCIES = 121  # of a turn; what is finer than 3 degrees at the edge is finer than spots are
_LEAST_AZIMUTHS = 120  # of a turn, for the pairs: 3 degrees, as above
_PAIRS = 61  # for the pairs, on fewer azimuths


def read_counts(matrix, transform, *, friedel: bool = False, weight="radius"):
    """Polar patterns of a scan, for `group_positions`.

    Parameters
    ----------
    matrix : PatternMatrix
    transform : PolarTransform
        Of its geometry, with an even number of azimuths, and radii above 0.
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
    sampling = transform.sampling()[:, matrix.geometry.kept_pixels].astype(matrix.dtype).tocsr()
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
