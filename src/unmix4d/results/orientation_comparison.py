"""OrientationComparison: two orientation maps of one scan, position by position."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = ["OrientationComparison"]


@dataclass(frozen=True, eq=False)
class OrientationComparison:
    """Two orientation maps of one scan, position by position.

    Attributes
    ----------
    misorientation_deg : ndarray (scan_row, scan_col)
        Between the first orientation of the one and of the other, in the symmetry of the crystal; 180 where the phases
        differ, NaN where one of them has none.
    nearest_deg : ndarray (scan_row, scan_col)
        The smallest angle between any two of their orientations at that position.
    overlap : ndarray of bool (scan_row, scan_col)
        Where more than one component is painted.
    agree_within : float
        Degrees up to which orientations agree.
    time_s : tuple of (float or None)
        Seconds of ours and of the full run.
    frame : Frame

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import OrientationComparison
    >>> from unmix4d.frame import Frame
    >>> away, shared = np.array([[1.0, 2.0], [30.0, np.nan]]), np.array([[False, False], [True, False]])
    >>> comparison = OrientationComparison(away, away.copy(), shared, 5.0, (None, None), Frame((2, 2), (8, 8)))
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
    frame: object = field(repr=False)

    def __post_init__(self):
        for name in ("misorientation_deg", "nearest_deg", "overlap"):
            getattr(self, name).setflags(write=False)

    @property
    def agrees(self) -> np.ndarray:
        """Boolean (scan_row, scan_col): the first orientations agree."""
        with np.errstate(invalid="ignore"):
            return self.misorientation_deg <= self.agree_within

    @property
    def table(self) -> dict[str, np.ndarray]:
        """One row each for all, single and overlap positions, as a dict of columns that `pandas.DataFrame` takes.

        ``positions``, ``compared`` (how many), ``median_deg``, ``agree`` (share of the compared), ``agree_any`` (share
        where any of the orientations there agree).
        """
        rows = {"all": np.ones_like(self.overlap), "single": ~self.overlap, "overlap": self.overlap}
        out = {name: [] for name in ("positions", "compared", "median_deg", "agree", "agree_any")}
        for name, where in rows.items():
            one = self.misorientation_deg[where & np.isfinite(self.misorientation_deg)]
            near = self.nearest_deg[where & np.isfinite(self.misorientation_deg)]
            out["positions"].append(name)
            out["compared"].append(one.size)
            out["median_deg"].append(float(np.median(one)) if one.size else np.nan)
            out["agree"].append(float(np.mean(one <= self.agree_within)) if one.size else np.nan)
            out["agree_any"].append(float(np.mean(near <= self.agree_within)) if one.size else np.nan)
        return {name: np.array(column) for name, column in out.items()}

    def plot(self, axes=None):
        """Misorientation on the scan, and its histogram at single and at overlap positions.

        Parameters
        ----------
        axes : pair of matplotlib Axes, optional

        Returns
        -------
        pair of matplotlib Axes

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d import OrientationComparison
        >>> from unmix4d.frame import Frame
        >>> away, shared = np.array([[1.0, 2.0], [30.0, np.nan]]), np.array([[False, False], [True, False]])
        >>> comparison = OrientationComparison(away, away.copy(), shared, 5.0, (None, None), Frame((2, 2), (8, 8)))
        >>> len(comparison.plot())
        2
        """
        from ..plots import orientation as plots_orientation

        return plots_orientation.comparison(self, axes)

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
