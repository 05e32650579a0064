"""Groups: components, or single positions, that are one structure turned in the plane."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..maps.regions import above_threshold

__all__ = ["Groups"]

_OUTLIERS, _NOISE = 4, 4.0  # as for grains: see find_grains


@dataclass(frozen=True, eq=False)
class Groups:
    """Patterns that are copies of each other turned in the plane, in groups; the strongest group first.

    What is grouped are components (``Decomposition.group_rotated``) or single positions (``Unmix.group_rotated``). Arrays
    are read-only.

    Attributes
    ----------
    labels : ndarray of int (k,) or (scan_row, scan_col)
        Group of each component or position; -1 where a position is excluded or holds nothing.
    angles_deg : ndarray, as `labels`
        Angle of each against ``patterns`` of its group, counter-clockwise as seen on screen with row 0 on top; the strongest
        member is at 0. Known modulo 360 / `symmetry` degrees. NaN in amorphous groups and where there is no group.
    angle_residuals_deg : ndarray, as `labels`
        Root mean square, over the other members, of what the angle of a pair measures differs from the difference of these
        angles.
    mirrored : ndarray of bool, as `labels`
        Which are mirror images of their group's pattern, turned after mirroring.
    patterns : ndarray (n, det_row, det_col)
        Averages of the members turned back, by their intensity; what is masked in one member is filled from others, NaN
        where none has a pixel.
    maps : ndarray (n, scan_row, scan_col)
        Sums of the members in intensity, with maximum 1; NaN at excluded positions.
    symmetry : ndarray of int (n,)
        Order of the rotation symmetry of each pattern (1, 2, 3, 4 or 6): a turn by 360 / order gives back 80 % of its
        autocorrelation or more. 0 for amorphous groups, which have no spots and no angle.
    linkage : ndarray (n_leaves - 1, 4)
        The tree, as SciPy's. Leaves are the components; of positions, the parts that they were collected in first.
    cophenetic : float
        Correlation of the heights at which leaves meet with their distances.
    similarity : ndarray (n_leaves, n_leaves)
        Diffraction similarity; of parts, divided by what noise leaves of it.
    cosine : ndarray (n_leaves, n_leaves) or None
        Plain cosine similarity of components, for comparison.
    height : float
        Where the tree was cut.
    leaf_labels : ndarray of int (n_leaves,)
        Group of each leaf; -1 for parts whose positions all went to other groups in the end.
    parts : ndarray of int (scan_row, scan_col) or None
        The leaf of each position.
    frame : Frame
    members : Decomposition or None
        Whose components are grouped.
    settings : dict

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.rotated_phases(n_phases=2, scan_shape=(6, 6), detector_shape=(64, 64), dose=3e3, seed=0)
    >>> groups = Unmix(film.data, centre=film.centre).group_rotated()
    >>> len(groups), groups.labels.shape, sorted(groups.symmetry.tolist())
    (2, (6, 6), [2, 6])
    """

    labels: np.ndarray
    angles_deg: np.ndarray
    angle_residuals_deg: np.ndarray
    mirrored: np.ndarray
    patterns: np.ndarray
    maps: np.ndarray
    symmetry: np.ndarray
    linkage: np.ndarray
    cophenetic: float
    similarity: np.ndarray
    height: float
    leaf_labels: np.ndarray
    frame: object
    cosine: np.ndarray | None = None
    parts: np.ndarray | None = None
    members: object = None
    settings: dict = field(default_factory=dict)

    def __post_init__(self):
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                value = np.array(value)
                value.setflags(write=False)
                object.__setattr__(self, name, value)

    def __len__(self):
        return len(self.symmetry)

    @property
    def sizes(self) -> np.ndarray:
        """Number of components, or of positions, of each group, int (n,)."""
        return np.bincount(self.labels[self.labels >= 0].ravel(), minlength=len(self))

    @property
    def amorphous(self) -> np.ndarray:
        """Boolean (n,): groups without spots, which have no angle."""
        return self.symmetry == 0

    def angle_map(self, group: int | None = None) -> np.ndarray:
        """In-plane rotation over the scan, degrees from 0 to 360 / symmetry of the group.

        Of components, that of the strongest one which has an angle, where it is present (above the Yen threshold of its map,
        as for grains).

        Parameters
        ----------
        group : int, optional
            Only this group; all of them by default.

        Returns
        -------
        ndarray of float64 (scan_row, scan_col)
            NaN where no group with an angle is present.

        Raises
        ------
        ValueError, TypeError
            When there is no such group.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.rotated_phases(n_phases=1, scan_shape=(4, 4), detector_shape=(64, 64), dose=3e3, seed=0)
        >>> groups = Unmix(film.data, centre=film.centre).group_rotated(1)
        >>> angles = groups.angle_map()
        >>> angles.shape, bool((angles < 360 / groups.symmetry[0]).all())
        ((4, 4), True)
        """
        angle, found = self.orientation(group)
        turn = 360.0 / np.maximum(self.symmetry, 1)
        with np.errstate(invalid="ignore"):
            return np.where(found >= 0, np.mod(angle, turn[found]), np.nan)

    def orientation(self, group: int | None = None):
        """Angle (scan_row, scan_col) and group (scan_row, scan_col) at every position; NaN and -1 where there is none.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.rotated_phases(n_phases=1, scan_shape=(4, 4), detector_shape=(64, 64), dose=3e3, seed=0)
        >>> groups = Unmix(film.data, centre=film.centre).group_rotated(1)
        >>> angle, group = groups.orientation()
        >>> angle.shape, group.tolist()[0]
        ((4, 4), [0, 0, 0, 0])
        """
        from .. import checks

        if group is not None:
            group = checks.count(group, "group", minimum=0, maximum=len(self) - 1)
        if self.members is None:
            wanted = ~np.isnan(self.angles_deg) & ((self.labels == group) if group is not None else True)
            return np.where(wanted, self.angles_deg, np.nan), np.where(wanted, self.labels, -1)
        turned = ~np.isnan(self.angles_deg)
        if group is not None:
            turned = turned & (self.labels == group)
        shape = self.frame.scan_shape
        if not turned.any():
            return np.full(shape, np.nan), np.full(shape, -1)
        chosen = np.flatnonzero(turned)
        intensities = self.members.intensities[chosen]
        kept = self.frame.kept_positions.reshape(shape)
        present = above_threshold(intensities, kept, outliers=_OUTLIERS, noise=_NOISE)
        strength = np.where(present, np.nan_to_num(intensities), 0)
        best, some = chosen[strength.argmax(axis=0)], strength.max(axis=0) > 0
        return np.where(some, self.angles_deg[best], np.nan), np.where(some, self.labels[best], -1)

    def plot(self, groups=None):
        """Turned-back average patterns above their maps.

        Parameters
        ----------
        groups : sequence of int, optional

        Returns
        -------
        matplotlib Figure

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.rotated_phases(n_phases=1, scan_shape=(4, 4), detector_shape=(64, 64), dose=3e3, seed=0)
        >>> figure = Unmix(film.data, centre=film.centre).group_rotated(1).plot()
        >>> len(figure.axes)
        2
        """
        from ..plots import groups as plots_groups

        return plots_groups.groups(self, groups)

    def plot_dendrogram(self, ax=None):
        """The tree with the average pattern of each group below it (Kimoto 2025, Fig. 9c, d).

        Returns
        -------
        matplotlib Axes

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.rotated_phases(n_phases=2, scan_shape=(6, 6), detector_shape=(64, 64), dose=3e3, seed=0)
        >>> Unmix(film.data, centre=film.centre).group_rotated().plot_dendrogram().get_ylabel()
        'distance, 1 - similarity'
        """
        from ..plots import groups as plots_groups

        return plots_groups.dendrogram(self, ax=ax)

    def plot_similarity(self, ax=None, *, by_group: bool = False):
        """Diffraction similarity of all pairs beside the plain cosine similarity (Kimoto 2025, Fig. 9a, b).

        Parameters
        ----------
        ax : matplotlib Axes, optional
            For the diffraction similarity alone.
        by_group : bool
            Leaves in the order of the tree instead of their own.

        Returns
        -------
        matplotlib Axes
            Of the diffraction similarity.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.rotated_phases(n_phases=1, scan_shape=(4, 4), detector_shape=(64, 64), dose=3e3, seed=0)
        >>> groups = Unmix(film.data, centre=film.centre).group_rotated(1)
        >>> groups.plot_similarity().images[0].get_array().shape == groups.similarity.shape
        True
        """
        from ..plots import groups as plots_groups

        return plots_groups.similarity(self, ax=ax, by_group=by_group)

    def plot_angles(self, ax=None, *, group: int | None = None):
        """The rotation over the scan in cyclic colours.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        group : int, optional
            Only this group; by default all, in which case colours are fractions of each group's own period.

        Returns
        -------
        matplotlib Axes

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.rotated_phases(n_phases=1, scan_shape=(4, 4), detector_shape=(64, 64), dose=3e3, seed=0)
        >>> ax = Unmix(film.data, centre=film.centre).group_rotated(1).plot_angles(group=0)
        >>> ax.images[0].get_array().shape
        (4, 4)
        """
        from ..plots import groups as plots_groups

        return plots_groups.angles(self, ax=ax, group=group)

    def __repr__(self):
        what = "components" if self.members is not None else "positions"
        lines = [f"<Groups: {len(self)} of {int(self.sizes.sum())} {what}, turned in the plane>"]
        for i in range(min(len(self), 10)):
            if self.symmetry[i]:
                residual = float(np.median(self.angle_residuals_deg[self.labels == i]))
                told = f"symmetry {self.symmetry[i]}, median residual of the angles {residual:.2g} degrees"
            else:
                told = "amorphous"
            lines.append(f"  {i}: {self.sizes[i]} {what}, {told}")
        if len(self) > 10:
            lines.append(f"  ... and {len(self) - 10} more")
        lines.append(f"  tree cut at {self.height:.3g}, cophenetic correlation {self.cophenetic:.3g}")
        lines.append("  .labels .angles_deg .patterns .maps .angle_map() .plot() .plot_dendrogram() .plot_similarity()")
        lines.append("  .plot_angles()")
        return "\n".join(lines)
