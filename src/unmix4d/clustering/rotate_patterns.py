"""Patterns rotated about the centre on the detector, and their averages; masks turn with them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..core.polar import to_detector, to_polar

__all__ = ["PatternRotation", "rotated_sums"]

_SEEN = 0.5  # share of a pixel that must come from pixels that take part
_EDGE = 1e-6  # rounding of a pixel on the edge


class PatternRotation:
    """Turns patterns of a geometry back, so that copies of one pattern lie on each other.

    Parameters
    ----------
    geometry : ScanGeometry
        Its ellipse and pixel sizes are honoured: what is rotated is the pattern made round.
    """

    def __init__(self, geometry):
        self._frame, shape = geometry, geometry.detector_shape
        self._kept = geometry.kept_pixels.reshape(shape)
        self._whole = bool(self._kept.all())
        self._azimuth, self._radius = to_polar(geometry, *np.indices(shape))

    def __call__(self, image, angle_deg: float, mirrored: bool = False):
        """One pattern rotated back by an angle (and then mirrored back), interpolated between pixels.

        Parameters
        ----------
        image : ndarray (det_row, det_col)
            What is masked is not looked at.
        angle_deg : float
            By which the pattern is rotated counter-clockwise against where it shall come to.
        mirrored : bool
            Whether it is a mirror image: azimuths are then reversed.

        Returns
        -------
        rotated : ndarray of float64 (det_row, det_col)
            0 where nothing was seen.
        seen : ndarray of bool (det_row, det_col)
        """
        azimuth = np.deg2rad(angle_deg) + (-self._azimuth if mirrored else self._azimuth)
        place = np.stack(to_detector(self._frame, azimuth, self._radius))
        if self._whole:
            edge = np.array(image.shape)[:, None, None] - 1
            seen = ((place >= -_EDGE) & (place <= edge + _EDGE)).all(axis=0)
            values = ndimage.map_coordinates(image, np.clip(place, 0, edge), order=1)
            return np.where(seen, values, 0), seen
        values = ndimage.map_coordinates(np.where(self._kept, image, 0.0), place, order=1, mode="constant")
        weight = ndimage.map_coordinates(self._kept.astype(float), place, order=1, mode="constant")
        seen = weight > _SEEN
        return np.where(seen, values / np.where(seen, weight, 1), 0), seen


def rotated_sums(X, group, angle, mirrored, weight, *, rotation: PatternRotation, pixels, n_groups: int):
    """Kernel of a pass: weighted sums of patterns rotated back, and the weights that every pixel got, for each group.

    Parameters
    ----------
    X : ndarray (m, n_pixels)
    group, angle, mirrored, weight : ndarray (m, 1)
        Group -1 is left out; an angle of NaN is none.
    rotation : PatternRotation
    pixels : ndarray of bool (n_detector,)
    n_groups : int

    Returns
    -------
    None, (sums, weights) : ndarray (n_groups, det_row, det_col)
    """
    shape = rotation._radius.shape
    sums, weights = np.zeros((2, n_groups, *shape))
    image = np.zeros(pixels.size)
    for row, g, a, flip, w in zip(X, group[:, 0].astype(int), angle[:, 0], mirrored[:, 0] > 0.5, weight[:, 0]):
        if g < 0:
            continue
        image[pixels] = row
        rotated, seen = rotation(image.reshape(shape), float(np.nan_to_num(a)), bool(flip))
        sums[g] += w * rotated
        weights[g] += w * seen
    return None, (sums, weights)
