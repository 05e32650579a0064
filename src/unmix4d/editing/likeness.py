"""How much two components look like one: where they are, and what their patterns are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..choose_k.similarity import cosines
from ..clustering.similarity import diffraction_similarity, rings_of
from ..core.polar import PolarTransform
from ..maps.regions import NOISE, OUTLIERS, above_threshold
from ..results.groups import polar_range

__all__ = ["Likeness", "coherence", "comparable", "likeness"]


@dataclass(frozen=True, eq=False)
class Likeness:
    """Numbers of all pairs.

    Attributes
    ----------
    correlation : ndarray (k, k)
        Pearson correlation of the maps in intensity.
    alike : ndarray (k, k)
        Cosine of the patterns as they are, after the mean of every ring was taken off: of the spots.
    rotated : ndarray (k, k)
        The largest such cosine for any rotation in the plane, and `angle_deg` the rotation; NaN where there is no centre to
        rotate about, as for polar patterns.
    angle_deg : ndarray (k, k)
    near : ndarray (k, k)
        Share of the smaller of the two areas that is within two positions of the other.
    """

    correlation: np.ndarray
    alike: np.ndarray
    rotated: np.ndarray
    angle_deg: np.ndarray
    near: np.ndarray


_REACH = 2  # positions between areas that touch: the probe, or a step, wide


def likeness(result: Any) -> Likeness:
    """Of the components of an answer; nothing is read from the scan."""
    alike, rotated, angles = _patterns(result)
    return Likeness(_correlation(result), alike, rotated, angles, _near(result))


def _correlation(result):
    maps = result.geometry.from_maps(np.nan_to_num(result.intensities)).T.astype(np.float64)
    maps = maps - maps.mean(1, keepdims=True)
    return cosines(maps[:, None, :])


def _near(result):
    from scipy.ndimage import maximum_filter

    kept = result.geometry.kept_positions.reshape(result.geometry.scan_shape)
    there = above_threshold(np.maximum(np.nan_to_num(result.maps), 0), kept, outliers=OUTLIERS, noise=NOISE)
    wide = maximum_filter(there, (1, 2 * _REACH + 1, 2 * _REACH + 1))
    flat, wide = (part.reshape(len(part), -1).astype(np.float32) for part in (there, wide))
    shared, size = wide @ flat.T, flat.sum(1)
    smaller = np.maximum(np.minimum(size[:, None], size), 1)
    # Of both directions the one that looks from the smaller area.
    return np.where(size[:, None] >= size, shared, shared.T) / smaller


def comparable(geometry: Any, images: np.ndarray) -> np.ndarray:
    """What of patterns is compared: their spots, so far as there is a centre about which the rest is even."""
    images = images.astype(float)
    if geometry.polar or geometry.features:
        return images - images.mean(axis=(1, 2), keepdims=True)
    transform = PolarTransform(geometry, **polar_range(geometry, None, None))
    polar = np.where(transform.valid, transform.forward(images), 0)
    mean = polar.sum(1, keepdims=True) / np.maximum(transform.valid.sum(0), 1)
    return np.where(transform.valid, polar - mean, 0) * np.sqrt(transform.radius)


def _patterns(result):
    geometry, k = result.geometry, result.k
    patterns = np.maximum(np.nan_to_num(result.patterns), 0)
    if geometry.polar or geometry.features:
        unknown = np.full((k, k), np.nan)
        return cosines(comparable(geometry, patterns)), unknown, unknown
    transform = PolarTransform(geometry, **polar_range(geometry, None, None))
    polar = transform.forward(patterns)
    similarity = diffraction_similarity(rings_of(polar, transform.valid, transform.radius))
    return cosines(comparable(geometry, patterns)), similarity.matrix.astype(float), similarity.angles_deg.astype(float)


def coherence(result: Any) -> np.ndarray:
    """Correlation of every map with the mean of its neighbours (k,): near 1 for grains, near 0 for noise."""
    from scipy.ndimage import convolve

    kept = result.geometry.kept_positions.reshape(result.geometry.scan_shape)
    cross = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], float)
    count = convolve(kept.astype(float), cross, mode="constant")
    out = np.full(result.k, np.nan)
    for i, image in enumerate(np.nan_to_num(result.maps).astype(float)):
        around = convolve(np.where(kept, image, 0), cross, mode="constant")
        use = kept & (count > 0)
        one, other = image[use], around[use] / count[use]
        if one.size > 1 and one.std() > 0 and other.std() > 0:
            out[i] = np.corrcoef(one, other)[0, 1]
    return out
