"""Columns in units of their noise, where nobody knows it: from what neighbouring positions differ in.

Features share pixels, so their noise is alike in several of them and `noise_edge` takes it for components. Structure changes
slowly over a scan, and noise does not (Green et al. 1988, the minimum noise fraction of remote sensing).
"""

from __future__ import annotations

import numpy as np
import scipy

__all__ = ["in_noise_units"]

_FLOOR = 1e-10  # of the mean square: the noise of directions that have none


def in_noise_units(values, geometry) -> np.ndarray:
    """Columns turned so that their noise is independent and of variance 1.

    Parameters
    ----------
    values : ndarray (n_positions, m)
        A few strong directions of features, say: far fewer than positions.
    geometry : ScanGeometry
        Whose kept positions they are of.

    Returns
    -------
    ndarray of float64 (n_positions, m)

    References
    ----------
    Green, Berman, Switzer and Craig, IEEE Trans. Geosci. Remote Sens. 26 (1988) 65, doi:10.1109/36.3001
    """
    values = np.asarray(values, np.float64)
    apart = _differences(values, geometry)
    noise, turn = scipy.linalg.eigh(apart.T @ apart / (2 * max(len(apart), 1)))
    floor = _FLOOR * max(float(np.square(values).mean()), float(np.finfo(float).tiny))
    return values @ turn / np.sqrt(np.maximum(noise, floor))


def _differences(values, geometry):
    """Of every kept position and the kept ones right of it and below it."""
    row_of = np.full(geometry.kept_positions.size, -1)
    row_of[geometry.kept_positions] = np.arange(len(values))
    row_of = row_of.reshape(geometry.scan_shape)
    found = []
    for one, other in ((row_of[:, :-1], row_of[:, 1:]), (row_of[:-1], row_of[1:])):
        both = (one >= 0) & (other >= 0)
        found.append(values[other[both]] - values[one[both]])
    return np.concatenate(found)
