"""Whether a group holds two structures that are alike: told by the averages of its two sides, whose noise is known.

One cut through a tree asks how unlike patterns are, and puts structures together that share their strong spots. Of the
averages of the two sides of a merge it can be asked whether counting noise explains that they differ.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.fft

from .group_angles import average_spectrum, group_angles

__all__ = ["split_unlike_sides"]

# What the sides of a merge may differ by beyond counting noise: interpolation, thickness, mixtures at the borders of grains.
UNEXPLAINED = 0.1  # measured: 0.06 at most where both are one structure, 0.13 to 0.34 where they are two (docs/rotation.md)
_LEAST_RELIABLE = 0.02  # so that nothing is divided by zero


def split_unlike_sides(labels, tree, similarity, rings, sizes, reliability, fixed):
    """Labels of parts (n,), where groups whose two sides differ by more than noise explains have become two.

    Parameters
    ----------
    labels : ndarray of int (n,)
    tree : Tree
        That they were cut from.
    similarity : Similarity
        Of the parts.
    rings : Rings
        Of the averages of the parts.
    sizes : ndarray (n,)
        Numbers of positions.
    reliability : ndarray (n,)
        Of each average: the share of its variance along the rings that is no noise.
    fixed : ndarray of bool (n,)
        Parts whose groups are left as they are: those without spots.
    """
    labels, sizes = labels.copy(), np.asarray(sizes, float)
    merges = _merges(tree.linkage)
    sides = _Sides(similarity, rings, sizes, reliability)
    waiting = [np.flatnonzero(labels == g) for g in range(labels.max() + 1) if not fixed[labels == g].any()]
    while waiting:
        group = waiting.pop()
        inside = [(a, b) for a, b in merges if np.isin(np.concatenate([a, b]), group).all()]
        found = [sides.unexplained(a, b, sizes[group].sum()) for a, b in inside]
        if not found or max(found) <= UNEXPLAINED:
            continue
        one, other = inside[int(np.argmax(found))]
        rest = np.setdiff1d(group, np.concatenate([one, other]))
        to_other = sides.alike(rest, other) > sides.alike(rest, one)
        other = np.concatenate([other, rest[to_other]])
        labels[other] = labels.max() + 1
        waiting += [np.concatenate([one, rest[~to_other]]), other]
    return labels


def _merges(linkage):
    """The leaves of the two sides of every merge of a tree."""
    leaves = [np.array([i]) for i in range(len(linkage) + 1)]
    pairs = []
    for first, second in linkage[:, :2].astype(int):
        pairs.append((leaves[first], leaves[second]))
        leaves.append(np.concatenate(pairs[-1]))
    return pairs


class _Sides:
    """Compares averages of some parts with averages of others."""

    def __init__(self, similarity, rings, sizes, reliability):
        self._similarity, self._rings, self._sizes = similarity, rings, sizes
        self._noise = (1 - reliability) / np.maximum(reliability, _LEAST_RELIABLE)

    def unexplained(self, one, other, n_group):
        """Distance of two averages beyond what noise explains, as far as either is a good part of the group.

        What is strange in a few positions, as mixtures at the borders of grains are, is a small part of a group.
        """
        n = [self._sizes[side].sum() for side in (one, other)]
        # Noise of an average over its signal.
        noise = [(self._sizes[s] ** 2 * self._noise[s]).sum() / m**2 for s, m in zip((one, other), n)]
        alike = self._correlation(self._mean(one), self._mean(other)) * math.sqrt((1 + noise[0]) * (1 + noise[1]))
        return 4 * n[0] * n[1] / n_group**2 * (1 - alike - sum(noise) / 2)

    def alike(self, parts, side):
        """Mean similarity of each of some parts with those of a side."""
        return self._similarity.matrix[np.ix_(parts, side)] @ self._sizes[side] / self._sizes[side].sum()

    def _mean(self, side):
        sizes = self._sizes[side]
        found = group_angles(self._similarity, self._rings, side, sizes)
        spectra = self._rings.spectra[:, side]
        return average_spectrum(spectra, sizes, found.angles_deg, found.mirrored, self._rings.period)

    def _correlation(self, one, other):
        n = self._rings.n_azimuth
        seconds = [other.conj(), other] if self._similarity.mirrored.any() else [other.conj()]
        highest = max(float(scipy.fft.irfft((one * second).sum(axis=1), n).max()) for second in seconds)
        norms = [float(scipy.fft.irfft((abs(mean) ** 2).sum(axis=1), n)[0]) for mean in (one, other)]
        return highest / math.sqrt(max(norms[0] * norms[1], 1e-60))
