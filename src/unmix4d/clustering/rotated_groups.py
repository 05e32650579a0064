"""Patterns into groups: amorphous ones by radial profile, the others by diffraction similarity; one tree for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .group_angles import group_angles
from .hierarchy import UNLIKE, Tree, cut_tree, make_tree
from .similarity import Rings, Similarity

__all__ = ["RotatedGroups", "distances_of", "group_patterns", "groups_of"]


@dataclass(frozen=True, eq=False)
class RotatedGroups:
    """Groups of patterns that are rotated against each other.

    Attributes
    ----------
    labels : ndarray of int (k,)
    angles_deg : ndarray (k,)
        Against the strongest member of the group; NaN for amorphous patterns.
    mirrored : ndarray of bool (k,)
    residuals_deg : ndarray (k,)
        How well the angles of pairs agree with these; NaN for amorphous patterns.
    symmetry : ndarray of int (n_groups,)
        Order that the angles are known modulo; 0 for an amorphous group.
    amorphous : ndarray of bool (k,)
    tree : Tree
    distances : ndarray (k, k)
        What the tree was made of.
    height : float
        Where it was cut.
    """

    labels: np.ndarray
    angles_deg: np.ndarray
    mirrored: np.ndarray
    residuals_deg: np.ndarray
    symmetry: np.ndarray
    amorphous: np.ndarray
    tree: Tree
    distances: np.ndarray
    height: float


def group_patterns(
    similarity: Similarity, rings: Rings, *, intensities, amorphous=None, profiles=None, n_groups=None, distance=None,
    linkage="average", top=UNLIKE, tree=None,
) -> RotatedGroups:  # fmt: skip
    """Group patterns and find the angle of each in its group.

    Parameters
    ----------
    similarity : Similarity
    rings : Rings
        The patterns it was made of.
    intensities : ndarray (k,)
        The strongest of a group is at 0 degrees.
    amorphous : ndarray of bool (k,), optional
        Patterns without spots: they have nothing in common with the others, and with each other their radial profiles.
    profiles : ndarray (k, n_radius), optional
    n_groups, distance, linkage, top
        See `cut_tree` and `make_tree`.
    tree : Tree, optional
        One that was made already.

    Returns
    -------
    RotatedGroups
    """
    k = rings.k
    amorphous = np.zeros(k, bool) if amorphous is None else np.asarray(amorphous, bool)
    distances = distances_of(similarity, amorphous, profiles)
    tree = make_tree(distances, linkage) if tree is None else tree
    labels, height = cut_tree(tree, n_groups=n_groups, distance=distance, top=top)
    return groups_of(labels, height, tree, distances, similarity, rings, intensities, amorphous)


def distances_of(similarity: Similarity, amorphous, profiles):
    """Distances (k, k) of all pairs: amorphous patterns by their radial profiles, and far from all others."""
    distances = similarity.distances.astype(np.float64)
    if amorphous.any():
        distances[amorphous[:, None] != amorphous[None, :]] = 1.0
        distances[np.ix_(amorphous, amorphous)] = _profile_distances(profiles[amorphous])
    return distances


def groups_of(labels, height, tree, distances, similarity, rings, intensities, amorphous) -> RotatedGroups:
    """Groups of which the labels are known: the angle of each pattern in its group."""
    k = rings.k
    angles, mirrored, residuals = np.full(k, np.nan), np.zeros(k, bool), np.full(k, np.nan)
    symmetry = np.zeros(labels.max() + 1, int)
    for group in range(len(symmetry)):
        members = np.flatnonzero((labels == group) & ~amorphous)
        if members.size:
            found = group_angles(similarity, rings, members, np.asarray(intensities)[members])
            angles[members], mirrored[members] = found.angles_deg, found.mirrored
            residuals[members], symmetry[group] = found.residuals_deg, found.symmetry
    return RotatedGroups(labels, angles, mirrored, residuals, symmetry, amorphous, tree, distances, height)


def _profile_distances(profiles):
    """1 - cosine of radial profiles."""
    norm = np.linalg.norm(profiles, axis=1, keepdims=True)
    unit = profiles / np.where(norm > 0, norm, 1)
    distances = np.clip(1 - unit @ unit.T, 0, 1)
    np.fill_diagonal(distances, 0)
    return distances
