"""Spots of one pattern: found, measured and redrawn as Gaussians on nothing (the idea of ePattern, Folastre 2024).

Plain NumPy functions on blocks (rows, cols, det_row, det_col); they know nothing of scans.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import scipy

__all__ = ["redraw_found", "redraw_given", "find_spots"]

_AROUND = 3.0  # of the background, in widths of a spot
_RING = 1.3, 1.9  # the background under a spot is taken between these, in radii: further in is its own tail
_DRAWN = 3.5  # standard deviations of a Gaussian that are drawn
_NORMAL = 0.6745  # median of the absolute value of a standard normal distribution


def redraw_found(block, *, radius, threshold, kept, dtype):
    """The block with every pattern replaced by its own spots; NaN of kept pixels stays."""
    out = np.zeros(block.shape, dtype)
    for i, j in np.ndindex(block.shape[:2]):
        image = np.asarray(block[i, j], np.float64)
        finite = np.isfinite(image)
        good = kept & finite
        if good.any():
            rows, cols, intensities = find_spots(np.where(good, image, 0), radius, threshold, good)
            _draw(out[i, j], rows, cols, intensities, radius / 2, kept)
        # What the first pass over the scan refuses must still be there.
        out[i, j][kept & ~finite] = np.nan
    return out


def redraw_given(block, spots, *, radius, kept, dtype):
    """The block with every pattern replaced by given spots (rows, cols, 1, 3 n): row, column, intensity, NaN for none."""
    out = np.zeros(block.shape, dtype)
    for i, j in np.ndindex(block.shape[:2]):
        mine = spots[i, j].reshape(-1, 3)
        mine = mine[~np.isnan(mine).any(axis=1)]
        _draw(out[i, j], *mine.T, radius / 2, kept)
    return out


def find_spots(image, radius, threshold, kept):
    """Spots of one pattern, at sub-pixel positions.

    image (ndarray of float64 (det_row, det_col)): 0 where not kept.
    radius (float): Of a spot, in pixels.
    threshold (float): A spot stands out of what is around it by so many standard deviations of the noise.
    kept: ndarray of bool (det_row, det_col).
    Returns rows, cols, intensities (ndarray of float64 (n,)): Centroids, and the sum over a disk of that radius above the
        mean of the ring around it. A pixel belongs to the nearest spot alone.
    """
    rows, cols = _maxima(image, radius, threshold, kept)
    if not rows.size:
        return np.empty(0), np.empty(0), np.empty(0)
    owner, at, distance = _surroundings(rows, cols, radius * _RING[1], kept)
    inside, ring = distance <= radius, distance > radius * _RING[0]
    values, n = image.ravel()[at], len(rows)
    # The ring tells the background; where other spots leave none of it, nothing is taken off.
    around = np.maximum(np.bincount(owner[ring], minlength=n), 1)
    background = np.bincount(owner[ring], values[ring], minlength=n) / around
    by_chance = _by_chance(image, values[inside], owner[inside], background, around)
    owner, at = owner[inside], at[inside]
    excess = values[inside] - background[owner]
    total = np.bincount(owner, excess, minlength=n)
    weights = np.maximum(excess, 0)
    norm = np.bincount(owner, weights, minlength=n)
    places = [
        np.bincount(owner, weights * index, minlength=n) / np.where(norm > 0, norm, 1)
        for index in np.divmod(at, image.shape[1])
    ]
    real = (total > 0) & (norm > 0) & (by_chance < scipy.special.ndtr(-threshold))
    return places[0][real], places[1][real], total[real]


@lru_cache(maxsize=8)
def _norm(kept, shape, width):
    """What a smoothed pattern has to be multiplied by to be a mean over kept pixels; the same for all of a scan."""
    weight = np.frombuffer(kept, bool).reshape(shape).astype(np.float64)
    return 1 / np.maximum(scipy.ndimage.gaussian_filter(weight, width), 1e-6)


def _by_chance(image, values, owner, background, around):
    """How likely it is that electrons of the background alone make each spot.

    Where counts are few, several of them fall together far more often than a normal distribution says. The smallest value
    is taken for one electron; where it is less than that, this decides nothing.
    """
    electron = image[image > 0].min()
    n_pixels = np.bincount(owner, minlength=len(background))
    counts = np.bincount(owner, values, minlength=len(background)) / electron
    # One electron more might have been in the ring.
    expected = (background / electron + 1 / around) * n_pixels
    return scipy.special.gammainc(np.maximum(counts, 1e-9), np.maximum(expected, 0))


def _maxima(image, radius, threshold, kept):
    """Pixels where the smoothed pattern is highest within `radius` (along rows and columns), and stands out of the noise."""
    width = radius / 2
    smooth, around = (
        scipy.ndimage.gaussian_filter(image, s) * _norm(kept.tobytes(), kept.shape, s) for s in (width, width * _AROUND)
    )
    # The noise of counts grows as the root of what is there, whatever the unit of intensity: the spread of the pixels
    # that are no spots says how much. One electron alone must not count as a spot in a pattern that is nearly empty.
    level = np.maximum(around, image[kept].mean() * 0.1)
    if not level.max() > 0:
        return np.empty(0, int), np.empty(0, int)
    standing = (smooth - around) / np.sqrt(np.maximum(level, level.max() * 1e-12))
    lit = image[image > 0]
    single = math.sqrt(lit.min() / (4 * math.pi * width**2)) if lit.size else 0.0
    noise = max(float(np.median(np.abs(standing[kept]))) / _NORMAL, single)
    # No two pixels are the same height, or a flat top would be several spots.
    height = standing + np.linspace(0, 1e-9 * noise, image.size).reshape(image.shape)
    reach = math.ceil(radius)
    highest = scipy.ndimage.maximum_filter(height, 2 * reach + 1, mode="nearest")
    return np.nonzero((height == highest) & (standing > threshold * noise) & kept)


def _surroundings(rows, cols, reach, kept):
    """Kept pixels within `reach` of the spots: the nearest spot, the flat index, and the distance to it."""
    half = math.ceil(reach)
    down, right = np.indices((2 * half + 1, 2 * half + 1)).reshape(2, -1) - half
    distance = np.hypot(down, right)
    near = distance <= reach
    down, right, distance = down[near], right[near], distance[near]
    r, c = rows[:, None] + down, cols[:, None] + right
    owner, distance = (np.broadcast_to(v, r.shape) for v in (np.arange(len(rows))[:, None], distance))
    good = (r >= 0) & (r < kept.shape[0]) & (c >= 0) & (c < kept.shape[1])
    good[good] = kept[r[good], c[good]]
    at, owner, distance = r[good] * kept.shape[1] + c[good], owner[good], distance[good]
    order = np.lexsort((owner, distance, at))
    at, owner, distance = at[order], owner[order], distance[order]
    first = np.ones(len(at), bool)
    first[1:] = at[1:] != at[:-1]
    return owner[first], at[first], distance[first]


def _draw(image, rows, cols, intensities, width, kept):
    """Add Gaussians to `image`; all of the intensity lands on kept pixels, and none for a spot beyond them."""
    if not len(rows):
        return
    half = math.ceil(_DRAWN * width)
    offsets = np.arange(-half, half + 1)
    r = np.rint(rows).astype(int)[:, None, None] + offsets[:, None]
    c = np.rint(cols).astype(int)[:, None, None] + offsets
    shape = np.exp(((r - rows[:, None, None]) ** 2 + (c - cols[:, None, None]) ** 2) / (-2 * width**2))
    r, c = np.broadcast_arrays(r, c)
    good = (r >= 0) & (r < kept.shape[0]) & (c >= 0) & (c < kept.shape[1])
    good[good] = kept[r[good], c[good]]
    shape = np.where(good, shape, 0)
    total = shape.sum(axis=(1, 2))
    # Of a spot whose middle is excluded or outside only a tail would be left to carry all of it.
    scale = np.where(total > 0.25 * 2 * math.pi * width**2, intensities / np.where(total > 0, total, 1), 0)
    values = (shape * scale[:, None, None])[good]
    np.add.at(image, (r[good], c[good]), values.astype(image.dtype))
