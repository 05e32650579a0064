"""Components into groups of turned copies: the steps of ``Decomposition.group_rotated``."""

from __future__ import annotations

import numpy as np

from ..clustering.anisotropy import is_amorphous, spots_of
from ..clustering.rotated_groups import group_patterns
from ..clustering.similarity import diffraction_similarity, rings_of
from ..clustering.turn_patterns import Turning, turned_sums
from ..polar import PolarTransform
from .grouping_methods import polar_range
from .groups import Groups

__all__ = ["group_components"]


def group_components(
    result, *, n_groups, distance, linkage, mirror, friedel, weight, r_min, r_max, spots, as_published
) -> Groups:  # fmt: skip
    """See `unmix4d.Decomposition.group_rotated`."""
    frame, grid = result.frame, polar_range(result.frame, r_min, r_max)
    transform = PolarTransform(frame, **grid)
    patterns = np.maximum(np.nan_to_num(result.patterns), 0)
    polar = transform.forward(patterns)
    rings = rings_of(polar, transform.valid, transform.radius, friedel=friedel, weight=weight, as_published=as_published)
    similarity = diffraction_similarity(rings, mirror=mirror, as_published=as_published)
    amorphous = np.zeros(result.k, bool)
    if spots is not None and not as_published:
        amorphous = is_amorphous(spots_of(frame, patterns, **grid), spots)
    strength = np.nansum(result.intensities, axis=(1, 2))
    profiles = polar.sum(axis=1) / np.maximum(transform.valid.sum(axis=0), 1) * transform.radius
    found = group_patterns(
        similarity, rings, intensities=strength, amorphous=amorphous, profiles=profiles, n_groups=n_groups,
        distance=distance, linkage=linkage, **({"top": 1.0} if as_published else {}),
    )  # fmt: skip
    labels, order = by_strength(found.labels, strength)
    means, maps = _averages(result, labels, found, len(order)), _maps(result, labels, len(order))
    return Groups(
        labels=labels, angles_deg=found.angles_deg, angle_residuals_deg=found.residuals_deg, mirrored=found.mirrored,
        patterns=means, maps=maps, symmetry=found.symmetry[order], linkage=found.tree.linkage,
        cophenetic=found.tree.cophenetic, similarity=similarity.matrix, cosine=_cosine(result), height=found.height,
        leaf_labels=labels, frame=frame, members=result,
        settings={
            "n_groups": n_groups, "distance": distance, "linkage": linkage, "mirror": mirror, "friedel": friedel,
            "weight": weight if isinstance(weight, str) else [float(w) for w in weight], "r_min": grid["r_min"],
            "r_max": float(transform.radius[-1]), "spots": spots, "as_published": as_published,
        },
    )  # fmt: skip


def by_strength(labels, strength):
    """Labels renumbered so that the strongest group is 0, and the old number of each new one."""
    order = np.argsort(-np.bincount(labels, strength), kind="stable")
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    return rank[labels], order


def _averages(result, labels, found, n):
    """Turned-back averages, every component with its weight in the scan."""
    frame = result.frame
    weights = np.nansum(result.maps, axis=(1, 2)).astype(float)
    # A group of components that are nowhere still has a pattern.
    weights = np.maximum(weights, 1e-9 * max(weights.max(), 1e-30))
    columns = (np.asarray(v, float)[:, None] for v in (labels, found.angles_deg, found.mirrored, weights))
    rows = np.nan_to_num(frame.from_images(result.patterns))
    _, (sums, seen) = turned_sums(rows, *columns, turning=Turning(frame), pixels=frame.kept_pixels, n_groups=n)
    return mean_of(sums, seen, result.patterns.dtype)


def mean_of(sums, seen, dtype):
    """Sums over weights, NaN where there are none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(seen > 0, sums / seen, np.nan).astype(dtype)


def _maps(result, labels, n):
    """Sums in intensity with maximum 1; NaN stays at excluded positions."""
    maps = np.stack([result.intensities[labels == group].sum(axis=0) for group in range(n)])
    top = np.nanmax(maps, axis=(1, 2), keepdims=True)
    return (maps / np.where(top > 0, top, 1)).astype(result.maps.dtype)


def _cosine(result):
    """Plain cosine similarity of the patterns (k, k) (Kimoto 2025, eq. 9)."""
    rows = result.frame.from_images(result.patterns).astype(float)
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(norm > 0, norm, 1)
    return unit @ unit.T
