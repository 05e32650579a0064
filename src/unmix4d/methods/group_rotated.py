"""``.group_rotated`` of `Unmix`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..clustering.friedel_centre import offset_of_scan
from ..clustering.held_out_spots import told_from_noise
from ..clustering.lone_pixels import lone_pixels, stay_alike
from ..clustering.rotate_patterns import PatternRotation, rotated_sums
from ..clustering.rotated_counts import Reader
from ..clustering.rotated_positions import SPOTS
from ..clustering.rotated_scan import MOST_COMPARED, group_scan
from ..clustering.second_groups import second_groups
from ..clustering.similarity import radial_weights
from ..core import checks
from ..core.centre import require_centre
from ..core.messages import warn
from ..core.polar import PolarTransform
from ..engine.matrix import PatternMatrix
from ..results.build import run_record
from ..results.groups import (
    Groups,
    by_strength,
    checked_cut,
    checked_refine,
    mean_of,
    polar_range,
    settled_centre,
    without_pixels,
)  # fmt: skip
from .arguments import progress
from .only_noise import say_if_only_noise

__all__ = ["group_rotated"]

_MOSTLY = 0.5  # of the positions in groups with spots; no table


def group_rotated(
    view: Any,
    n_groups: int | str = "auto",
    *,
    distance: float | None = None,
    linkage: str = "average",
    mirror: bool = False,
    friedel: bool = False,
    weight: str | np.ndarray = "radius",
    r_min: float | str | None = None,
    r_max: float | str | None = None,
    n_parts: int | None = None,
    spots: float = SPOTS,
    precision: str = "single",
    random_state: int | None = None,
    refine_centre: bool | str = "auto",
) -> Groups:
    """Group the positions of a scan by structure, at any in-plane rotation (after Kimoto 2025).

    This is for polycrystals whose grains are rotated at random, for which NMF would need one component per grain. Nothing is
    unmixed: every position is assigned to one group. All pairs of up to 2048 positions are compared by the angular
    cross-correlation of their polar patterns, and a tree of them gives up to 24 parts. Then two steps alternate: average the
    parts after rotating their patterns back, and assign every position to the average and angle for which its counts are
    most likely. The averages have little noise: parts without spots are amorphous, the others are grouped like components,
    and the same two steps are repeated with the groups. In larger scans, the 2048 positions are spread over the scan, and
    the last 512 are primarily positions that the others explain worse than noise would. All positions are then assigned to
    the groups in some passes over the scan. Mask the direct beam first, or pass `r_min`.

    Parameters
    ----------
    n_groups : int or "auto"
        Number of groups. ``"auto"`` chooses it as for components (`Decomposition.group_rotated`), from similarities of the
        parts that are corrected for noise. A group of 24 positions or more is divided if two halves of it, divided
        independently, agree on two averages that differ. A group that is only the border of two others is removed.
    distance : float, optional
        Height at which the tree is cut instead, 0 to 1.
    linkage : {"average", "single", "complete", "weighted", "ward"}
        Linkage of the tree of the parts.
    mirror : bool
        Whether mirror images belong to one structure.
    friedel : bool
        If True, average opposite points first. This reduces noise if opposite spots are equally strong; angles are then
        modulo 180 degrees.
    weight : {"radius", "none"} or ndarray
        Weight of each radius in the similarity, see `Decomposition.group_rotated`.
    r_min, r_max : float or str, optional
        Smallest and largest radius in pixels or with a unit.
    n_parts : int, optional
        Initial number of parts. By default an eighth of the positions, 3 to 24. Use more for many phases.
    spots : float
        A part has no spots if the averages of two halves of it, each aligned independently, have a lower correlation than
        this.
    precision : {"single", "double"}
        Floating-point precision of the passes over the scan.
    random_state : int or None
        Seed that selects the positions compared in pairs if the scan has more than 2048. Smaller scans involve no
        randomness.
    refine_centre : bool or "auto"
        If True, use the centre measured from opposite spots, if they determine one (``.settings["centre"]``), instead of
        that of the scan. If False, a wrong centre only causes a warning. By default the measured centre is used, with a
        warning, if that of the scan is more than half a pixel off.

    Returns
    -------
    Groups
        ``labels`` and ``angles_deg`` have the shape (scan_row, scan_col), with -1 and NaN at positions that are excluded or
        empty. ``second`` and ``second_share`` are the other group where two grains overlap. Groups that cannot be
        distinguished from noise become one group without angles, unless you pass their number or a distance; see ``.told``.

    Raises
    ------
    ValueError, TypeError
        If there are fewer than 2 positions, an argument is outside its range, values are negative, NaN or infinite, or the
        view holds no patterns in rows and columns. A view of `polar` features is accepted; its azimuths and radii are then
        used.

    Warns
    -----
    UnmixWarning
        If a group cannot be distinguished from noise; if the centre is not known or seems to be more than half a pixel off;
        or if a pixel is hot, i.e. brighter than all its neighbours at all positions and narrower than any spot. Hot pixels
        are excluded.

    Notes
    -----
    Rotated copies are one structure seen along one zone axis; tilted grains are not grouped together. Where crystals
    overlap, a position has the angle of the stronger one, and ``second`` is the group of the other one.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.rotated_phases(n_phases=2, scan_shape=(6, 6), detector_shape=(64, 64), dose=1e3, seed=0)
    >>> groups = Unmix(film.data, centre=film.centre).group_rotated()
    >>> len(groups), groups.sizes.tolist()
    (2, [18, 18])
    """
    view, grid = _patterns_to_group(view, r_min, r_max)
    geometry = view.geometry
    if geometry.n_positions < 2:
        raise ValueError(f"group_rotated needs at least 2 positions, got {geometry.n_positions}")
    n_groups = checked_cut(n_groups, distance, linkage, geometry.n_positions, "positions")
    if n_parts is not None:
        n_parts = checks.count(n_parts, "n_parts", minimum=n_groups or 1, maximum=geometry.n_positions)
    spots = checks.positive(spots, "spots", zero=True)
    seed, refine_centre = checks.seed(random_state), checked_refine(refine_centre)
    transform = PolarTransform(geometry, **grid)
    radial_weights(weight, transform.radius)
    matrix = view.matrix(precision).hold()
    settings = run_record(
        view, "group_rotated", n_groups=n_groups, distance=distance, linkage=linkage, mirror=bool(mirror),
        friedel=bool(friedel), weight=weight if isinstance(weight, str) else [float(w) for w in weight],
        r_min=grid["r_min"], r_max=float(transform.radius[-1]), n_parts=n_parts, spots=spots,
        precision=precision, random_state=seed, refine_centre=refine_centre,
    )  # fmt: skip
    matrix.require_counts("group_rotated")
    with progress(view, 10 if geometry.n_positions <= MOST_COMPARED else 15, "grouping by rotation") as tick:
        geometry = _without_hot_pixels(matrix, transform)
        offset = offset_of_scan(matrix, geometry, grid["r_min"])
        geometry = settled_centre(geometry, offset, refine_centre, "group_rotated")
        settings["centre"] = list(geometry.centre)
        transform = PolarTransform(geometry, **{**grid, "r_max": float(transform.radius[-1]) + 1e-6})
        tick()
        reader = Reader(matrix, transform, friedel=bool(friedel), weight=weight)
        found, some, witnesses = group_scan(
            matrix, partial(_only, view, precision), reader,
            np.random.default_rng(seed), mirror=bool(mirror), n_groups=n_groups, distance=distance, linkage=linkage,
            n_parts=n_parts, spots=spots, most=MOST_COMPARED, tick=tick,
        )  # fmt: skip
        if found is None:
            raise ValueError(f"group_rotated needs at least 2 positions with intensity, got {int(some.sum())}")
        told = np.ones(len(found.symmetry), bool)
        if found.symmetry.any():
            told = told_from_noise(transform, witnesses, len(told))
        found, told = _judged(found, told | (found.symmetry == 0), n_groups is None and distance is None)
        if len(told) == 1 and not found.symmetry.any() and told.all():
            say_if_only_noise(view, matrix, None, "group_rotated", seed)
        tick()
        second = _second(matrix, reader, found, some, bool(mirror))
        tick()
        result = _assembled(view.geometry, geometry, matrix, found, told, some, second, settings, view.scan.host)
        tick()
    return result


def _patterns_to_group(view, r_min, r_max):
    """The view whose patterns are grouped, and the polar grid: of polar features, where they came from and theirs."""
    if not view.is_features:
        require_centre(view.geometry, "group_rotated", view.scan.centres)
        return view, polar_range(view.geometry, r_min, r_max)
    features = view.features
    if features.kind != "polar" or features.source is None:
        raise ValueError(
            f"group_rotated needs patterns or polar features of them, but this view holds {features.kind} features"
        )
    if r_min is not None or r_max is not None:
        raise ValueError("r_min and r_max are not used to group polar features: pass them to polar()")
    radius = features.settings["radius"]
    n_azimuth = features.geometry.detector_shape[0]
    if len(radius) < 2 or n_azimuth % 2 or n_azimuth < 36:
        raise ValueError(
            "group_rotated needs polar features of an even number of azimuths, at least 36, and 2 radii, got "
            f"{n_azimuth} and {len(radius)}"
        )
    first = next(r for r in radius if r > 0)
    grid = {"n_azimuth": n_azimuth, "radial_step": radius[1] - radius[0], "r_min": first, "r_max": radius[-1] + 1e-6}
    return features.source, grid


def _only(view, precision, rows):
    """The matrix of some positions of the view, given by rows of its own."""
    geometry = view.geometry
    keep = np.zeros(geometry.kept_positions.size, bool)
    keep[np.flatnonzero(geometry.kept_positions)[rows]] = True
    return PatternMatrix(view.scan.patterns, geometry.replace(scan_mask=~keep.reshape(geometry.scan_shape)), precision)


def _without_hot_pixels(matrix, transform):
    """The geometry of the scan with its hot pixels masked, at the radii that are compared."""
    geometry = matrix.geometry
    if geometry.redrawn:
        return geometry
    total = matrix.statistics().mean_pattern * matrix.shape[0]
    lone = lone_pixels(geometry.to_images(total[None])[0], geometry.kept_pixels.reshape(geometry.detector_shape))
    radius = geometry.radius()
    lone &= (radius >= transform.radius[0]) & (radius <= transform.radius[-1] + 1)
    if lone.any():
        chosen = np.zeros((lone.sum(), lone.size), matrix.dtype)
        chosen[np.arange(lone.sum()), np.flatnonzero(lone)] = 1
        lone[lone] = stay_alike(matrix.times(chosen[:, geometry.kept_pixels].T))
    if not lone.any():
        return geometry
    without_pixels(lone, "group_rotated")
    mask = lone if geometry.detector_mask is None else geometry.detector_mask | lone
    return geometry.replace(detector_mask=mask)


def _judged(found, told, auto):
    """The groups, with those that cannot be told from noise as one group without angles; and which can."""
    crystals, sizes = found.symmetry > 0, np.bincount(found.labels, minlength=len(told))
    if told.all():
        return found, told
    if not auto:
        warn(
            f"group_rotated cannot distinguish {np.count_nonzero(~told)} of its {len(told)} groups from noise: they "
            "contain too few electrons (see .told)"
        )
        return found, told
    # Where noise was grouped at most positions, what looks told besides is not to be relied on.
    mostly = sizes[~told].sum() > _MOSTLY * sizes[crystals].sum()
    lost = np.ones(len(told), bool) if mostly else ~told
    warn(
        f"group_rotated cannot tell whether there are structures at {sizes[lost].sum()} of {sizes.sum()} positions: "
        "electrons that were not used to find them are predicted no better by their spots than by uniform rings; these "
        "positions are one group without angles (see .told). Bin the scan, for more electrons in each pattern"
    )
    return found.joined(lost), np.append(np.ones(np.count_nonzero(~lost), bool), False)


def _second(matrix, reader, found, some, mirror):
    """Second group and its share at all positions; none where no group has spots."""
    labels, angles, mirrored = np.full(len(some), -1), np.full(len(some), np.nan), np.zeros(len(some), bool)
    labels[some], angles[some], mirrored[some] = found.labels, found.angles_deg, found.mirrored
    if not found.symmetry.any():
        return np.full(len(some), -1), np.zeros(len(some))
    return second_groups(matrix, reader, labels, angles, mirrored, found.symmetry, mirror)


def _assembled(plain, geometry, matrix, found, told, some, second, settings, host):
    """What was found at the positions with intensity, as images and maps; the averages are made in one pass.

    `geometry` has the hot pixels masked, and the centre that was used.
    """
    totals = matrix.statistics().totals
    labels = np.full(geometry.n_positions, -1)
    labels[some], order = by_strength(found.labels, totals[some])
    angles, residuals = np.full((2, geometry.n_positions), np.nan)
    mirrored = np.zeros(geometry.n_positions, bool)
    parts = np.full(geometry.n_positions, -1)
    angles[some], residuals[some] = found.angles_deg, found.residuals_deg
    mirrored[some], parts[some] = found.mirrored, found.parts
    kernel = partial(rotated_sums, rotation=PatternRotation(geometry), pixels=plain.kept_pixels, n_groups=len(order))
    ones = np.ones(geometry.n_positions)
    _, (sums, seen) = matrix.visit(kernel, tuple(v.astype(float)[:, None] for v in (labels, angles, mirrored, ones)))
    member = labels[:, None] == np.arange(len(order))
    maps = member * totals[:, None]
    maps = geometry.to_maps((maps / np.maximum(maps.max(axis=0), 1e-30)).astype(matrix.dtype))
    rank = np.append(np.argsort(order), -1)  # the last entry is that of no group
    return Groups(
        labels=_on_scan(geometry, labels, -1), angles_deg=_on_scan(geometry, angles, np.nan),
        angle_residuals_deg=_on_scan(geometry, residuals, np.nan), mirrored=_on_scan(geometry, mirrored, False),
        patterns=mean_of(sums, seen, matrix.dtype), maps=maps, symmetry=found.symmetry[order],
        linkage=found.tree_of_parts.tree.linkage, cophenetic=found.tree_of_parts.tree.cophenetic,
        similarity=found.similarity.matrix, height=found.tree_of_parts.height, leaf_labels=rank[found.leaf_labels],
        geometry=plain.replace(centre=geometry.centre, centre_known=geometry.centre_known), told=told[order],
        parts=_on_scan(geometry, parts, -1), second=_on_scan(geometry, rank[second[0]], -1),
        second_share=_on_scan(geometry, second[1].astype(matrix.dtype), 0), settings=settings, host=host,
    )  # fmt: skip


def _on_scan(geometry, values, fill):
    out = np.full(geometry.kept_positions.size, fill, values.dtype)
    out[geometry.kept_positions] = values
    return out.reshape(geometry.scan_shape)
