"""GMSD and MDSI: the deviation of a map of how similar the gradients of two images are.

Both in two steps: what belongs to one image alone (`*_features`), and the comparison of two such (`*_compare`), so that
all pairs of n images cost n of the first. Images (n, rows, cols) are already divided by the data range.

The numbers in capitals are those of the papers and of their public implementations, which are followed to the letter,
also where they pad with zeros: only so do the values compare with published ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import scipy

from ._windows import untouched

__all__ = ["gmsd_features", "gmsd_compare", "mdsi_features", "mdsi_compare"]

_GMSD_STABILITY = 170 / 255**2  # Xue 2014: c = 170 for values of 0 to 255; as piq has it
_MDSI_GRADIENT, _MDSI_FUSED, _MDSI_COLOUR = 140.0, 55.0, 550.0  # Nafchi 2016: C1 to C3, for values of 0 to 255
_MDSI_SHARE, _MDSI_POOLING = 0.6, 0.25  # Nafchi 2016: alpha, and the power before pooling; as piq has them
_LUMINANCE = 0.2989 + 0.587 + 0.114  # of a grey pixel: red, green and blue as in ITU-R BT.601; as piq has it
# Squares of the two colour coordinates of a grey pixel, which the colour space of Nafchi 2016 does not map to zero.
_COLOUR = (0.3 + 0.04 - 0.35) ** 2 + (0.34 - 0.6 + 0.17) ** 2


def gmsd_features(images: np.ndarray, keep: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Gradient magnitudes at half resolution (n, rows/2, cols/2), and where they are to be trusted."""
    odd = max(images.shape[-2] % 2, images.shape[-1] % 2)
    images, keep = _pool(images, keep, 2, (0, odd))
    return (_length(*_gradients(images)),), untouched(keep)


def gmsd_compare(first: Sequence[np.ndarray], second: Sequence[np.ndarray], trusted: np.ndarray) -> np.ndarray:
    """Standard deviation of the similarity of the gradient magnitudes (n,)."""
    return _similarity(first[0], second[0], _GMSD_STABILITY)[:, trusted].std(axis=1)


def mdsi_features(images: np.ndarray, keep: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Gradient magnitudes, grey values and the gradients of the luminance along both axes, on the scale 0 to 255."""
    factor = max(1, round(min(images.shape[-2:]) / 256))
    images, keep = _pool(images * 255, keep, factor, ((factor - 1) // 2, factor // 2))
    along, across = _gradients(images * _LUMINANCE)
    return (_length(along, across), images, along, across), untouched(keep)


def mdsi_compare(first: Sequence[np.ndarray], second: Sequence[np.ndarray], trusted: np.ndarray) -> np.ndarray:
    """Mean deviation similarity index (n,)."""
    (a, grey_a, *along_a), (b, grey_b, *along_b) = first, second
    fused = _length(*((one + other) / 2 for one, other in zip(along_a, along_b)))
    structure = _similarity(a, b, _MDSI_GRADIENT) + (_similarity(a, fused, _MDSI_FUSED) - _similarity(b, fused, _MDSI_FUSED))
    colour = _similarity(grey_a, grey_b, _MDSI_COLOUR / _COLOUR)
    combined = (_MDSI_SHARE * structure + (1 - _MDSI_SHARE) * colour)[:, trusted]
    return _deviation(combined) ** _MDSI_POOLING


def _deviation(values: np.ndarray) -> np.ndarray:
    """Mean distance of the fourth roots from their mean, in the complex plane, where those of negative values are."""
    root = np.sqrt(np.sqrt(np.abs(values)))
    negative = values < 0
    if not negative.any():
        return np.abs(root - root.mean(axis=1, keepdims=True)).mean(axis=1)
    along = np.where(negative, np.sqrt(0.5) * root, root)
    across = np.where(negative, np.sqrt(0.5) * root, 0)
    return _length(*(part - part.mean(axis=1, keepdims=True) for part in (along, across))).mean(axis=1)


def _similarity(a: np.ndarray, b: np.ndarray, stability: float) -> np.ndarray:
    return (2 * a * b + stability) / (a * a + b * b + stability)


def _length(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    return np.sqrt(along * along + across * across)


def _gradients(images: np.ndarray) -> Iterator[np.ndarray]:
    """Prewitt, a third of it, with zeros outside the image."""
    for across, along in ((-1, -2), (-2, -1)):
        smooth = scipy.ndimage.correlate1d(images, [1 / 3] * 3, axis=along, mode="constant")
        yield scipy.ndimage.correlate1d(smooth, [-1.0, 0.0, 1.0], axis=across, mode="constant")


def _pool(images: np.ndarray, keep: np.ndarray, factor: int, padding: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Means over factor x factor pixels, of the kept ones only; excluded where fewer than half are kept."""
    if factor == 1:
        return np.where(keep, images, 0), keep
    images = np.pad(np.where(keep, images, 0), ((0, 0), padding, padding))
    keep = np.pad(keep, padding, constant_values=True)
    total, count = _sums(images, factor), _sums(keep[None].astype(float), factor)[0]
    return total / np.maximum(count, 1), 2 * count >= factor**2


def _sums(images: np.ndarray, factor: int) -> np.ndarray:
    rows, cols = (size // factor for size in images.shape[1:])
    images = images[:, : rows * factor, : cols * factor]
    return images.reshape(len(images), rows, factor, cols, factor).sum(axis=(2, 4))
