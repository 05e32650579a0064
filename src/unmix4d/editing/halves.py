"""Similarity of the patterns of two parts of a component: its two largest regions, or the halves of its only region."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..results.data_of_a_result import linked_matrix
from ..results.groups import mean_of
from .likeness import comparable
from .regions import regions_of

__all__ = ["halves_alike", "two_parts"]

_LEAST = 8  # positions of a part, of which every other one is a witness: fewer say nothing; no table
_KNOWN = 0.3  # correlation of the witnesses of one part, below which its pattern is noise; no table


def halves_alike(result: Any) -> np.ndarray:
    """Return the similarity of the patterns of two parts of every component (k,), corrected for noise, in one pass.

    1 means that the patterns are the same, NaN that a component does not have two parts that are large enough, or that their
    patterns are noise. The contribution of the other components is subtracted.
    """
    geometry, out = result.geometry, np.full(result.k, np.nan)
    columns, numbers = [], []
    for i in range(result.k):
        parts = two_parts(result, i)
        if parts is not None:
            columns += [half for part in parts for half in _witnesses(part)]
            numbers.append(i)
    if not numbers:
        return out
    matrix = linked_matrix(result, "suggest")
    weights = geometry.from_maps(np.stack(columns).astype(matrix.dtype))
    rows = mean_of(matrix.transpose_times(weights), weights.sum(0, dtype=np.float64), matrix.dtype).T.astype(float)
    rows -= _of_the_others(geometry, result, weights, np.repeat(numbers, 4))
    images = comparable(geometry, np.nan_to_num(geometry.to_images(rows)))
    for i, (a, b, c, d) in zip(numbers, images.reshape(len(numbers), 4, -1)):
        known = _cosine(a, b), _cosine(c, d)
        if min(known) > _KNOWN:
            between = np.mean([_cosine(x, y) for x in (a, b) for y in (c, d)])
            out[i] = min(between / np.sqrt(known[0] * known[1]), 1.0)
    return out


def two_parts(result: Any, i: int) -> np.ndarray | None:
    """Return the two largest regions of a map, or both halves of its only one, as booleans (2, scan_row, scan_col)."""
    found, shape = regions_of(result, i, 2 * _LEAST), result.geometry.scan_shape
    if not len(found):
        return None
    if len(found) > 1:
        return np.stack([found.mask(0), found.mask(1)])
    mask = found.mask(0)
    place = np.argwhere(mask).astype(float)
    place -= place.mean(0)
    along = place @ np.linalg.eigh(place.T @ place)[1][:, -1]
    parts = np.zeros((2, *shape), bool)
    parts[:, mask] = along < np.median(along), along >= np.median(along)
    return parts if parts.sum((1, 2)).min() >= _LEAST else None


def _witnesses(part):
    """Every other position of a part, and the rest."""
    number = np.cumsum(part.ravel()).reshape(part.shape)
    return part & (number % 2 == 0), part & (number % 2 == 1)


def _of_the_others(geometry, result, weights, owner):
    """What the other components have in the mean over some positions (n, n_pixels)."""
    maps, patterns = (
        part.astype(float) for part in (geometry.from_maps(result.maps), geometry.from_images(result.patterns))
    )
    shares = (weights.T / weights.sum(0)[:, None]) @ maps
    shares[np.arange(len(owner)), owner] = 0
    return shares @ patterns


def _cosine(one, other):
    size = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / size) if size > 0 else 0.0
