"""Images made comparable: shapes, scale, and which pixels take part."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike

from ..core import checks

__all__ = ["images_of", "mask_of", "range_of", "untouched"]


def images_of(value: ArrayLike, name: str, least: int = 3) -> np.ndarray:
    """Images (..., rows, cols) in double precision, of at least so many pixels; NaN is allowed, infinity is not."""
    try:
        array = np.asarray(checks.unwrap(value))
    except ValueError:
        raise ValueError(f"{name} must be images (..., rows, cols), got rows of different lengths") from None
    checks.real_dtype(array.dtype, name)
    if array.ndim < 2 or min(array.shape[-2:]) < least:
        raise ValueError(f"{name} must be images (..., rows, cols) of at least {least} x {least} pixels, got {array.shape}")
    if np.isinf(array).any():
        raise ValueError(f"{name} must not hold infinite values, got {np.isinf(array).sum()} of them")
    return array.astype(np.float64)


def mask_of(mask: ArrayLike | None, shape: tuple[int, ...]) -> np.ndarray:
    """Kept pixels (rows, cols)."""
    mask = checks.mask(mask, "mask", shape)
    return np.ones(shape, bool) if mask is None else ~mask


def range_of(data_range: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """The data range of every pair, in the shape of the batch."""
    values = np.asarray(data_range)
    if values.dtype.kind not in "iuf" or not np.all(np.isfinite(values) & (values > 0)):
        raise ValueError(f"data_range must be above 0 and finite, got {data_range!r}")
    try:
        return np.broadcast_to(values.astype(np.float64), shape)
    except ValueError:
        raise ValueError(
            f"data_range must be one number or one per pair of images {tuple(shape)}, got the shape {values.shape}"
        ) from None


def untouched(keep: np.ndarray) -> np.ndarray:
    """Pixels whose 3 x 3 window holds no excluded pixel; beyond the image nothing is excluded."""
    return keep if keep.all() else scipy.ndimage.binary_erosion(keep, np.ones((3, 3)), border_value=True)
