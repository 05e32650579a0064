"""py4DSTEM: DataCube on the way in; RealSlice and DiffractionSlice on the way out.

In py4DSTEM x is the row and y the column, and its angles turn from x to y. Rows run downwards on screen, so
that this is counter-clockwise as seen, as ours are, but counted from "down" instead of from "right".
"""

from __future__ import annotations

import math

import numpy as np

from ..core.checks import is_a
from ..core.geometry import Calibration, ScanGeometry
from ..core.messages import warn
from ..core.scan import HostRecord, Scan, as_patterns
from ..core.text import writable
from ..core.units import PIXELS, canonical_unit, convert, is_calibrated
from .same_scan import require_same_centre, require_same_data

__all__ = ["attach", "ellipse_of", "host_record", "matches", "origin_of", "read", "scan_calibration", "size_of", "write",
           "write_maps"]  # fmt: skip

Q_UNITS = {"1/Å": "A^-1", "mrad": "mrad", PIXELS: "pixels"}  # all that py4DSTEM accepts there
_R_UNITS = {"Å": "A", PIXELS: "pixels"}


def matches(obj) -> bool:
    """True for a DataCube."""
    return is_a(obj, "py4DSTEM", "DataCube")


def read(cube) -> Scan:
    """A scan from a DataCube; its dimension vectors are not used, its calibration is."""
    patterns = as_patterns(cube.data)
    known = cube.calibration
    pixel_size, pixel_unit = size_of(known.get_Q_pixel_size(), known.get_Q_pixel_units(), "Q_pixel_size")
    centre, centres = origin_of(known.get_origin(), patterns.shape[:2])
    calibration = scan_calibration(
        known, pixel_size=(pixel_size, pixel_size), pixel_unit=pixel_unit, beam_energy=_beam_energy(cube)
    )
    ellipse = ellipse_of(known.get_ellipse())
    geometry = ScanGeometry(patterns.shape[:2], patterns.shape[2:], centre=centre, ellipse=ellipse, calibration=calibration)
    return Scan(patterns, geometry, centres=centres, host=host_record(cube, known))


def scan_calibration(known, **more) -> Calibration:
    """What a py4DSTEM calibration says of the scan and the microscope, and `more` of ours."""
    step, step_unit = size_of(known.get_R_pixel_size(), known.get_R_pixel_units(), "R_pixel_size")
    rotation, flip = _rotation(known.get_QR_rotation_degrees()), known.get_QR_flip()
    return Calibration(
        step=(step, step),
        step_unit=step_unit,
        convergence_angle=number_of(known.get_convergence_semiangle_mrad()),
        # py4DSTEM turns detector vectors into the scan; ours goes from the scan to the detector. "No flip" is
        # what it says before anything was measured.
        rotation_deg=None if rotation is None else 0.0 - rotation,
        flip=None if rotation is None or flip is None else bool(flip),
        **more,
    )


def host_record(obj, known, unit=None) -> HostRecord:
    """The record of an object with a py4DSTEM calibration, or without one and vectors in `unit`."""
    q_unit = Q_UNITS.get(unit, unit) if known is None else str(known.get_Q_pixel_units())
    r_unit = "pixels" if known is None else str(known.get_R_pixel_units())
    record = {"class": type(obj).__name__, "Q_pixel_units": q_unit, "R_pixel_units": r_unit}
    return HostRecord("py4dstem", record, str(getattr(obj, "name", "") or ""))


def size_of(size, unit, name):
    value = 1.0 if size is None else number_of(size)
    if value is None or value <= 0:
        raise ValueError(f"{name} of the calibration must be a number above 0, got {size!r}")
    return value, canonical_unit(unit)


def number_of(value):
    """A finite float where there is one number, also in an array; None otherwise."""
    if value is None or isinstance(value, (str, bytes, bool)) or np.size(value) != 1:
        return None
    try:
        number = float(np.asarray(value).ravel()[0])
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _rotation(value):
    number = number_of(value)
    if value is not None and number is None:
        warn(f"the QR rotation of the calibration must be one finite number, got {value!r}: it is not used")
    return number


def origin_of(origin, scan_shape):
    """(mean centre, (scan_row, scan_col, 2) or None) from two numbers or two maps."""
    if origin is None:
        return None, None
    parts = [np.ma.filled(np.ma.asarray(part, dtype=float), np.nan) for part in origin]
    parts = [np.where(np.isfinite(part), part, np.nan) for part in parts]
    if not all(np.isfinite(part).any() for part in parts):
        return None, None  # measured nowhere
    if all(part.size == 1 for part in parts):
        return tuple(float(part.ravel()[0]) for part in parts), None
    if any(part.shape not in ((), tuple(scan_shape)) for part in parts):
        shapes = f"the shapes {parts[0].shape} and {parts[1].shape}, the scan {tuple(scan_shape)}"
        warn(f"the origin of the calibration has {shapes}: it is not used")
        return None, None
    centres = np.stack([np.broadcast_to(part, scan_shape) for part in parts], axis=-1)
    centre = np.nanmean(centres, axis=(0, 1))
    # Where nothing was measured, the mean is the best there is.
    centres = np.where(np.isfinite(centres), centres, centre)
    return tuple(centre.tolist()), centres


def ellipse_of(ellipse):
    """(a, b, theta) of py4DSTEM, theta in radians from the rows towards the columns, as a `ScanGeometry` has it."""
    if ellipse is None:
        return None
    a, b, theta = (number_of(value) for value in ellipse)
    if a is None or b is None or theta is None:
        warn("the elliptic distortion of the calibration must be three finite numbers, one for all positions: not used")
        return None
    return a, b, (math.degrees(theta) - 90.0) % 180.0


def _beam_energy(cube):
    """keV, where one of the readers left it in the metadata (py4DSTEM has no place of its own for it)."""
    places = [cube.calibration, *cube.metadata.values()]
    for place in places:
        for key in place.keys:
            if str(key).lower().replace(" ", "_") in ("beam_energy", "accelerating_voltage", "high_tension"):
                value = number_of(place[key])
                if value:
                    return value / 1000 if value > 5000 else value  # volts, or kilovolts already
    return None


def write(result, *, fill_value: float = 0.0, stack: str = "component"):
    """RealSlice and DiffractionSlice, stack axis first, under a new root with a calibration of its own."""
    return _under_new_root(result, f"unmix4d_{result.method}", _slices(result, fill_value, stack))


def write_maps(result, maps, what, record):
    """Each map, or stack of maps, as a RealSlice, under a new root with a calibration and the record."""
    from emdfile import Metadata

    told = Metadata(name=what, data=_savable(record))
    return _under_new_root(result, f"unmix4d_{result.method}_{what}", [_slice_of(image) for image in maps], told)


def _slice_of(image):
    from py4DSTEM import RealSlice

    labels = None
    if image.stack is not None:
        numbers = range(len(image.data)) if image.numbers is None else image.numbers
        labels = [f"{image.stack}_{i}" for i in numbers]
    piece = RealSlice(image.data, name=image.name, slicelabels=labels)
    piece.units = image.unit  # py4DSTEM leaves its argument of that name unused, and says "intensity"
    return piece


def _under_new_root(result, name, pieces, *metadata):
    from emdfile import Root

    root = Root(name=name)
    for entry in (_calibration(result, root), _settings(result), *metadata):
        root.metadata = entry
    for piece in pieces:
        # A new slice has a root and a calibration already; ours replaces them.
        root.graft(piece, merge_metadata=False)
    return pieces


def attach(result, cube, *, fill_value: float = 0.0):
    """A branch ``unmix4d_<method>`` with maps and patterns, in the tree of a cube with the same grids."""
    from emdfile import Node

    _check_grids(result.geometry, cube)
    require_same_data(result, cube.data, "cube")
    name = stem = f"unmix4d_{result.method}"
    number = 1
    while name in cube.treekeys:
        number += 1
        name = f"{stem}_{number}"
    node = Node(name=name)
    node.metadata = _settings(result)
    pieces = _slices(result, fill_value)
    cube.tree(node)
    for piece in pieces:
        node.graft(piece, merge_metadata=False)
    return node


def _check_grids(geometry, cube):
    shapes = (("scan", geometry.scan_shape, cube.Rshape), ("detector", geometry.detector_shape, cube.Qshape))
    for what, ours, theirs in shapes:
        if tuple(ours) != tuple(theirs):
            raise ValueError(
                f"the result has the {what} shape {tuple(ours)}, but the cube {tuple(theirs)}: "
                "results of a cropped or binned view cannot share the calibration of the cube, use to_host()"
            )
    theirs, _ = origin_of(cube.calibration.get_origin(), geometry.scan_shape)
    require_same_centre(geometry, theirs, "cube")
    ours = geometry.calibration
    pairs = (
        ("detector pixel", cube.Q_pixel_size, cube.Q_pixel_units, ours.pixel_size, ours.pixel_unit),
        ("probe step", cube.R_pixel_size, cube.R_pixel_units, ours.step, ours.step_unit),
    )
    for what, size, unit, mine, my_unit in pairs:
        if not (is_calibrated(unit) and is_calibrated(my_unit)):
            continue  # one of them says nothing, and the shapes agree
        try:
            converted = [convert(value, my_unit, unit) for value in mine]
            same = np.allclose(converted, float(size), rtol=1e-3, atol=0)
        except ValueError:
            same = False  # not even the same kind of unit
        if not same:
            raise ValueError(
                f"the result has a {what} of {mine[0]:.6g} x {mine[1]:.6g} {my_unit}, but the cube of "
                f"{float(size):.6g} {canonical_unit(unit)}: the grids do not agree"
            )


def _slices(result, fill_value, stack="component"):
    from py4DSTEM import DiffractionSlice, RealSlice

    names = result.settings.get("names") or [""] * len(result.maps)
    labels = [name or f"{stack}_{index}" for index, name in enumerate(names)]
    patterns = np.array(result.patterns)
    patterns[np.isnan(patterns)] = fill_value
    return (
        RealSlice(np.array(result.maps), name="maps", slicelabels=list(labels)),
        DiffractionSlice(patterns, name="patterns", slicelabels=list(labels)),
    )


def _calibration(result, root):
    """A py4DSTEM Calibration that belongs to the view: its pixel size, its centre."""
    from py4DSTEM import Calibration as Theirs

    geometry, ours, record = result.geometry, result.geometry.calibration, result.host.record
    _warn_if_not_square(ours)
    theirs = Theirs(root=root)
    # Set as items: the setters refuse units that py4DSTEM itself does not use.
    size, unit = _their_size(geometry.pixel_length, ours.pixel_unit, record.get("Q_pixel_units"), Q_UNITS)
    theirs["Q_pixel_size"], theirs["Q_pixel_units"] = size, unit
    step = math.sqrt(ours.step[0] * ours.step[1])
    size, unit = _their_size(step, ours.step_unit, record.get("R_pixel_units"), _R_UNITS)
    theirs["R_pixel_size"], theirs["R_pixel_units"] = size, unit
    if geometry.centre_known:
        theirs.set_origin(tuple(float(value) for value in geometry.centre))
    if geometry.ellipse is not None:
        a, b, angle = geometry.ellipse
        theirs.set_ellipse((float(a), float(b), math.radians((angle + 90.0) % 180.0)))
    if ours.rotation_deg is not None:
        theirs.set_QR_rotation_degrees(0.0 - ours.rotation_deg)
    if ours.flip is not None:
        theirs.set_QR_flip(bool(ours.flip))
    if ours.convergence_angle is not None:
        theirs.set_convergence_semiangle_mrad(float(ours.convergence_angle))
    if ours.beam_energy is not None:
        theirs["beam_energy"] = float(ours.beam_energy)
    return theirs


def _warn_if_not_square(ours):
    for what, (rows, cols), unit in (
        ("detector pixels", ours.pixel_size, ours.pixel_unit),
        ("probe steps", ours.step, ours.step_unit),
    ):
        if not math.isclose(rows, cols, rel_tol=1e-6):
            warn(
                f"py4DSTEM knows one size for both directions, but the {what} measure {rows:.6g} x {cols:.6g} {unit}: "
                f"its calibration gets {math.sqrt(rows * cols):.6g}, which is right in neither direction"
            )


def _their_size(size, unit, spelling, spellings):
    """A size in the unit, and the spelling, that py4DSTEM would use."""
    if spelling and canonical_unit(spelling) == unit:
        return float(size), spelling
    if unit in spellings or spellings is _R_UNITS:
        return float(size), spellings.get(unit, unit)
    for wanted in ("1/Å", "mrad"):
        try:
            return convert(size, unit, wanted), spellings[wanted]
        except ValueError:
            continue
    return float(size), unit


def _settings(result):
    from emdfile import Metadata

    geometry = result.geometry
    told = {"method": str(result.method), "settings": dict(result.settings), "scan": writable(result.host.name)}
    told["pixel_size"] = [float(value) for value in geometry.calibration.pixel_size]
    told["step"] = [float(value) for value in geometry.calibration.step]
    return Metadata(name="unmix4d", data=_savable(told))


def _savable(value):
    """Nested JSON types as emdfile can save them: its lists hold numbers only, or texts only."""
    if isinstance(value, dict):
        return {str(key).replace("/", "|"): _savable(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        kinds = {str if isinstance(v, str) else float if type(v) in (int, float) else type(v) for v in value}
        if kinds <= {str} or kinds <= {float}:
            return list(value)
        return {str(index): _savable(entry) for index, entry in enumerate(value)}
    if isinstance(value, np.ndarray):
        return np.array(value)
    if isinstance(value, np.generic):
        return value.item()
    return value if value is None or isinstance(value, (str, bool, int, float)) else str(value)
