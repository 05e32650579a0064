"""One angle for each member of a group, from the angles between pairs; and the symmetry they are known modulo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from .similarity import Rings, Similarity, highest

__all__ = [
    "GroupAngles", "average_spectrum", "folded", "from_strongest", "group_angles", "pair_residuals", "symmetry_order",
    "turns",
]  # fmt: skip

_ORDERS = (6, 4, 3, 2)  # rotations that a lattice can have (crystallographic restriction)
_ALIKE = 0.8  # autocorrelation above which a rotated pattern is the same (docs/details); no table
_ROUNDS = 3  # of aligning every member on the mean of the others; no table


@dataclass(frozen=True, eq=False)
class GroupAngles:
    """How the members of one group are rotated.

    Attributes
    ----------
    angles_deg : ndarray (n,)
        Against the reference member; within half a period of 0.
    mirrored : ndarray of bool (n,)
    symmetry : int
        Order of the rotation symmetry of the group's average: angles are known modulo 360 / symmetry degrees.
    residuals_deg : ndarray (n,)
        Root mean square over its partners of what the angle between two members differs from the difference of theirs,
        modulo the symmetry; 0 for a group of one.
    """

    angles_deg: np.ndarray
    mirrored: np.ndarray
    symmetry: int
    residuals_deg: np.ndarray


def group_angles(similarity: Similarity, rings: Rings, members, weights) -> GroupAngles:
    """Consistent angles of the members of a group.

    Along the spanning tree of the most similar pairs first; then each member is aligned with the average of the others,
    three times.

    Parameters
    ----------
    similarity : Similarity
        Of all patterns.
    rings : Rings
        The patterns it was made of.
    members : ndarray of int (n,)
    weights : ndarray (n,)
        Intensities; the strongest member is the reference, at 0 degrees.

    Returns
    -------
    GroupAngles
    """
    members, weights = np.asarray(members), np.asarray(weights, float)
    at = np.ix_(members, members)
    pairs, flips = similarity.angles_deg[at].astype(float), similarity.mirrored[at]
    root = int(np.argmax(weights))
    angles, mirrored = _along_tree(similarity.distances[at].astype(float), pairs, flips, root)
    spectra = rings.spectra[:, members]
    # A member without intensity must not make an average of nothing.
    weights = np.maximum(weights, 1e-6 * max(weights.max(), 1e-30))
    if len(members) > 1:
        angles = _aligned(spectra, weights, angles, mirrored, rings, root)
    order = symmetry_order(average_spectrum(spectra, weights, angles, mirrored, rings.period), rings)
    residuals = pair_residuals(similarity, members, angles, mirrored, 360 / order)
    return GroupAngles(folded(angles, rings.period), mirrored, order, residuals)


def folded(angles, period):
    """Angles within half a period of 0."""
    return np.asarray(angles) - period * np.ceil(np.asarray(angles) / period - 0.5)


def _along_tree(distances, pairs, flips, root):
    """Angles and mirroring from the root outwards along the most similar pairs."""
    n = len(distances)
    angles, mirrored = np.zeros(n), np.zeros(n, bool)
    # SciPy takes distances near 0 for no edge; a constant changes nothing.
    tree = scipy.sparse.csgraph.minimum_spanning_tree(distances + 1.0)
    order, parents = scipy.sparse.csgraph.breadth_first_order(tree + tree.T, root, directed=False)
    for i in order[1:]:
        j = parents[i]
        angles[i] = pairs[i, j] + (-angles[j] if flips[i, j] else angles[j])
        mirrored[i] = flips[i, j] ^ mirrored[j]
    return angles, mirrored


def turns(angles, n_frequency, period):
    """Factors (n_frequency, n) that turn spectra back by these angles."""
    return np.exp(1j * np.outer(np.arange(n_frequency), np.deg2rad(np.asarray(angles, float) * (360 / period))))


def average_spectrum(spectra, weights, angles, mirrored, period):
    """Weighted average of patterns rotated (and mirrored) back, as a spectrum (n_frequency, n_radius)."""
    mirrored = np.asarray(mirrored, bool)
    factors = turns(angles, len(spectra), period) * (np.asarray(weights, float) / np.sum(weights))
    factors = factors.astype(spectra.dtype)
    if not mirrored.any():
        return np.matmul(factors[:, None], spectra)[:, 0]
    plain, flipped = (np.where(use, factors, 0)[:, None] for use in (~mirrored, mirrored))
    return np.matmul(plain, spectra)[:, 0] + np.matmul(flipped, spectra)[:, 0].conj()


def _aligned(spectra, weights, angles, mirrored, rings, root):
    """Every member rotated to where it fits the average of the others best, a few times."""
    share = weights / weights.sum()
    power = np.einsum("mnr,mnr->mn", spectra.real, spectra.real) + np.einsum("mnr,mnr->mn", spectra.imag, spectra.imag)
    for _ in range(_ROUNDS):
        average = average_spectrum(spectra, share, angles, mirrored, rings.period)
        with_all = np.stack([np.matmul(spectra, a[:, :, None])[:, :, 0] for a in (average.conj(), average)])
        products = np.where(mirrored, with_all[1], with_all[0])
        # Without its own part, which lies where it lay.
        own = turns(angles, len(spectra), rings.period).conj() * power * share
        angles, _ = highest(scipy.fft.irfft(products - own, rings.n_azimuth, axis=0), rings.period)
    return angles - np.where(mirrored, -angles[root], angles[root])


def symmetry_order(spectrum, rings: Rings) -> int:
    """Order of the rotation symmetry: the highest of 6, 4, 3, 2 by which a turn gives back 80 % of the autocorrelation.

    Parameters
    ----------
    spectrum : ndarray (n_frequency, n_radius)
    rings : Rings
        For the period; under Friedel symmetry the order is even.

    Returns
    -------
    int
        1 where there is no such symmetry.
    """
    power = np.einsum("mr,mr->m", spectrum, spectrum.conj()).real
    # irfft counts all frequencies but the first (and the last of an even number) twice.
    twice = np.full(len(power), 2.0)
    twice[0] = 1.0
    twice[-1] -= rings.n_azimuth % 2 == 0
    power = power * twice
    # What is even along the rings is the same under every turn.
    power[0] = 0
    if not power.sum() > 0:
        return 1
    turns = int(round(360 / rings.period))
    frequency = np.arange(len(power)) * turns
    for order in _ORDERS:
        back = [power @ np.cos(2 * np.pi * frequency * j / order) for j in range(1, order)]
        if min(back) >= _ALIKE * power.sum():
            return order
    return turns


def pair_residuals(similarity, members, angles, mirrored, period):
    """How far the angles between pairs are from those of their members (n,), root mean square; no n x n array is made."""
    out = np.zeros(len(members))
    for row, i in enumerate(members):
        flips = similarity.mirrored[i, members]
        off = folded(similarity.angles_deg[i, members] - angles[row] + np.where(flips, -1, 1) * angles, period)
        # Pairs that disagree about mirroring say nothing of the angle.
        use = (flips == (mirrored[row] ^ mirrored)) & (members != i)
        out[row] = np.sqrt((off[use] ** 2).mean()) if use.any() else 0.0
    return out


def from_strongest(labels, angles, mirrored, totals, flat):
    """Angles and mirroring against the strongest position of each group; groups that are `flat` have none."""
    angles, mirrored = angles.copy(), mirrored.copy()
    for group in np.flatnonzero(~flat):
        members = np.flatnonzero(labels == group)
        first = members[np.argmax(totals[members])]
        zero = angles[first]
        if mirrored[first]:
            mirrored[members] = ~mirrored[members]
        # p_i = R(a_i) M^f ref, and the new reference is R(-zero) of p_first.
        angles[members] = angles[members] - np.where(mirrored[members], -zero, zero)
    return angles, mirrored
