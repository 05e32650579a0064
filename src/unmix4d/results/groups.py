"""Groups: components, or single positions, that are one structure rotated in the plane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..choose_k.similarity import cosines
from ..clustering.anisotropy import SPOTS, is_amorphous, spots_of
from ..clustering.friedel_centre import offset_of_patterns
from ..clustering.hierarchy import LINKAGES
from ..clustering.lone_pixels import around, lone_pixels, stay_alike
from ..clustering.merged_tree import merged_tree, profiles_of
from ..clustering.rotate_patterns import PatternRotation, rotated_sums
from ..clustering.rotated_groups import group_patterns
from ..clustering.similarity import diffraction_similarity, rings_of
from ..core import checks
from ..core.arrays import freeze, set_frozen_state
from ..core.centre import require_centre
from ..core.messages import warn
from ..core.polar import PolarTransform
from ..core.rows import pick
from ..core.scan import HostRecord
from ..core.spelling import spelled
from ..core.tables import Table, to_dataframe
from ..core.units import in_pixels
from ..hosts import groups_to_host
from ..maps.regions import NOISE, OUTLIERS, above_threshold
from ..plots import groups as plots_groups
from ..storage.table_file import to_csv
from .forms import SETTINGS, Arrays, Json, is_real, is_tree, require, within
from .groups_compared import compare_groups
from .parts import Group
from .saved import RESULTS, Answer, Form, Geometry, Host, savable, save

if TYPE_CHECKING:
    from ..core.geometry import ScanGeometry

__all__ = [
    "Groups", "by_strength", "checked_cut", "checked_refine", "group_rotated", "mean_of", "polar_range", "settled_centre",
    "without_pixels",
]  # fmt: skip


MERGED = "merged"


def _sound(groups):
    n, shape, one = len(groups), groups.geometry.scan_shape, groups.labels.shape
    require(one == (shape if groups.members is None else (groups.members.k,)), "the shape of the labels")
    require(groups.patterns.shape == (n, *groups.geometry.detector_shape), "the shape of the patterns")
    require(groups.maps.shape == (n, *shape), "the shape of the maps")
    leaves = len(groups.leaf_labels)
    require(within(groups.labels, n) and within(groups.leaf_labels, n) and within(groups.symmetry, 7, 0), "a group")
    require(groups.parts is None or within(groups.parts, leaves), "a part")
    require(groups.second is None or within(groups.second, n), "a second group")
    require(groups.linkage.shape == (max(leaves - 1, 0), 4) and is_tree(groups.linkage), "the tree")


_OF_LABELS, _OF_LEAVES = ("labels",), ("leaves", "leaves")
_FORM = Form(
    {
        "labels": Arrays("i", _OF_LABELS), "angles_deg": Arrays("f", _OF_LABELS),
        "angle_residuals_deg": Arrays("f", _OF_LABELS), "mirrored": Arrays("b", _OF_LABELS),
        "patterns": Arrays("f", ("n", "detector")), "maps": Arrays("f", ("n", "scan")),
        "symmetry": Arrays("i", ("n",)), "linkage": Arrays("f"), "cophenetic": Json(is_real), "height": Json(is_real),
        "similarity": Arrays("f", _OF_LEAVES), "leaf_labels": Arrays("i", ("leaves",)), "geometry": Geometry(),
        "cosine": Arrays("f", _OF_LEAVES, True), "parts": Arrays("i", ("scan",), True),
        "second": Arrays("i", ("scan",), True), "second_share": Arrays("f", ("scan",), True),
        "members": Answer(RESULTS, True), "told": Arrays("b", ("n",)), "settings": SETTINGS, "host": Host(),
    },
    lambda groups: {
        "labels": groups.labels.shape, "n": len(groups), "scan": groups.geometry.scan_shape,
        "detector": groups.geometry.detector_shape, "leaves": len(groups.leaf_labels),
    },
    _sound,
)  # fmt: skip


@savable(_FORM)
@spelled
@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of patterns that are in-plane rotated copies of each other, sorted by strength, strongest first.

    The members of a group are components (``Decomposition.group_rotated``) or single positions (``Unmix.group_rotated``).
    Arrays are read-only.

    Attributes
    ----------
    labels : ndarray of int (k,) or (scan_row, scan_col)
        Group of each component or position, -1 where a position is excluded or empty.
    angles_deg : ndarray, as `labels`
        Angle of each member relative to the pattern of its group, counter-clockwise as seen with row 0 on top; the strongest
        member is at 0. Angles are known modulo 360 / `symmetry` degrees. NaN in amorphous groups and where there is no
        group.
    angle_residuals_deg : ndarray, as `labels`
        Root mean square, over the other members, of the difference between the measured angle of a pair and the difference
        of these angles.
    mirrored : ndarray of bool, as `labels`
        Which members are mirror images of the pattern of their group, rotated after mirroring.
    patterns : ndarray (n, det_row, det_col)
        Averages of the members after rotating them back, weighted by intensity. Pixels that are masked in one member are
        filled from others; NaN if they are masked in all.
    maps : ndarray (n, scan_row, scan_col)
        Sums of the members in intensity, scaled to a maximum of 1, NaN at excluded positions.
    symmetry : ndarray of int (n,)
        Order of the rotation symmetry of each pattern (1, 2, 3, 4 or 6): a rotation by 360 / order retains at least 80 % of
        its autocorrelation. 0 for amorphous groups, which have no spots and no angle.
    told : ndarray of bool (n,)
        Whether a group can be distinguished from noise. False for a group of components none of which is distinguishable,
        and for a group of positions whose spots predict electrons that were not used to find it no better than uniform
        rings.
    linkage : ndarray (n_leaves - 1, 4)
        The tree in the format of SciPy. Leaves are the components or, for positions, the parts into which they were first
        collected.
    cophenetic : float
        Cophenetic correlation: that of the heights at which leaves are merged with their distances.
    similarity : ndarray (n_leaves, n_leaves)
        Diffraction similarity; for parts, corrected for noise.
    cosine : ndarray (n_leaves, n_leaves) or None
        Plain cosine similarity of components, for comparison.
    height : float
        Height at which the tree was cut.
    leaf_labels : ndarray of int (n_leaves,)
        Group of each leaf, -1 for parts whose positions were all assigned to other groups.
    parts : ndarray of int (scan_row, scan_col) or None
        Leaf of each position.
    second : ndarray of int (scan_row, scan_col) or None
        For single positions, the group of the second grain where two overlap: a mixture of both averages, at their angles,
        explains the counts significantly better, and at least a fifth of them belong to the second. It can be the same group
        at another angle. -1 where one group is sufficient.
    second_share : ndarray (scan_row, scan_col) or None
        Share of the second group in the counts, 0 where there is none.
    geometry : ScanGeometry
        Shapes, masks and calibration of the scan.
    members : Decomposition or None
        Result whose components are grouped.
    settings : dict
        Arguments and measured quantities of the call.
    host : HostRecord
        Origin of the data, used by `to_host`.

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
    geometry: ScanGeometry
    cosine: np.ndarray | None = None
    parts: np.ndarray | None = None
    second: np.ndarray | None = None
    second_share: np.ndarray | None = None
    members: Any = None
    told: np.ndarray = None  # type: ignore[assignment]  # all of them
    settings: dict = field(default_factory=dict)
    host: HostRecord = HostRecord()

    plot = plots_groups.groups
    save = save
    to_host = groups_to_host
    compare = compare_groups
    to_dataframe = to_dataframe
    to_csv = to_csv
    plot_dendrogram = plots_groups.dendrogram
    plot_similarity = plots_groups.similarity
    plot_angles = plots_groups.angles

    __setstate__ = set_frozen_state

    def __post_init__(self):
        if self.told is None:
            object.__setattr__(self, "told", np.ones(len(self.symmetry), bool))
        freeze(self, [name for name, value in vars(self).items() if isinstance(value, np.ndarray)])

    def __len__(self) -> int:
        return len(self.symmetry)

    def __iter__(self) -> Iterator[Group]:
        return (self._group(i) for i in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """One `Group`, or a list of them."""
        return pick(key, len(self), "group", self._group)

    def _group(self, i):
        members = np.argwhere(self.labels == i)
        return Group(
            group=i, size=int(self.sizes[i]), symmetry=int(self.symmetry[i]), told=bool(self.told[i]),
            members=members[:, 0] if self.members is not None else members, angles_deg=self.angles_deg[self.labels == i],
            pattern=self.patterns[i], map=self.maps[i],
        )  # fmt: skip

    @property
    def table(self) -> Table:
        """Read-only table with one row per member of a group, a dictionary of columns for `pandas.DataFrame`.

        The columns are ``component``, or ``row`` and ``col`` of a position, ``group``, ``angle_deg``, ``angle_residual_deg``
        and ``mirrored``.
        """
        inside = self.labels >= 0
        names = ("component",) if self.members is not None else ("row", "col")
        columns = dict(zip(names, np.nonzero(inside)))
        found = {"group": self.labels, "angle_deg": self.angles_deg, "angle_residual_deg": self.angle_residuals_deg}
        columns |= {name: values[inside] for name, values in {**found, "mirrored": self.mirrored}.items()}
        return Table(columns, dict.fromkeys(("angle_deg", "angle_residual_deg"), "°"))

    @property
    def sizes(self) -> np.ndarray:
        """Number of components or positions in each group, int (n,)."""
        return np.bincount(self.labels[self.labels >= 0].ravel(), minlength=len(self))

    @property
    def amorphous(self) -> np.ndarray:
        """Whether each group is amorphous, i.e. has no spots and no angle, boolean (n,)."""
        return self.symmetry == 0

    def angle_map(self, group: int | None = None) -> np.ndarray:
        """Return a map of the in-plane rotation, in degrees from 0 to 360 / symmetry of the group.

        For components, this is the angle of the strongest one that has an angle and is present (above the Yen threshold of
        its map, as for grains).

        Parameters
        ----------
        group : int, optional
            Group to use. By default all.

        Returns
        -------
        ndarray of float64 (scan_row, scan_col)
            Angles, NaN where no group with an angle is present.

        Raises
        ------
        ValueError, TypeError
            If there is no such group.

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

    def orientation(self, group: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the angle and the group of every position (scan_row, scan_col), NaN and -1 where there is none.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.rotated_phases(n_phases=1, scan_shape=(4, 4), detector_shape=(64, 64), dose=3e3, seed=0)
        >>> groups = Unmix(film.data, centre=film.centre).group_rotated(1)
        >>> angle, group = groups.orientation()
        >>> angle.shape, group.tolist()[0]
        ((4, 4), [0, 0, 0, 0])
        """
        if group is not None:
            group = checks.count(group, "group", minimum=0, maximum=len(self) - 1)
        rotated = ~np.isnan(self.angles_deg) & (True if group is None else self.labels == group)
        if self.members is None:
            return np.where(rotated, self.angles_deg, np.nan), np.where(rotated, self.labels, -1)
        shape = self.geometry.scan_shape
        if not rotated.any():
            return np.full(shape, np.nan), np.full(shape, -1)
        chosen = np.flatnonzero(rotated)
        intensities = self.members.intensities[chosen]
        kept = self.geometry.kept_positions.reshape(shape)
        present = above_threshold(intensities, kept, outliers=OUTLIERS, noise=NOISE)
        strength = np.where(present, np.nan_to_num(intensities), 0)
        best, some = chosen[strength.argmax(axis=0)], strength.max(axis=0) > 0
        return np.where(some, self.angles_deg[best], np.nan), np.where(some, self.labels[best], -1)

    def __repr__(self):
        what = "components" if self.members is not None else "positions"
        lines = [f"<Groups: {len(self)} of {int(self.sizes.sum())} {what}, rotated in the plane>"]
        for i in range(min(len(self), 10)):
            told = "amorphous"
            if self.symmetry[i]:
                residual = float(np.median(self.angle_residuals_deg[self.labels == i]))
                told = f"symmetry {self.symmetry[i]}, median residual of the angles {residual:.2g} degrees"
            if not self.told[i]:
                told = "cannot be told from noise" + (f" ({told})" if self.symmetry[i] else "")
            lines.append(f"  {i}: {self.sizes[i]} {what}, {told}")
        if len(self) > 10:
            lines.append(f"  ... and {len(self) - 10} more")
        lines.append(f"  tree cut at {self.height:.3g}, cophenetic correlation {self.cophenetic:.3g}")
        lines.append("  .labels .angles_deg .patterns .maps .angle_map() .plot() .plot_dendrogram() .plot_similarity()")
        lines.append("  .plot_angles() .to_dataframe() .to_host() .compare(other) .save(path)")
        return "\n".join(lines)


def group_rotated(
    result: Any,
    n_groups: int | str = "auto",
    *,
    distance: float | None = None,
    linkage: str = "average",
    mirror: bool = False,
    friedel: bool = False,
    weight: str | np.ndarray = "radius",
    r_min: float | str | None = None,
    r_max: float | str | None = None,
    spots: float | None = SPOTS,
    as_published: bool = False,
    refine_centre: bool | str = "auto",
) -> Groups:
    """Group components whose patterns are in-plane rotated copies of each other (Kimoto 2025, Figs. 8 and 9).

    The similarity of two components is the largest angular cross-correlation of their polar patterns, from which the mean of
    every ring is subtracted first. The distances 1 - similarity are clustered hierarchically with SciPy. Components without
    bright spots are amorphous: they are compared by their radial profiles and have no angle. Rotated copies are one
    structure seen along one zone axis. A tilted grain of the same phase has a different pattern and is not grouped with
    them.

    Parameters
    ----------
    n_groups : int or "auto"
        Number of groups. ``"auto"`` cuts the tree in the middle of the widest gap between the heights of its merges below
        0.6 (0 and 0.6 are included as heights), so patterns with a similarity below 0.4 are never one structure.
    distance : float, optional
        Height at which the tree is cut instead, 0 to 1.
    linkage : {"average", "single", "complete", "weighted", "ward", "merged"}
        Linkage of the tree, as in SciPy. ``"merged"`` replaces the two most similar patterns by their average, rotated onto
        each other, before the next comparison.
    mirror : bool
        Whether mirror images belong to one structure.
    friedel : bool
        If True, average opposite points first. This reduces noise if opposite spots are equally strong; angles are then
        known modulo 180 degrees.
    weight : {"radius", "none"} or ndarray
        Weight of each radius in the correlation: its circumference (like a sum over pixels), equal weights, or an array with
        one value for each radius from `r_min` to `r_max` in steps of a pixel.
    r_min, r_max : float or str, optional
        Smallest and largest radius in pixels or with a unit. By default all radii with at least half of the azimuths on the
        detector.
    spots : float or None
        A component has no spots if two interleaved halves of its pixels along the rings have a lower correlation than this,
        see `unmix4d.clustering.anisotropy.spots_of`. With None, no component is amorphous.
    as_published : bool
        If True, use the similarity of the paper: the cross-correlation including the means of the rings and without
        normalisation, so that the halo and bright components dominate. Distances are relative to the largest value,
        ``"auto"`` cuts in the widest gap of all heights, and no component is treated as amorphous.
    refine_centre : bool or "auto"
        If True, use the centre measured from opposite spots of the components, if they determine one
        (``.settings["centre"]``), instead of that of the scan. If False, a wrong centre only causes a warning. By default
        the measured centre is used, with a warning, if that of the scan is more than half a pixel off.

    Returns
    -------
    Groups
        The groups, strongest first. ``labels`` and ``angles_deg`` have one entry per component.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range, the components have both signs (svd, pca, ica), or the patterns have no
        rows and columns.

    Warns
    -----
    UnmixWarning
        If the centre is not known or seems to be more than half a pixel off, or if a pixel is hot, i.e. brighter than all
        its neighbours at all positions and narrower than any spot. For the comparison it is replaced by the median of its
        neighbours.

    References
    ----------
    K. Kimoto et al. (2025), eqs. 9 to 11.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.rotated_phases(layout="grains", n_phases=2, n_grains=4, scan_shape=(12, 12), background=0,
    ...                                detector_shape=(64, 64), seed=1)
    >>> groups = Unmix(film.data, centre=film.centre).nmf(4, random_state=0).group_rotated()
    >>> len(groups), sorted(groups.labels.tolist())
    (2, [0, 0, 1, 1])
    """
    n_groups = checked_cut(n_groups, distance, linkage, result.k, "components", (*LINKAGES, MERGED))
    if result.signed:
        raise ValueError(
            f"group_rotated needs components that are patterns, but those of {result.method} have both signs: use nmf"
        )
    if spots is not None:
        spots = checks.positive(spots, "spots", zero=True)
    require_centre(result.geometry, "group_rotated")
    mirror, friedel, as_published = bool(mirror), bool(friedel), bool(as_published)
    refine_centre = checked_refine(refine_centre)
    geometry, grid = result.geometry, polar_range(result.geometry, r_min, r_max)
    patterns = _without_hot_pixels(result, np.maximum(np.nan_to_num(result.patterns), 0), grid)
    geometry = settled_centre(
        geometry, offset_of_patterns(patterns, geometry, grid["r_min"]), refine_centre, "group_rotated"
    )
    grid = polar_range(geometry, r_min, r_max)
    transform = PolarTransform(geometry, **grid)
    polar = transform.forward(patterns)
    ready = partial(
        rings_of, valid=transform.valid, radius=transform.radius, friedel=friedel, weight=weight, as_published=as_published
    )
    alike = partial(diffraction_similarity, mirror=mirror, as_published=as_published)
    rings = ready(polar)
    similarity = alike(rings)
    amorphous = np.zeros(result.k, bool)
    if spots is not None and not as_published:
        amorphous = is_amorphous(spots_of(geometry, patterns, **grid), spots)
    strength = np.nansum(result.intensities, axis=(1, 2))
    tree = None
    if linkage == MERGED:
        weights, seen = np.nansum(result.maps, axis=(1, 2)), {"valid": transform.valid, "radius": transform.radius}
        tree = merged_tree(polar, weights=weights, compare=lambda polar: alike(ready(polar)), amorphous=amorphous, **seen)
    found = group_patterns(
        similarity, rings, intensities=strength, amorphous=amorphous,
        profiles=profiles_of(polar, transform.valid, transform.radius), n_groups=n_groups, distance=distance,
        linkage=linkage, tree=tree, **({"top": 1.0} if as_published else {}),
    )  # fmt: skip
    labels, order = by_strength(found.labels, strength)
    means = _averages(result, geometry, patterns, labels, found, len(order))
    maps = np.stack([result.intensities[labels == group].sum(axis=0) for group in range(len(order))])
    tops = np.nanmax(maps, axis=(1, 2), keepdims=True)
    maps = (maps / np.where(tops > 0, tops, 1)).astype(result.maps.dtype)
    cosine = cosines(result.patterns.astype(float))
    return Groups(
        labels=labels, angles_deg=found.angles_deg, angle_residuals_deg=found.residuals_deg, mirrored=found.mirrored,
        patterns=means, maps=maps, symmetry=found.symmetry[order], linkage=found.tree.linkage,
        cophenetic=found.tree.cophenetic, similarity=similarity.matrix, cosine=cosine, height=found.height,
        leaf_labels=labels, geometry=geometry, members=result, host=result.host, told=_told(result, labels, len(order)),
        settings={
            "n_groups": n_groups, "distance": distance, "linkage": linkage, "mirror": mirror, "friedel": friedel,
            "weight": weight if isinstance(weight, str) else [float(w) for w in weight], "r_min": grid["r_min"],
            "r_max": float(transform.radius[-1]), "spots": spots, "as_published": as_published,
            "centre": list(geometry.centre),
        },
    )  # fmt: skip


def _told(result, labels, n):
    """Groups with a component that can be told from noise (n,); a warning where one has none."""
    known = result.distinguishable
    if known is None:
        # Of merged components the strengths are not known; where all is noise, the strongest is the mean pattern.
        known = np.full(result.k, not result.settings.get("only_noise", False))
        known[int(np.argmax(result.explained))] = True
    told = np.bincount(labels, known, minlength=n) > 0
    if not told.all():
        warn(
            f"group_rotated cannot distinguish {np.count_nonzero(~told)} of its {n} groups of components from noise: no "
            "component in them is distinguishable (see .told); ask for fewer components, or bin the scan"
        )
    return told


def checked_cut(n_groups, distance, linkage, most, what, linkages=LINKAGES):
    """The number of groups, or None for "auto" and where a distance is given; all checked."""
    checks.choice(linkage, "linkage", linkages)
    auto = isinstance(n_groups, str)
    if auto:
        checks.choice(n_groups, "n_groups", ("auto",))
    else:
        n_groups = checks.count(n_groups, "n_groups", maximum=most, why=f", the number of {what}")
    if distance is None:
        return None if auto else n_groups
    if not auto:
        raise ValueError(f"distance and n_groups cannot be used together: pass one of them, got {distance!r} and {n_groups}")
    if checks.positive(distance, "distance", zero=True) > 1:
        raise ValueError(f"distance must be at most 1, got {distance!r}")
    return None


def polar_range(geometry, r_min, r_max):
    """Arguments of a polar transform for these radii; the step is a pixel, more where there would be over 72 radii."""
    first, last = (
        None if value is None else checks.positive(
            in_pixels(value, geometry.pixel_length, geometry.calibration.pixel_unit, name), name, zero=True
        )
        for value, name in ((r_min, "r_min"), (r_max, "r_max"))
    )  # fmt: skip
    first = 1.0 if first is None else max(first, 1.0)
    if last is None:
        last = float(PolarTransform(geometry, n_azimuth=72).radius[-1])
    if not last > first:
        raise ValueError(f"r_max must be above r_min, got {last:g} and {first:g} pixels")
    step = max(1.0, (last - first) / 72)
    return {"n_azimuth": 360, "radial_step": float(np.float64(step)), "r_min": first, "r_max": last + 1e-6}


def checked_refine(refine_centre: Any) -> bool | str:
    """True, False or "auto"."""
    if isinstance(refine_centre, (bool, np.bool_)):
        return bool(refine_centre)
    if not isinstance(refine_centre, str) or refine_centre != "auto":
        raise TypeError(f"refine_centre must be True, False or 'auto', got {refine_centre!r}")
    return refine_centre


def settled_centre(geometry: ScanGeometry, offset: Any, refine: bool | str, use: str) -> ScanGeometry:
    """The geometry with the centre that the patterns say, where that is wanted; a warning where it is another one."""
    row, col = geometry.centre
    better = (row + offset.row, col + offset.col)
    if offset.noticed and refine is not True:
        then = (
            f"{use} uses the former; pass refine_centre=False to keep the given centre" if refine == "auto"
            else f"with the given centre, the angles and groups of {use} are wrong; pass centre=(row, col)"
        )  # fmt: skip
        warn(
            f"opposite spots are symmetric about ({better[0]:.1f}, {better[1]:.1f}) and not about the given centre "
            f"({row:.1f}, {col:.1f}): {then}"
        )
    if refine is True and not offset.known:
        warn(f"{use} found no centre in the patterns, whose opposite spots say none: ({row:g}, {col:g}) is taken")
    if refine is True and offset.known or refine == "auto" and offset.noticed:
        return geometry.replace(centre=better, centre_known=True)
    return geometry


def without_pixels(lone: np.ndarray, use: str) -> None:
    """Warn of hot pixels that are left out of a comparison."""
    places = [f"({r}, {c})" for r, c in np.argwhere(lone)]
    named = ", ".join(places[:4]) + (f" and {len(places) - 4} more" if len(places) > 4 else "")
    warn(
        f"{use} leaves out what is far brighter than all its neighbours at all positions, as hot pixels are and spots are "
        f"not: {named}; replace such pixels by prepare(hot_pixels=True), or mask them"
    )


def _without_hot_pixels(result, patterns, grid):
    """Component patterns whose hot pixels have the median of their neighbours."""
    geometry = result.geometry
    if geometry.redrawn:  # spots may be drawn as sharp as a pixel, and no detector has a part in them
        return patterns
    maps = geometry.from_maps(result.maps).astype(float)
    kept = geometry.kept_pixels.reshape(geometry.detector_shape)
    total = np.tensordot(maps.sum(axis=0), patterns, axes=1)
    radius = geometry.radius()
    lone = lone_pixels(total, kept) & (radius >= grid["r_min"]) & (radius <= grid["r_max"] + 1)
    if lone.any():
        lone[lone] = stay_alike(maps @ patterns[:, lone])
    if not lone.any():
        return patterns
    without_pixels(lone, "group_rotated")
    levels = np.stack([around(image, kept) for image in patterns])
    return np.where(lone, levels, patterns)


def by_strength(labels, strength):
    """Labels renumbered so that the strongest group is 0, and the old number of each new one."""
    order = np.argsort(-np.bincount(labels, strength), kind="stable")
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    return rank[labels], order


def _averages(result, geometry, patterns, labels, found, n):
    """Rotated-back averages of the patterns, every component with its weight in the scan."""
    weights = np.nansum(result.maps, axis=(1, 2)).astype(float)
    # A group of components that are nowhere still has a pattern.
    weights = np.maximum(weights, 1e-9 * max(weights.max(), 1e-30))
    columns = (np.asarray(v, float)[:, None] for v in (labels, found.angles_deg, found.mirrored, weights))
    rows = geometry.from_images(patterns)
    _, (sums, seen) = rotated_sums(
        rows, *columns, rotation=PatternRotation(geometry), pixels=geometry.kept_pixels, n_groups=n
    )
    return mean_of(sums, seen, result.patterns.dtype)


def mean_of(sums, seen, dtype):
    """Sums over weights, NaN where there are none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(seen > 0, sums / seen, np.nan).astype(dtype)
