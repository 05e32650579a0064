"""How noisy an image is, by itself (Immerkaer 1996)."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike

from ._windows import images_of, mask_of

__all__ = ["noise_deviation"]

_SECOND_DIFFERENCE = [1.0, -2.0, 1.0]


def noise_deviation(a: ArrayLike, *, mask: ArrayLike | None = None) -> float | np.ndarray:
    """Estimate the standard deviation of the noise of an image (Immerkaer 1996).

    The image is convolved with the difference of two Laplacians, which removes constant, linear and quadratic variations
    over 3 x 3 pixels. The mean of the absolute value is scaled so that white Gaussian noise of standard deviation s gives s.

    Parameters
    ----------
    a : array (..., rows, cols)
        One or more images, in any unit.
    mask : bool array (rows, cols), optional
        True = excluded. NaN pixels are excluded too. A pixel is used if its 3 x 3 window lies inside the image and contains
        no excluded pixel.

    Returns
    -------
    float or ndarray of float64 (...)
        Standard deviation in the unit of the images, NaN if no pixel can be used.

    Raises
    ------
    ValueError, TypeError
        If `a` is not an image of at least 3 x 3 pixels, holds infinite values, or `mask` does not fit.

    Notes
    -----
    Spots of one or two pixels in width are counted as noise, and noise that a filter has spread over several pixels is not.
    Only compare values for the same detector and binning. For counts, the value is a mean over bright and dark regions.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import image_quality
    >>> noise = np.random.default_rng(0).normal(0, 2, (200, 200))
    >>> round(float(image_quality.noise_deviation(noise + np.arange(200))), 1)
    2.0
    """
    images = images_of(a, "a")
    kept = mask_of(mask, images.shape[-2:]) & ~np.isnan(images)
    inside = (..., slice(1, -1), slice(1, -1))
    filtered = np.where(kept, images, 0)
    for axis in (-2, -1):
        filtered = scipy.ndimage.correlate1d(filtered, _SECOND_DIFFERENCE, axis=axis, mode="constant")
    touched = (~kept).astype(np.uint8)
    for axis in (-2, -1):
        touched = scipy.ndimage.maximum_filter1d(touched, 3, axis=axis, mode="constant")
    counts = touched[inside] == 0
    total = np.sum(np.abs(filtered[inside]), axis=(-2, -1), where=counts)
    number = counts.sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.sqrt(np.pi / 2) / 6 * total / np.where(number, number, np.nan))[()]
