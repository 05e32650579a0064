"""Which positions of an orientation map a summary by components would change, and why. NumPy only."""

from __future__ import annotations

import numpy as np

from .symmetry import misorientation_deg

__all__ = ["REASONS", "changes", "disagreement"]

# In the order in which they are asked; what is said of a position is the first that holds.
REASONS = (
    "as it was",  # 0: also where nothing is painted
    "was not indexed",
    "another phase",
    "a later match of the map comes first",
    "the orientation of the other component there comes second",
    "half a turn about the beam",
    "of no component there",
    "a second orientation is added",
)
_HALF_TURN = np.diag([-1.0, -1.0, 1.0])


def changes(have, matches, painting, within_deg: float) -> np.ndarray:
    """For every position (scan_row, scan_col) which of `REASONS` holds.

    have: OnScan, the map as it is.
    matches (sequence of Match): What the components are.
    painting: Painting.
    within_deg (float): Orientations that are nearer than this are the same.
    """
    shape = painting.first.shape
    first, every = _away(have, matches, painting.first)
    second, _ = _away(have, matches, painting.second)
    painted, had = painting.first >= 0, have.phase[..., 0] >= 0
    wanted = np.array([have.names.index(m.phase) if m.matched else -1 for m in matches] + [-1])[painting.first]
    turned, _ = _away(have, matches, painting.first, _HALF_TURN)
    off = ~(first <= within_deg)
    later = (every[..., 1:] <= within_deg).any(-1) if every.shape[-1] > 1 else np.zeros(shape, bool)
    asked = [
        painted & ~had, painted & had & (wanted != have.phase[..., 0]) & ~later, off & later,
        off & (second <= within_deg), off & (turned <= within_deg), off,
        ~off & (painting.second >= 0) & ~_has(have, matches, painting.second, within_deg),
    ]  # fmt: skip
    return np.select([painted & one for one in asked], range(1, len(REASONS)), 0)


def _has(have, matches, index, within_deg):
    _, every = _away(have, matches, index)
    return (every <= within_deg).any(-1)


def _away(have, matches, index, turn=None):
    """Degrees of every match of the map to the component of each position: of the first, and (..., n) of all; inf: none."""
    out = np.full(have.phase.shape, np.inf)
    for match in matches:
        if not match.matched:
            continue
        phase = have.names.index(match.phase)
        where = (index == match.component)[..., None] & (have.phase == phase)
        if where.any():
            matrix = match.matrix if turn is None else turn @ match.matrix
            out[where] = misorientation_deg(matrix, have.matrices[where], have.symmetry.get(match.phase))
    return out[..., 0], out


def disagreement(have, matches, painting) -> np.ndarray:
    """Degrees between the existing orientation and the nearest painted one, NaN where there is none of either."""
    nearest = np.full(painting.first.shape, np.inf)
    for match in matches:
        where = ((painting.first == match.component) | (painting.second == match.component)) & match.matched
        where &= have.phase[..., 0] >= 0
        if not where.any():
            continue
        phase = have.names.index(match.phase)
        away = misorientation_deg(match.matrix, have.matrices[..., 0, :, :][where], have.symmetry.get(match.phase))
        away = np.where(have.phase[..., 0][where] == phase, away, 180.0)
        nearest[where] = np.minimum(nearest[where], away)
    return np.where(np.isinf(nearest), np.nan, nearest)
