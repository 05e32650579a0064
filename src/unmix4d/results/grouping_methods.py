"""``.group_rotated`` of a decomposition."""

from __future__ import annotations

import numpy as np

from ..clustering.anisotropy import SPOTS
from ..core import checks
from ..core.centre import require_centre

__all__ = ["GroupingMethods", "checked_cut"]

_SIGNED = ("svd", "pca", "ica")


class GroupingMethods:
    """Which components are one structure, rotated in the plane."""

    def group_rotated(
        self,
        n_groups="auto",
        *,
        distance: float | None = None,
        linkage: str = "average",
        mirror: bool = False,
        friedel: bool = False,
        weight="radius",
        r_min=None,
        r_max=None,
        spots: float | None = SPOTS,
        as_published: bool = False,
    ):
        """Group components whose patterns are copies of each other rotated in the plane (Kimoto 2025, Figs. 8 and 9).

        Two components are compared by the largest angular cross-correlation of their polar patterns, from which the mean
        of every ring is removed first; SciPy's hierarchy is made of the distances 1 - similarity. Components without bright
        spots are amorphous: they are alike where their radial profiles are, and have no angle. Rotated copies are one
        structure seen down one zone axis; a grain of the same phase that is tilted has another pattern and stays apart.

        Parameters
        ----------
        n_groups : int or "auto"
            ``"auto"``: the tree is cut in the middle of the widest gap between the heights of its merges below 0.6 (0 and
            0.6 count as heights): patterns that share less than 0.4 are never one structure.
        distance : float, optional
            Cut at this height instead, 0 to 1.
        linkage : {"average", "single", "complete", "weighted", "ward"}
        mirror : bool
            Whether mirror images are one structure as well.
        friedel : bool
            Average opposite points first, which takes noise away where opposite spots are equally strong; angles are then
            known modulo 180 degrees.
        weight : {"radius", "none"} or ndarray
            Of each radius in the correlation: its circumference (as if the sum went over pixels), all the same, or given,
            one value for each radius from `r_min` to `r_max` in steps of a pixel.
        r_min, r_max : float or str, optional
            Radii in pixels or with a unit. By default all that at least half of the azimuths find on the detector.
        spots : float or None
            Correlation of two interleaved halves of its pixels along the rings below which a component has no spots, see
            `unmix4d.clustering.anisotropy.spots_of`. None: no component is amorphous.
        as_published : bool
            The similarity of the paper: the cross-correlation as it is, with the rings' means in it, not normalised, so
            that the halo and bright components rule; distances are relative to the largest value, and ``"auto"`` cuts in the
            widest gap of all heights. Nothing is amorphous beforehand.

        Returns
        -------
        Groups
            Strongest group first. ``labels`` and ``angles_deg`` are those of the components.

        Raises
        ------
        ValueError, TypeError
            When an argument is outside its range, the components have both signs (svd, pca, ica), or the patterns have no
            rows and columns.

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
        n_groups = checked_cut(n_groups, distance, linkage, self.k, "components")
        if self.method in _SIGNED:
            raise ValueError(
                f"group_rotated needs components that are patterns, but those of {self.method} have both signs: use nmf"
            )
        if spots is not None:
            spots = checks.positive(spots, "spots", zero=True)
        require_centre(self.geometry, "group_rotated")
        from .groups import group_components

        return group_components(
            self, n_groups=n_groups, distance=distance, linkage=linkage, mirror=bool(mirror), friedel=bool(friedel),
            weight=weight, r_min=r_min, r_max=r_max, spots=spots, as_published=bool(as_published),
        )  # fmt: skip


def checked_cut(n_groups, distance, linkage, most, what):
    """The number of groups, or None for "auto" and where a distance is given; all checked."""
    from ..clustering.hierarchy import LINKAGES

    checks.choice(linkage, "linkage", LINKAGES)
    auto = isinstance(n_groups, str)
    if auto:
        checks.choice(n_groups, "n_groups", ("auto",))
    else:
        n_groups = checks.count(n_groups, "n_groups", maximum=most, why=f", the number of {what}")
    if distance is None:
        return None if auto else n_groups
    if not auto:
        raise ValueError(f"distance and n_groups say the same thing: give one of them, got {distance!r} and {n_groups}")
    if checks.positive(distance, "distance", zero=True) > 1:
        raise ValueError(f"distance must be at most 1, got {distance!r}")
    return None


def polar_range(geometry, r_min, r_max):
    """Arguments of a polar transform for these radii; the step is a pixel, more where there would be over 72 radii."""
    from ..core.polar import PolarTransform
    from ..core.units import in_pixels

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
