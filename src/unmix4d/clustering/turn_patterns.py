"""Patterns turned about the centre on the detector, and their averages; masks turn with them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..polar import _to_detector, to_polar

__all__ = ["Turning", "turned_sums"]

_SEEN = 0.5  # share of a pixel that must come from pixels that take part
_EDGE = 1e-6  # rounding of a pixel on the edge


class Turning:
    """Turns patterns of a frame back, so that copies of one pattern lie on each other.

    Parameters
    ----------
    frame : Frame
        Its ellipse and pixel sizes are honoured: what is turned is the pattern made round.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.clustering.turn_patterns import Turning
    >>> from unmix4d.frame import Frame
    >>> pattern = np.zeros((5, 5))
    >>> pattern[2, 4] = 1
    >>> turned, seen = Turning(Frame((1, 1), (5, 5), centre=(2, 2)))(pattern, 90)
    >>> np.argwhere(turned > 0.5).tolist()
    [[4, 2]]
    """

    def __init__(self, frame):
        self._frame, shape = frame, frame.detector_shape
        self._kept = frame.kept_pixels.reshape(shape)
        self._whole = bool(self._kept.all())
        self._azimuth, self._radius = to_polar(frame, *np.indices(shape))

    def __call__(self, image, angle_deg: float, mirrored: bool = False):
        """One pattern turned back by an angle (and then mirrored back), interpolated between pixels.

        Parameters
        ----------
        image : ndarray (det_row, det_col)
            What is masked is not looked at.
        angle_deg : float
            By which the pattern is turned counter-clockwise against where it shall come to.
        mirrored : bool
            Whether it is a mirror image: azimuths are then reversed.

        Returns
        -------
        turned : ndarray of float64 (det_row, det_col)
            0 where nothing was seen.
        seen : ndarray of bool (det_row, det_col)
        """
        azimuth = np.deg2rad(angle_deg) + (-self._azimuth if mirrored else self._azimuth)
        place = np.stack(_to_detector(self._frame, azimuth, self._radius))
        if self._whole:
            edge = np.array(image.shape)[:, None, None] - 1
            seen = ((place >= -_EDGE) & (place <= edge + _EDGE)).all(axis=0)
            values = ndimage.map_coordinates(image, np.clip(place, 0, edge), order=1)
            return np.where(seen, values, 0), seen
        values = ndimage.map_coordinates(np.where(self._kept, image, 0.0), place, order=1, mode="constant")
        weight = ndimage.map_coordinates(self._kept.astype(float), place, order=1, mode="constant")
        seen = weight > _SEEN
        return np.where(seen, values / np.where(seen, weight, 1), 0), seen


def turned_sums(X, group, angle, mirrored, weight, *, turning: Turning, pixels, n_groups: int):
    """Kernel of a pass: weighted sums of patterns turned back, and the weights that every pixel got, for each group.

    Parameters
    ----------
    X : ndarray (m, n_pixels)
    group, angle, mirrored, weight : ndarray (m, 1)
        Group -1 is left out; an angle of NaN is none.
    turning : Turning
    pixels : ndarray of bool (n_detector,)
    n_groups : int

    Returns
    -------
    None, (sums, weights) : ndarray (n_groups, det_row, det_col)
    """
    shape = turning._radius.shape
    sums, weights = np.zeros((2, n_groups, *shape))
    image = np.zeros(pixels.size)
    for row, g, a, flip, w in zip(X, group[:, 0].astype(int), angle[:, 0], mirrored[:, 0] > 0.5, weight[:, 0]):
        if g < 0:
            continue
        image[pixels] = row
        turned, seen = turning(image.reshape(shape), float(np.nan_to_num(a)), bool(flip))
        sums[g] += w * turned
        weights[g] += w * seen
    return None, (sums, weights)
