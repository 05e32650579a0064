"""Patterns rotated about the centre on the detector, and their averages; masks turn with them."""

from __future__ import annotations

import numpy as np
import scipy

from ..core.polar import to_detector

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
        self.shape = geometry.detector_shape
        self._centre = np.asarray(geometry.centre, float)
        self._kept = geometry.kept_pixels.reshape(self.shape)
        # (row, column) of the two axes of the pattern made round.
        ends = np.stack(to_detector(geometry, np.array([0.0, np.pi / 2]), np.ones(2)))
        self._to_detector = ends - self._centre[:, None]
        self._to_round = np.linalg.inv(self._to_detector)

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
        turn = np.deg2rad(angle_deg)
        turn = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        # Where each pixel comes from is linear in its row and column.
        matrix = self._to_detector @ (turn * [1, -1] if mirrored else turn) @ self._to_round
        offset = self._centre - matrix @ self._centre
        seen = self._inside(matrix, offset)
        if self._kept.all():
            return np.where(seen, self._moved(image, matrix, offset), 0), seen
        values = self._moved(np.where(self._kept, image, 0.0), matrix, offset)
        weight = self._moved(self._kept.astype(float), matrix, offset)
        seen &= weight > _SEEN
        return np.where(seen, values / np.where(seen, weight, 1), 0), seen

    def _moved(self, image, matrix, offset):
        return scipy.ndimage.affine_transform(image, matrix, offset, order=1, mode="nearest")

    def _inside(self, matrix, offset):
        """Which pixels come from the detector."""
        seen = np.ones(self.shape, bool)
        for (down, across), start, size in zip(matrix, offset, self.shape):
            place = (start + down * np.arange(self.shape[0]))[:, None] + across * np.arange(self.shape[1])
            seen &= (place >= -_EDGE) & (place <= size - 1 + _EDGE)
        return seen


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
    shape = rotation.shape
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
