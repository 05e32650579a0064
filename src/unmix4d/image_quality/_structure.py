"""SSIM, PSNR and cross-correlation, each as what belongs to one image and the comparison of two such.

scikit-image has the first two, without a mask and for one pair at a time; without a mask these equal it. Images
(n, rows, cols) are already divided by the data range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy

__all__ = ["WINDOW", "ssim_features", "ssim_compare", "psnr_compare", "kept_features", "correlation_features",
           "correlation_compare"]  # fmt: skip

WINDOW = 7  # pixels a side, as scikit-image's `structural_similarity`; Wang 2004 has a Gaussian of 11
_STABILITY = 0.01**2, 0.03**2  # squares of K1 and K2 of Wang 2004
_EDGE = (slice(None), slice(WINDOW // 2, -(WINDOW // 2)), slice(WINDOW // 2, -(WINDOW // 2)))


def ssim_features(images: np.ndarray, keep: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Values, local means and local variances of each image, and the windows that are at least half kept."""
    images = np.where(keep, images, 0)
    count = np.round(_local_sums(keep[None].astype(float)))
    # As scikit-image has it: the variance of a sample, hence one less.
    per_sample = 1 / np.maximum(count - 1, 1)
    means = _local_sums(images) / np.maximum(count, 1)
    variances = (_local_sums(images**2) - count * means**2) * per_sample
    trusted = keep[None][_EDGE] & (2 * count >= WINDOW**2)
    n = len(images)
    spread = tuple(np.broadcast_to(v, (n, *v.shape[1:])) for v in (count, per_sample))
    return (images, means, variances, *spread), trusted[0]


def ssim_compare(first: Sequence[np.ndarray], second: Sequence[np.ndarray], trusted: np.ndarray) -> np.ndarray:
    """Mean structural similarity (n,)."""
    a, mean_a, var_a, count, per_sample = first
    b, mean_b, var_b = second[:3]
    covariance = (_local_sums(a * b) - count * mean_a * mean_b) * per_sample
    c1, c2 = _STABILITY
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return (luminance * (2 * covariance + c2) / (var_a + var_b + c2))[:, trusted].mean(axis=1)


def _local_sums(images: np.ndarray) -> np.ndarray:
    """Sums over 7 x 7 pixels, where the window lies inside the image."""
    size = (1, WINDOW, WINDOW)
    return scipy.ndimage.uniform_filter(images, size)[_EDGE] * WINDOW**2


def kept_features(images: np.ndarray, keep: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """The kept pixels of each image."""
    return (images[:, keep],), np.ones(int(keep.sum()), bool)


def psnr_compare(first: Sequence[np.ndarray], second: Sequence[np.ndarray], trusted: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio in decibels (n,); infinite for equal images."""
    error = np.mean((first[0] - second[0]) ** 2, axis=1)
    with np.errstate(divide="ignore"):
        return -10 * np.log10(error)


def correlation_features(images: np.ndarray, keep: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """The kept pixels of each image with mean 0 and norm 1; NaN for an image that is the same everywhere."""
    values = images[:, keep]
    values = values - values.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(values, axis=1, keepdims=True)
    scale = np.abs(images[:, keep]).max(axis=1, keepdims=True, initial=0)
    flat = norm <= 1e-12 * scale * np.sqrt(values.shape[1])
    return (values / np.where(flat, np.nan, norm),), np.ones(values.shape[1], bool)


def correlation_compare(first: Sequence[np.ndarray], second: Sequence[np.ndarray], trusted: np.ndarray) -> np.ndarray:
    """Zero-mean normalised cross-correlation (n,)."""
    return np.clip(np.einsum("np,np->n", first[0], second[0]), -1, 1)
