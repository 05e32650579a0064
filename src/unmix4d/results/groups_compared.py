"""Groups of components beside groups of single positions of the same scan: whether they agree, and which to trust."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.tables import Table

__all__ = ["compare_groups"]

_SAME = 0.8  # of the positions of a group with the same partner: the rest are borders of grains; no table


def compare_groups(groups: Any, other: Any) -> Table:
    """Compare groups of components with groups of single positions.

    Both should find the same structures. If they differ, trust the components where crystals overlap (the group of the
    component is the second one of the position) or lie in an amorphous matrix. Elsewhere trust the positions, because NMF
    with fewer components than grains puts several grains into one component.

    Parameters
    ----------
    other : Groups
        Groups of single positions if these are groups of components, and vice versa.

    Returns
    -------
    Table
        One row for each of these groups that occurs: ``group``; its number of ``positions``; ``other``, the group of `other`
        at most of them (-1 for none), and its ``share``; and ``trust``, which is "both", "components" or "positions".

    Raises
    ------
    ValueError, TypeError
        If `other` is not a `Groups`, both are of the same kind, or they are of scans of different shapes.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.rotated_phases(layout="grains", n_phases=2, n_grains=4, scan_shape=(12, 12), background=0,
    ...                                detector_shape=(64, 64), seed=1)
    >>> u = Unmix(film.data, centre=film.centre)
    >>> table = u.nmf(4, random_state=0).group_rotated().compare(u.group_rotated())
    >>> table["trust"].tolist()
    ['both', 'both']
    """
    if not isinstance(other, type(groups)):
        raise TypeError(f"other must be Groups, got {type(other).__name__}")
    if (groups.members is None) == (other.members is None):
        kind = "single positions" if other.members is None else "components"
        raise ValueError(f"other must be groups of another kind than these, but both are of {kind}")
    if groups.geometry.scan_shape != other.geometry.scan_shape:
        shapes = groups.geometry.scan_shape, other.geometry.scan_shape
        raise ValueError(f"other must be of a scan of the same shape, got {shapes[1]} and {shapes[0]}")
    own, theirs = _strongest(groups), _strongest(other)
    positions, of_components = (groups, theirs) if groups.members is None else (other, own)
    overlap = _overlap(positions, of_components)
    rows = []
    for group in np.unique(own[own >= 0]):
        here = own == group
        partners = np.bincount(theirs[here] + 1)
        share = partners.max() / here.sum()
        # What differs decides: is the group of the component the second one there?
        unlike = here & (theirs != partners.argmax() - 1)
        trust = "both" if share >= _SAME else "components" if overlap[unlike].mean() > 0.5 else "positions"
        rows.append((group, here.sum(), partners.argmax() - 1, share, trust))
    columns = [np.array(column) for column in zip(*rows)] or [np.zeros(0)] * 5
    return Table(dict(zip(("group", "positions", "other", "share", "trust"), columns)), {})


def _overlap(positions, of_components):
    """Where the group of the strongest component is the second one of a position, or in something amorphous."""
    labels, inside = positions.labels, (positions.labels >= 0) & (of_components >= 0)
    table = np.zeros((of_components.max() + 1, len(positions)))
    np.add.at(table, (of_components[inside], labels[inside]), 1)
    names = np.append(table.argmax(axis=1), -2)[of_components]
    second = np.full(labels.shape, -1) if positions.second is None else positions.second
    return (second == names) | positions.amorphous[labels] | (labels < 0)


def _strongest(groups):
    """Group at every position: its own, or that of the strongest component."""
    if groups.members is None:
        return groups.labels
    strength = np.nan_to_num(groups.members.intensities)
    return np.where(strength.max(axis=0) > 0, groups.labels[strength.argmax(axis=0)], -1)
