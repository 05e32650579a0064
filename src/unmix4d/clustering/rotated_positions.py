"""Single positions into groups of rotated copies, also where each holds few electrons.

Pairs are compared first; a tree of them gives small parts, whose rotated-back averages are hardly noisy. Positions are then
given, in turns with the averages, to the part and the angle under which their counts are most likely, and the parts are
grouped as components are. At last the same is done with the groups.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from .anisotropy import SLOW
from .group_angles import average_spectrum, folded, from_strongest, group_angles, pair_residuals, symmetry_order
from .hierarchy import cut_tree, make_tree
from .mixed_groups import without_mixtures
from .rotated_counts import Counts, Templates, likeliest, make_templates, sums_of
from .rotated_groups import RotatedGroups, group_patterns
from .similarity import Rings, diffraction_similarity, rings_from
from .two_structures import divide_groups

__all__ = ["ROUNDS", "SPOTS", "RotatedPositions", "group_positions", "rests"]

SPOTS = 0.2  # measured: parts without crystals 0.03 to 0.14
_PARTS = 24  # that the first tree is cut into at most (docs/details); no table
_LEAST_MEMBERS = 4  # a part with fewer is given up; no table
ROUNDS = 6  # of turning back and averaging at most, fewer where labels stay; no table
_LEAST_RELIABLE = 0.1  # similarities are divided by the root of the reliability, and not by nearly nothing; no table


@dataclass(frozen=True, eq=False)
class RotatedPositions:
    """Groups of positions.

    Attributes
    ----------
    labels : ndarray of int (n,)
    angles_deg, residuals_deg : ndarray (n,)
        NaN in amorphous groups. The residual is the root mean square of what the angles of pairs differ from these.
    mirrored : ndarray of bool (n,)
    symmetry : ndarray of int (n_groups,)
    parts : ndarray of int (n,)
        The leaf of the tree that each position belonged to.
    leaf_labels : ndarray of int (n_parts,)
        Group of each leaf; -1 where all positions of its branch went to other groups in the end.
    tree_of_parts : RotatedGroups
    similarity : Similarity
        Of the parts.
    part_templates : ndarray (n_parts, n_azimuth, n_radius)
        Averages of the parts.
    """

    labels: np.ndarray
    angles_deg: np.ndarray
    residuals_deg: np.ndarray
    mirrored: np.ndarray
    symmetry: np.ndarray
    parts: np.ndarray
    leaf_labels: np.ndarray
    tree_of_parts: RotatedGroups
    similarity: Any
    part_templates: np.ndarray

    def joined(self, which) -> RotatedPositions:
        """The groups `which` (n_groups,) as one group without spots, the last one."""
        rank = np.where(which, np.count_nonzero(~which), np.cumsum(~which) - 1)
        without = which[self.labels]
        return dataclasses.replace(
            self, labels=rank[self.labels], angles_deg=np.where(without, np.nan, self.angles_deg),
            residuals_deg=np.where(without, np.nan, self.residuals_deg), mirrored=self.mirrored & ~without,
            symmetry=np.append(self.symmetry[~which], 0),
            leaf_labels=np.where(self.leaf_labels < 0, -1, rank[self.leaf_labels]),
        )  # fmt: skip


def group_positions(
    counts: Counts, rings: Rings, *, mirror=False, n_groups=None, distance=None, linkage="average", n_parts=None,
    spots=SPOTS, tick=None,
) -> RotatedPositions:  # fmt: skip
    """Group positions whose patterns are rotated copies of a few.

    Parameters
    ----------
    counts : Counts
        Every position with some intensity.
    rings : Rings
        The same patterns, to compare pairs.
    mirror : bool
    n_groups, distance, linkage
        For the tree of the parts; see `group_patterns`.
    n_parts : int, optional
        Parts that the tree of pairs is cut into; by default an eighth of the positions, 3 to 24.
    spots : float
        Correlation of the halves of a part below which it has no spots: see `_halves`.
    tick : callable, optional

    Returns
    -------
    RotatedPositions
    """
    tick = tick or (lambda: None)
    pairs = diffraction_similarity(rings, mirror=mirror)
    tick()
    wanted = min(max(counts.n // 8, 3), _PARTS) if n_parts is None else n_parts
    parts, _ = cut_tree(make_tree(pairs.distances, "ward"), n_groups=min(max(wanted, n_groups or 1), counts.n))
    angles, mirrored = np.zeros(counts.n), np.zeros(counts.n, bool)
    for part in range(parts.max() + 1):
        members = np.flatnonzero(parts == part)
        found = group_angles(pairs, rings, members, counts.totals[members])
        angles[members], mirrored[members] = found.angles_deg, found.mirrored
    tick()
    parts, angles, mirrored = _settle(counts, parts, angles, mirrored, mirror, keep=max(n_groups or 1, 1))
    tick()
    alike = _halves(counts, pairs, rings, parts)
    reliability = 2 * alike / (1 + alike)  # of the whole part, by Spearman and Brown's formula
    templates = make_templates(counts, sums_of(counts, parts, angles, mirrored, int(parts.max()) + 1))
    similarity, groups = _grouped_parts(
        counts, templates, parts, reliability, mirror, amorphous=alike <= spots, n_groups=n_groups,
        distance=distance, linkage=linkage,
    )  # fmt: skip
    tick()
    labels = groups.labels[parts]
    flat = np.array([groups.amorphous[groups.labels == g].all() for g in range(labels.max() + 1)])
    # Position = rotated part, part = rotated group.
    flip = groups.mirrored[parts]
    angles = angles + np.where(mirrored, -1, 1) * np.nan_to_num(groups.angles_deg)[parts]
    mirrored = mirrored ^ flip
    labels, angles, mirrored = _settle(counts, labels, angles, mirrored, mirror, flat=flat, keep=len(flat))
    if n_groups is None and distance is None:
        before = labels
        labels, angles, mirrored, flat = divide_groups(counts, labels, angles, mirrored, flat, mirror)
        labels, angles, mirrored, flat = without_mixtures(counts, labels, angles, mirrored, flat, mirror)
        if (labels != before).any():
            labels, angles, mirrored = _settle(counts, labels, angles, mirrored, mirror, flat=flat, keep=len(flat))
            groups = _of_parts(labels, parts, groups)
    tick()
    # A group that lost all its positions to better ones is none.
    there, labels = np.unique(labels, return_inverse=True)
    leaves = np.where(np.isin(groups.labels, there), np.searchsorted(there, groups.labels), -1)
    answer = _finish(counts, rings, pairs, labels.ravel(), angles, mirrored, flat[there])
    return RotatedPositions(*answer, parts, leaves, groups, similarity, templates)  # type: ignore[call-arg]


def _finish(counts, rings, pairs, labels, angles, mirrored, flat):
    """Angles against the strongest position of each group, their residuals and symmetries."""
    residuals, symmetry = np.full(counts.n, np.nan), np.zeros(len(flat), int)
    totals = counts.totals
    angles, mirrored = from_strongest(labels, angles, mirrored, totals, flat)
    for group in np.flatnonzero(~flat):
        members = np.flatnonzero(labels == group)
        average = average_spectrum(
            rings.spectra[:, members], totals[members], angles[members], mirrored[members], rings.period
        )
        symmetry[group] = symmetry_order(average, rings)
        residuals[members] = pair_residuals(pairs, members, angles[members], mirrored[members], 360 / symmetry[group])
    angles = np.where(flat[labels], np.nan, folded(angles, counts.period))
    return labels, angles, residuals, mirrored & ~flat[labels], symmetry


def _settle(counts, labels, angles, mirrored, mirror, flat=None, keep=1):
    """In turns: averages of the positions of each label, and the likeliest label of each position.

    Labels with hardly a member are given up, down to `keep` of them; without `flat` only (parts).
    """
    for done in range(ROUNDS):
        before = labels
        n = int(labels.max()) + 1 if flat is None else len(flat)
        templates = make_templates(counts, sums_of(counts, labels, angles, mirrored, n), flat)
        labels, angles, mirrored, _ = likeliest(counts, Templates(counts, templates, mirror, flat))
        if flat is None:
            sizes = np.bincount(labels, minlength=len(templates))
            large = np.flatnonzero(sizes >= _LEAST_MEMBERS)
            if keep <= len(large) < len(templates):
                labels, angles, mirrored, _ = likeliest(counts, Templates(counts, templates[large], mirror))
        if done and rests(labels, before):
            break
    if flat is None:
        labels = np.unique(labels, return_inverse=True)[1].ravel()
    return labels, angles, mirrored


def rests(labels, before) -> bool:
    """Whether so few labels changed that another round is not worth it."""
    return bool(np.mean(labels != before) < 1e-3)


def _halves(counts, pairs, rings, parts):
    """How alike the averages of two halves of each part are (n_parts,), aligned each on its own; 1 for tiny parts.

    Aligning noise on an average makes the noise of the average grow, so that the halves must not know each other. What
    varies slowly along the rings is no spots and left out.
    """
    out, slow = np.ones(parts.max() + 1), math.ceil(SLOW * rings.period / 360)
    for part in range(len(out)):
        members = np.flatnonzero(parts == part)
        if len(members) < _LEAST_MEMBERS:
            continue
        averages = []
        for half in (members[::2], members[1::2]):
            found = group_angles(pairs, rings, half, counts.totals[half])
            rotated = found.angles_deg, found.mirrored, rings.period
            averages.append(average_spectrum(rings.spectra[:, half], np.ones(len(half)), *rotated))
            averages[-1][:slow] = 0
        products = np.stack([(averages[0] * a).sum(axis=1) for a in (averages[1].conj(), averages[1])])
        curve = scipy.fft.irfft(products, rings.n_azimuth, axis=1)[: 1 + pairs.mirrored.any()]
        norms = [float(scipy.fft.irfft((abs(a) ** 2).sum(axis=1), rings.n_azimuth)[0]) for a in averages]
        out[part] = np.clip(float(curve.max()) / math.sqrt(max(norms[0] * norms[1], 1e-60)), 0, 1)
    return out


def _grouped_parts(counts, templates, parts, reliability, mirror, amorphous, **how):
    """The parts grouped as components are, from their rotated-back averages.

    Noise makes averages of one phase less alike than they are: their similarity is divided by what noise leaves of it.
    """
    n, values = len(templates), templates / counts.radius
    profiles = values.mean(axis=1)
    values = (values - values.mean(axis=1, keepdims=True)) * np.sqrt(counts.weight).astype(np.float32)
    rings = rings_from(values, None, counts.period)
    similarity = diffraction_similarity(rings, mirror=mirror)
    least = np.sqrt(np.maximum(reliability, _LEAST_RELIABLE))
    corrected = np.minimum(similarity.matrix / np.outer(least, least), 1.0)
    np.fill_diagonal(corrected, 1.0)
    similarity = dataclasses.replace(similarity, matrix=corrected)
    if how["n_groups"] is not None:
        how["n_groups"] = min(how["n_groups"], n)  # parts may have lost all their positions to better ones
    intensities = np.bincount(parts, counts.totals, n)
    groups = group_patterns(
        similarity, rings, intensities=intensities, profiles=profiles * counts.radius, amorphous=amorphous, **how
    )  # fmt: skip
    return similarity, groups


def _of_parts(labels, parts, groups):
    """Groups of the parts, each that of most of its positions; and where the tree is cut like that, if it can be."""
    table = np.zeros((len(groups.labels), int(labels.max()) + 1))
    np.add.at(table, (parts, labels), 1)
    leaves = table.argmax(axis=1)
    cut, height = cut_tree(groups.tree, n_groups=min(table.shape[1], len(leaves)))
    same = len(set(zip(cut, leaves))) == int(cut.max()) + 1 == len(set(leaves))
    return dataclasses.replace(groups, labels=leaves, height=height if same else groups.height)
