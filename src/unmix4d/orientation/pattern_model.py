"""A whole pattern of one crystal as a kinematical model of a few numbers, and how unlikely what it leaves is.

NumPy and SciPy only. Counting noise is known of every pixel. What a kinematical model cannot say of intensities is one
number more, the *model error*: the amplitude of every reflection may be off by this share of the root mean square
amplitude of the reflections. A pixel of a spot shares that error with the other pixels of the spot, so that it counts
once a spot. Intensities are drawn out by a function that makes the variance of both together 1
(`PatternModel.noise`), and likelihoods are sums of squares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import scipy

from .geometry import pixels_to_vectors
from .pattern_likeness import excitation, vector_lengths
from .reflections import Reflections
from .spots import Spots, edge

__all__ = ["LEAST_ERROR", "Experiment", "PatternModel", "PixelError", "counting_gain", "strained", "strength_of",
           "with_changes"]  # fmt: skip

LEAST_ERROR = 0.02  # of amplitudes: structure factors are not known better
_WEAK = 1e-4  # simulated intensities below this share of the strongest one are left out
_RINGS = 40  # of the background; it is interpolated
_FAR = 3.0  # noise levels: pixels that are brighter than that belong to a spot
_CLEARLY = 8.0  # noise levels: such a pixel is no chance among all pixels
_LEFT = 0.6  # of a pattern, where others are taken away


@dataclass(frozen=True)
class Experiment:
    """What a pattern depends on besides the orientation.

    Attributes
    ----------
    kind : {"gaussian", "lorentzian"}
        How excitation falls with the excitation error.
    width : float
        Of that, 1/Å: of a thin crystal one over its thickness.
    radius : float
        Of a spot in pixels: exp(-(r / radius)**power / 2).
    power : float
        2 is a Gaussian; large, a disk.
    offset : (float, float)
        Of the centre from where the scan has it, pixels.
    scale : float
        Of all vectors, against the calibration.
    strain : (float, float)
        Of vectors along the rows less those along the columns, and across: what is left of an elliptic distortion.
    damping : float
        Intensities fall as exp(-damping * g**2 / 2) beside their structure factors, as with thermal motion; Å squared.
    """

    kind: str
    width: float
    radius: float
    power: float = 2.0
    offset: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    strain: tuple[float, float] = (0.0, 0.0)
    damping: float = 0.0

    @property
    def area(self) -> float:
        """Of a spot, in pixels: (sum of f)**2 / sum of f**2."""
        # Of exp(-r**p / 2): integrals of r**(2 / p) exp(-u) are gamma functions.
        return math.pi * self.radius**2 * math.gamma(1 + 2 / self.power) * 4 ** (2 / self.power)


class PixelError(NamedTuple):
    """Model error of a pixel.

    variance (float): Of its amplitude, times the number of pixels of a spot, which share it: the spot counts once.
    area (float): That number.
    """

    variance: float
    area: float


class PatternModel:
    """A measured pattern, and how unlikely it is for an orientation.

    Parameters
    ----------
    pattern : ndarray (det_row, det_col)
        Without NaN or negative values.
    geometry : ScanGeometry
        Centre, ellipse, calibration and detector mask are used.
    gain : float
        Variance over mean of counting, at least: 1 / n for the mean of n patterns of counts. More, or all of it where this
        is 0, is measured between the spots.
    radius : float
        Of the disks in pixels, about.
    q_min, q_max : float
        Only vectors between these lengths count, 1/Å.
    others : ndarray (det_row, det_col), optional
        What is known of other crystals in the pattern.
    """

    def __init__(
        self, pattern, geometry, *, gain: float, radius: float, q_min: float = 0.0, q_max: float | None = None, others=None
    ):
        self.disk_radius, self._q_min = float(radius), max(float(q_min), 1e-6)
        self._given = (pattern, geometry, gain, others)
        self._nearer: dict[float, PatternModel] = {}
        self.shape, self._centre = geometry.detector_shape, np.asarray(geometry.centre, float)
        self._to_pixels = np.linalg.inv(pixels_to_vectors(geometry))
        q = vector_lengths(geometry)
        used = geometry.kept_pixels.reshape(self.shape) & (q >= q_min)
        if q_max is not None:
            used &= q <= q_max
        self.used, self.reach = used, float(q[used].max()) if used.any() else 0.0
        self._q, self._pattern = q, np.asarray(pattern, float)
        smooth = scipy.ndimage.gaussian_filter(self._pattern, max(0.5 * radius, 0.5))
        background = self._rings(self._pattern, used)
        gain = counting_gain(self._pattern, background, used, gain)
        self.variance = gain * np.maximum(smooth, background)
        bright = used & (smooth - background > _FAR * np.sqrt(self.variance / max(1.0, 3 * radius**2)) + 1e-3 * smooth.max())
        if others is not None:
            self._pattern = _without(self._pattern, others, used)
        self.background = self._rings(self._pattern, used & ~scipy.ndimage.binary_dilation(bright, iterations=2))
        self.data = np.where(used, self._pattern - self.background, 0.0)
        # What is nowhere known better than this: no counts are no certainty.
        mean = max(float(self._pattern[used].mean()), 0.0) if used.any() else 1.0
        self.variance = np.maximum(self.variance, 0.1 * gain * mean)
        self.variance = np.maximum(self.variance, 1e-8 * float(np.abs(self.data).max()) ** 2 + 1e-300)
        self._noise_of: _Noise | None = None
        self._smooth: tuple[float, np.ndarray, np.ndarray] | None = None

    @property
    def farthest_seen(self) -> float:
        """Length of the longest vector where there is clearly something, 1/Å; 0 where there is nothing."""
        sigma = max(0.5 * self.disk_radius, 0.5)
        noise = np.sqrt(scipy.ndimage.gaussian_filter(self.variance, sigma) / max(1.0, 4 * math.pi * sigma**2))
        seen = self.used & (scipy.ndimage.gaussian_filter(self.data, sigma) > _CLEARLY * noise)
        return float(self._q[seen].max()) if seen.any() else 0.0

    def up_to(self, length: float) -> PatternModel:
        """The same without pixels farther from the centre than the longest reflection that is known, 1/Å."""
        if length >= self.reach:
            return self
        if length not in self._nearer:
            pattern, geometry, gain, others = self._given
            self._nearer[length] = PatternModel(
                pattern, geometry, gain=gain, radius=self.disk_radius, q_min=self._q_min, q_max=length, others=others
            )
        return self._nearer[length]

    def image(self, reflections: Reflections, matrix, seen: Experiment) -> np.ndarray:
        """The simulated intensities (det_row, det_col), of reflections of the given intensities."""
        q, strength = _excited(reflections, matrix, seen)
        place, near = self.seen_spots(q, strength, seen)
        return Spots(place[near], strength[near], seen.radius, seen.power, self.shape).image().reshape(self.shape)

    def seen_spots(self, q, strength, seen: Experiment):
        """Where vectors (n, 2) lie on the detector, (n, 2), and which of these spots are on it and not too weak."""
        place = seen.scale * strained(q, seen.strain) @ self._to_pixels.T + self._centre + seen.offset
        half = max(2, math.ceil(edge(seen.radius, seen.power)))
        near = ((place > -half) & (place < np.array(self.shape) + half - 1)).all(1)
        length = np.hypot(*q.T)
        near &= (length <= 1.02 * self.reach) & (length >= self._q_min)  # the direct beam is no reflection
        near &= strength > _WEAK * strength[near].max() if near.any() else False
        return place, near

    def place_of(self, q) -> np.ndarray:
        """Vectors (..., 2) in pixels, from the centre and without scale and strain."""
        return q @ self._to_pixels.T

    def noise(self, error: PixelError) -> _Noise:
        """What the data are compared with a simulation by, for a model error."""
        if self._noise_of is None or self._noise_of.error != error:
            self._noise_of = _Noise(self, error)
        return self._noise_of

    def best_scale(self, image) -> float:
        """The factor with which amplitudes fit best."""
        measured, simulated = np.sqrt(np.maximum(self.data, 0)), np.sqrt(image)
        norm = float((simulated[self.used] ** 2).sum())
        return float(((measured * simulated)[self.used].sum() / norm) ** 2) if norm > 0 else 0.0

    def amplitude_error(self, simulated, radius: float) -> float:
        """Relative error of the amplitudes of spots that is left beyond counting noise.

        Counts are summed over the size of a spot first, so that weak disks are above their noise.
        """
        area = 4 * math.pi * radius**2  # of the squared weights of a Gaussian, another Gaussian
        if self._smooth is None or self._smooth[0] != radius:
            noise = scipy.ndimage.gaussian_filter(np.where(self.used, self.variance, 0), radius / math.sqrt(2))
            measured = scipy.ndimage.gaussian_filter(self.data, radius)
            self._smooth = radius, measured, noise / max(area, 1.0)
        _, measured, noise = self._smooth
        expected = scipy.ndimage.gaussian_filter(np.where(self.used, simulated, 0), radius)
        brighter = np.maximum(expected, measured)
        spots = self.used & (brighter > _FAR * np.sqrt(noise))
        total = float(expected[spots].sum())
        if not total > 0:
            return 1.0
        left = (np.sqrt(np.maximum(measured, 0)) - np.sqrt(expected)) ** 2 - noise / (4 * np.maximum(brighter, 1e-300))
        return min(math.sqrt(max(float(left[spots].sum()), 0.0) / total), 1.0)

    def error_of_pixels(self, reflections, matrix, seen, simulated, relative: float) -> PixelError:
        """For a relative error of the amplitudes of reflections."""
        total = float(simulated[self.used].sum())
        return PixelError(relative**2 * total / self.n_spots(reflections, matrix, seen), max(seen.area, 1.0))

    def n_spots(self, reflections, matrix, seen) -> float:
        """How many reflections make the pattern, strong ones counted more: (sum of a)**2 / sum of a**2 of amplitudes a."""
        q, strength = _excited(reflections, matrix, seen)
        length = np.hypot(*q.T)
        strength = strength[(length <= self.reach) & (length >= self._q_min)]
        return float(np.sqrt(strength).sum() ** 2 / strength.sum()) if (strength > 0).any() else 1.0

    def _rings(self, values, used):
        """Median of every ring, interpolated: more than half of a ring is between the spots."""
        if not used.any():
            return np.zeros(self.shape)
        edges = np.linspace(0, self._q[self.used].max() * (1 + 1e-9) if self.used.any() else 1.0, _RINGS + 1)
        ring = np.clip(np.digitize(self._q, edges) - 1, 0, _RINGS - 1)
        found = np.arange(_RINGS)[np.bincount(ring[used], minlength=_RINGS) > 4]
        if not len(found):
            return np.full(self.shape, float(np.median(values[used])))
        level = scipy.ndimage.median(np.where(used, values, 0), np.where(used, ring + 1, 0), found + 1)
        return np.interp(self._q, (edges[found] + edges[found + 1]) / 2, level)


class _Noise:
    """Counting noise and model error of every pixel, and the data drawn out by both.

    A function of the intensity makes the variance of both together 1: 2 / k (sqrt(v + k y) - sqrt(v)) with v of counting
    and k of the model error, and its tangent below 0.
    """

    def __init__(self, model: PatternModel, error: PixelError):
        self.error, self._k = error, 4 * error.variance
        self._used = model.used.ravel()
        self._v = (model.variance + 2 * error.variance**2 / error.area).ravel()
        self._root = np.sqrt(self._v)
        data = model.data.ravel()
        positive = np.maximum(data, 0)
        self._data = 2 * positive / (np.sqrt(self._v + self._k * positive) + self._root) + np.minimum(data, 0) / self._root
        self._squares = np.where(self._used, self._data**2, 0)
        self._sum = float(self._squares.sum())

    def chi_square(self, pixels, intensity) -> float:
        """Of a simulation that is not 0 at some pixels only."""
        some = self._used[pixels]
        pixels, intensity = pixels[some], intensity[some]
        left = self._data[pixels] - self._of(pixels, intensity)[0]
        return self._sum + float(left @ left - self._squares[pixels].sum())

    def normal(self, pixels, intensity, changes):
        """Half the gradient of `chi_square` and its curvature without second derivatives, for derivatives (pixels, m)."""
        some = self._used[pixels]
        stretched, slope = self._of(pixels[some], intensity[some])
        jacobian = changes[some] * slope[:, None]
        return jacobian.T @ (stretched - self._data[pixels[some]]), jacobian.T @ jacobian

    def _of(self, pixels, intensity):
        """Intensities that are not negative, drawn out, and the derivative of that."""
        root = np.sqrt(self._v[pixels] + self._k * intensity)
        return 2 * intensity / (root + self._root[pixels]), 1 / root


def _without(pattern, others, used):
    """The pattern less what others have in it; as it is where little would be left, since components are not pure."""
    left = np.maximum(pattern - others, 0)
    return left if left[used].sum() > _LEFT * pattern[used].sum() else pattern


def counting_gain(pattern, background, used, least: float) -> float:
    """Variance over mean of the pixels between the spots, from the differences of neighbours; at least what is given."""
    step = pattern[:, 1:] - pattern[:, :-1]
    both = used[:, 1:] & used[:, :-1]
    mean = (background[:, 1:] + background[:, :-1])[both]
    if not both.any() or not mean.sum() > 0:
        return least
    some = mean > 0.2 * mean.max()
    # Median of the square of a normal number: 0.455
    return max(least, float(np.median(step[both][some] ** 2) / 0.455 / np.median(mean[some])))


def with_changes(seen: Experiment, **changes) -> Experiment:
    """The same with some numbers changed."""
    return replace(seen, **changes)


def _excited(reflections, matrix, seen):
    """Vectors (n, 2) and intensities (n,) of all reflections."""
    q, error = reflections.excited_in_full(matrix)
    return q[:, :2], strength_of(reflections, q, error, seen)


def strength_of(reflections, q, error, seen: Experiment):
    """Intensities (n,) of reflections with vectors (n, 2 or 3) and excitation errors (n,)."""
    strength = reflections.intensity * excitation((error / seen.width) ** 2, seen.kind, 1.0)
    if seen.damping:
        strength = strength * np.exp(-seen.damping / 2 * (q[:, :2] ** 2).sum(1))
    return strength


def strained(q, strain):
    """Vectors (n, 2) of a pattern with some elliptic distortion left, see `Experiment.strain`."""
    a, b = strain
    return q @ np.array([[1 + a / 2, b / 2], [b / 2, 1 - a / 2]])
