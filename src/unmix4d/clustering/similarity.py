"""Diffraction similarity: how alike two patterns are when one may be rotated in the plane (Kimoto 2025, eqs. 10, 11).

Angular cross-correlation of polar patterns by FFT, all pairs at once: for every angular frequency one matrix product over
the radii, tile by tile over one triangle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy

from ..core import checks
from ..engine.threads import in_threads, one_thread_per_block

__all__ = [
    "Rings", "Similarity", "diffraction_similarity", "halved", "highest", "parabola", "radial_weights", "rings_from",
    "rings_of", "similarity_of",
]  # fmt: skip

_TILE = 128  # patterns a side of the pairs at a time, a size of work: no answer depends on it
_LEAST_SEEN = 0.5  # share of a pattern's energy that must stay visible beside the mask of the other
_TINY = 1e-20  # instead of a division by zero


@dataclass(frozen=True, eq=False)
class Rings:
    """Polar patterns made ready to be compared.

    Attributes
    ----------
    spectra : ndarray of complex64 or complex128 (n_frequency, k, n_radius)
        Fourier transform over the azimuth of what is compared, times the square root of the weight of each radius.
    seen : ndarray (k, n_azimuth) or None
        Energy of each pattern that is beside the mask when the mask is rotated by each angle; None without masked parts.
    seen_mirrored : ndarray (k, n_azimuth) or None
        The same for the mirrored mask.
    energy : ndarray (k,)
        Sum of squares of what is compared.
    period : float
        Degrees in n_azimuth steps: 360, or 180 under Friedel symmetry.
    n_azimuth : int
    """

    spectra: np.ndarray
    seen: np.ndarray | None
    seen_mirrored: np.ndarray | None
    energy: np.ndarray
    period: float
    n_azimuth: int

    @property
    def k(self) -> int:
        return self.spectra.shape[1]


@dataclass(frozen=True, eq=False)
class Similarity:
    """Similarity of all pairs.

    Attributes
    ----------
    matrix : ndarray (k, k)
        Symmetric; 1 on the diagonal and at least 0, unless ``as_published``.
    angles_deg : ndarray (k, k)
        Pattern i is pattern j (mirrored first, where `mirrored`) rotated by ``angles_deg[i, j]``, counter-clockwise as seen
        on screen with row 0 on top; within half a `period` of 0.
    mirrored : ndarray of bool (k, k)
    period : float
        What the angles are known modulo: 360 degrees, or 180 under Friedel symmetry.
    """

    matrix: np.ndarray
    angles_deg: np.ndarray
    mirrored: np.ndarray
    period: float = 360.0

    @property
    def distances(self) -> np.ndarray:
        """1 - similarity, relative to the largest similarity where they are not normalised; 0 on the diagonal."""
        top = max(float(self.matrix.max()), _TINY) if len(self.matrix) else 1.0
        distances = 1 - self.matrix / (top if top > 1 + 1e-6 else 1.0)
        np.fill_diagonal(distances, 0)
        return distances


def rings_of(polar, valid, radius, *, friedel: bool = False, weight="radius", as_published: bool = False) -> Rings:
    """Make polar patterns ready: mean of every ring removed, radii weighted, transformed.

    Parameters
    ----------
    polar : ndarray (k, n_azimuth, n_radius)
    valid : ndarray of bool (n_azimuth, n_radius)
        False where masked or outside of the detector.
    radius : ndarray (n_radius,)
    friedel : bool
        Average opposite points first; a point whose partner is masked keeps its value.
    weight : {"radius", "none"} or ndarray (n_radius,)
        Of each radius in the sum: its circumference, as if the sum went over pixels; the same for all; or given.
    as_published : bool
        Nothing is removed and every radius has the same weight.

    Returns
    -------
    Rings

    Raises
    ------
    ValueError
        If `weight` is none of these, or opposite points do not exist because n_azimuth is odd.
    """
    # complex64 holds what float32 patterns can say
    polar = np.asarray(polar, np.float64 if np.asarray(polar).dtype == np.float64 else np.float32)
    weight = radial_weights(weight, radius, as_published)
    if friedel:
        polar, valid = halved(polar, valid)
    values = np.where(valid, polar, polar.dtype.type(0))
    if not as_published:
        count = np.maximum(valid.sum(axis=0), 1)
        means = (values.sum(axis=1) / count).astype(values.dtype)
        values = np.where(valid, values - means[:, None, :], values.dtype.type(0))
    values *= np.sqrt(weight).astype(values.dtype)
    return rings_from(values, None if as_published else valid, 180.0 if friedel else 360.0)


def rings_from(values, valid, period: float) -> Rings:
    """Rings of values (k, n_azimuth, n_radius) that are ready but for the transform; `valid` None: nothing is masked."""
    energy = np.einsum("kar,kar->k", values, values, dtype=np.float64)
    spectra = np.ascontiguousarray(scipy.fft.rfft(values, axis=1).transpose(1, 0, 2))
    seen = mirrored = None
    # A ring without a valid point masks nothing: there is nothing on it in any pattern.
    if valid is not None and not (valid.all(axis=0) | ~valid.any(axis=0)).all():
        seen, mirrored = _seen(values, valid)
    return Rings(spectra, seen, mirrored, energy, period, values.shape[1])


def radial_weights(weight, radius, as_published: bool = False):
    """Weight of each radius (n_radius,); see `rings_of`."""
    if as_published:
        return np.ones(len(radius))
    if isinstance(weight, str):
        if weight not in ("radius", "none"):
            raise ValueError(f"weight must be 'radius', 'none' or an array with a value for each radius, got {weight!r}")
        return np.asarray(radius, float) if weight == "radius" else np.ones(len(radius))
    weight = checks.numbers_of(weight, "weight")
    if weight.shape != (len(radius),) or not np.isfinite(weight).all() or weight.min() < 0 or weight.max() == 0:
        raise ValueError(f"weight must hold a value of at least 0 for each of the {len(radius)} radii, one of them above 0")
    return weight


def halved(polar, valid):
    """Half a turn of azimuths, each the mean of the two opposite points."""
    half, odd = divmod(polar.shape[1], 2)
    if odd:
        raise ValueError(f"friedel needs an even number of azimuths, got {polar.shape[1]}")
    counted = valid[:half].astype(polar.dtype) + valid[half:]
    total = np.where(valid[:half], polar[:, :half], 0) + np.where(valid[half:], polar[:, half:], 0)
    return total / np.maximum(counted, 1), counted > 0


def _seen(values, valid):
    """Energy of each pattern beside the rotated mask, and beside the mirrored and rotated one, for every angle."""
    squares = scipy.fft.rfft(values**2, axis=1)
    mask = scipy.fft.rfft(valid.astype(values.dtype), axis=0)
    n = values.shape[1]
    beside = [np.einsum("kmr,mr->km", squares, m) for m in (mask.conj(), mask)]
    return tuple(np.maximum(scipy.fft.irfft(b, n, axis=1), 0) for b in beside)


def diffraction_similarity(rings: Rings, *, mirror: bool = False, as_published: bool = False, tick=None) -> Similarity:
    """Similarity and relative angle of all pairs (Kimoto 2025, eqs. 10 and 11).

    Parameters
    ----------
    rings : Rings
        Of `rings_of`.
    mirror : bool
        Whether a pattern may also be the mirror image of another.
    as_published : bool
        Leave the largest cross-correlation as it is, in squared intensity. False: divide by the norms of the two
        patterns, of what both masks leave visible.
    tick : callable, optional
        Called after every tile.

    Returns
    -------
    Similarity

    Notes
    -----
    Angles at which more than half of a pattern's energy is behind the mask of the other are left out.
    """
    k, real = rings.k, rings.spectra.real.dtype
    matrix, angles = np.zeros((k, k), real), np.zeros((k, k), real)
    mirrored = np.zeros((k, k), bool)
    n = math.ceil(k / _TILE)
    tiles = [(i, j) for i in range(n) for j in range(i, n)]

    def one(number, cancelled):
        if cancelled():
            return
        a, b = (slice(t * _TILE, min((t + 1) * _TILE, k)) for t in tiles[number])
        best, turn, flipped = similarity_of(rings, a, b, mirror, as_published)
        if a == b:  # both triangles were computed: one of them counts, so that rounding makes no difference
            best, turn, flipped = (np.triu(v, 1) for v in (best, turn, flipped))
            best, turn, flipped = best + best.T, turn + np.where(flipped, turn, -turn).T, flipped | flipped.T
            best[np.diag_indices_from(best)] = rings.energy[a]
        matrix[a, b], angles[a, b], mirrored[a, b] = best, turn, flipped
        matrix[b, a], mirrored[b, a] = best.T, flipped.T
        angles[b, a] = np.where(flipped, turn, -turn).T
        if tick:
            tick()

    with one_thread_per_block():
        in_threads(one, len(tiles))
    np.fill_diagonal(angles, 0)
    np.fill_diagonal(mirrored, False)
    if not as_published:
        np.clip(matrix, 0, 1, out=matrix)
        np.fill_diagonal(matrix, 1)
    return Similarity(matrix, angles, mirrored, rings.period)


def similarity_of(rings: Rings, a: slice, b: slice, mirror: bool, as_published: bool = False):
    """Similarity of the patterns a with the patterns b, angle of a against b, and whether it is mirrored."""
    best, turn = _largest(rings, a, b, False, as_published)
    flipped = np.zeros(best.shape, bool)
    if mirror:
        other, other_turn = _largest(rings, a, b, True, as_published)
        flipped = other > best * (1 + 1e-6)
        best, turn = np.where(flipped, other, best), np.where(flipped, other_turn, turn)
    return best, turn, flipped


def _largest(rings, a, b, mirror, as_published):
    """Largest correlation over all angles of the patterns a with the patterns b, and the angle of a against b."""
    second = rings.spectra[:, b]
    products = rings.spectra[:, a] @ (second if mirror else second.conj()).transpose(0, 2, 1)
    curve = scipy.fft.irfft(products, rings.n_azimuth, axis=0)
    if not as_published:
        curve = _normalised(curve, rings, a, b, mirror)
    turn, height = highest(curve, rings.period)
    return height, turn - rings.period * (turn > rings.period / 2)


def _normalised(curve, rings, a, b, mirror):
    """Correlations over the norms of what is visible of both at each angle; 0 where that is too little."""
    if rings.seen is None:
        first, second = (np.broadcast_to(rings.energy[part], (1, len(rings.energy[part]))) for part in (a, b))
    else:
        seen = rings.seen_mirrored if mirror else rings.seen
        # Rotating one against the other by +t shows of the second what rotation the mask by -t does.
        first, second = seen[a].T, (seen[b].T if mirror else np.roll(seen[b, ::-1], 1, axis=1).T)
    floor = _TINY * max(float(rings.energy.max()), _TINY)
    for part, energy, place in ((a, first, (slice(None), slice(None), None)), (b, second, (slice(None), None, slice(None)))):
        good = energy > np.maximum(_LEAST_SEEN * rings.energy[part], floor)
        curve *= np.where(good, 1 / np.sqrt(np.where(good, energy, 1)), 0).astype(curve.dtype)[place]
    return curve


def highest(curve, period):
    """Angle and height of the highest point of curves (n_azimuth, ...), between the azimuths by a parabola."""
    peak = curve.argmax(axis=0)
    left, middle, right = (np.take_along_axis(curve, ((peak + d) % len(curve))[None], axis=0)[0] for d in (-1, 0, 1))
    shift, height = parabola(left, middle, right)
    return (peak + shift) * (period / len(curve)), height


def parabola(left, middle, right):
    """Place of the maximum of the parabola through three values, -0.5 to 0.5 from the middle one, and its height."""
    bend = 2 * middle - left - right
    slope = right - left
    shift = np.where(bend > 0, slope / np.where(bend > 0, 2 * bend, 1), 0)
    shift = np.clip(shift, -0.5, 0.5)
    return shift, middle + shift * slope / 4
