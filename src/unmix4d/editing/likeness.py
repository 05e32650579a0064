"""Similarity of two components: where they are, and what their patterns look like."""

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
    """Similarities of all pairs of components.

    Attributes
    ----------
    correlation : ndarray (k, k)
        Pearson correlation of the maps in intensity.
    edges : ndarray (k, k)
        Cosine of the steps from each position to its neighbours. It is lower than `correlation` if two maps are at one place
        and the boundary between them disappears when they are added, as between parts of one grain.
    alike : ndarray (k, k)
        Cosine of the unrotated patterns after subtraction of the mean of every ring, i.e. of the spots.
    rotated : ndarray (k, k)
        Largest such cosine for any in-plane rotation; NaN without a centre, for example for polar patterns.
    angle_deg : ndarray (k, k)
        Angle of that rotation.
    near : ndarray (k, k)
        Share of the smaller of the two areas that is within two positions of the other.
    explained : ndarray (k, k)
        Share of the weaker component that one component instead of the two would still explain: by its map if both have the
        same map, by its spots if both have the same spots in areas that touch.
    error : ndarray (k, k)
        Factor by which the unexplained remainder would increase the squared error where the weaker component is; NaN if
        residuals are not known.
    """

    correlation: np.ndarray
    edges: np.ndarray
    alike: np.ndarray
    rotated: np.ndarray
    angle_deg: np.ndarray
    near: np.ndarray
    explained: np.ndarray
    error: np.ndarray


_NO_NOISE = 1e-9  # of the energy of a component: what is less is rounding
_REACH = 2  # positions between areas that touch: the probe, or a step, wide


def likeness(result: Any) -> Likeness:
    """Compute the similarities of the components of a result. Nothing is read from the scan."""
    spots, rotated, angles = _patterns(result)
    correlation, alike, near = _correlation(result), cosines(spots), _near(result)
    explained = 1 - (1 - np.clip(correlation, 0, 1) ** 2) * (1 - np.clip(alike, 0, 1) ** 2 * near)
    error = 1 + np.maximum(1 - explained, 0) * _of_the_noise(result, spots)
    return Likeness(correlation, _edges(result), alike, rotated, angles, near, explained, error)


def _of_the_noise(result, spots):
    """Energy of the spots of the weaker one of two, in units of the squared error where it is (k, k)."""
    if result.residuals is None or result.geometry.polar or result.geometry.features:
        return np.full((result.k, result.k), np.nan)
    maps = result.geometry.from_maps(result.maps).astype(np.float64)
    squares = result.geometry.from_maps(result.residuals[None])[:, 0].astype(np.float64) ** 2 * result.geometry.n_pixels
    energy = (maps**2).sum(0) * np.square(spots).sum((1, 2))
    noise = (maps**2).T @ squares / np.maximum((maps**2).max(0), np.finfo(float).tiny)
    weaker = np.where(energy[:, None] < energy, np.arange(result.k)[:, None], np.arange(result.k))
    # Where nothing is left over, anything is far more than that.
    return (energy / np.maximum(noise, _NO_NOISE * energy + np.finfo(np.float32).tiny))[weaker]


def _correlation(result):
    maps = result.geometry.from_maps(np.nan_to_num(result.intensities)).T.astype(np.float64)
    maps = maps - maps.mean(1, keepdims=True)
    return cosines(maps[:, None, :])


def _edges(result):
    maps = np.where(result.geometry.kept_positions.reshape(result.geometry.scan_shape), result.intensities, np.nan)
    steps = [np.nan_to_num(np.diff(maps, axis=axis)).reshape(result.k, 1, -1) for axis in (1, 2)]
    return cosines(np.concatenate(steps, axis=2).astype(np.float64))


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
    """Return the part of the patterns that is compared: their spots, if there is a centre."""
    images = images.astype(float)
    if geometry.polar or geometry.features:
        return images - images.mean(axis=(1, 2), keepdims=True)
    transform = PolarTransform(geometry, **polar_range(geometry, None, None))
    polar = np.where(transform.valid, transform.forward(images), 0)
    mean = polar.sum(1, keepdims=True) / np.maximum(transform.valid.sum(0), 1)
    # Sums over these points are sums over the pixels that they stand for.
    step = np.diff(transform.radius)[0] if len(transform.radius) > 1 else 1.0
    area = transform.radius * step * 2 * np.pi / polar.shape[1]
    return np.where(transform.valid, polar - mean, 0) * np.sqrt(area)


def _patterns(result):
    geometry, k = result.geometry, result.k
    patterns = np.maximum(np.nan_to_num(result.patterns), 0)
    if geometry.polar or geometry.features:
        unknown = np.full((k, k), np.nan)
        return comparable(geometry, patterns), unknown, unknown
    transform = PolarTransform(geometry, **polar_range(geometry, None, None))
    polar = transform.forward(patterns)
    similarity = diffraction_similarity(rings_of(polar, transform.valid, transform.radius))
    return comparable(geometry, patterns), similarity.matrix.astype(float), similarity.angles_deg.astype(float)


def coherence(result: Any) -> np.ndarray:
    """Return the correlation of every map with the mean of its neighbours (k,): near 1 for grains, near 0 for noise."""
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
