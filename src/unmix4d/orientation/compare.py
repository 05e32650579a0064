"""Comparison of the orientations of k components with those of a run over all positions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks
from ..core.arrays import set_frozen_state
from ..core.tables import Table, to_dataframe
from ..plots import orientation as plots_orientation
from ..storage.table_file import to_csv
from .convert import on_scan
from .symmetry import misorientation_deg

if TYPE_CHECKING:
    from ..core.geometry import ScanGeometry
    from .orientations import Orientations

__all__ = ["compare_orientations", "OrientationComparison"]


def compare_orientations(
    ours: Orientations,
    full: Any,
    *,
    crystal: Any = None,
    agree_within: float = 5.0,
    full_time_s: float | None = None,
    frame: str | None = None,
) -> OrientationComparison:
    """Compare orientations of k components with those of a run over all positions.

    Parameters
    ----------
    ours : Orientations
        Result of `Decomposition.index` or `merge_orientations`.
    full : orix CrystalMap or its file, OrientationMap of pyxem, py4DSTEM or quantem, CrystalMap of quantem, or Orientations
        Orientation map of the same scan. It may come from the other host, because both are converted to one convention. If
        it has several matches per position, the first one is compared, and `nearest_deg` uses all.
    crystal : py4DSTEM Crystal, optional
        Crystal of an OrientationMap of py4DSTEM. By default that of `ours`. If there are several phases, pass the one that
        was matched.
    agree_within : float
        Largest misorientation of orientations that agree, in degrees.
    full_time_s : float, optional
        Run time of the full run, in seconds.
    frame : {"pyxem", "astar", "edax", "oxford", "scan"}, optional
        Axes in which a CrystalMap is written, see `Decomposition.index`. By default determined from its columns or its
        file.

    Returns
    -------
    OrientationComparison

    Raises
    ------
    TypeError
        If `ours` is not an Orientations or `full` is not an orientation map.
    ValueError
        If they are of different scans, or an argument is out of range.

    Examples
    --------
    Two components of a cubic crystal, and the same map rotated by 3 degrees about the beam:

    >>> import dataclasses
    >>> import numpy as np
    >>> from scipy.spatial.transform import Rotation
    >>> from unmix4d import Orientations, compare_orientations
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> from unmix4d.orientation import Match, Painting, laue_rotations
    >>> first, none = np.array([[0, 0], [1, 1]]), np.full((2, 2), -1)
    >>> painting = Painting(first, none, np.ones((2, 2)), np.zeros((2, 2)), first, np.array([first == 0, first == 1]))
    >>> rotated = Rotation.from_euler("z", [[0], [30], [3], [33]], degrees=True).as_matrix()
    >>> ours, full = ([Match(i, "mean", 2, "silver", rotated[i + n]) for i in (0, 1)] for n in (0, 2))
    >>> cubic = {"silver": laue_rotations(np.eye(3))}
    >>> ours = Orientations("pyxem", tuple(ours), painting, ScanGeometry((2, 2), (8, 8)), cubic, {"silver": None})
    >>> full = dataclasses.replace(ours, matches=tuple(full))
    >>> compare_orientations(ours, full).misorientation_deg.round(3)
    array([[3., 3.],
           [3., 3.]])
    """
    from .orientations import Orientations

    if not isinstance(ours, Orientations):
        raise TypeError(f"ours must be Orientations, as index() gives them, got {type(ours).__name__}")
    agree_within = checks.positive(agree_within, "agree_within")
    if full_time_s is not None:
        full_time_s = checks.positive(full_time_s, "full_time_s")
    mine = on_scan(ours)
    theirs = on_scan(
        full, ours.geometry.scan_shape, name="full", crystal=crystal, calibration=ours.geometry.calibration, frame=frame
    )
    away = _between(mine, theirs)
    nearest = np.full(away.shape[:2], np.nan)
    good = np.isfinite(away).any((2, 3))
    nearest[good] = np.nanmin(away.reshape(*away.shape[:2], -1)[good], axis=-1)
    return OrientationComparison(
        away[..., 0, 0], nearest, ours.second >= 0, agree_within, (ours.time_s.get("total"), full_time_s), ours.geometry
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


@dataclass(frozen=True, eq=False)
class OrientationComparison:
    """Comparison of two orientation maps of one scan, as returned by `compare_orientations`.

    Attributes
    ----------
    misorientation_deg : ndarray (scan_row, scan_col)
        Misorientation between the first orientations of both maps under the symmetry of the crystal. 180 if the phases
        differ, NaN if one of them has no orientation.
    nearest_deg : ndarray (scan_row, scan_col)
        Smallest angle between any two of their orientations at that position.
    overlap : ndarray of bool (scan_row, scan_col)
        Whether a position shows more than one component.
    agree_within : float
        Largest misorientation of orientations that agree, in degrees.
    time_s : tuple of (float or None)
        Run times of `ours` and of the full run, in seconds.
    geometry : ScanGeometry
        Geometry of the scan.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import OrientationComparison
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> away, shared = np.array([[1.0, 2.0], [30.0, np.nan]]), np.array([[False, False], [True, False]])
    >>> comparison = OrientationComparison(away, away.copy(), shared, 5.0, (None, None), ScanGeometry((2, 2), (8, 8)))
    >>> comparison.agrees.tolist()
    [[True, True], [False, False]]
    >>> comparison.table["positions"].tolist(), comparison.table["median_deg"].tolist()
    (['all', 'single', 'overlap'], [2.0, 1.5, 30.0])
    """

    misorientation_deg: np.ndarray
    nearest_deg: np.ndarray
    overlap: np.ndarray
    agree_within: float
    time_s: tuple
    geometry: ScanGeometry = field(repr=False)

    plot = plots_orientation.comparison
    to_dataframe = to_dataframe
    to_csv = to_csv

    __setstate__ = set_frozen_state

    def __post_init__(self):
        for name in ("misorientation_deg", "nearest_deg", "overlap"):
            getattr(self, name).setflags(write=False)

    @property
    def agrees(self) -> np.ndarray:
        """Whether the first orientations agree, boolean (scan_row, scan_col)."""
        with np.errstate(invalid="ignore"):
            return self.misorientation_deg <= self.agree_within

    @property
    def table(self) -> Table:
        """Table with a row each for all, single and overlapping positions, as a dict of columns for `pandas.DataFrame`.

        ``positions``; ``compared``, the number of compared ones; ``median_deg``; ``agree``, the share of compared positions
        that agree; ``agree_any``, the share where any two orientations agree.
        """
        rows = {"all": np.ones_like(self.overlap), "single": ~self.overlap, "overlap": self.overlap}
        out: dict[str, list] = {name: [] for name in ("positions", "compared", "median_deg", "agree", "agree_any")}
        for name, where in rows.items():
            one = self.misorientation_deg[where & np.isfinite(self.misorientation_deg)]
            near = self.nearest_deg[where & np.isfinite(self.misorientation_deg)]
            out["positions"].append(name)
            out["compared"].append(one.size)
            out["median_deg"].append(float(np.median(one)) if one.size else np.nan)
            out["agree"].append(float(np.mean(one <= self.agree_within)) if one.size else np.nan)
            out["agree_any"].append(float(np.mean(near <= self.agree_within)) if one.size else np.nan)
        return Table(out, {"median_deg": "°"})

    def __repr__(self):
        table = self.table
        lines = ["<OrientationComparison>"]
        for i, name in enumerate(table["positions"]):
            lines.append(
                f"  {name}: {table['compared'][i]} positions, median {table['median_deg'][i]:.3g} degrees, "
                f"{100 * table['agree'][i]:.3g} % within {self.agree_within:g}, {100 * table['agree_any'][i]:.3g} % with any"
            )
        if None not in self.time_s:
            lines.append(f"  {self.time_s[0]:.3g} s against {self.time_s[1]:.3g} s")
        lines.append("  .table .misorientation_deg .nearest_deg .agrees .plot()")
        return "\n".join(lines)
