"""Patterns in polar coordinates and back, as sparse matrices that are built once for a geometry.

Radii are those of `ScanGeometry.radius`: about the centre, along the ellipse where one is known, with the calibrated size of
pixels that are not square.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from . import checks
from .centre import require_near
from .geometry import ScanGeometry
from .units import in_pixels

__all__ = ["AZIMUTHS", "PolarTransform", "ellipse_of", "to_detector", "to_polar"]

AZIMUTHS = 360  # of a turn: one degree, as pyxem's `get_azimuthal_integral2d` has by default
_PARTS = 4  # a pixel is shared in 4 x 4 parts where its intensity has to be conserved
_SOME = 1e-6  # weight that counts as none


class PolarTransform:
    """Transform of patterns to polar coordinates and back.

    Azimuths are counter-clockwise as seen on screen with row 0 on top, ``atan2(-row, column)``, and periodic. For an
    elliptical pattern they are the angles of the pattern after correction of the ellipse, so that rotating a crystal shifts
    its pattern along the azimuth.

    Parameters
    ----------
    geometry : ScanGeometry
        Shape, centre, ellipse, pixel sizes and mask of the detector.
    n_azimuth : int
        Number of azimuths.
    radial_step : float or str
        Distance between radii, in pixels of `ScanGeometry.radius` or with a unit.
    r_min, r_max : float or str
        First and last radius. By default the last radius is the largest one that is on the detector at half of the
        azimuths.

    Attributes
    ----------
    azimuth_deg : ndarray (n_azimuth,)
        Azimuths in degrees.
    radius : ndarray (n_radius,)
        Radii in pixels of `ScanGeometry.radius`.
    valid : ndarray of bool (n_azimuth, n_radius)
        False if there is no unmasked pixel nearby.

    Raises
    ------
    ValueError
        If the patterns are already polar, or if the radii are not in ascending order or not on the detector.
    TypeError
        If an argument is not a number.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> from unmix4d.core.polar import PolarTransform
    >>> geometry = ScanGeometry((1, 1), (41, 41), centre=(20, 20))
    >>> ring = np.exp(-((geometry.radius() - 12) ** 2) / 8)[None]
    >>> polar = PolarTransform(geometry, n_azimuth=90)
    >>> images = polar.forward(ring)
    >>> images.shape, float(polar.radius[images[0].mean(0).argmax()])
    ((1, 90, 23), 12.0)
    >>> polar.azimuth_deg[:3]
    array([0., 4., 8.])
    """

    def __init__(self, geometry: ScanGeometry, *, n_azimuth: int = 360, radial_step=1.0, r_min=0.0, r_max=None):
        if geometry.polar:
            raise ValueError("PolarTransform needs patterns in rows and columns, but those of this scan are polar already")
        require_near(geometry, "a polar transform")
        self.geometry = geometry
        n_azimuth = checks.count(n_azimuth, "n_azimuth", minimum=4)
        step = checks.positive(self._pixels(radial_step, "radial_step"), "radial_step")
        first = checks.positive(self._pixels(r_min, "r_min"), "r_min", zero=True)
        last = self._reach(n_azimuth) if r_max is None else checks.positive(self._pixels(r_max, "r_max"), "r_max")
        if not last > first:
            raise ValueError(f"r_max must be above r_min, got {last:g} and {first:g} pixels")
        self.azimuth_deg = np.arange(n_azimuth) * (360.0 / n_azimuth)
        self.radius = first + step * np.arange(math.floor((last - first) / step * (1 + 1e-9)) + 1)
        self._matrices: dict = {}
        self._sample, weight = self._sampling()
        self.valid = (weight > _SOME).reshape(n_azimuth, -1)
        if not self.valid.any():
            raise ValueError(
                f"r_min and r_max must contain a pixel that is not excluded, got radii {first:g} to {last:g} pixels"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(n_azimuth, n_radius)."""
        return len(self.azimuth_deg), len(self.radius)

    def forward(self, patterns, *, conserve: bool = False) -> np.ndarray:
        """Transform patterns to polar coordinates.

        Parameters
        ----------
        patterns : ndarray (k, n_detector) or (k, det_row, det_col)
            Patterns. Values that are excluded by the mask are ignored.
        conserve : bool
            If False, interpolate the intensity at each point between pixels. If True, distribute every pixel among the
            points that it covers: the total of all pixels within half a step of the radii is conserved, but points may get
            nothing where pixels are coarser than azimuths.

        Returns
        -------
        ndarray (k, n_azimuth, n_radius)
            float32 for float32 input, otherwise float64; 0 where not `valid`.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d.core.geometry import ScanGeometry
        >>> from unmix4d.core.polar import PolarTransform
        >>> polar = PolarTransform(ScanGeometry((1, 1), (41, 41), centre=(20, 20)), n_azimuth=36, r_max=15)
        >>> bool(np.allclose(polar.forward(np.ones((1, 41, 41))), 1))
        True
        """
        values = self._columns(patterns, math.prod(self.geometry.detector_shape), "patterns")
        out = self._matrix("share" if conserve else "sample", values.dtype) @ values
        return np.ascontiguousarray(out.T).reshape(-1, *self.shape)

    def back(self, polar, *, fill: float = np.nan) -> np.ndarray:
        """Transform polar patterns to detector pixels, by interpolation between azimuths and radii.

        Parameters
        ----------
        polar : ndarray (k, n_azimuth, n_radius)
            Patterns as returned by `forward` without `conserve`. Values that are not `valid` are ignored.
        fill : float
            Value of pixels that are excluded or outside the range of the radii.

        Returns
        -------
        ndarray (k, n_detector)

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d.core.geometry import ScanGeometry
        >>> from unmix4d.core.polar import PolarTransform
        >>> polar = PolarTransform(ScanGeometry((1, 1), (41, 41), centre=(20, 20)), n_azimuth=36, r_max=15)
        >>> image = polar.back(np.ones((1, 36, 16)), fill=0).reshape(41, 41)
        >>> float(image[20, 30].round(6)), float(image[20, 40])
        (1.0, 0.0)
        """
        values = self._columns(polar, math.prod(self.shape), "polar")
        out = np.ascontiguousarray((self._matrix("back", values.dtype) @ values).T)
        out[:, ~self._covered] = fill
        return out

    def sampling(self):
        """The sparse matrix of `forward`, (n_azimuth * n_radius, n_detector).

        Examples
        --------
        >>> from unmix4d.core.geometry import ScanGeometry
        >>> from unmix4d.core.polar import PolarTransform
        >>> PolarTransform(ScanGeometry((1, 1), (41, 41), centre=(20, 20)), n_azimuth=36, r_max=15).sampling().shape
        (576, 1681)
        """
        return self._matrix("sample", np.dtype(np.float64))

    def _pixels(self, value, name):
        facts = self.geometry
        return in_pixels(value, facts.pixel_length, facts.calibration.pixel_unit, name)

    def _columns(self, values, size, name):
        values = np.asarray(values)
        if values.ndim < 2 or math.prod(values.shape[1:]) != size:
            raise ValueError(f"{name} must have {size} values for each component, got the shape {values.shape}")
        values = values.reshape(len(values), -1).T
        return np.ascontiguousarray(values, dtype=np.float32 if values.dtype == np.float32 else np.float64)

    def _matrix(self, kind, dtype):
        """The matrix for a direction and a precision, built when it is first used."""
        if (kind, dtype) not in self._matrices:
            build = {"sample": lambda: self._sample, "share": self._sharing, "back": self._returning}[kind]
            self._matrices[kind, dtype] = build().astype(dtype)
        return self._matrices[kind, dtype]

    def _reach(self, n_azimuth):
        angles = np.arange(n_azimuth) * (2 * np.pi / n_azimuth)
        # One for a detector of a single pixel, too.
        radii = np.arange(1, max(1, math.ceil(self.geometry.radius().max())) + 1)
        row, col = to_detector(self.geometry, angles[:, None], radii[None, :])
        found = radii[_on_detector(row, col, self.geometry.detector_shape).mean(axis=0) >= 0.5]
        return float(found[-1]) if found.size else float(radii[-1])

    def _sampling(self):
        """(n_polar, n_detector), and the weight each point finds."""
        angles = np.deg2rad(self.azimuth_deg)
        row, col = (v.ravel() for v in to_detector(self.geometry, angles[:, None], self.radius[None, :]))
        inside = _on_detector(row, col, self.geometry.detector_shape)
        matrix = _bilinear(row, col, self.geometry.detector_shape, self.geometry.kept_pixels, inside)
        return _normalised(matrix)

    def _returning(self):
        """(n_detector, n_polar); pixels next to a valid point are covered."""
        azimuth, radius = to_polar(self.geometry, *np.indices(self.geometry.detector_shape))
        turn = (azimuth.ravel() / (2 * np.pi) * len(self.azimuth_deg)) % len(self.azimuth_deg)
        # A range of one radius has no step.
        step = self.radius[1] - self.radius[0] if len(self.radius) > 1 else 1.0
        place = (radius.ravel() - self.radius[0]) / step
        inside = self.geometry.kept_pixels & (place >= -_SOME) & (place <= len(self.radius) - 1 + _SOME)
        matrix = _bilinear(turn, place, self.shape, self.valid.ravel(), inside, wrap=True)
        matrix, weight = _normalised(matrix)
        self._covered = weight > _SOME
        return matrix

    def _sharing(self):
        """(n_polar, n_detector): the parts of each pixel in the bins that they fall into."""
        step = self.radius[1] - self.radius[0] if len(self.radius) > 1 else 1.0
        offsets = (np.arange(_PARTS) + 0.5) / _PARTS - 0.5
        shape, kept = self.geometry.detector_shape, self.geometry.kept_pixels
        row, col = np.indices(shape)
        pixel = np.arange(kept.size).reshape(shape)
        parts = [(row + i, col + j) for i in offsets for j in offsets]
        azimuth, radius = (np.stack(v) for v in zip(*(to_polar(self.geometry, *part) for part in parts)))
        turn = np.rint(azimuth / (2 * np.pi) * self.shape[0]).astype(int) % self.shape[0]
        place = np.rint((radius - self.radius[0]) / step).astype(int)
        inside = ((place >= 0) & (place < self.shape[1])) & kept.reshape(shape)
        entries = np.full(inside.sum(), 1 / len(parts))
        where = (turn * self.shape[1] + place)[inside], np.broadcast_to(pixel, inside.shape)[inside]
        return scipy.sparse.csr_matrix((entries, where), shape=(math.prod(self.shape), kept.size))


def ellipse_of(geometry):
    """Pixel sizes (row, column) with product 1, and the ellipse as angle and axes with product 1."""
    size = np.asarray(geometry.calibration.pixel_size, float)
    size = size / np.sqrt(size.prod())
    a, b, angle = geometry.ellipse or (1.0, 1.0, 0.0)
    return size, np.deg2rad(angle), np.sqrt(a / b), np.sqrt(b / a)


def to_detector(geometry, azimuth, radius):
    """Row and column at an azimuth (radians) and a radius."""
    size, tilt, long, short = ellipse_of(geometry)
    along, across = radius * np.cos(azimuth - tilt) * long, radius * np.sin(azimuth - tilt) * short
    right, up = along * np.cos(tilt) - across * np.sin(tilt), along * np.sin(tilt) + across * np.cos(tilt)
    return geometry.centre[0] - up / size[0], geometry.centre[1] + right / size[1]


def to_polar(geometry, row, col):
    """Azimuth (radians) and radius at a row and column."""
    size, tilt, long, short = ellipse_of(geometry)
    up, right = (geometry.centre[0] - row) * size[0], (col - geometry.centre[1]) * size[1]
    along = (right * np.cos(tilt) + up * np.sin(tilt)) / long
    across = (up * np.cos(tilt) - right * np.sin(tilt)) / short
    return np.arctan2(across, along) + tilt, np.hypot(along, across)


def _on_detector(row, col, shape):
    # The last half pixel still belongs to the detector.
    return (row >= -0.5) & (row <= shape[0] - 0.5) & (col >= -0.5) & (col <= shape[1] - 0.5)


def _bilinear(row, col, shape, usable, inside, wrap=False):
    """(n_points, n_grid) weights of the four neighbours of each point; none for what is not usable or not inside."""
    top, left = np.floor(row).astype(int), np.floor(col).astype(int)
    down, right = row - top, col - left
    entries, rows, cols = [], [], []
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        r, c = top + i, left + j
        if wrap:
            r = r % shape[0]
        good = inside & (r >= 0) & (r < shape[0]) & (c >= 0) & (c < shape[1])
        r, c = np.where(good, r, 0), np.where(good, c, 0)
        good &= usable[r * shape[1] + c]
        weight = (down if i else 1 - down) * (right if j else 1 - right)
        entries.append(weight[good])
        rows.append(np.flatnonzero(good))
        cols.append((r * shape[1] + c)[good])
    where = np.concatenate(rows), np.concatenate(cols)
    return scipy.sparse.csr_matrix((np.concatenate(entries), where), shape=(len(row), math.prod(shape)))


def _normalised(matrix):
    """Rows that sum to 1, or to 0 where there is hardly any weight; and the weight that was found."""
    weight = np.asarray(matrix.sum(axis=1)).ravel()
    scale = np.where(weight > _SOME, 1 / np.where(weight > _SOME, weight, 1), 0)
    matrix = scipy.sparse.csr_matrix(scipy.sparse.diags(scale) @ matrix)
    matrix.eliminate_zeros()
    return matrix, weight
