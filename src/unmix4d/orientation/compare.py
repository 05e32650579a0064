"""How orientations of k components agree with those of a run over all positions."""

from __future__ import annotations

import numpy as np

from .. import checks
from .convert import on_scan
from .match_py4dstem import is_crystal
from .symmetry import misorientation_deg

__all__ = ["compare_orientations"]


def compare_orientations(ours, full, *, crystal=None, agree_within=5.0, full_time_s=None):
    """Orientations of k components beside those of a run over all positions.

    Parameters
    ----------
    ours : Orientations
        Of `Decomposition.index` or `merge_orientations`.
    full : orix CrystalMap, py4DSTEM OrientationMap or Orientations
        Of the same scan; also of the other host, since both are brought to one convention. With several matches per position
        the first is compared, and all of them count for `nearest_deg`.
    crystal : py4DSTEM Crystal, optional
        Whose orientations an OrientationMap holds; that of `ours` by default. Of several phases, the one it was matched
        with.
    agree_within : float
        Degrees.
    full_time_s : float, optional
        What the full run took.

    Returns
    -------
    OrientationComparison

    Raises
    ------
    TypeError
        When `ours` are no Orientations or `full` is no orientation map.
    ValueError
        When they are of different scans, or an argument is out of range.

    Examples
    --------
    Two components of a cubic crystal, and the same map turned by 3 degrees about the beam:

    >>> import dataclasses
    >>> import numpy as np
    >>> from scipy.spatial.transform import Rotation
    >>> from unmix4d import Orientations, compare_orientations
    >>> from unmix4d.frame import Frame
    >>> from unmix4d.orientation import Match, Painting, laue_rotations
    >>> first, none = np.array([[0, 0], [1, 1]]), np.full((2, 2), -1)
    >>> painting = Painting(first, none, np.ones((2, 2)), np.zeros((2, 2)), first, np.array([first == 0, first == 1]))
    >>> turned = Rotation.from_euler("z", [[0], [30], [3], [33]], degrees=True).as_matrix()
    >>> ours, full = ([Match(i, "mean", 2, "silver", turned[i + n]) for i in (0, 1)] for n in (0, 2))
    >>> cubic = {"silver": laue_rotations(np.eye(3))}
    >>> ours = Orientations("pyxem", tuple(ours), painting, Frame((2, 2), (8, 8)), cubic, {"silver": None})
    >>> full = dataclasses.replace(ours, matches=tuple(full))
    >>> compare_orientations(ours, full).misorientation_deg.round(3)
    array([[3., 3.],
           [3., 3.]])
    """
    from ..results.orientation_comparison import OrientationComparison
    from ..results.orientations import Orientations

    if not isinstance(ours, Orientations):
        raise TypeError(f"ours must be Orientations, as index() gives them, got {type(ours).__name__}")
    if crystal is not None and not is_crystal(crystal):
        raise TypeError(f"crystal must be a py4DSTEM Crystal, got {type(crystal).__name__}")
    agree_within = checks.positive(agree_within, "agree_within")
    if full_time_s is not None:
        full_time_s = checks.positive(full_time_s, "full_time_s")
    mine = on_scan(ours)
    theirs = on_scan(full, ours.frame.scan_shape, name="full", crystal=crystal)
    away = _between(mine, theirs)
    nearest = np.full(away.shape[:2], np.nan)
    good = np.isfinite(away).any((2, 3))
    nearest[good] = np.nanmin(away.reshape(*away.shape[:2], -1)[good], axis=-1)
    return OrientationComparison(
        away[..., 0, 0], nearest, ours.second >= 0, agree_within, (ours.time_s.get("total"), full_time_s), ours.frame
    )


def _between(mine, theirs):
    """Degrees (scan_row, scan_col, n, m) between all orientations of the one and all of the other."""
    shape = (*mine.phase.shape, theirs.phase.shape[2])
    out = np.full(shape, np.nan)
    single = len(mine.names) == 1 and len(theirs.names) == 1
    for n, name in enumerate(mine.names):
        for m, other in enumerate(theirs.names):
            both = (mine.phase == n)[..., None] & (theirs.phase == m)[..., None, :]
            if not both.any():
                continue
            if name != other and not single:
                out[both] = 180.0
                continue
            a = np.broadcast_to(mine.matrices[..., None, :, :], (*shape, 3, 3))[both]
            b = np.broadcast_to(theirs.matrices[:, :, None], (*shape, 3, 3))[both]
            out[both] = misorientation_deg(a, b, mine.symmetry.get(name, theirs.symmetry.get(other)))
    return out
