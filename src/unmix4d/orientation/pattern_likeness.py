"""How alike a whole measured pattern and a kinematical simulation are. NumPy and SciPy only.

Disk detection keeps a handful of disks; the mean pattern of a grain also shows many faint ones, and where there is nothing.
Both say how the crystal is tilted. Here the pattern itself is compared, without its background, with a simulation whose
spots are Gaussians.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import scipy

from .geometry import pixels_to_vectors
from .reflections import POWER, Reflections

__all__ = ["SHAPES", "PatternLikeness", "SmoothedPattern", "best_shape", "excitation", "farthest", "vector_lengths"]

_SPOT = 0.7  # standard deviation of the spots, in disk radii
_BACKGROUND = 0.3  # quantile of a ring: more than half of the detector is between the disks
# How the excitation falls with the excitation error, 1/Å: thin crystals have the long tails of a Lorentzian; where tilts are
# averaged it is a Gaussian.
SHAPES = tuple([("lorentzian", w) for w in (0.005, 0.01, 0.02)] + [("gaussian", w) for w in (0.005, 0.01, 0.02, 0.04)])
_WEAK = 0.03  # simulated amplitudes below this share of the strongest one are left out
_MOST = 80  # simulated spots, the strongest
_WIDEST = 0.02  # 1/Å, of the spots that are looked at
_COVERED = 0.05  # spots of which less is measured are left out
_BLOCK = 256  # orientations at once


class SmoothedPattern:
    """Amplitudes of a pattern above its background, ready to be looked up where spots are simulated.

    Parameters
    ----------
    pattern : ndarray (det_row, det_col)
        Without NaN or negative values.
    geometry : ScanGeometry
        Centre, ellipse, calibration and detector mask are used.
    radius : float
        Of the disks, in pixels.
    q_min, q_max : float
        Only vectors between these lengths count, 1/Å.
    """

    def __init__(self, pattern, geometry, *, radius: float, q_min: float = 0.0, q_max: float | None = None):
        self.geometry, self.sigma = geometry, _SPOT * radius
        self._to_pixels = np.linalg.inv(pixels_to_vectors(geometry))
        self._pattern, self._limits, self._radius = pattern, (q_min, q_max), radius
        self._wider: dict = {}
        self._polar: dict = {}
        q = vector_lengths(geometry)
        used = geometry.kept_pixels.reshape(geometry.detector_shape) & (q >= q_min)
        if q_max is not None:
            used &= q <= q_max
        amplitude = _above_background(np.asarray(pattern, float) ** POWER, q, used)
        area = math.pi * self.sigma**2
        # Correlation with a Gaussian of height 1, and the share of a squared Gaussian that lies on used pixels.
        self._smooth = 2 * area * scipy.ndimage.gaussian_filter(amplitude, self.sigma, mode="constant")
        self._smooth = scipy.ndimage.spline_filter(self._smooth, order=3, mode="constant")
        self._covered = scipy.ndimage.gaussian_filter(used.astype(float), self.sigma / math.sqrt(2), mode="constant")
        self.reach = float(q[used].max()) if used.any() else 0.0
        self.norm = float(np.sqrt((amplitude**2).sum()))
        self._sum = float(np.abs(amplitude).sum())

    @property
    def n_spots(self) -> float:
        """About how many there are, strong ones counted more."""
        return max(1.0, self._sum**2 / self.norm**2 / (4 * math.pi * self.sigma**2)) if self.norm > 0 else 1.0

    def at(self, vectors):
        """Amplitude summed over a Gaussian spot, and the share of the spot that is measured, at vectors (..., 2) in 1/Å."""
        place = vectors @ self._to_pixels.T + self.geometry.centre
        where = [place[..., 0].ravel(), place[..., 1].ravel()]
        # Linear interpolation would prefer spots in the middle of a pixel.
        smooth = scipy.ndimage.map_coordinates(self._smooth, where, order=3, mode="constant", prefilter=False)
        covered = scipy.ndimage.map_coordinates(self._covered, where, order=1, mode="constant")
        return smooth.reshape(place.shape[:-1]), covered.reshape(place.shape[:-1])

    def overlap(self, vectors):
        """Scalar products of Gaussian spots with one another, (..., n, n), of vectors (..., n, 2)."""
        place = vectors @ self._to_pixels.T
        square = (place**2).sum(-1)
        close = place @ np.swapaxes(place, -1, -2) - (square[..., :, None] + square[..., None, :]) / 2
        return math.pi * self.sigma**2 * np.exp(close / (2 * self.sigma**2))

    def polar(self, n_azimuth: int):
        """What `at` gives, on a grid: (n_radii, n_azimuth) twice, and the step of the radii in 1/Å.

        Azimuths run from the rows to the columns of the scan.
        """
        if n_azimuth not in self._polar:
            step = self.sigma / 4 * float(np.sqrt(abs(np.linalg.det(pixels_to_vectors(self.geometry)))))
            radius = step * np.arange(int(farthest(self.geometry) / step) + 2)
            angle = 2 * np.pi / n_azimuth * np.arange(n_azimuth)
            ring = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
            grids = self.at(radius[:, None, None] * ring)
            self._polar[n_azimuth] = (*(one.astype(np.float32) for one in grids), step)
        return self._polar[n_azimuth]

    def wider(self, factor: float) -> SmoothedPattern:
        """The same with wider spots."""
        if factor not in self._wider:
            q_min, q_max = self._limits
            radius = factor * self._radius
            self._wider[factor] = SmoothedPattern(self._pattern, self.geometry, radius=radius, q_min=q_min, q_max=q_max)
        return self._wider[factor]


class PatternLikeness:
    """Cosine between the amplitudes of a pattern and of a simulation: 0 to 1, or 0 and less if nothing fits.

    Parameters
    ----------
    reflections : Reflections
    pattern : SmoothedPattern
    shapes : sequence of (str, float)
        How the excitation of a reflection decreases with its excitation error, and the width of that in 1/Å. It depends on
        thickness and bending, which are not known: of several shapes, the one that fits best is used.
    scale : float
        Factor by which the excitation is wider than that.
    """

    def __init__(self, reflections: Reflections, pattern: SmoothedPattern, shapes=SHAPES, scale: float = 1.0):
        self.reflections, self.pattern, self.shapes, self._scale = reflections, pattern, tuple(shapes), scale

    @property
    def n_spots(self) -> float:
        """About how many there are in the pattern."""
        return self.pattern.n_spots

    def values(self, matrices) -> np.ndarray:
        """Likeness (m,) of active rotations (m, 3, 3) from the crystal to (row, column, z)."""
        matrices = np.asarray(matrices, float).reshape(-1, 3, 3)
        if not self.pattern.norm > 0 or not len(self.reflections.g):
            return np.zeros(len(matrices))
        blocks = [self._block(matrices[i : i + _BLOCK]) for i in range(0, len(matrices), _BLOCK)]
        return np.concatenate(blocks) if blocks else np.zeros(0)

    def wider(self, factor: float) -> PatternLikeness:
        """With wider spots and relrods, for orientations that are only about right."""
        return PatternLikeness(self.reflections, self.pattern.wider(factor), self.shapes, factor * self._scale)

    def strongest(self, matrices, n: int):
        """Vectors (m, n, 2) and amplitudes (m, n) of the strongest spots within the detector, with the first shape."""
        q, error = self.reflections.excited(matrices)
        intensity = self.reflections.intensity * excitation((error / self._scale) ** 2, *self.shapes[0])
        intensity = np.where(np.hypot(q[..., 0], q[..., 1]) <= self.pattern.reach, intensity, 0)
        some = np.argsort(-intensity, axis=1)[:, :n]
        amplitude = np.take_along_axis(intensity, some, 1) ** POWER
        amplitude = np.where(amplitude > _WEAK * amplitude.max(1, keepdims=True), amplitude, 0)
        return np.take_along_axis(q, some[..., None], 1), amplitude

    def of_shape(self, shape) -> PatternLikeness:
        """With one shape of the excitation only."""
        return PatternLikeness(self.reflections, self.pattern, (shape,), self._scale)

    def _block(self, matrices):
        q, error = self.reflections.excited(matrices)
        measured, covered = self.pattern.at(q)
        widest = (error / (_WIDEST * self._scale)) ** 2
        seen = self.reflections.intensity * np.clip(covered, 0, 1) / (1 + widest)
        some = np.argsort(-seen, axis=1)[:, :_MOST]
        pick = functools.partial(np.take_along_axis, indices=some, axis=1)
        square, measured, covered = (pick(error) / self._scale) ** 2, pick(measured), np.clip(pick(covered), 0, 1)
        strength = np.where(covered > _COVERED, self.reflections.intensity[some], 0)
        overlap = self.pattern.overlap(np.take_along_axis(q, some[..., None], 1))
        falls = [excitation(square, *shape) for shape in self.shapes]
        return np.max([self._cosine(strength * one, measured, covered, overlap) for one in falls], axis=0)

    def _cosine(self, intensity, measured, covered, overlap):
        amplitude = intensity**POWER
        amplitude = np.where(amplitude > _WEAK * amplitude.max(1, keepdims=True), amplitude, 0)
        weighted = amplitude * np.sqrt(covered)
        norm = ((weighted[:, None] @ overlap)[:, 0] * weighted).sum(1)
        product = (amplitude * measured).sum(1)
        return np.where(norm > 0, product / (np.sqrt(np.maximum(norm, 1e-300)) * self.pattern.norm), 0.0)


def best_shape(likenesses, matrices):
    """The shape that fits all patterns best together, at orientations (3, 3) found with all shapes.

    One for each would fit what is wrong, too.
    """
    fits = [[one.of_shape(shape).values(matrix)[0] for shape in SHAPES] for one, matrix in zip(likenesses, matrices)]
    return SHAPES[int(np.argmax(np.mean(fits, axis=0)))]


def farthest(geometry) -> float:
    """Length of the longest vector on the detector, 1/Å."""
    return float(vector_lengths(geometry).max())


def excitation(square, kind, width):
    """How strongly a reflection is excited, 0 to 1, at the square of an excitation error in the unit of the width."""
    return 1 / (1 + square / width**2) if kind == "lorentzian" else np.exp(-square / (2 * width**2))


def vector_lengths(geometry):
    """Length of the vector of every pixel, 1/Å."""
    place = np.moveaxis(np.indices(geometry.detector_shape), 0, -1) - np.asarray(geometry.centre)
    return np.hypot(*np.moveaxis(place @ pixels_to_vectors(geometry).T, -1, 0))


def _above_background(amplitude, q, used):
    """The amplitudes less a low quantile of their ring; 0 where they are not used."""
    out = np.zeros(amplitude.shape)
    if not used.any():
        return out
    step = q[used].max() / max(4, min(amplitude.shape) / 2) or 1.0
    ring = np.rint(q / step).astype(int)[used]
    values, n = amplitude[used], ring.max() + 1
    order = np.lexsort((values, ring))
    count = np.bincount(ring, minlength=n)
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    low = np.zeros(n)
    some = count > 0
    low[some] = values[order][start[some] + (_BACKGROUND * (count[some] - 1)).astype(int)]
    low = np.interp(np.arange(n), np.flatnonzero(some), low[some])
    out[used] = values - scipy.ndimage.gaussian_filter1d(low, 2.0, mode="nearest")[ring]
    return out
