"""Polar counts of positions, and how likely they are under a template at any in-plane angle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy

from .group_angles import turns
from .similarity import Rings, halved, highest, radial_weights, rings_from

__all__ = [
    "Counts", "Reader", "Sums", "Templates", "likeliest", "make_templates", "read_counts", "rings_of_counts", "sums_of",
]  # fmt: skip

_FLAT = 0.1  # share of its ring's mean that every template holds, so that one stray electron excludes nothing
_CHUNK = 512  # positions at a time, a size of work: no answer depends on it
_FREQUENCIES = 121  # of a turn; what is finer than 3 degrees at the edge is finer than spots are
_LEAST_AZIMUTHS = 120  # of a turn, for the pairs: 3 degrees, as above
_PAIRS = 61  # for the pairs, on fewer azimuths


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


class Reader:
    """Makes polar counts of patterns; small enough to travel with the kernel of a pass.

    Parameters
    ----------
    matrix : PatternMatrix
        Whose patterns it will get.
    transform : PolarTransform
        Of its geometry, with an even number of azimuths, and radii above 0.
    friedel, weight
        See `rings_of`.
    """

    def __init__(self, matrix, transform, *, friedel: bool = False, weight="radius"):
        self.radius, self.period = transform.radius, 180.0 if friedel else 360.0
        self.weight = radial_weights(weight, self.radius)
        self.most = (_FREQUENCIES + 1) // 2 if friedel else _FREQUENCIES
        self.valid, counted = transform.valid, 1.0
        sampling = transform.sampling()[:, matrix.geometry.kept_pixels].tocsr()
        if friedel:
            # The mean of opposite points, as `halved` makes it: there is nothing in rows that are not valid.
            half = sampling.shape[0] // 2
            sampling = sampling[:half] + sampling[half:]
            first, second = np.split(self.valid, 2)
            counted = np.maximum(first.astype(float) + second, 1)
            self.valid = halved(np.zeros((1, *self.valid.shape)), self.valid)[1]
        # Times the radius; and ring by ring, so that the points of a ring lie together when they are transformed.
        sampling = scipy.sparse.diags((self.radius / counted * np.ones(self.valid.shape)).ravel()) @ sampling
        rings = np.arange(self.valid.size).reshape(self.valid.shape).T.ravel()
        self.sampling = scipy.sparse.csr_matrix(sampling)[rings].astype(matrix.dtype)

    @property
    def n_frequency(self) -> int:
        return min(self.most, len(self.valid) // 2 + 1)

    def __call__(self, X) -> Counts:
        """Counts of patterns (m, n_pixels)."""
        n_azimuth, n_radius = self.valid.shape
        polar = (self.sampling @ np.ascontiguousarray(X.T)).reshape(n_radius, n_azimuth, len(X))
        return self.of_spectra(scipy.fft.rfft(polar, axis=1)[:, : self.most].transpose(1, 2, 0))

    def of_spectra(self, spectra) -> Counts:
        return Counts(spectra, self.valid, self.radius, self.period, self.weight)


def read_counts(matrix, reader: Reader, pairs: bool = True):
    """Polar counts of all positions of a scan that is small enough to be held in memory.

    Returns
    -------
    counts : Counts
    rings : Rings or None
        The same patterns, to compare `pairs`.
    some : ndarray of bool (n_positions,)
        Which positions hold intensity there; the others are left out of both.
    """
    rows = matrix.visit(partial(_spectra, reader=reader))[0]
    some = rows[:, 0].real.sum(axis=1) > 0
    at = np.flatnonzero(some)
    spectra = np.empty((rows.shape[1], len(at), rows.shape[2]), rows.dtype)
    for start in range(0, len(at), _CHUNK):
        spectra[:, start : start + _CHUNK] = rows[at[start : start + _CHUNK]].transpose(1, 0, 2)
    del rows
    counts = reader.of_spectra(spectra)
    return counts, rings_of_counts(counts) if pairs else None, some


def _spectra(X, reader):
    """Kernel: (m, n_frequency, n_radius) of patterns (m, n_pixels)."""
    return np.ascontiguousarray(reader(X).spectra.transpose(1, 0, 2)), ()


def rings_of_counts(counts: Counts) -> Rings:
    """The same patterns with the means of their rings removed, on a third or half of the azimuths, for pairs."""
    spectra, valid, period = counts.spectra, counts.valid, counts.period
    least = _LEAST_AZIMUTHS * period / 360
    n_azimuth = next(len(valid) // d for d in (3, 2, 1) if d == 1 or (len(valid) % d == 0 and len(valid) // d >= least))
    most = min(len(spectra), n_azimuth // 2 + 1, _PAIRS)
    seen = valid[:: len(valid) // n_azimuth]
    values = np.empty((counts.n, n_azimuth, len(counts.radius)), spectra.real.dtype)
    scale = (np.sqrt(counts.weight) / counts.radius * (n_azimuth / len(valid))).astype(values.dtype)
    for start in range(0, len(values), 256):
        part = slice(start, start + 256)
        block = scipy.fft.irfft(spectra[:most, part], n_azimuth, axis=0).transpose(1, 0, 2) * scale
        block = np.where(seen, block, values.dtype.type(0))
        means = block.sum(axis=1) / np.maximum(seen.sum(axis=0), 1).astype(values.dtype)
        values[part] = np.where(seen, block - means[:, None, :], values.dtype.type(0))
    return rings_from(values, seen, period)


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums of the positions of each label, rotated back; those of parts of a scan can be added.

    Attributes
    ----------
    spectra : ndarray of complex (n_labels, n_frequency, n_radius)
    plain, flipped : ndarray of complex (n_labels, n_frequency)
        Sums of the factors that rotate back, without and with mirroring, for what the mask leaves.
    sizes : ndarray (n_labels,)
        Numbers of positions.
    """

    spectra: np.ndarray
    plain: np.ndarray
    flipped: np.ndarray
    sizes: np.ndarray

    def as_real(self):
        """Arrays of real numbers, which a pass adds up."""
        parts = (self.spectra, self.plain, self.flipped)
        return (*(np.stack([p.real, p.imag]) for p in parts), self.sizes)

    @classmethod
    def from_real(cls, parts) -> Sums:
        *pairs, sizes = parts
        spectra, plain, flipped = (real + 1j * imaginary for real, imaginary in pairs)
        return cls(spectra, plain, flipped, sizes)


def sums_of(counts: Counts, labels, angles, mirrored, n: int) -> Sums:
    """Sums of the positions of `n` labels; a label of -1 is left out."""
    n_frequency, _, n_radius = counts.spectra.shape
    factors = turns(angles, n_frequency, counts.period)
    spectra = np.zeros((n, n_frequency, n_radius), complex)
    plain, flipped = np.zeros((2, n, n_frequency), complex)
    for i in range(n):
        for flip, total in ((False, plain), (True, flipped)):
            members = np.flatnonzero((labels == i) & (mirrored == flip))
            if not members.size:
                continue
            turn = factors[:, members]
            total[i] = turn.sum(axis=1)
            added = np.matmul(turn[:, None].astype(counts.spectra.dtype), counts.spectra[:, members])[:, 0]
            spectra[i] += added.conj() if flip else added
    return Sums(spectra, plain, flipped, np.bincount(labels[labels >= 0], minlength=n).astype(float))


def make_templates(counts: Counts, sums: Sums, flat=None):
    """Rotated-back averages as probabilities (n, n_azimuth, n_radius) that sum to 1; rings are even where `flat`.

    Points that no rotated-back pattern has seen, because of a mask, get the mean of their ring. A label without positions
    gets the average of all.

    Parameters
    ----------
    counts : Counts
        For the mask and the grid only.
    sums : Sums
    flat : ndarray of bool (n,), optional
    """
    n_azimuth = len(counts.valid)
    mask = scipy.fft.rfft(counts.valid.astype(np.float32), axis=0)[: sums.spectra.shape[1]]
    out = np.empty((len(sums.sizes), n_azimuth, len(counts.radius)), np.float32)
    for i in range(len(out)):
        which = [i] if sums.sizes[i] else slice(None)
        size = sums.sizes[which].sum()
        total = scipy.fft.irfft(sums.spectra[which].sum(axis=0) / size, n_azimuth, axis=0)
        plain, flipped = (f[which].sum(axis=0)[:, None] / size for f in (sums.plain, sums.flipped))
        seen = 1.0 if counts.valid.all() else scipy.fft.irfft(mask * plain + (mask * flipped).conj(), n_azimuth, axis=0)
        good = np.broadcast_to(seen, total.shape) > 0.5 / size
        values = np.where(good, np.maximum(total, 0) / np.where(good, seen, 1), 0)
        mean = values.sum(axis=0) / np.maximum(good.sum(axis=0), 1)
        share_flat = 1.0 if flat is not None and flat[i] else _FLAT
        values = (1 - share_flat) * np.where(good, values, mean) + share_flat * mean
        values = values + 1e-6 * max(values.mean(), 1e-30)
        out[i] = values / values.sum()
    return out


class Templates:
    """Templates made ready to be compared with counts.

    For counts c and a template t rotated by an angle, the multinomial log-likelihood is the sum of c log(t), less the
    logarithm of what the mask leaves of the template for every count. A template that may be rotated has as many chances as
    there are angles: it has to be better than an even one by the logarithm of that.

    Parameters
    ----------
    counts : Counts
        For the mask and the grid only.
    templates : ndarray (n, n_azimuth, n_radius)
        Of `make_templates`.
    mirror : bool
    flat : ndarray of bool (n,), optional
        Which of them are even.
    """

    def __init__(self, counts: Counts, templates, mirror: bool, flat=None):
        self.n_azimuth, self.mirror = len(counts.valid), mirror
        logs = np.log(templates)
        self.logs = scipy.fft.rfft(logs, axis=1)[:, : len(counts.spectra)].transpose(1, 2, 0)
        self.even = np.zeros(len(templates), bool) if flat is None else np.asarray(flat, bool)
        self.chances = np.where(self.even, 0, math.log(self.n_azimuth * (2 if mirror else 1)))
        self.seen = _visible(counts, templates)
        self.means = np.einsum("tar,tar->t", templates, logs, dtype=np.float64)
        squares = np.einsum("tar,tar,tar->t", templates, logs, logs, dtype=np.float64)
        self.spreads = np.sqrt(np.maximum(squares - self.means**2, 1e-12))

    def __len__(self):
        return len(self.even)


def _visible(counts, templates):
    """Logarithm of what the mask leaves of each template at every angle: {mirrored: (n, n_azimuth)}; None without mask."""
    if counts.valid.all():
        return None
    mask = scipy.fft.rfft(counts.valid.astype(float), axis=0)
    spectra = scipy.fft.rfft(templates, axis=1)
    pairs = {False: np.einsum("mr,tmr->tm", mask, spectra.conj()), True: np.einsum("mr,tmr->tm", mask, spectra)}
    n = len(counts.valid)
    return {flip: np.log(np.maximum(scipy.fft.irfft(p, n, axis=1), 1e-6)) for flip, p in pairs.items()}


def likeliest(counts: Counts, templates: Templates):
    """The template, angle and mirroring under which the counts of each position are most likely.

    Returns
    -------
    labels : ndarray of int (n,)
    angles_deg : ndarray (n,)
    mirrored : ndarray of bool (n,)
    heights : ndarray (n,)
        The logarithm of that likelihood.
    """
    t, totals = templates, counts.totals
    best = np.full(counts.n, -np.inf)
    labels, angles, mirrored = np.zeros(counts.n, int), np.zeros(counts.n), np.zeros(counts.n, bool)
    for start in range(0, counts.n, _CHUNK):
        part = slice(start, start + _CHUNK)
        for flip in (False, True) if t.mirror else (False,):
            products = np.matmul(counts.spectra[:, part], np.ascontiguousarray(t.logs if flip else t.logs.conj()))
            for i in np.flatnonzero(~t.even) if flip else range(len(t)):
                curve = scipy.fft.irfft(products[:, :, i], t.n_azimuth, axis=0)
                if t.seen is not None:
                    curve -= (t.seen[flip][i][:, None] * totals[part]).astype(curve.dtype)
                turn, height = highest(curve, counts.period)
                height = height - t.chances[i]
                better = np.flatnonzero(height > best[part])
                at = better + start
                best[at], labels[at], mirrored[at] = height[better], i, flip
                angles[at] = 0 if t.even[i] else turn[better]
    return labels, angles, mirrored, best
