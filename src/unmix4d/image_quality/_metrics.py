"""The metrics by name, for pairs of images and for all pairs of a set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..core import checks
from . import _gradients, _structure
from ._windows import images_of, mask_of, range_of

__all__ = ["METRICS", "Metric", "ssim", "psnr", "gmsd", "mdsi", "cross_correlation", "pairwise", "similarity_matrix"]

_BATCH_VALUES = 1 << 18  # pixels compared at a time, few enough to stay in the cache


def ssim(a: ArrayLike, b: ArrayLike, *, data_range: ArrayLike, mask: ArrayLike | None = None) -> float | np.ndarray:
    """Compute the mean structural similarity (Wang 2004): 1 for equal images, lower for others.

    The settings are the defaults of `skimage.metrics.structural_similarity`: windows of 7 x 7 pixels with uniform weights,
    K1 = 0.01, K2 = 0.03, sample variances, and borders of 3 pixels excluded.

    Parameters
    ----------
    a, b : array (..., rows, cols)
        Images, or batches of them that can be broadcast together; at least 7 x 7 pixels.
    data_range : float or array (...)
        Difference between the largest and the smallest value that the images can have, one for all or one per pair. There is
        no default, because SSIM depends on it strongly.
    mask : bool array (rows, cols), optional
        True = excluded. Pixels that are NaN in either image are excluded too. Local means and variances use the kept pixels
        of each window. A window is used if its centre and at least half of its pixels are kept.

    Returns
    -------
    float or ndarray of float64 (...)
        The value of each pair, NaN if no window can be used.

    Raises
    ------
    ValueError, TypeError
        If shapes do not fit, images are too small or hold infinite values, or `data_range` is not above 0.

    Notes
    -----
    An empty background is equal in all patterns and increases the mean. Exclude it, or compare square roots of intensities.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import image_quality
    >>> image = np.random.default_rng(0).random((20, 30))
    >>> float(image_quality.ssim(image, image, data_range=1))
    1.0
    """
    return _between(a, b, "ssim", data_range, mask)


def psnr(a: ArrayLike, b: ArrayLike, *, data_range: ArrayLike, mask: ArrayLike | None = None) -> float | np.ndarray:
    """Compute the peak signal-to-noise ratio in dB, 10 log10(data_range**2 / mean squared difference), of the kept pixels.

    Parameters, errors and masks are as for `ssim`; images must have at least 3 x 3 pixels. The value is infinite for equal
    images, and higher for more similar ones.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import image_quality
    >>> image = np.zeros((20, 30))
    >>> float(image_quality.psnr(image, image + 0.1, data_range=1).round(6))
    20.0
    """
    return _between(a, b, "psnr", data_range, mask)


def gmsd(a: ArrayLike, b: ArrayLike, *, data_range: ArrayLike, mask: ArrayLike | None = None) -> float | np.ndarray:
    """Compute the gradient magnitude similarity deviation (Xue 2014): 0 for equal images, higher for others.

    Images are averaged over 2 x 2 pixels, and the result is the standard deviation of the similarity of the magnitudes of
    their Prewitt gradients, with the paper's constant 170 on the scale 0 to 255 and zeros outside the image. This equals
    `piq.gmsd` on one channel.

    Parameters
    ----------
    a, b : array (..., rows, cols)
        Images, or batches of images that can be broadcast together.
    data_range : float or array (...)
        Value that corresponds to 255, one for all or one per pair.
    mask : bool array (rows, cols), optional
        True = excluded. Pixels that are NaN in either image are excluded too. Means over 2 x 2 pixels use the kept pixels
        and are excluded if fewer than two are kept. The similarity is used where no mean within 3 x 3 is excluded.

    Returns
    -------
    float or ndarray of float64 (...)
        The value of each pair, NaN if no window can be used.

    Raises
    ------
    ValueError, TypeError
        As for `ssim`.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import image_quality
    >>> image = np.random.default_rng(0).random((20, 30))
    >>> float(image_quality.gmsd(image, image, data_range=1))
    0.0
    """
    return _between(a, b, "gmsd", data_range, mask)


def mdsi(a: ArrayLike, b: ArrayLike, *, data_range: ArrayLike, mask: ArrayLike | None = None) -> float | np.ndarray:
    """Compute the mean deviation similarity index (Nafchi 2016): 0 for equal images, higher for others.

    This equals `piq.mdsi` with its defaults on one channel, which is copied to red, green and blue. Images of 384 pixels or
    more are first averaged to about 256.

    Parameters
    ----------
    a, b : array (..., rows, cols)
        Images, or batches of images that can be broadcast together. `b` is the reference: exchanging the two changes the
        value a little, by the paper's own definition.
    data_range : float or array (...)
        Value that corresponds to 255, one for all or one per pair.
    mask : bool array (rows, cols), optional
        True = excluded. Pixels that are NaN in either image are excluded too. A pixel is used if its 3 x 3 window contains
        no excluded pixel.

    Returns
    -------
    float or ndarray of float64 (...)
        The value of each pair, NaN if no window can be used.

    Raises
    ------
    ValueError, TypeError
        As for `ssim`.

    Notes
    -----
    Cao 2025 states both that 0 is perfect and that higher values are more similar. The first statement is correct.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import image_quality
    >>> image = np.random.default_rng(0).random((20, 30))
    >>> float(image_quality.mdsi(image, image, data_range=1))
    0.0
    """
    return _between(a, b, "mdsi", data_range, mask)


def cross_correlation(a: ArrayLike, b: ArrayLike, *, mask: ArrayLike | None = None) -> float | np.ndarray:
    """Compute the zero-mean normalised cross-correlation of the kept pixels, -1 to 1; NaN for constant images.

    Parameters are as for `ssim`; images must have at least 3 x 3 pixels. The value does not depend on scale or offset, so
    there is no `data_range`.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import image_quality
    >>> image = np.random.default_rng(0).random((20, 30))
    >>> float(image_quality.cross_correlation(image, 5 - 2 * image).round(6))
    -1.0
    """
    return _between(a, b, "cross_correlation", 1.0, mask)


@dataclass(frozen=True)
class Metric:
    """Image quality metric, an entry of `METRICS`.

    Attributes
    ----------
    function : callable
        ``function(a, b, *, data_range, mask=None)``. The function of ``cross_correlation`` has no `data_range`.
    direction : {"higher", "lower"}
        Whether higher or lower values mean more similar images.
    identical : float
        The value of two equal images.

    Examples
    --------
    >>> from unmix4d.image_quality import METRICS
    >>> [name for name, metric in METRICS.items() if metric.direction == "lower"]
    ['gmsd', 'mdsi']
    """

    function: Callable
    direction: str
    identical: float
    _features: Callable
    _compare: Callable
    _least: int = 3


METRICS = {
    "ssim": Metric(ssim, "higher", 1.0, _structure.ssim_features, _structure.ssim_compare, _structure.WINDOW),
    "psnr": Metric(psnr, "higher", np.inf, _structure.kept_features, _structure.psnr_compare),
    "gmsd": Metric(gmsd, "lower", 0.0, _gradients.gmsd_features, _gradients.gmsd_compare),
    "mdsi": Metric(mdsi, "lower", 0.0, _gradients.mdsi_features, _gradients.mdsi_compare),
    "cross_correlation": Metric(
        cross_correlation, "higher", 1.0, _structure.correlation_features, _structure.correlation_compare
    ),
}


def pairwise(
    a: ArrayLike, b: ArrayLike, metric: str, *, data_range: ArrayLike | None = None, mask: ArrayLike | None = None
) -> float | np.ndarray:
    """Compute a metric for every pair of images of two batches.

    Parameters
    ----------
    a, b : array (..., rows, cols)
        Batches of images that can be broadcast together, or two images.
    metric : {"ssim", "psnr", "gmsd", "mdsi", "cross_correlation"}
        Name of the metric.
    data_range : float or array (...), optional
        Range of values. By default the largest kept value of all images, minus the smallest if that is negative.
    mask : bool array (rows, cols), optional
        True = excluded. Pixels that are NaN in either image of a pair are excluded too.

    Returns
    -------
    float or ndarray of float64 (...)

    Raises
    ------
    ValueError, TypeError
        As for `ssim`.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import image_quality
    >>> images = np.random.default_rng(0).random((4, 20, 30))
    >>> image_quality.pairwise(images, images[::-1], "gmsd", data_range=1).shape
    (4,)
    """
    checks.choice(metric, "metric", tuple(METRICS))
    if data_range is None and metric != "cross_correlation":
        data_range = _largest([images_of(a, "a"), images_of(b, "b")], mask)
    return _between(a, b, metric, 1.0 if data_range is None else data_range, mask)


def similarity_matrix(
    images: ArrayLike, metric: str, *, data_range: float | None = None, mask: ArrayLike | None = None
) -> np.ndarray:
    """Compute a metric between all pairs of n images.

    Parameters
    ----------
    images : array (n, rows, cols)
        Images, for example component patterns, with NaN at excluded pixels.
    metric : {"ssim", "psnr", "gmsd", "mdsi", "cross_correlation"}
        Name of the metric.
    data_range : float, optional
        Range of values. By default the largest kept value of all images, minus the smallest if that is negative.
    mask : bool array (rows, cols), optional
        True = excluded. Pixels that are NaN in either image of a pair are excluded too.

    Returns
    -------
    ndarray of float64 (n, n)
        Symmetric matrix. For MDSI, which is not symmetric, it is the mean of both orders. The diagonal is the value of equal
        images. Rows and columns of images that are NaN everywhere are NaN.

    Raises
    ------
    ValueError, TypeError
        As for `ssim`; also when the images are not (n, rows, cols).

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import image_quality
    >>> images = np.random.default_rng(0).random((4, 20, 30))
    >>> image_quality.similarity_matrix(images, "ssim", data_range=1).shape
    (4, 4)
    """
    chosen = METRICS[checks.choice(metric, "metric", tuple(METRICS))]
    images = images_of(images, "images", chosen._least)
    if images.ndim != 3:
        raise ValueError(f"images must have the shape (n, rows, cols), got {images.shape}")
    keep = mask_of(mask, images.shape[1:])
    if metric != "cross_correlation":
        images = images / float(range_of(_largest([images], mask) if data_range is None else data_range, ()))
    n = len(images)
    out = np.full((n, n), np.nan)
    known = np.flatnonzero((~np.isnan(images) & keep).any(axis=(1, 2)))
    out[known, known] = chosen.identical
    first, second = np.triu_indices(n, 1)
    values = _compare_pairs(chosen, images, first, second, keep)
    if metric == "mdsi":
        values = (values + _compare_pairs(chosen, images, second, first, keep)) / 2
    out[first, second] = out[second, first] = values
    return out


def _largest(batches: Sequence[np.ndarray], mask: ArrayLike | None) -> float:
    """What counts as the data range when none is given."""
    kept = [images[..., mask_of(mask, images.shape[-2:])] for images in batches]  # type: ignore[index]
    low, high = (f([f(v, where=~np.isnan(v), initial=0.0) for v in kept]) for f in (np.min, np.max))
    # Images of nothing but zeros are equal in any range.
    return float(high - low) or 1.0


def _between(a: ArrayLike, b: ArrayLike, name: str, data_range: ArrayLike, mask: ArrayLike | None) -> float | np.ndarray:
    metric = METRICS[name]
    a, b = images_of(a, "a", metric._least), images_of(b, "b", metric._least)
    try:
        shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        shape = None
    if shape is None or a.shape[-2:] != b.shape[-2:]:
        raise ValueError(f"a and b must be images of the same shape, or batches that fit, got {a.shape} and {b.shape}")
    keep, scale = mask_of(mask, a.shape[-2:]), range_of(data_range, shape).ravel()
    size = a.shape[-2:]
    a, b = (np.broadcast_to(x, (*shape, *size)).reshape(-1, *size) for x in (a, b))
    out = np.empty(len(a))
    step = max(1, _BATCH_VALUES // a[0].size) if len(a) else 1
    for start in range(0, len(a), step):
        some = slice(start, start + step)
        pairs = np.concatenate([a[some], b[some]]) / np.tile(scale[some], 2)[:, None, None]
        first = np.arange(len(pairs) // 2)
        out[some] = _compare_pairs(metric, pairs, first, first + len(first), keep)
    return out.reshape(shape)[()]


def _compare_pairs(
    metric: Metric, images: np.ndarray, first: np.ndarray, second: np.ndarray, keep: np.ndarray
) -> np.ndarray:
    """Values of the pairs images[first], images[second]; pairs with the same kept pixels together."""
    missing = np.isnan(images)
    kinds: dict[bytes, int] = {}
    kind_of = np.array([kinds.setdefault(np.packbits(own).tobytes(), i) for i, own in enumerate(missing)])
    out = np.full(len(first), np.nan)
    both = np.stack([kind_of[first], kind_of[second]], axis=1)
    for one, other in np.unique(both, axis=0):
        mine = np.flatnonzero((both == (one, other)).all(axis=1))
        kept = keep & ~(missing[one] | missing[other])
        if kept.any():
            out[mine] = _compare_alike(metric, images, first[mine], second[mine], kept)
    return out


def _compare_alike(
    metric: Metric, images: np.ndarray, first: np.ndarray, second: np.ndarray, kept: np.ndarray
) -> np.ndarray | float:
    used, where = np.unique(np.concatenate([first, second]), return_inverse=True)
    first, second = where.ravel()[: len(first)], where.ravel()[len(first) :]
    features, trusted = metric._features(np.where(kept, images[used], 0), kept)
    if not trusted.any():
        return np.nan
    out = np.empty(len(first))
    step = max(1, _BATCH_VALUES // kept.size)
    for start in range(0, len(first), step):
        some = slice(start, start + step)
        out[some] = metric._compare([f[first[some]] for f in features], [f[second[some]] for f in features], trusted)
    return out
