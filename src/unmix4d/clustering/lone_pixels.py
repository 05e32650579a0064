"""Pixels that are far brighter than all their neighbours, everywhere in the scan: hot pixels, not spots."""

from __future__ import annotations

import numpy as np
import scipy

__all__ = ["around", "lone_pixels", "stay_alike"]

_FACTOR = 5.0  # a Gaussian spot whose width is 1.5 pixels gives its neighbour 0.29 of its height, one of 1.3 pixels 0.2
_LEAST = 1e-3  # share of all intensity below which a pixel sways no similarity (docs/details)
_COUNTS = 30.0  # in the whole scan: fewer electrons can meet in one pixel by chance
_RING = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)
_UNSTEADY = 0.5  # relative variance over the positions: a spot of one in two crystals has 1, a hot pixel its noise only


def lone_pixels(total, kept):
    """Pixels (det_row, det_col) that stand out of the sum of all patterns and are narrower than any spot.

    Parameters
    ----------
    total : ndarray (det_row, det_col)
        Sum over the scan; what is not kept is not looked at.
    kept : ndarray of bool (det_row, det_col)

    Returns
    -------
    ndarray of bool (det_row, det_col)
        Whether a pixel stays alike over the scan is for `stay_alike` to say.
    """
    values = np.where(kept, np.nan_to_num(total), 0)
    level = around(values, kept)
    # The second brightest neighbour, so that two hot pixels side by side do not hide each other; of a spot it is as bright.
    # What is excluded may be brighter still, as the direct beam is: nothing is said of pixels along the rim of a mask.
    unknown = np.where(kept, values, np.inf)
    bright = scipy.ndimage.rank_filter(unknown, -2, footprint=_RING, mode="constant")
    rise = values - level
    return kept & (rise > _FACTOR * np.maximum(bright - level, 0)) & (rise > max(_LEAST * values.sum(), _COUNTS))


def around(values, kept):
    """Median of the 8 neighbours of every pixel."""
    # A masked neighbour counts as dark, which calls no pixel hot that is not.
    return scipy.ndimage.median_filter(np.where(kept, values, 0), footprint=_RING, mode="nearest")


def stay_alike(values):
    """Which columns (n_positions, n) hold nearly the same at all positions, beyond counting noise."""
    values = np.asarray(values, float)
    mean = values.mean(axis=0)
    return (values.var(axis=0) - mean) <= _UNSTEADY * np.maximum(mean, 1e-30) ** 2
