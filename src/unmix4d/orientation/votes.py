"""Which orientations a map has at the positions of a component, and how much speaks for each. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .symmetry import mean_orientation, misorientation_deg

__all__ = ["Elected", "elected"]

_TOGETHER_DEG = 5.0  # orientations of one crystal: more than templates are apart, less than a low-angle boundary has
_MOST_LOOKED_AT = 400  # votes among which the next cluster is looked for, a size of work
_LATER = 0.5  # of the vote of a first match has one that comes later, however well it correlates


@dataclass(frozen=True, eq=False)
class Elected:
    """An orientation that positions of a component vote for.

    Attributes
    ----------
    phase : int
    matrix : ndarray (3, 3)
        Weighted mean of its votes.
    share : float
        Of the votes of the component.
    score : float
        Weighted mean of the scores the map gives to it.
    spread_deg : float
        Weighted mean distance of its votes.
    n_positions : int
        Where it is the first match.
    """

    phase: int
    matrix: np.ndarray
    share: float
    score: float
    spread_deg: float
    n_positions: int


def elected(weight: np.ndarray, have, *, most: int = 6, least: float = 0.05) -> list[Elected]:
    """The orientations a component's positions vote for, most votes first.

    weight (ndarray (scan_row, scan_col)): Of every position: how much of the component is there; 0 where it is not.
    have: OnScan. All its matches vote, later ones less.
    most (int): How many.
    least (float): Of the votes; what has fewer is left out, but for the first.
    """
    where = np.argwhere((have.phase >= 0) & (weight > 0)[..., None])
    if not len(where):
        return []
    index = tuple(where.T)
    matrices, phase, score, rank = have.matrices[index], have.phase[index], have.score[index], where[:, 2]
    first = have.score[index[0], index[1], 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.where(first > 0, np.clip(np.nan_to_num(score) / first, 0, 1), 1.0)
    votes = weight[index[:2]] * np.where(rank > 0, _LATER * relative, 1.0)
    out: list[Elected] = []
    left, total = votes > 0, float(votes.sum())
    while left.any() and len(out) < most:
        inside, one = _cluster(matrices, phase, votes * left, have)
        share = float(votes[inside].sum()) / total
        if out and share < least:
            break
        symmetry = have.symmetry.get(have.names[one])
        mean, _ = mean_orientation(matrices[inside], symmetry, weights=votes[inside])
        away = misorientation_deg(mean, matrices[inside], symmetry)
        typical, spread = (float(np.average(np.nan_to_num(one), weights=votes[inside])) for one in (score[inside], away))
        out.append(Elected(int(one), mean, share, typical, spread, int(np.count_nonzero(rank[inside] == 0))))
        left &= ~inside
    return sorted(out, key=lambda one: -one.share)


def _cluster(matrices, phase, votes, have):
    """Which votes go together with the one that has most of them around it, and its phase."""
    some = np.flatnonzero(votes > 0)
    if len(some) > _MOST_LOOKED_AT:
        some = some[np.argsort(-votes[some], kind="stable")]
        some = some[np.linspace(0, len(some) - 1, _MOST_LOOKED_AT).astype(int)]
    support = np.zeros(len(some))
    for one in np.unique(phase[some]):
        mine = np.flatnonzero(phase[some] == one)
        chosen = matrices[some[mine]]
        away = misorientation_deg(chosen[:, None], chosen[None], have.symmetry.get(have.names[one]))
        support[mine] = (away <= _TOGETHER_DEG) @ votes[some[mine]]
    best = some[int(support.argmax())]
    same = (phase == phase[best]) & (votes > 0)
    symmetry, inside = have.symmetry.get(have.names[phase[best]]), np.zeros(len(votes), bool)
    inside[same] = misorientation_deg(matrices[best], matrices[same], symmetry) <= _TOGETHER_DEG
    return inside, phase[best]
