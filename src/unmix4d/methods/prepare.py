"""``.prepare`` of a scan: masks, alignment, crop, bin and filters, in one fixed order, checked at once, computed lazily."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from ..core import checks
from ..core.geometry import ScanGeometry
from ..preparation import steps
from ..preparation.masks import describe_length, describe_mask, geometric_mask, with_masks
from ..preparation.redraw import GivenSpots, checked_redrawing
from ..preparation.redraw import redraw_peaks as redraw
from .bragg_vectors import given_disks, is_bragg_vectors

__all__ = ["prepare"]

V = TypeVar("V", bound=Any)  # a view gives one of its own kind


def prepare(
    view: V,
    *,
    direct_beam: float | str | None = None,
    annulus: tuple[float | str, float | str] | None = None,
    detector_mask: Any = None,
    scan_mask: Any = None,
    crop: tuple[tuple[int, int], tuple[int, int]] | None = None,
    bin: int | tuple[int, int] | None = None,
    friedel: bool = False,
    average_neighbours: int | None = None,
    hot_pixels: bool | float | np.ndarray | None = None,
    align: bool | np.ndarray | None = None,
    gain: float | None = None,
    redraw_peaks: Any = None,
) -> V:
    """A prepared view with the same methods. Nothing is computed now, and nothing of yours is changed.

    Lengths are detector pixels of this view, or texts with a unit such as ``"0.12 1/Å"``. Whatever the order of the
    arguments, the preparations are done in this one: given masks, hot pixels, gain, align, masks by radius, crop, bin,
    friedel, average_neighbours, redraw_peaks.

    Parameters
    ----------
    direct_beam : float or str, optional
        Exclude the pixels within this radius of the centre.
    annulus : (inner, outer), optional
        Use only the pixels between these two radii; None leaves a side open.
    detector_mask : bool array or HyperSpy signal (det_row, det_col), optional
        True = excluded.
    scan_mask : bool array or HyperSpy signal (scan_row, scan_col), optional
        True = excluded.
    crop : ((row0, row1), (col0, col1)), optional
        Part of the detector, in pixels. Crop the scan with the host.
    bin : int or (int, int), optional
        Sum so many detector pixels; integers become as wide as the sums need.
    friedel : bool
        Average each pixel with the one opposite to the centre (of the nearest half pixel); pixels whose partner is
        excluded or outside keep their own value. Only right where opposite spots are equally strong.
    average_neighbours : int, optional
        Mean over 3 x 3 (5 x 5, ...) probe positions; excluded positions are left out.
    hot_pixels : bool, float or bool array (det_row, det_col), optional
        Replace hot pixels by the median of their neighbours: known ones (array), or those that exceed, in one
        pattern, 10 times (True) or a given number of times the sum of the brightest of their eight neighbours and
        the median of the pattern's non-zero values. Two hot pixels side by side hide each other: give them.
    align : bool or array (scan_row, scan_col, 2), optional
        Move every pattern by whole pixels so that its beam (row, column) comes to the centre: from the positions the
        host knows (True) or the given ones. Pixels without data in some pattern are excluded.
    gain : float, optional
        Intensity units per electron; the view is then in electrons.
    redraw_peaks : True, float, str, Bragg vectors or dict, optional
        Replace every pattern by its spots, each a Gaussian at the sub-pixel place and with the intensity of the spot, on
        zero background (the idea of ePattern, Folastre 2024, as in Cao 2025). A number or a length is the radius of a
        spot (True: 2 pixels of the prepared view); the Gaussian has half of it as standard deviation. A dict has
        ``radius`` and ``threshold``: a spot stands out by so many standard deviations of the noise (5). Bragg vectors
        that the host has found in this view (or a dict with ``vectors`` and ``radius``) are drawn instead of our own.
        Weak spots, halo and rings are lost, values are no counts any more: `unmix4d.constraints.NoDarkSpots`,
        `radial_variance` and `split_counts` refuse the view.

    Returns
    -------
    Unmix

    Raises
    ------
    ValueError
        When a mask leaves nothing, a bin does not divide, a length has the wrong unit, or shapes do not fit.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> u = Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data, centre=(4.5, 9.5))
    >>> u.prepare(direct_beam=2, bin=2).shape
    (3, 4, 5, 10)
    """
    scan, geometry = view.scan, view.geometry
    detector_mask = checks.mask(detector_mask, "detector_mask", geometry.detector_shape)
    scan_mask = checks.mask(scan_mask, "scan_mask", geometry.scan_shape)
    redrawing = checked_redrawing(_with_plain_spots(redraw_peaks, geometry), geometry, friedel, average_neighbours)
    record: dict[str, Any] = {"detector_mask": describe_mask(detector_mask), "scan_mask": describe_mask(scan_mask)}
    scan = scan.replace(geometry=with_masks(geometry, scan_mask, detector_mask))
    scan, record["hot_pixels"] = steps.repair_hot_pixels(scan, hot_pixels)
    scan, record["gain"] = steps.divide_by_gain(scan, gain)
    scan, record["align"] = steps.align_beam(scan, align)
    mask = geometric_mask(scan.geometry, direct_beam, annulus)
    scan = scan.replace(geometry=with_masks(scan.geometry, None, mask, "direct_beam, annulus and detector_mask together"))
    record["direct_beam"] = describe_length(direct_beam, geometry)
    record["annulus"] = None if annulus is None else [describe_length(r, geometry) for r in annulus]
    scan, record["crop"] = steps.crop_detector(scan, crop)
    scan, record["bin"] = steps.bin_detector(scan, bin)
    scan, record["friedel"] = steps.fold_friedel(scan, friedel)
    scan, record["average_neighbours"] = steps.mean_of_neighbours(scan, average_neighbours)
    scan, record["redraw_peaks"] = redraw(scan, redrawing, record["bin"])
    return type(view)(scan.replace(steps=(*scan.steps, {k: v for k, v in record.items() if v is not None})))


def _with_plain_spots(value: Any, geometry: ScanGeometry) -> Any:
    """The argument `redraw_peaks`, with Bragg vectors of a host as the plain spots that are drawn."""
    if is_bragg_vectors(value):
        return _spots(value, geometry)
    if isinstance(value, dict) and "vectors" in value:
        rest = {name: entry for name, entry in value.items() if name != "vectors"}
        if not is_bragg_vectors(value["vectors"]):
            raise TypeError(
                "vectors of redraw_peaks must have been found by a host: Bragg vectors (py4DSTEM BraggVectors or "
                f"PointListArray, pyxem DiffractionVectors), got {type(value['vectors']).__name__}"
            )
        return {**rest, "spots": _spots(value["vectors"], geometry)}
    return value


def _spots(vectors: Any, geometry: ScanGeometry) -> GivenSpots:
    disks = given_disks(vectors, geometry, None)
    if disks.intensity is None:
        raise ValueError("redraw_peaks needs vectors with intensities, but these hold positions alone")
    if geometry.ellipse is not None:
        # Vectors come with the ellipse taken out, and the patterns of the view have it.
        a, b, angle = geometry.ellipse
        disks = disks.made_round((b, a, angle))
    size = geometry.calibration.pixel_size
    return GivenSpots(
        disks.position, disks.q_row / size[0], disks.q_col / size[1], disks.intensity, type(vectors).__name__
    )  # fmt: skip
