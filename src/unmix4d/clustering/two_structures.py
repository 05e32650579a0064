"""Whether a group of positions holds two structures: two halves of it, each divided on its own, must agree on how.

One cut through a tree asks how unlike patterns are, and puts structures together that share their strong spots. Here the
positions of a group are divided in two by what their counts differ in most, and the averages of the two sides are compared.
Dividing noise makes averages that differ, so each half of the positions is divided without the other half: what both have in
common is no noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy

from .group_angles import turns
from .rotated_counts import Counts, Templates, likeliest, make_templates, sums_of

__all__ = ["UNLIKE_SIDES", "Division", "divide_groups", "divided", "spectra_of"]

# 1 - similarity of two averages that are two structures. Measured, 24 grains, 1e2 to 1e5 electrons (docs/details):
# 0.08 at most where spots change their intensity by a factor of two from grain to grain, 0.12 and more of two structures.
UNLIKE_SIDES = 0.1
_AGREE = 0.5  # correlation of the sides that positions have by either half: noise reached 0.5 in 24 positions, 0.35 in 96
_LEAST = 24  # positions of a group that is divided: fewer agree by chance
_ROUNDS = 8  # of averaging and giving positions to the likelier side; no table
_FREQUENCIES = 61  # of a turn, that positions are compared by: what is finer than 6 degrees says little of a group
# Ends of the direction in which positions differ most, as shares of them: even sides, a small one, a rare one. What lies
# between them is left out at first, because in an average it would hold on to its side.
_ENDS = ((0.3, 0.7), (0.6, 0.85), (0.8, 0.95))


@dataclass(frozen=True, eq=False)
class Division:
    """How the positions of a group divide in two.

    Attributes
    ----------
    labels : ndarray of int (n,)
        0 or 1.
    angles_deg : ndarray (n,)
    mirrored : ndarray of bool (n,)
    unlike : float
        1 - similarity of the averages of the two sides, without their noise.
    agreement : float
        Correlation of the side that a position has by the half it is in with the one that it has by the other half.
    """

    labels: np.ndarray
    angles_deg: np.ndarray
    mirrored: np.ndarray
    unlike: float
    agreement: float

    @property
    def two(self) -> bool:
        """Whether these are two structures."""
        return self.unlike > UNLIKE_SIDES and self.agreement > _AGREE


def divide_groups(counts: Counts, labels, angles, mirrored, flat, mirror: bool):
    """Labels, angles, mirroring and evenness of groups, of which those that hold two structures have become two.

    Parameters
    ----------
    counts : Counts
    labels, angles, mirrored : ndarray (n,)
    flat : ndarray of bool (n_groups,)
        Groups without spots: they stay as they are.
    mirror : bool
    """
    labels, angles, mirrored, flat = labels.copy(), angles.copy(), mirrored.copy(), list(flat)
    waiting = [group for group, even in enumerate(flat) if not even]
    while waiting:
        group = waiting.pop()
        members = np.flatnonzero(labels == group)
        found = divided(counts, members, angles[members], mirrored[members], mirror)
        if found is None or not found.two:
            continue
        angles[members], mirrored[members] = found.angles_deg, found.mirrored
        labels[members[found.labels == 1]] = len(flat)
        waiting += [group, len(flat)]
        flat.append(False)
    return labels, angles, mirrored, np.array(flat)


def divided(counts: Counts, members, angles, mirrored, mirror: bool) -> Division | None:
    """Divide the positions `members` of a group, whose angles against its average are known; None where they are few."""
    if len(members) < _LEAST:
        return None
    halves = [_some(counts, members[i::2]) for i in (0, 1)]
    sides, averages = zip(*(_two_sides(half, angles[i::2], mirrored[i::2], mirror) for i, half in enumerate(halves)))
    unlike, swapped = _unlike(counts, averages[0], averages[1], mirror)
    given = [likeliest(half, Templates(counts, averages[1 - i], mirror))[0] for i, half in enumerate(halves)]
    agreement = _agreement(np.concatenate(sides), np.concatenate(given)) * (-1 if swapped else 1)
    every = _some(counts, members)
    labels, angles, mirrored, _ = likeliest(every, Templates(counts, averages[0], mirror))
    labels, angles, mirrored, _, _ = _settled(every, labels, angles, mirrored, mirror)
    return Division(labels, angles, mirrored, unlike, agreement)


def _some(counts, which):
    return Counts(counts.spectra[:, which], counts.valid, counts.radius, counts.period, counts.weight)


def _two_sides(counts, angles, mirrored, mirror):
    """Side of every position and the averages of the sides, by the likeliest of some starts."""
    found = [_settled(counts, start, angles, mirrored, mirror) for start in _starts(counts, angles, mirrored)]
    labels, _, _, templates, _ = max(found, key=lambda f: f[4])
    return labels, templates


def _starts(counts, angles, mirrored):
    """Ends of the direction that the positions, turned back, differ most in; -1 between them."""
    spectra = counts.spectra[: min(len(counts.spectra), _FREQUENCIES)]
    back = spectra * turns(angles, len(spectra), counts.period)[:, :, None].astype(spectra.dtype)
    back = np.where(mirrored[None, :, None], back.conj(), back)
    totals = counts.totals[None, :, None].astype(back.real.dtype)
    # Rings have the noise of their counts; what their average has is where structures differ.
    rows = back[1:] / totals / np.sqrt(np.maximum(back[0].real.mean(axis=0), 1e-30))
    rows = ((rows - rows.mean(axis=1, keepdims=True)) * abs(rows.mean(axis=1, keepdims=True))).transpose(1, 0, 2)
    rows = np.ascontiguousarray(rows).reshape(counts.n, -1)
    products = (rows @ rows.conj().T).real.astype(float)
    np.fill_diagonal(products, 0)  # noise of its own
    vector = scipy.linalg.eigh(products, subset_by_index=(counts.n - 1, counts.n - 1))[1][:, 0]
    vector *= np.sign((vector**3).sum()) or 1.0  # what is rare is at the far end
    ends = [np.quantile(vector, pair) for pair in _ENDS]
    return [np.where(vector >= high, 1, np.where(vector <= low, 0, -1)) for low, high in ends]


def _settled(counts, labels, angles, mirrored, mirror):
    """In turns, averages of both sides and the likelier side of every position; averages and likelihood."""
    for _ in range(_ROUNDS):
        templates = make_templates(counts, sums_of(counts, labels, angles, mirrored, 2))
        before = labels
        labels, angles, mirrored, heights = likeliest(counts, Templates(counts, templates, mirror))
        if np.mean(labels != before) < 1e-3:
            break
    return labels, angles, mirrored, templates, float(heights.sum())


def _unlike(counts, one, other, mirror):
    """1 - similarity of two sides, from products of averages that no position is in both of; and whether sides swap."""
    spectra = [spectra_of(counts, templates) for templates in (one, other)]
    products = np.array([[_highest(counts, p, q, mirror) for q in spectra[1]] for p in spectra[0]])
    swapped = bool(products[0, 1] * products[1, 0] > products[0, 0] * products[1, 1])
    if swapped:
        products = products[:, ::-1]
    same = math.sqrt(max(products[0, 0] * products[1, 1], 1e-60))
    return 1 - float(products[0, 1] + products[1, 0]) / (2 * same), swapped


def spectra_of(counts, templates):
    """Averages (n, n_azimuth, n_radius) as they are compared: no means of rings, radii weighted; transformed."""
    values = templates / counts.radius
    return scipy.fft.rfft((values - values.mean(axis=1, keepdims=True)) * np.sqrt(counts.weight), axis=1)


def _highest(counts, one, other, mirror):
    seconds = [other.conj(), other] if mirror else [other.conj()]
    return max(float(scipy.fft.irfft((one * second).sum(axis=1), len(counts.valid)).max()) for second in seconds)


def _agreement(one, other):
    """Correlation of two divisions; 0 where either has one side only."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
