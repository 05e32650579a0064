"""Decide between two possible orientations with a second scan at another tilt. NumPy and SciPy only."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import checks
from .neighbours import is_open, taken
from .symmetry import misorientation_deg

__all__ = ["decided_by_tilt"]

_OVERLAP = 0.5  # of the positions of a component, where the other scan must have one component


def decided_by_tilt(found: Any, other: Any, axis: Sequence[float], angle_deg: float, *, within_deg: float = 5.0) -> Any:
    """Decide between the two possible orientations of components with a second scan at another tilt.

    The copy after half a turn about a zone axis near the beam is a different orientation when the specimen is tilted. After
    the known tilt, only the right one of the two is found in the second scan as well.

    Parameters
    ----------
    found : Orientations
        Orientations with ambiguous components.
    other : Orientations
        Orientations of the same positions, with the specimen tilted.
    axis : (float, float, float)
        Tilt axis along (row, column, z); z points towards the viewer of a pattern with row 0 on top.
    angle_deg : float
        Tilt angle in degrees, as a right-handed rotation of the specimen. Its sign must be known: with the wrong sign, the
        copy fits.
    within_deg : float
        Largest angle between orientations that are the same after the tilt, in degrees.

    Returns
    -------
    Orientations
        `found` with ``decided_by="tilt"`` if exactly one of the two orientations is found for the component that is at most
        of the positions in the other scan; the rest remains ambiguous. The positions of both scans must be in register.

    Raises
    ------
    ValueError
        If the scans differ in shape, the axis is not a direction, or an argument is out of range.

    Examples
    --------
    >>> import dataclasses
    >>> import numpy as np
    >>> from unmix4d import Orientations
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> from unmix4d.orientation import Match, Painting, Rival, decided_by_tilt, laue_rotations
    >>> first, none = np.zeros((1, 3), int), np.full((1, 3), -1)
    >>> painting = Painting(first, none, np.ones((1, 3)), np.zeros((1, 3)), first, (first >= 0)[None])
    >>> wrong, right = np.diag([-1.0, -1.0, 1.0]), np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    >>> open_one = Match(0, "single", 9, "a", wrong, rival=Rival(right, 0.9, 37.0, 0.0), orientation_ambiguous=True)
    >>> settled = Match(0, "single", 9, "a", right)
    >>> geometry, cubic = ScanGeometry((1, 3), (8, 8)), {"a": laue_rotations(np.eye(3))}
    >>> here, there = (Orientations("pyxem", (m,), painting, geometry, cubic, {"a": None}) for m in (open_one, settled))
    >>> decided = decided_by_tilt(here, there, (1, 0, 0), 0.0)
    >>> decided[0].decided_by, bool(np.allclose(decided[0].matrix, right))
    ('tilt', True)
    """
    turn, within_deg = _rotation(axis, angle_deg), checks.positive(within_deg, "within_deg")
    if found.first.shape != other.first.shape:
        raise ValueError(f"other must be of a scan of {found.first.shape} positions, got {other.first.shape}")
    matches = tuple(_told(match, found, other, turn, within_deg) for match in found.matches)
    return dataclasses.replace(found, matches=matches)


def _rotation(axis, angle_deg):
    from scipy.spatial.transform import Rotation

    vector, angle = (
        np.asarray(checks.numbers_of(*one), float).ravel() for one in ((axis, "axis"), (angle_deg, "angle_deg"))
    )
    if vector.shape != (3,) or not np.isfinite(vector).all() or not vector.any():
        raise ValueError(f"axis must be three finite numbers, not all 0, got {axis!r}")
    if angle.shape != (1,) or not np.isfinite(angle).all():
        raise ValueError(f"angle_deg must be a finite number, got {angle_deg!r}")
    return Rotation.from_rotvec(np.radians(angle[0]) * vector / np.linalg.norm(vector)).as_matrix()


def _told(match, found, other, turn, within_deg):
    there = _same_grain(found.first == match.component, other)
    if not is_open(match) or there is None or there.phase != match.phase:
        return match
    answers = np.array([there.matrix, *([there.rival.matrix] if there.two_possible else [])])
    symmetry = found.symmetry.get(match.phase)
    near = [
        misorientation_deg(turn @ one, answers, symmetry).min() <= within_deg for one in (match.matrix, match.rival.matrix)
    ]
    return match if near[0] == near[1] else taken(match, bool(near[1]), "tilt")


def _same_grain(here, other):
    """The match of the component that the other scan has at most of these positions; None where there is none."""
    others = other.first[here]
    count = np.bincount(others[others >= 0], minlength=1)
    i = int(count.argmax())
    return other.matches[i] if count[i] > _OVERLAP * len(others) and other.matches[i].matched else None
