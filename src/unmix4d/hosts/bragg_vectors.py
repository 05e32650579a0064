"""Bragg vectors that a host has found: py4DSTEM BraggVectors and PointListArray, pyxem DiffractionVectors, quantem's.

In py4DSTEM qx is along the rows and qy along the columns; the columns of pyxem's are (ky, kx, intensity). Both become
vectors (row, column) from the direct beam, with the ellipse taken out where the host knows it. The rotation between scan
and detector is never applied: components belong to the detector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core import checks
from ..core.geometry import Calibration, ScanGeometry
from ..core.scan import HostRecord
from ..core.units import PIXELS, canonical_unit, is_calibrated
from ..features.bragg_disks import BraggDisks
from . import py4dstem, quantem_vectors
from . import pyxem as pyxem_host
from .hyperspy_metadata import to_json

__all__ = ["FoundVectors", "each_scan", "matches", "read"]

_LARGEST_Q = 10.0  # 1/Å: no diffraction pattern reaches this; what does is in pixels


@dataclass(frozen=True, eq=False)
class FoundVectors:
    """What a host's object of Bragg vectors says.

    Attributes
    ----------
    disks : BraggDisks
    host : HostRecord
        For `to_host` of results that have no other scan.
    calibration : Calibration
        Of the scan and the microscope, as far as it is known.
    detector_shape : (int, int) or None
        Of the patterns they were found on.
    round : bool
        False when the ellipse has not been corrected.
    """

    disks: BraggDisks
    host: HostRecord
    calibration: Calibration = Calibration()
    detector_shape: tuple[int, int] | None = None
    round: bool = True


def matches(obj) -> bool:
    """True for Bragg vectors of a host."""
    return _kind(obj) is not None


def each_scan(obj) -> list:
    """The vectors of each scan: of pyxem's with three navigation axes those along the slowest."""
    if _kind(obj) == "DiffractionVectors" and obj.axes_manager.navigation_dimension == 3:
        return [obj.inav[:, :, i] for i in range(obj.axes_manager.navigation_shape[2])]
    return [obj]


def _kind(obj):
    places = {"BraggVectors": "py4DSTEM", "PointListArray": "emdfile", "DiffractionVectors": "pyxem.signals"}
    found = next((name for name, module in places.items() if checks.is_a(obj, module, name)), None)
    return found or ("quantem" if quantem_vectors.matches(obj) else None)


def read(obj, *, centre=None, unit: str | None = None, default: ScanGeometry | None = None) -> FoundVectors:
    """The vectors inside a host's object, which is not changed.

    obj (py4DSTEM BraggVectors, py4DSTEM or emdfile PointListArray, pyxem DiffractionVectors, BraggVectors or Vector of
        quantem): A PointListArray needs the fields qx, qy and, for anything but binary features, intensity.
    centre (float, float): Place of the direct beam (row, column) in what the vectors count, instead of what the host says;
        needed where vectors are detector pixels of an unknown origin.
    unit: Of the vectors, instead of what the host says. A PointListArray around zero that says nothing is taken to be in
        1/Å, the unit of py4DSTEM, unless it reaches beyond 10.
    default: Of the scan they were found in: vectors without an origin that are pixels of this very detector are counted from
        its centre, where that is known.
    Raises TypeError when it is none of these.
    Raises ValueError when the vectors have no origin, no such fields, cannot be read, or are NaN.
    """
    kind = _kind(obj)
    if kind is None:
        raise TypeError(
            "vectors must be BraggVectors of py4DSTEM or quantem, a PointListArray or pyxem DiffractionVectors, got "
            f"{type(obj).__name__}"
        )
    centre = None if centre is None else checks.pair(centre, "centre")
    readers = {
        "BraggVectors": _bragg_vectors, "PointListArray": _point_lists_alone, "DiffractionVectors": _pyxem_vectors,
        "quantem": _quantem_vectors,
    }  # fmt: skip
    return readers[kind](obj, centre, None if unit is None else canonical_unit(unit), default)


def _default_centre(default, row, col, shape=None):
    """The centre of a scan for raw pixels that were found on it, None where they were found elsewhere."""
    if default is None or not default.centre_known or shape not in (None, default.detector_shape):
        return None
    inside = all(
        -0.5 <= np.nanmin(values) and np.nanmax(values) <= n - 0.5
        for values, n in zip((row, col), default.detector_shape) if np.size(values)
    )  # fmt: skip
    return default.centre if inside else None


def _bragg_vectors(obj, centre, unit, default):
    """Raw vectors and the calibration that goes with them, which is what ``.cal`` does but for the rotation."""
    known = obj.calibration
    scan_shape = tuple(int(n) for n in obj.Rshape)
    position, fields = _point_lists(lambda i, j: obj.raw[i, j].data, scan_shape)
    detector_shape = tuple(int(n) for n in obj.Qshape)
    if centre is None:
        mean, centres = py4dstem.origin_of(known.get_origin(), scan_shape)
        if mean is None:
            mean = _default_centre(default, fields["qx"], fields["qy"], detector_shape)
        if mean is None:
            raise ValueError(
                "the Bragg vectors have no origin: set it with their calibration.set_origin, or give centre=(row, col)"
            )
        centre = np.array(mean) if centres is None else centres.reshape(-1, 2)[position].T
    size, found_unit = py4dstem.size_of(known.get_Q_pixel_size(), known.get_Q_pixel_units(), "Q_pixel_size")
    if not is_calibrated(found_unit):
        size = 1.0
    disks = BraggDisks(
        scan_shape, position, fields["qx"] - centre[0], fields["qy"] - centre[1], fields.get("intensity"), pixel_size=1.0
    )
    ellipse = py4dstem.ellipse_of(known.get_ellipse())
    disks = disks.made_round(ellipse).scaled(size, unit or found_unit)
    record, calibration = py4dstem.host_record(obj, known), py4dstem.scan_calibration(known)
    return FoundVectors(disks, record, calibration, detector_shape, ellipse is not None)


def _point_lists_alone(obj, centre, unit, default):
    """Vectors as they are: a list has no calibration of its own."""
    scan_shape = tuple(int(n) for n in obj.shape)
    position, fields = _point_lists(lambda i, j: obj[i, j].data, scan_shape)
    row, col = (np.asarray(fields[name], float) for name in ("qx", "qy"))
    around_zero = not row.size or (np.nanmin(row) < 0 < np.nanmax(row) and np.nanmin(col) < 0 < np.nanmax(col))
    if centre is None and not around_zero:
        centre = _default_centre(default, row, col)
        unit = unit or PIXELS
    if centre is not None:
        row, col = row - centre[0], col - centre[1]
    elif not around_zero:
        raise ValueError(
            "the vectors of the PointListArray do not lie around zero "
            f"(qx from {np.nanmin(row):.4g} to {np.nanmax(row):.4g}, qy from {np.nanmin(col):.4g} to {np.nanmax(col):.4g}): "
            "give their centre=(row, col), or calibrated vectors"
        )
    if unit is None:
        reach = np.nanmax(np.hypot(row, col)) if row.size else 0
        unit = "1/Å" if reach <= _LARGEST_Q else PIXELS
    disks = BraggDisks(scan_shape, position, row, col, fields.get("intensity"), unit, 1.0 if unit == PIXELS else None)
    return FoundVectors(disks, py4dstem.host_record(obj, None, unit))


def _point_lists(get, scan_shape):
    """(position, {field: values}) of one structured array for every position."""
    try:
        lists = [get(i, j) for i in range(scan_shape[0]) for j in range(scan_shape[1])]
    except Exception as error:  # whatever a damaged or foreign list does
        raise ValueError(f"the Bragg vectors cannot be read: {type(error).__name__}: {error}") from error
    names = set(lists[0].dtype.names or ()) if lists else set()
    if not {"qx", "qy"} <= names:
        raise ValueError(f"Bragg vectors must have the fields qx, qy and intensity, got {sorted(names)}")
    data = np.concatenate(lists)
    position = np.repeat(np.arange(len(lists)), [len(entry) for entry in lists])
    return position, {name: np.asarray(data[name], np.float64) for name in ("qx", "qy", "intensity") if name in names}


def _quantem_vectors(obj, centre, unit, default):
    """Detector pixels of the dataset, until they are calibrated; then around zero."""
    found = quantem_vectors.read(obj)
    row, col = found.row, found.col
    if found.unit == PIXELS:
        shape = None if found.geometry is None else found.geometry.detector_shape
        centre = centre or found.centre or _default_centre(default, row, col, shape)
        if centre is None:
            raise ValueError(
                "the peaks are detector pixels of an unknown origin: take those of apply_calibration(), set the origin "
                "of the dataset, or give centre=(row, col)"
            )
    if centre is not None:
        row, col = row - centre[0], col - centre[1]
    size, found_unit = found.size if found.unit == PIXELS else (1.0, 1.0), found.unit
    if found.unit == PIXELS and is_calibrated(found.pixel_unit):
        row, col, found_unit = row * size[0], col * size[1], found.pixel_unit
    elif found.unit == PIXELS:
        size = (1.0, 1.0)
    cell = size if found.unit == PIXELS else None
    disks = BraggDisks(found.scan_shape, found.position, row, col, found.intensity, unit or found_unit, cell)
    known = Calibration() if found.geometry is None else found.geometry.calibration
    shape = None if found.geometry is None else found.geometry.detector_shape
    return FoundVectors(disks, found.host, known, shape, round=False)


def _pyxem_vectors(obj, centre, unit, default):
    """pyxem's are calibrated and centred from the start, by the axes of the signal they were found in."""
    lists = _ragged(obj)
    column = _intensity_column(obj, lists)
    position = np.repeat(np.arange(lists.size), [len(entry) for entry in lists.ravel()])
    data = np.concatenate([np.asarray(entry, float)[:, : column + 1] for entry in lists.ravel()])
    intensity = data[:, 2] if column == 2 else None
    scales, offsets = (_two(getattr(obj, name), unset) for name, unset in (("scales", 1.0), ("offsets", 0.0)))
    found = unit or _pyxem_unit(obj, scales, default)
    if centre is None and not any(offsets) and not is_calibrated(found):
        centre = _default_centre(default, data[:, 0], data[:, 1])
        if centre is None:
            raise ValueError(
                "the DiffractionVectors are pixels of an unknown origin (offset 0, no unit): calibrate the signal before "
                "get_diffraction_vectors, or give centre=(row, col)"
            )
    if centre is not None:
        data[:, :2] -= centre
    sign = np.where(scales < 0, -1, 1)  # the geometry counts along the pixels
    size = np.abs(scales) if is_calibrated(found) else np.ones(2)
    disks = BraggDisks(lists.shape, position, data[:, 0] * sign[0], data[:, 1] * sign[1], intensity, found, tuple(size))
    record, calibration = _pyxem_record(obj, sign)
    shape = obj.detector_shape
    shape = None if shape is None else tuple(int(n) for n in shape)
    return FoundVectors(disks, record, calibration, shape, round=False)


def _pyxem_unit(obj, scales, default):
    """The unit of the first two columns; pixels without one, unless a scale says that they are none."""
    units = [canonical_unit(unit) for unit in (obj.units or [None])[:2]]
    if len(set(units)) == 1 and (is_calibrated(units[0]) or np.allclose(np.abs(scales), 1)):
        return units[0]
    if default is not None and np.allclose(np.abs(scales), default.calibration.pixel_size, rtol=1e-3):
        return default.calibration.pixel_unit
    raise ValueError(
        f"the DiffractionVectors have the scales {scales.tolist()} and the units {units}, which is not a calibration "
        "(pyxem's subpixel_refine drops the units): set vectors.units, or give pixel_unit"
    )


def _ragged(obj):
    """The lists as an object array (scan_row, scan_col); pyxem's sign for "no peak", one row of NaN, is an empty list."""
    data = obj.data
    if data.dtype != object:
        raise ValueError("DiffractionVectors must hold a list of vectors for every position (ragged), got one flat list")
    if hasattr(data, "dask"):
        data = data.compute()
    if data.ndim > 2:
        raise ValueError(f"DiffractionVectors must have at most two navigation axes, got {data.ndim}")
    out = np.empty(data.size, object)
    for i, entry in enumerate(data.ravel()):
        entry = np.atleast_2d(np.asarray(entry, float))
        none = entry.size == 0 or (len(entry) == 1 and np.isnan(entry[0, :2]).all())
        out[i] = entry[:0] if none else entry
    widths = {entry.shape[1] for entry in out if len(entry)}
    if len(widths) > 1 or min(widths, default=2) < 2:
        raise ValueError(f"DiffractionVectors must have the columns ky, kx and intensity, got {sorted(widths)} columns")
    width = widths.pop() if widths else 2
    for i, entry in enumerate(out):
        out[i] = entry if len(entry) else np.empty((0, width))
    return out.reshape((1,) * (2 - data.ndim) + data.shape)


def _intensity_column(obj, lists):
    """2 when the third column is the intensity, else 1."""
    width = lists.ravel()[0].shape[1]
    names = [str(name) for name in obj.column_names] if width > 2 else []
    return 2 if width > 2 and (len(names) < 3 or names[2] in ("intensity", "None", "column_2")) else 1


def _two(values, default):
    """The first two (row, column) of what pyxem keeps for every column."""
    if values is None:
        return np.full(2, default)
    values = np.ravel([default if v is None else v for v in np.ravel(values)]).astype(float)
    return np.repeat(values, 2) if values.size == 1 else values[:2]


def _pyxem_record(obj, sign):
    """(HostRecord, Calibration): a Diffraction2D with the scan of the vectors, its axes in the direction of theirs."""
    navigation = list(obj.axes_manager.navigation_axes)[::-1]
    axes = [pyxem_host.axis_of(axis) for axis in navigation]
    in_pixels = not pyxem_host.one_unit(axes, "navigation")
    step, unit, origin = pyxem_host.pair_of(pyxem_host.two_axes(axes), in_pixels)
    metadata = to_json(obj.metadata.as_dictionary())
    for name in ("VectorMetadata", "Peaks", "Signal"):
        metadata.pop(name, None)
    detector = [{"name": name, "units": None, "scale": float(s), "offset": 0.0} for name, s in zip(("ky", "kx"), sign)]
    record = {
        "class": "Diffraction2D",
        "navigation_dimension": len(axes),
        "axes": axes + detector,
        "in_pixels": {"scan": in_pixels, "detector": False},
        "metadata": metadata,
    }
    calibration = Calibration(step=step, step_unit=unit, scan_origin=origin, **pyxem_host.microscope_of(obj.metadata))
    return HostRecord("pyxem", record, str(obj.metadata.get_item("General.title", "") or "")), calibration
