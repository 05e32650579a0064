"""How far the centre is off: a pattern and its inverse lie on each other where the centre is (Friedel pairs)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import scipy

from .similarity import parabola

__all__ = ["Offset", "offset_of_patterns", "offset_of_scan"]

NOTICED = 0.5  # pixels: a centre that is nearer does not change groups or angles (docs/details)
_AGREE = 0.3  # pixels between the offsets of two halves of the patterns: what only one of them says is chance
_REACH = 6.0  # pixels that are looked at first on either side; fewer on small detectors, see below
_SHARE = 0.05  # of the shorter side of the detector, likewise: further off, a lattice pairs spots; more is asked
_PAIRED = 0.35  # of the pixels that have a partner, for places further off than that, as in the first look
_ALONE = 1.5  # times the next best, by which the best of those must be ahead: a lattice has several that are alike
_BEST = 0.9  # of the best place anywhere, that the best one near the centre must be
_NARROW = 3.0  # sigma in pixels of the blur that is taken off: spots stay, halo and background go
_BRIGHT = 0.95  # quantile of what stands out, as which all that is brighter counts: a direct beam beyond r_min; no table
_STANDS_OUT = 5.0  # standard deviations of its surroundings that the best place is above them; chance reaches 4
_VALUES = 2**23  # pixels that are looked at, 512 patterns of 128 x 128; a size of work


@dataclass(frozen=True)
class Offset:
    """Where the centre is against where it was said to be.

    Attributes
    ----------
    row, col : float
        In pixels.
    known : bool
        Whether the patterns say it: two halves of them agree, and opposite spots are there.
    """

    row: float
    col: float
    known: bool

    @property
    def noticed(self) -> bool:
        """Whether the patterns say that the centre is further off than what makes no difference."""
        return self.known and float(np.hypot(self.row, self.col)) > NOTICED


def offset_of_patterns(patterns, geometry, r_min=0.0) -> Offset:
    """Of component patterns (k, det_row, det_col); those that are brighter count as those that are not."""
    if len(patterns) < 2:
        return Offset(0.0, 0.0, False)
    pairs = _Pairs(geometry, r_min)
    curves = [pairs(image) for image in patterns]
    return pairs.offset(*(sum(curves[i::2]) for i in (0, 1)))


def offset_of_scan(matrix, geometry, r_min=0.0) -> Offset:
    """Of the patterns of a scan, of large ones of some hundred patterns; in one pass, and another about a better centre.

    A direct beam that reaches beyond `r_min`, because the centre is far off, is behind it in the second pass.
    """
    first = _offset_in_pass(matrix, geometry, r_min)
    if not first.noticed:
        return first
    row, col = geometry.centre
    then = _offset_in_pass(matrix, geometry.replace(centre=(row + first.row, col + first.col)), r_min)
    return Offset(first.row + then.row, first.col + then.col, True) if then.known else first


def _offset_in_pass(matrix, geometry, r_min):
    n, pairs = matrix.shape[0], _Pairs(geometry, r_min)
    every = max(1, n // max(32, _VALUES // geometry.kept_pixels.size))
    half = np.where(np.arange(n) % every == 0, (np.arange(n) // every) % 2, -1).astype(float)
    kernel = partial(_pairs_kernel, pairs=pairs, pixels=matrix.geometry.kept_pixels)
    return pairs.offset(*matrix.visit(kernel, (half[:, None],))[1])


class _Pairs:
    """How well a pattern and its inverse agree, for inversion about the centre and about places around it."""

    def __init__(self, geometry, r_min):
        self.shape, self.centre = geometry.detector_shape, np.asarray(geometry.centre)
        self.reach = max(2.0, min(_REACH, _SHARE * min(self.shape)))
        self.kept = geometry.kept_pixels.reshape(self.shape)
        # A pixel near the centre is paired with itself, which its noise is alike to.
        self.used = self.kept & (geometry.radius() > max(r_min, self.reach))
        # What is not used, a direct beam above all, is no surroundings either: it would darken what lies around it.
        self.seen = np.maximum(scipy.ndimage.gaussian_filter(self.used.astype(float), _NARROW), 1e-6)
        self.size = [scipy.fft.next_fast_len(2 * n, real=True) for n in self.shape]
        # x + y = 2 centre for opposite pixels: sums around the nearest whole number are looked at first, every half pixel.
        self.count = 2 * int(2 * self.reach) + 1
        self.first = np.clip(np.rint(2 * self.centre).astype(int) - int(2 * self.reach), 0, None)
        self.all = tuple(2 * n - 1 for n in self.shape)

    def __call__(self, image):
        """Agreement for every sum of opposite places, relative to that of the pattern with itself."""
        values = np.where(self.used, np.nan_to_num(image), 0).astype(float)
        values = values - scipy.ndimage.gaussian_filter(values, _NARROW) / self.seen
        values = np.where(self.used, values, 0)
        if values.max() > 0:
            values = np.minimum(values, np.quantile(values[values > 0], _BRIGHT))
        energy = float((values**2).sum())
        if not energy > 0:
            return np.zeros(self.all)
        sums = scipy.fft.irfft2(scipy.fft.rfft2(values, self.size) ** 2, self.size)
        return sums[: self.all[0], : self.all[1]] / energy

    def offset(self, one, other):
        """The offset that two halves of the patterns agree on: anywhere if one place is far ahead, else near the centre.

        Where another place is better than the best one near the centre, that is a lattice on itself.
        """
        curves = [scipy.ndimage.gaussian_filter(curve, 1.0) for curve in (one, other, one + other)]
        far = self._agreed(curves, self._place_anywhere)
        if far.known:
            return far
        near = [curve[tuple(slice(first, first + self.count) for first in self.first)] for curve in curves]
        if not near[2].size:  # a centre beside the detector
            return Offset(0.0, 0.0, False)
        found = self._agreed(near, self._place)
        best = near[2].max() >= _BEST * curves[2][self._paired].max()
        return found if best else Offset(0.0, 0.0, False)

    def _agreed(self, curves, place):
        places = [place(curve) for curve in curves]
        apart = float(np.hypot(*(places[0][0] - places[1][0])))
        row, col = places[2][0]
        return Offset(float(row), float(col), apart <= _AGREE and all(stands for _, stands in places))

    def _place(self, curve):
        """Offset of the best place near the centre, and whether it stands out of the others and is not on the edge."""
        peak = np.unravel_index(curve.argmax(), curve.shape)
        rest = curve[_away(curve, peak)]
        return self._offset_of(curve, peak, self.first), _inside(curve, peak) and _stands_out(curve[peak], rest)

    def _place_anywhere(self, curve):
        """The same of all places about which enough of the detector has a partner; the best must be far ahead."""
        allowed = self._paired
        peak = np.unravel_index(np.where(allowed, curve, -np.inf).argmax(), curve.shape)
        rest = curve[allowed & _away(curve, peak)]
        alone = rest.size > 0 and curve[peak] > _ALONE * rest.max()
        stands = _inside(curve, peak) and alone and _stands_out(curve[peak], rest)
        return self._offset_of(curve, peak, np.zeros(2, int)), stands

    @cached_property
    def _paired(self):
        spectrum = scipy.fft.rfft2(self.kept.astype(float), self.size)
        pairs = scipy.fft.irfft2(spectrum**2, self.size)[: self.all[0], : self.all[1]]
        return pairs > _PAIRED * self.kept.sum()

    def _offset_of(self, curve, peak, first):
        if not _inside(curve, peak):
            return np.zeros(2)
        shift = [parabola(*(curve[tuple(np.add(peak, d * step))] for d in (-1, 0, 1)))[0] for step in np.eye(2, dtype=int)]
        return (first + peak + np.ravel(shift)) / 2 - self.centre


def _inside(curve, peak):
    return min(peak) >= 1 and all(p < n - 1 for p, n in zip(peak, curve.shape))


def _away(curve, peak):
    return np.hypot(*(np.indices(curve.shape) - np.array(peak)[:, None, None])) > 4


def _stands_out(height, rest):
    return bool(rest.size and height - np.median(rest) > _STANDS_OUT * max(float(rest.std()), 1e-30))


def _pairs_kernel(X, half, *, pairs, pixels):
    """Kernel: agreement summed over two halves of the patterns; -1: not looked at."""
    sums, image = np.zeros((2, *pairs.all)), np.zeros(pixels.size)
    for row, which in zip(X, half[:, 0].astype(int)):
        if which >= 0:
            image[pixels] = row
            sums[which] += pairs(image.reshape(pairs.shape))
    return None, (sums[0], sums[1])
