"""Maps averaged over neighbouring positions, excluded positions left out."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

__all__ = ["smooth_maps"]


def smooth_maps(rows, geometry, sigma: float) -> np.ndarray:
    """Gaussian means of maps over the positions that take part.

    Parameters
    ----------
    rows : ndarray (k, n_positions)
    geometry : ScanGeometry
    sigma : float
        In positions; 0 leaves the maps as they are.

    Returns
    -------
    ndarray (k, n_positions), of the dtype of `rows`
    """
    rows = np.asarray(rows)
    if sigma == 0:
        return rows
    kept = geometry.kept_positions
    out = np.empty_like(rows)
    options = {"sigma": sigma, "mode": "nearest", "truncate": 3.0}

    def means(image):
        image = image.reshape(geometry.scan_shape)
        smoothed = np.zeros(geometry.scan_shape)
        for part in geometry.scan_slices:  # nothing of one scan in another
            smoothed[part] = gaussian_filter(image[part], **options)
        return smoothed.ravel()[kept]

    share = means(kept.astype(np.float64))
    image = np.zeros(kept.size)
    for row, target in zip(rows, out):
        image[kept] = row
        target[:] = means(image) / share
    return out
