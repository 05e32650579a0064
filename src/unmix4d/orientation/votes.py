"""Which orientations a map has at the positions of a component, and how much speaks for each. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .symmetry import mean_orientation, misorientation_deg

__all__ = ["Elected", "elected"]

_TOGETHER_DEG = 5.0  # orientations of one crystal: more than templates are apart, less than a low-angle boundary has
_MOST_LOOKED_AT = 250  # votes among which the next cluster is looked for, a size of work
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
    left, total, pairs = votes > 0, float(votes.sum()), _Pairs(matrices, phase, votes, have)
    while left.any() and len(out) < most:
        best = pairs.best(left)
        one = int(phase[best])
        symmetry, inside = have.symmetry.get(have.names[one]), left & (phase == one)
        inside[inside] = misorientation_deg(matrices[best], matrices[inside], symmetry) <= _TOGETHER_DEG
        share = float(votes[inside].sum()) / total
        if out and share < least:
            break
        mean, _ = mean_orientation(matrices[inside], symmetry, weights=votes[inside])
        away = misorientation_deg(mean, matrices[inside], symmetry)
        typical, spread = (float(np.average(np.nan_to_num(a), weights=votes[inside])) for a in (score[inside], away))
        out.append(Elected(one, mean, share, typical, spread, int(np.count_nonzero(rank[inside] == 0))))
        left &= ~inside
    return sorted(out, key=lambda one: -one.share)


class _Pairs:
    """Which votes go together, of so many as can be compared with each other in no time."""

    def __init__(self, matrices, phase, votes, have):
        some = np.flatnonzero(votes > 0)
        if len(some) > _MOST_LOOKED_AT:
            some = some[np.argsort(-votes[some], kind="stable")]
            some = some[np.linspace(0, len(some) - 1, _MOST_LOOKED_AT).astype(int)]
        self._some, self._votes = some, votes[some]
        self._together = np.zeros((len(some), len(some)), bool)
        for one in np.unique(phase[some]):
            mine = np.flatnonzero(phase[some] == one)
            chosen = matrices[some[mine]]
            away = misorientation_deg(chosen[:, None], chosen[None], have.symmetry.get(have.names[one]))
            self._together[np.ix_(mine, mine)] = away <= _TOGETHER_DEG

    def best(self, left) -> int:
        """The vote of those left that has the most of them around it."""
        votes = self._votes * left[self._some]
        if not votes.any():  # what is left was not among those compared
            return int(np.flatnonzero(left)[0])
        return int(self._some[np.where(votes > 0, self._together @ votes, -1).argmax()])
