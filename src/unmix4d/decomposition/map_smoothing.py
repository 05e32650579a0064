"""Maps averaged over neighbouring positions, excluded positions left out: everywhere, or where there is only noise."""

from __future__ import annotations

import numpy as np
import scipy

__all__ = ["smooth_maps", "without_noise"]

_PRESENT = 0.1  # of the maximum of a smoothed map; no table
_ENOUGH = 10  # positions that tell of noise; no table
_SECOND = np.outer([1, -2, 1], [1, -2, 1])  # second differences along both axes, which smooth maps hardly have
_MEDIAN = 6 * 0.6745  # norm of those, times the median of the absolute value of a normal variable


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
            smoothed[part] = scipy.ndimage.gaussian_filter(image[part], **options)
        return smoothed.ravel()[kept]

    share = means(kept.astype(np.float64))
    image = np.zeros(kept.size)
    for row, target in zip(rows, out):
        image[kept] = row
        target[:] = means(image) / share
    return out


def without_noise(rows, geometry, most=np.inf, *, width: float = 1.3, errors: float = 2.0) -> np.ndarray:
    """Maps averaged where they vary no more than their noise, and as they are where they vary more: the filter of Lee.

    Every value becomes m + g (x - m) with the local mean m and g = 1 - n / v, of the local variance v and the variance n of
    the noise, not below 0. The noise of each map is that of its second differences where the component is present.

    Parameters
    ----------
    rows : ndarray (k, n_positions)
        Not negative.
    geometry : ScanGeometry
    most : ndarray (k,), optional
        Standard errors that the maps have at most. Small grains have edges nearly everywhere, which look like noise.
    width : float
        Sigma of the local means, in positions.
    errors : float
        So many standard errors are taken for noise.

    Returns
    -------
    ndarray (k, n_positions), of the dtype of `rows`
        With the same sums.

    References
    ----------
    Lee, IEEE Trans. Pattern Anal. Mach. Intell. 2 (1980) 165, doi:10.1109/TPAMI.1980.4766994
    """
    wide = np.asarray(rows, np.float64)
    mean = smooth_maps(wide, geometry, width)
    variance = smooth_maps(wide**2, geometry, width) - mean**2
    close = smooth_maps(wide, geometry, 1.0)
    noise = np.minimum([_noise(row, image, geometry) for row, image in zip(wide, close)], most)
    noise = (errors * noise) ** 2
    share = 1 - np.divide(noise[:, None], variance, out=np.ones_like(variance), where=variance > 0)
    out = np.maximum(mean + np.clip(share, 0, 1) * (wide - mean), 0)
    sums = out.sum(axis=1, keepdims=True)
    out *= np.divide(wide.sum(axis=1, keepdims=True), sums, out=np.ones_like(sums), where=sums > 0)
    return out.astype(np.asarray(rows).dtype)


def _noise(row, close, geometry):
    """Standard deviation of the noise of a map, where its component is present; 0 where that is nearly nowhere."""
    kept = geometry.kept_positions
    image, present = np.zeros(kept.size), np.zeros(kept.size, bool)
    image[kept], present[kept] = row, close > _PRESENT * close.max()
    image, kept = image.reshape(geometry.scan_shape), kept.reshape(geometry.scan_shape)
    whole = scipy.ndimage.binary_erosion(kept, np.ones((3, 3)))
    differences = scipy.ndimage.convolve(image, _SECOND)[whole & present.reshape(geometry.scan_shape)]
    return float(np.median(np.abs(differences)) / _MEDIAN) if len(differences) >= _ENOUGH else 0.0
