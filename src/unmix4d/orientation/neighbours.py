"""Ambiguous orientations that a neighbouring grain decides. NumPy and SciPy only."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .record import UNSURE_DEG, Match, Rival
from .symmetry import misorientation_deg

__all__ = ["decided_by_neighbours", "is_open", "taken", "twin_rotations"]

_WITHIN_DEG = 3.0  # of a misorientation that is expected; less than the 5 degrees between two orientations
_TOUCHING = 3  # pairs of positions: fewer are a corner


def twin_rotations(twin_laws: Any) -> np.ndarray:
    """Rotations (n, 3, 3) of the crystal, the identity first, of axes and angles.

    Raises ValueError when an entry is no axis and angle.
    """
    from scipy.spatial.transform import Rotation

    vectors = [np.zeros(3)]
    for law in twin_laws:
        try:
            axis, angle = np.asarray(law[0], float).reshape(3), float(law[1])
        except (TypeError, ValueError, IndexError, KeyError):
            raise ValueError(f"twin_laws must hold pairs of an axis and an angle, as ((1, 1, 1), 60), got {law!r}") from None
        length = np.linalg.norm(axis)
        if not (np.isfinite(angle) and np.isfinite(length) and length > 0):
            raise ValueError(f"twin_laws must hold finite axes, not 0, and finite angles, got {law!r}")
        vectors.append(np.radians(angle) * axis / length)
    return Rotation.from_rotvec(vectors).as_matrix()


def decided_by_neighbours(matches, painting, symmetry, laws) -> tuple:
    """The matches, those that were ambiguous decided where exactly one of their two orientations fits a neighbour.

    matches: tuple of Match.
    painting: Painting.
    symmetry (dict): {phase: ndarray (s, 3, 3)}.
    laws (dict): {phase: ndarray (n, 3, 3)}, misorientations that are expected, the identity among them (`twin_rotations`).

    A neighbour that is itself ambiguous says nothing, until it was decided.
    """
    out, touching = list(matches), _touching(painting.first, len(matches))
    for _ in range(len(out)):
        changed = False
        for i, match in enumerate(out):
            if not is_open(match):
                continue
            votes = [_vote(match, out[j], symmetry, laws) for j in np.flatnonzero(touching[i]) if _settled(out[j], match)]
            # Neighbours that contradict one another decide nothing.
            if {vote for vote in votes if vote} in ({"best"}, {"rival"}):
                out[i], changed = taken(match, "rival" in votes, "neighbours"), True
        if not changed:
            break
    return tuple(out)


def is_open(match) -> bool:
    """Whether nothing has decided between its two orientations."""
    return match.matched and match.rival is not None and match.orientation_ambiguous and match.decided_by == ""


def _settled(other, match):
    return other.matched and other.phase == match.phase and not other.orientation_ambiguous


def _touching(first, k):
    """Which components have a boundary with each other, boolean (k, k)."""
    count = np.zeros((k, k), int)
    for a, b in ((first[1:], first[:-1]), (first[:, 1:], first[:, :-1])):
        both = (a >= 0) & (b >= 0) & (a != b)
        np.add.at(count, (a[both], b[both]), 1)
    return count + count.T >= _TOUCHING


def _vote(match: Match, neighbour: Match, symmetry, laws):
    """Which of the two orientations is expected beside the neighbour; empty where both are, or none."""
    group = symmetry.get(match.phase)
    law = laws[match.phase]
    expected = neighbour.matrix @ (law if group is None else (group[:, None] @ law[None]).reshape(-1, 3, 3))
    near = [
        misorientation_deg(one, expected, group).min() < _WITHIN_DEG
        for one in (match.matrix, match.rival.matrix)  # type: ignore[union-attr]
    ]
    return "" if near[0] == near[1] else "best" if near[0] else "rival"


def taken(match: Match, rival: bool, by: str) -> Match:
    """The match with one of its two orientations for good; what may still be unknown is how well it is known."""
    unsure = bool(match.error_deg > UNSURE_DEG)
    if not rival:
        return dataclasses.replace(match, orientation_ambiguous=unsure, decided_by=by)
    told = match.rival
    assert told is not None
    native = match.candidates[0].native if match.candidates else None
    other = Rival(match.matrix, match.fit, told.away_deg, -told.log_ratio, native)
    first = [
        dataclasses.replace(one, matrix=told.matrix, fit=told.fit, rival=other, native=told.native)
        for one in match.candidates[:1]
    ]
    return dataclasses.replace(
        match, matrix=told.matrix, fit=told.fit, rival=other, orientation_ambiguous=unsure, decided_by=by,
        candidates=(*first, *match.candidates[1:]),
    )  # fmt: skip
