"""A tree whose groups are compared by the averages of their patterns, rotated onto each other at every merge."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .hierarchy import Tree, tree_of
from .rotated_groups import distances_of
from .similarity import Similarity

__all__ = ["merged_tree"]


def merged_tree(
    polar: np.ndarray, valid: np.ndarray, weights: np.ndarray, *, compare: Callable[[np.ndarray], Similarity],
    amorphous: np.ndarray, radius: np.ndarray,
) -> Tree:  # fmt: skip
    """Merge the two most similar patterns, replace them by their average, compare again, until one is left.

    Kimoto 2025 averages the patterns of a cluster "during the hierarchical clustering"; here the averages are also what is
    compared next, so that noise falls as groups grow.

    Parameters
    ----------
    polar : ndarray (k, n_azimuth, n_radius)
    valid : ndarray of bool (n_azimuth, n_radius)
        False where masked. An average keeps the mask of its heavier member, and takes from the other what that one saw.
    weights : ndarray (k,)
        Of each pattern in an average.
    compare : callable
        Gives the similarities of polar patterns; angles count over the whole circle.
    amorphous : ndarray of bool (k,)
        As for `unmix4d.clustering.rotated_groups.group_patterns`.
    radius : ndarray (n_radius,)

    Returns
    -------
    Tree
        Heights never fall: a merge that is closer than one before it, as averages can be, has the height of that one.
    """
    polar, weights = [*np.asarray(polar, np.float64)], [*np.asarray(weights, np.float64)]
    amorphous, names, sizes = [*np.asarray(amorphous, bool)], [*range(len(polar))], [1] * len(polar)
    rows, first, height = [], None, 0.0
    for step in range(len(polar) - 1):
        found = compare(np.stack(polar))
        distances = distances_of(found, np.array(amorphous), profiles_of(np.stack(polar), valid, radius))
        first = distances if first is None else first
        pairs = distances + np.where(np.eye(len(polar), dtype=bool), np.inf, 0)
        i, j = sorted(np.unravel_index(pairs.argmin(), pairs.shape), key=lambda n: -weights[n])
        height = max(height, float(distances[i, j]))
        rows.append([*sorted((names[i], names[j])), height, sizes[i] + sizes[j]])
        # Amorphous patterns have no angle; the heavier one of two others stays as it is, and the other comes to it.
        turn, mirrored = (0.0, False) if amorphous[i] else (found.angles_deg[i, j], bool(found.mirrored[i, j]))
        polar[i] = _average(polar[i], polar[j], weights[i], weights[j], valid, turn, mirrored)
        weights[i], sizes[i], names[i] = weights[i] + weights[j], sizes[i] + sizes[j], len(first) + step
        for values in (polar, weights, sizes, names, amorphous):
            del values[j]
    return tree_of(np.array(rows).reshape(-1, 4), np.zeros((1, 1)) if first is None else first)


def profiles_of(polar, valid, radius):
    """Radial profiles (k, n_radius), weighted by the radius."""
    return polar.sum(axis=1) / np.maximum(valid.sum(axis=0), 1) * radius


def _average(one, other, weight, other_weight, valid, turn_deg, mirrored):
    """`one` and the other one, mirrored and then rotated by an angle, where that was seen."""
    other, seen = (_turned(v, turn_deg, mirrored) for v in (np.where(valid, other, 0.0), valid.astype(float)))
    known = seen > 0.5  # most of a point comes from points that take part
    other = other / np.where(known, seen, 1)
    total = weight + other_weight
    return np.where(valid & known, (weight * one + other_weight * other) / (total if total > 0 else 1), one)


def _turned(values, turn_deg, mirrored):
    """Values (n_azimuth, n_radius) moved on by an angle, linearly between azimuths."""
    n = len(values)
    values = np.roll(values[::-1], 1, axis=0) if mirrored else values
    whole, part = divmod(turn_deg * n / 360.0, 1.0)
    moved = np.roll(values, int(whole), axis=0)
    return (1 - part) * moved + part * np.roll(moved, 1, axis=0)
