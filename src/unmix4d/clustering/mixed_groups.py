"""Groups that are only the border of two others: their average is a mixture of two averages, each at one angle."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import scipy

from .rotated_counts import Counts, Templates, likeliest, make_templates, sums_of
from .two_structures import UNLIKE_SIDES, spectra_of

__all__ = ["without_mixtures"]


def without_mixtures(counts: Counts, labels, angles, mirrored, flat, mirror: bool):
    """Labels, angles, mirroring and evenness of the groups, without those that two larger ones explain together.

    Where grains are few, the positions of one border are alike. A mixture of one group with itself at another angle stays a
    group: a pattern of high symmetry is such a mixture of one of lower symmetry.

    Parameters
    ----------
    counts : Counts
    labels, angles, mirrored : ndarray (n,)
    flat : ndarray of bool (n_groups,)
    mirror : bool
    """
    while True:
        sizes = np.bincount(labels, minlength=len(flat))
        templates = make_templates(counts, sums_of(counts, labels, angles, mirrored, len(flat)), flat)
        mixed = _one_that_is_mixed(counts, templates, sizes, flat)
        if mixed is None:
            return labels, angles, mirrored, flat
        keep = np.arange(len(flat)) != mixed
        flat = flat[keep]
        labels, angles, mirrored, _ = likeliest(counts, Templates(counts, templates[keep], mirror, flat))


def _one_that_is_mixed(counts, templates, sizes, flat):
    """The smallest group that two larger ones explain; None without one."""
    spectra, n = spectra_of(counts, templates), len(counts.valid)
    norms = np.sqrt([max(_curve(s, s, n)[0], 1e-60) for s in spectra])
    for group in np.argsort(sizes, kind="stable"):
        larger = [g for g in np.flatnonzero(~flat) if sizes[g] > sizes[group]]
        for one, other in permutations(larger, 2) if not flat[group] else ():
            a = _curve(spectra[group], spectra[one], n) / (norms[group] * norms[one])
            b = _curve(spectra[group], spectra[other], n) / (norms[group] * norms[other])
            # The first at the angle where it is most like the group; the second at any angle against it.
            turn = int(a.argmax())
            both = np.roll(_curve(spectra[one], spectra[other], n), turn) / (norms[one] * norms[other])
            if 1 - _explained(a[turn], b, both) < UNLIKE_SIDES:
                return group
    return None


def _curve(one, other, n):
    """Products of one pattern with another, turned by every angle."""
    return scipy.fft.irfft((one * other.conj()).sum(axis=1), n)


def _explained(a, b, both):
    """Correlation with the best mixture of two that are correlated by `both`, shares of which are not negative."""
    inside = (a > both * b) & (b > both * a) & (np.abs(both) < 0.99)
    square = (a**2 + b**2 - 2 * a * b * both) / np.where(inside, 1 - both**2, 1)
    return float(np.sqrt(np.where(inside, np.maximum(square, 0), 0).max()))
