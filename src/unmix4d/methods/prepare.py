"""``.prepare`` of a scan: masks, alignment, crop, bin and filters, in one fixed order, checked at once, computed lazily."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..core import checks
from ..core.geometry import ScanGeometry
from ..core.messages import UnmixWarning
from ..core.scan import Scan
from ..hosts.beam import positions_of
from ..preparation import steps
from ..preparation.align import align_beam, checked_positions
from ..preparation.beam import beam_positions
from ..preparation.masks import describe_length, describe_mask, geometric_mask, warn_of_drift, with_masks
from ..preparation.redraw import GivenSpots, checked_redrawing
from ..preparation.redraw import redraw_peaks as redraw
from .arguments import progress
from .bragg_vectors import given_disks, is_bragg_vectors
from .several import each_prepared

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
    average_alike: bool | int | None = None,
    hot_pixels: bool | float | np.ndarray | None = None,
    align: Any = None,
    align_subpixel: bool = False,
    gain: float | None = None,
    redraw_peaks: Any = None,
    keep: bool | str | None = None,
) -> V:
    """Prepare the scan for unmixing: mask, align, crop, bin or filter the patterns.

    This returns a lazy view with the same methods. Your data are not changed, and nothing is computed yet, except with
    ``align="measure"`` and `average_alike`. Lengths are in detector pixels of this view, or strings with a unit such as
    ``"0.12 1/Å"``. The order of the arguments does not matter. The steps are done in this order: given masks, hot pixels,
    gain, align, masks by radius, crop, bin, friedel, average_neighbours or average_alike, redraw_peaks.

    Parameters
    ----------
    direct_beam : float or str, optional
        Radius of the direct beam. Pixels within this distance of the centre are excluded.
    annulus : (inner, outer), optional
        Inner and outer radius of the pixels that are used. None leaves a side open.
    detector_mask : bool array or HyperSpy signal (det_row, det_col), optional
        Mask of the detector; True = excluded.
    scan_mask : bool array or HyperSpy signal (scan_row, scan_col), optional
        Mask of the scan; True = excluded.
    crop : ((row0, row1), (col0, col1)), optional
        Part of the detector to use, in pixels. Use `region` to select a part of the scan.
    bin : int or (int, int), optional
        Number of detector pixels to sum. Integer types are widened if the sums need it.
    friedel : bool
        If True, average each pixel with the opposite one, with the centre rounded to half a pixel. Pixels whose opposite
        pixel is excluded or outside are not changed. Only use this if opposite spots are equally strong.
    average_neighbours : int, optional
        Average over 3 x 3 (5 x 5, ...) probe positions. Excluded positions are ignored.
    average_alike : bool or int, optional
        Average over those of the surrounding 5 x 5 (True) or 7 x 7, ... probe positions whose patterns are equal within
        counting noise [1]_. Use this for a few hundred electrons per pattern or less, if boundaries must stay sharp.
        Patterns are compared, alone and as means over 3 x 3 positions, in the directions that stand out of the noise of the
        scan; features within the noise are averaged away. For this the scan is read immediately. Each block of the scan
        needs three times its usual memory, and values are no longer counts.
    hot_pixels : bool, float or bool array (det_row, det_col), optional
        Hot pixels to replace by the median of their neighbours. An array marks known ones. True or a number replaces, in
        each pattern, pixels that exceed 10 times (or this number of times) the sum of the brightest of their eight
        neighbours and the median of the non-zero values of the pattern. Two adjacent hot pixels hide each other: pass them
        as an array.
    align : True, "measure", array (scan_row, scan_col, 2), BeamShift or origin, optional
        Shift every pattern by whole pixels so that its direct beam is at the centre. True uses the beam positions stored by
        the host. You can also pass an array of positions (row, column) in pixels, a pyxem `BeamShift` from
        ``s.get_direct_beam_position(...)``, or an origin of py4DSTEM (two maps, or its calibration). ``"measure"`` finds the
        beams to a fraction of a pixel, in one pass that is made immediately. Pixels without data in some pattern are
        excluded.
    align_subpixel : bool
        If True, shift by fractions of pixels, with linear interpolation. This blurs patterns slightly, and values are no
        longer counts.
    gain : float, optional
        Intensity units per electron. The view is then in electrons.
    redraw_peaks : True, float, str, Bragg vectors or dict, optional
        Replace every pattern by its spots, each drawn as a Gaussian with the subpixel position and intensity of the spot, on
        zero background (the idea of ePattern, Folastre 2024, as in Cao 2025). A number or a length is the radius of a spot
        (True: 2 pixels of the prepared view); the standard deviation of the Gaussian is half of it. A dictionary has
        ``radius`` and ``threshold``, the height of a spot in standard deviations of the noise (5). Bragg vectors that the
        host has found in this view (or a dictionary with ``vectors`` and ``radius``) are drawn instead. Weak spots, halo and
        rings are lost, and values are no longer counts: `unmix4d.constraints.NoDarkSpots`, `radial_variance` and
        `split_counts` refuse the view.
    keep : bool or "auto", optional
        Whether a method that reads a lazy view several times keeps it in memory, in its own integer or float type, from the
        first pass until the method ends. ``"auto"`` (the default) keeps it if it fits into a quarter of the free memory of
        this process or, with a client of `dask.distributed`, of the workers. Use `persist` to keep it for all methods.

    Returns
    -------
    Unmix

    Raises
    ------
    ValueError
        If a mask leaves nothing, a bin does not divide, a length has the wrong unit, or shapes do not fit.

    References
    ----------
    .. [1] Buades, Coll and Morel, Multiscale Model. Simul. 4 (2005) 490, doi:10.1137/040616024

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> u = Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data, centre=(4.5, 9.5))
    >>> u.prepare(direct_beam=2, bin=2).shape
    (3, 4, 5, 10)
    """
    if view.geometry.scans:
        return _of_several(view, {name: value for name, value in locals().items() if name != "view"})
    geometry = view.geometry
    if keep is not None and not isinstance(keep, bool):
        checks.choice(keep, "keep", ("auto",))
    detector_mask = checks.mask(detector_mask, "detector_mask", geometry.detector_shape)
    scan_mask = checks.mask(scan_mask, "scan_mask", geometry.scan_shape)
    alike = steps.window_of_alike(average_alike, average_neighbours)
    redrawing = checked_redrawing(_with_plain_spots(redraw_peaks, geometry), geometry, friedel, average_neighbours or alike)
    record: dict[str, Any] = {"detector_mask": describe_mask(detector_mask), "scan_mask": describe_mask(scan_mask)}
    scan = view.scan.replace(geometry=with_masks(geometry, scan_mask, detector_mask))
    scan, record["hot_pixels"] = steps.repair_hot_pixels(scan, hot_pixels)
    scan, record["gain"] = steps.divide_by_gain(scan, gain)
    align, source = _checked_alignment(align, align_subpixel, scan)

    def finished(positions: Any, alike: int | None = alike) -> tuple[Scan, dict]:
        known = dict(record)
        moved, known["align"] = align_beam(scan, positions, align_subpixel, source)
        known["align_subpixel"] = True if align_subpixel else None
        return _after_alignment(
            moved, known, geometry, direct_beam=direct_beam, annulus=annulus, crop=crop, bin=bin, friedel=friedel,
            average_neighbours=average_neighbours, alike=alike, redrawing=redrawing,
        )  # fmt: skip

    if source == "measured":
        _refuse_before_measuring(finished)
        align = _measured(view, scan)
    scan, record = finished(align)
    scan = scan if keep is None else scan.replace(keep=keep)
    return type(view)(scan.replace(steps=(*scan.steps, {k: v for k, v in record.items() if v is not None})))


def _of_several(view: Any, options: dict[str, Any]) -> Any:
    """Each of several scans by itself: its neighbours, its beams, its hot pixels."""
    if isinstance(options["redraw_peaks"], dict) or is_bragg_vectors(options["redraw_peaks"]):
        raise ValueError("redraw_peaks of several scans must be True or a radius: vectors belong to one scan alone")

    def prepared(scan: Scan, **own: Any) -> Scan:
        return prepare(type(view)(scan), **own).scan

    return type(view)(each_prepared(view.scan, prepared, options))


def _after_alignment(
    scan: Scan, record: dict, before: ScanGeometry, *, direct_beam: Any, annulus: Any, crop: Any, bin: Any, friedel: Any,
    average_neighbours: Any, alike: int | None, redrawing: dict | None,
) -> tuple[Scan, dict]:  # fmt: skip
    """The steps from the masks by radius on, which lie where the beam is now."""
    mask = geometric_mask(scan.geometry, direct_beam, annulus)
    warn_of_drift(scan.geometry, scan.centres, direct_beam, annulus)
    scan = scan.replace(geometry=with_masks(scan.geometry, None, mask, "direct_beam, annulus and detector_mask together"))
    record["direct_beam"] = describe_length(direct_beam, before)
    record["annulus"] = None if annulus is None else [describe_length(r, before) for r in annulus]
    scan, record["crop"] = steps.crop_detector(scan, crop)
    scan, record["bin"] = steps.bin_detector(scan, bin)
    scan, record["friedel"] = steps.fold_friedel(scan, friedel)
    scan, record["average_neighbours"] = steps.mean_of_neighbours(scan, average_neighbours)
    scan, record["average_alike"] = steps.mean_of_alike(scan, alike)
    scan, record["redraw_peaks"] = redraw(scan, redrawing, record["bin"])
    return scan, record


def _checked_alignment(align: Any, subpixel: Any, scan: Scan) -> tuple[np.ndarray | None, str]:
    """The positions of the beams, as far as they are known before anything is read, and where they come from."""
    if not isinstance(subpixel, bool):
        raise TypeError(f"align_subpixel must be True or False, got {subpixel!r}")
    if align is None or align is False:
        if subpixel:
            raise ValueError("align_subpixel needs align: pass align too")
        return None, "given"
    if scan.geometry.polar:
        raise ValueError("align needs patterns in rows and columns, but the axes of this scan are azimuth and radius")
    if isinstance(align, str):
        checks.choice(align, "align", ("measure",))
        return None, "measured"
    if align is True and scan.centres is None:
        raise ValueError(
            "align=True needs the beam position of every pattern, which this scan does not carry: measure it with the host, "
            "give align=array of the shape (scan_row, scan_col, 2), or let it be measured here with align='measure'"
        )
    positions = scan.centres if align is True else positions_of(align, scan.geometry)
    return checked_positions(positions, scan.geometry), "host" if align is True else "given"


def _refuse_before_measuring(finished: Callable) -> None:
    """What will be refused after the pass is refused before it; what will be warned of is warned of then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnmixWarning)
        finished(None, alike=None)


def _measured(view: Any, scan: Scan) -> np.ndarray:
    with progress(view, 1, "beam positions") as tick:
        positions = beam_positions(scan)
        tick()
    return positions


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
