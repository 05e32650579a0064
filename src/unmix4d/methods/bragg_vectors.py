"""Bragg vectors that a host has found, read for a view, and the raster of vectors that have no scan."""

from __future__ import annotations

from typing import Any

from ..core import checks
from ..core.geometry import ScanGeometry
from ..core.scan import HostRecord
from ..core.series import geometry_of, joined_geometry, joined_host
from ..core.units import PIXELS, canonical_unit, in_pixels, is_calibrated
from ..features.bragg_disks import INTENSITIES, BraggDisks
from ..features.bragg_raster import BraggFeatures, bragg_features
from ..hosts import bragg_vectors

__all__ = ["BIN", "bragg_disks", "features_of_vectors", "given_disks", "is_bragg_vectors", "raster_arguments"]

BIN = 3  # detector pixels: Bruefach 2022, "a bin size of 3 x 3"


def is_bragg_vectors(obj: Any) -> bool:
    """True for what ``Unmix(vectors)`` takes without a scan: vectors, or a list of those of several scans."""
    if isinstance(obj, (list, tuple)):
        return bool(obj) and all(_is_one(one) for one in obj)
    return _is_one(obj)


def _each_scan(vectors):
    listed = isinstance(vectors, (list, tuple)) and is_bragg_vectors(vectors)
    return [part for one in (vectors if listed else [vectors]) for part in bragg_vectors.each_scan(one)]


def _is_one(obj):
    return isinstance(obj, BraggDisks) or bragg_vectors.matches(obj)


def bragg_disks(
    view: Any,
    *,
    bin: int | None = None,
    intensity: str = "sum",
    spread: float | str | None = None,
    q_min: float | str | None = None,
    q_max: float | str | None = None,
) -> Any:
    """Put Bragg vectors without a scan on another grid. See `Unmix.bragg_disks` for the arguments.

    Parameters
    ----------
    bin : int, optional
        Size of a cell of the new grid in cells of this one. The default is 1.
    intensity, spread, q_min, q_max
        As for `Unmix.bragg_disks`.

    Returns
    -------
    FeatureView
        Features on the new grid.

    Raises
    ------
    ValueError
        If this view was not made by ``Unmix(vectors)``, or an argument is outside its range.

    Examples
    --------
    >>> from unmix4d import Unmix
    >>> from unmix4d.features.bragg_disks import BraggDisks
    >>> disks = BraggDisks((1, 2), [0, 0, 1], [0.0, 2.0, 2.1], [0.0, 3.0, 3.0], [9.0, 1.0, 3.0])
    >>> view = Unmix(disks, pixel_size=0.5)
    >>> view.shape, view.bragg_disks(bin=2).shape
    ((1, 2, 15, 15), (1, 2, 9, 9))
    """
    features = view.features
    if not (isinstance(features, BraggFeatures) and view.pixel_view.is_features):
        raise ValueError(
            f"bragg_disks is not for {features.kind} features: features are made from patterns, not from features"
        )
    how = raster_arguments(view.geometry, checks.count(1 if bin is None else bin, "bin"), intensity, q_min, q_max, spread)
    return type(view)(_alone(features.disks, view.geometry, features.host, type(view), **how))


def raster_arguments(geometry: ScanGeometry, bin: int, intensity: str, q_min: Any, q_max: Any, spread: Any) -> dict:
    """What says how vectors are put on a raster, checked, lengths in the unit of the pixels."""
    checks.choice(intensity, "intensity", INTENSITIES)
    how: dict[str, Any] = {"cell": [bin * s for s in geometry.calibration.pixel_size], "intensity": intensity}
    for name, value in (("q_min", q_min), ("q_max", q_max), ("spread", spread)):
        if value is not None:
            pixels = in_pixels(value, geometry.pixel_length, geometry.calibration.pixel_unit, name)
            how[name] = checks.positive(pixels, name, zero=name != "q_max") * geometry.pixel_length
    return how


def features_of_vectors(
    vectors: Any,
    view_of: type,
    *,
    q_max: float | str | None = None,
    centre: tuple[float, float] | None = None,
    pixel_size: float | tuple[float, float] | None = None,
    pixel_unit: str | None = None,
    step: float | tuple[float, float] | None = None,
    step_unit: str | None = None,
) -> BraggFeatures:
    """Features of Bragg vectors without a scan, for ``Unmix(vectors)``.

    view_of: Makes a view of features.
    q_max: Longest vector that is used, in the unit of the vectors or with one.
    centre (float, float): Place of the direct beam in the vectors.
    pixel_size (float or (float, float)): Size of a cell of the raster, in the unit of the vectors. By default three detector
        pixels where their size is known, and a fifth of the smallest usual distance of two disks where it is not.
    pixel_unit: Unit of the vectors, instead of what they say.
    step, step_unit: As for `Unmix`.
    Returns BraggFeatures: With a geometry that is a detector: calibrated, and with the direct beam in its middle.
    Raises TypeError, ValueError as `Unmix.bragg_disks`.
    """
    changes: dict[str, Any] = {}
    if step is not None:
        changes["step"] = tuple(checks.positive(v, "step") for v in checks.pair(step, "step"))
    if step_unit is not None:
        changes["step_unit"] = canonical_unit(step_unit)
    disks, geometry, host = _frame_of(_each_scan(vectors), changes, centre=centre, unit=pixel_unit)
    if disks.intensity is None:
        raise ValueError(
            "vectors without a scan must have intensities, got positions alone: give them with a third column (a field "
            "intensity in py4DSTEM), or count them with bragg_disks(vectors, intensity='binary') of the scan they are from"
        )
    if pixel_size is not None:
        cell = tuple(checks.positive(v, "pixel_size") for v in checks.pair(pixel_size, "pixel_size"))
    else:
        cell = None if disks.pixel_size is None else tuple(BIN * v for v in disks.pixel_size)
    return _alone(disks, geometry, host, view_of, cell=cell, q_max=_length(q_max, disks.unit))


def _frame_of(each: Any, changes: dict[str, Any], **more: Any) -> tuple[BraggDisks, ScanGeometry, HostRecord]:
    """Vectors without a scan, of one scan or of several in one frame: in the unit of the first."""
    found = [_read(one, **more) for one in each]
    own = [ScanGeometry(f.disks.scan_shape, (1, 1), calibration=f.calibration.with_changes(**changes)) for f in found]
    if len(found) == 1:
        return found[0].disks, own[0], found[0].host
    frame, host = joined_geometry(own, [f.host.name for f in found]), joined_host([f.host for f in found])
    return BraggDisks.joined([f.disks.in_unit(found[0].disks.unit) for f in found], frame), frame, host


def _alone(disks, geometry, host, view_of, *, cell=None, intensity="sum", spread=None, **how):
    """Features of vectors without a scan. Patterns are fitted to a raster that is not spread: what was measured."""
    cell = checks.pair(disks.default_cell() if cell is None else cell, "pixel_size")
    measured = "binary" if disks.intensity is None else "sum"
    sharp = bragg_features(
        disks, geometry, cell=cell, intensity=measured, spread=min(cell), host=host, drop_empty=False, **how
    )
    source = view_of(sharp)
    return bragg_features(disks, geometry, cell=cell, intensity=intensity, spread=spread, source=source, host=host, **how)


def _length(q_max, unit):
    if q_max is None:
        return None
    # Of one unit and not of pixels: there is no detector.
    return checks.positive(in_pixels(q_max, 1.0, unit, "q_max"), "q_max")


def _read(vectors: Any, **more: Any) -> bragg_vectors.FoundVectors:
    if isinstance(vectors, BraggDisks):
        return bragg_vectors.FoundVectors(vectors, HostRecord("array"))
    return bragg_vectors.read(vectors, **more)


def given_disks(vectors, geometry, centre):
    """Vectors of the scan of a view, or a list of those of its scans, in the pixel unit of the view."""
    each, n = _each_scan(vectors), len(geometry.scans)
    if not n:
        if len(each) != 1:
            raise ValueError(f"vectors must be those of one scan, got a list of {len(each)}")
        return _given(each[0], geometry, centre)
    if len(each) != n:
        raise ValueError(f"vectors must be a list with those of each of {n} scans, got {len(each)}")
    found = []
    for i, one in enumerate(each):
        try:
            found.append(_given(one, geometry_of(geometry, i), centre))
        except (ValueError, TypeError) as error:
            raise type(error)(f"scan {i}: {error}") from None
    return BraggDisks.joined(found, geometry)


def _given(vectors, geometry, centre):
    found = _read(vectors, centre=centre, default=geometry)
    disks = found.disks
    if disks.scan_shape != geometry.scan_shape:
        raise ValueError(
            f"vectors must belong to the scan of {geometry.scan_shape} positions, got vectors of {disks.scan_shape} "
            "positions"
        )
    ours = geometry.calibration
    same_grid = found.detector_shape in (None, geometry.detector_shape)
    if not is_calibrated(disks.unit) and is_calibrated(ours.pixel_unit) and same_grid:
        disks = disks.scaled(ours.pixel_size, ours.pixel_unit)
    elif is_calibrated(disks.unit) and not is_calibrated(ours.pixel_unit) and same_grid and disks.pixel_size is not None:
        disks = disks.scaled([1 / size for size in disks.pixel_size], PIXELS)
    elif not is_calibrated(disks.unit) and not same_grid:
        raise ValueError(
            f"vectors are pixels of a detector of {found.detector_shape}, but this view has {geometry.detector_shape}: "
            "calibrate them and the scan, or use a view that is neither cropped nor binned"
        )
    disks = disks.in_unit(ours.pixel_unit)
    return disks if found.round else disks.made_round(geometry.ellipse)
