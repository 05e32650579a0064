"""pyxem and HyperSpy signals: axes and metadata in, the same kind of signal with a component axis out.

HyperSpy writes axes as (x, y | kx, ky), the last of the array first; here everything is row before column.
The sign of a negative axis scale is kept apart: the geometry counts along the pixels, so that cropping and
binning need not know, and the sign comes back in the results. Axes that share no unit (polar ones, for
instance) are pixels in the geometry, and get their own scale back in the results.
"""

from __future__ import annotations

import math

import numpy as np

from ..core import checks
from ..core.geometry import Calibration, ScanGeometry
from ..core.messages import warn
from ..core.scan import HostRecord, Scan
from ..core.series import stacked
from ..core.text import writable
from ..core.units import PIXELS, canonical_unit, is_calibrated
from .hyperspy_metadata import from_json, to_json

__all__ = [
    "axis_of", "joined", "matches", "microscope_of", "one_unit", "pair_of", "read", "two_axes", "write", "write_maps",
]  # fmt: skip

_TEM = "Acquisition_instrument.TEM."
_BARE = {"name": None, "units": None, "scale": 1.0, "offset": 0.0}
_SPELLINGS = {"1/Å": "$A^{-1}$", "1/nm": "nm^-1"}  # as pyxem writes them


def matches(obj) -> bool:
    """True for any HyperSpy signal, pyxem's among them."""
    return checks.is_a(obj, "hyperspy.signal", "BaseSignal")


def read(signal) -> Scan:
    """A scan from a signal with two signal axes and at most two navigation axes, several with three; none is read."""
    manager = signal.axes_manager
    navigation, detector = list(manager.navigation_axes)[::-1], list(manager.signal_axes)[::-1]
    if len(detector) != 2:
        raise ValueError(f"the scan must have two signal axes (the detector), got {len(detector)}: {signal}")
    if len(navigation) == 3:
        # The slowest axis counts scans, of a series in time, temperature, tilt or dose.
        frames = [read(signal.inav[:, :, i]) for i in range(navigation[0].size)]
        return stacked(frames, series_axis=axis_of(navigation[0]))
    if len(navigation) > 3:
        raise ValueError(
            f"the scan must have at most three navigation axes, got {len(navigation)}: {signal} (choose with .inav)"
        )
    axes = [axis_of(axis) for axis in navigation + detector]
    patterns = _patterns(signal, navigation + detector)
    polar = any(cls.__name__ == "PolarDiffraction2D" for cls in type(signal).__mro__)
    in_pixels = {"scan": not one_unit(axes[:-2], "navigation"), "detector": polar or not one_unit(axes[-2:], "signal")}
    metadata = signal.metadata.as_dictionary()
    metadata.get("General", {}).pop("mask", None)  # travels in the geometry, and has the shape of the input
    record = {
        "class": _plain_class(signal),
        "navigation_dimension": len(navigation),
        "axes": axes,
        "in_pixels": in_pixels,
        "metadata": to_json(metadata),
    }
    title = str(signal.metadata.get_item("General.title", "") or "")
    geometry = _frame(signal.metadata, patterns.shape, axes, in_pixels, polar)
    return Scan(patterns, geometry, host=HostRecord("pyxem", record, title))


def _frame(metadata, shape, axes, in_pixels, polar):
    step, step_unit, scan_origin = pair_of(two_axes(axes[:-2]), in_pixels["scan"])
    pixel_size, pixel_unit, detector_origin = pair_of(axes[-2:], in_pixels["detector"])
    # Nobody set anything: then a zero says nothing about the direct beam. Polar axes have no place for it.
    unset = polar or all(_untouched(axis) for axis in axes[-2:])
    return ScanGeometry(
        shape[:2],
        shape[2:],
        detector_mask=_mask(metadata, shape[2:], quiet=polar),
        centre=None if unset else tuple(0.0 - axis["offset"] / axis["scale"] for axis in axes[-2:]),
        polar=polar,
        calibration=Calibration(
            step=step,
            step_unit=step_unit,
            pixel_size=pixel_size,
            pixel_unit=pixel_unit,
            scan_origin=scan_origin,
            detector_origin=detector_origin,
            **microscope_of(metadata),
        ),
    )


def _patterns(signal, axes):
    """The data as (row, column, row, column): a view, whatever the order and number of the axes."""
    order = [axis.index_in_array for axis in axes]
    data = signal.data if order == sorted(order) else signal.data.transpose(order)
    return data[(None,) * (4 - len(order))] if len(order) < 4 else data


def _plain_class(signal) -> str:
    return next(cls.__name__ for cls in type(signal).__mro__ if not getattr(cls, "_lazy", False))


def axis_of(axis) -> dict:
    """The description of an axis in JSON types; only uniform axes have one step."""
    if not axis.is_uniform:
        raise ValueError(
            f"the axis {str(axis.name)!r} must be uniform, got a {type(axis).__name__}: "
            "resample it with interpolate_on_axis, or calibrate with a flat Ewald sphere"
        )
    described = to_json(axis.get_axis_dictionary())
    scale, offset = float(axis.scale), float(axis.offset)
    if not (math.isfinite(scale) and math.isfinite(offset)) or scale == 0:
        raise ValueError(
            f"the axis {str(axis.name)!r} must have a finite scale other than 0 and a finite offset, "
            f"got {scale} and {offset}"
        )
    return {**described, "scale": scale, "offset": offset}


def two_axes(axes):
    """Two axes (row, column) for a scan: a line is one row, with square pixels, so that it can be drawn."""
    if len(axes) == 2:
        return axes
    return [{**axes[0], "offset": 0.0}, axes[0]] if axes else [_BARE, _BARE]


def one_unit(axes, what) -> bool:
    units = [canonical_unit(axis["units"]) for axis in axes]
    if len(set(units)) < 2:
        return True
    warn(f"the {what} axes have different units ({units[0]} and {units[1]}): taken as not calibrated")
    return False


def pair_of(axes, in_pixels):
    """(size, unit, origin) of two axes, counted along the pixels; in pixels when they share no unit."""
    if in_pixels:
        return (1.0, 1.0), PIXELS, (0.0, 0.0)
    size = tuple(abs(axis["scale"]) for axis in axes)
    origin = tuple(math.copysign(1, axis["scale"]) * axis["offset"] for axis in axes)
    return size, canonical_unit(axes[0]["units"]), origin


def _untouched(axis) -> bool:
    return axis["scale"] == 1 and axis["offset"] == 0 and not is_calibrated(axis["units"])


def _mask(metadata, shape, quiet):
    mask = metadata.get_item("General.mask")
    if mask is None:
        return None
    found = np.shape(checks.unwrap(mask))
    if found != tuple(shape):
        # pyxem leaves the mask of the detector in the metadata of polar patterns: nobody's mistake.
        if not quiet:
            warn(f"the mask in the metadata has the shape {found}, the detector {tuple(shape)}: not used")
        return None
    return checks.mask(mask, "the mask in the metadata", shape)


def microscope_of(metadata) -> dict:
    """Beam energy (keV), convergence and precession angle, as far as the metadata know them."""

    def number(key):
        value = metadata.get_item(_TEM + key)
        value = getattr(value, "magnitude", value)
        return float(value) if isinstance(value, (int, float, np.number)) and math.isfinite(value) else None

    rocking, precession = number("rocking_angle"), number("precession_angle")
    if precession is None and rocking is not None:
        precession = math.degrees(rocking / 1000)  # pyxem's rocking angle is in mrad
    return {
        "beam_energy": number("beam_energy"),
        "convergence_angle": number("convergence_angle"),
        "precession_angle": precession,
    }


def write(result, *, fill_value: float = 0.0, stack: str = "component"):
    """(maps, patterns): ``Signal2D`` (k | x, y) and the input's class (k | kx, ky), with one component axis.

    A line scan gives ``Signal1D`` (k | x) maps; a single pattern, a map of one pixel.
    """
    geometry, record = result.geometry, result.host.record
    component = _stack_axis(stack, len(result.maps))
    patterns = np.array(result.patterns)
    patterns[np.isnan(patterns)] = fill_value
    axes = [component, *_detector_axes(geometry, record)]
    signal = _signal_class(record)(patterns, axes=axes, metadata=_metadata(result, "patterns"))
    if geometry.detector_mask is not None:
        signal.metadata.set_item("General.mask", np.array(geometry.detector_mask))
    return _on_scan(result, np.array(result.maps), [component], _metadata(result, "maps")), signal


def write_maps(result, maps, what, record):
    """``Signal2D`` (x, y) of each map, (n | x, y) of a stack, ``Signal1D`` of a line scan; the record is in the metadata."""

    def signal(image):
        metadata = _metadata(result, image.title)
        metadata["unmix4d"][what] = to_json(record)
        if image.unit:
            metadata.setdefault("Signal", {})["quantity"] = f"{image.name} ({image.unit})"
        first = [] if image.stack is None else [_stack_axis(image.stack, len(image.data))]
        return _on_scan(result, image.data, first, metadata)

    return tuple(map(signal, maps))


def joined(maps, axis):
    """Maps (k | x, y) of every scan as one signal (k, scan | x, y), with the axis that the scans had."""
    import hyperspy.api as hs

    data = np.stack([one.data for one in maps], axis=1)
    first, *rest = (one.get_axis_dictionary() for one in maps[0].axes_manager._axes)
    axis = {**axis, "size": len(maps), "navigate": True}
    return hs.signals.Signal2D(data, axes=[first, axis, *rest], metadata=maps[0].metadata.as_dictionary())


def _on_scan(result, data, first, metadata):
    """``Signal2D`` of data (..., scan_row, scan_col), ``Signal1D`` of a line scan; with the axes `first` in front."""
    import hyperspy.api as hs

    record = result.host.record
    axes = first + _scan_axes(result.geometry, record)
    if record.get("navigation_dimension", 2) == 1:
        return hs.signals.Signal1D(data[..., 0, :], axes=axes, metadata=metadata)
    return hs.signals.Signal2D(data, axes=axes, metadata=metadata)


def _signal_class(record):
    """The class of the input by its name, in HyperSpy or in pyxem; Diffraction2D for other people's."""
    import hyperspy.api as hs

    name = record["class"]
    if name in dir(hs.signals) and isinstance(getattr(hs.signals, name), type):
        return getattr(hs.signals, name)
    import pyxem.signals

    # A saved result may name anything: nothing but a class of signals is called.
    found = getattr(pyxem.signals, str(name), None)
    is_signal = isinstance(found, type) and issubclass(found, hs.signals.BaseSignal)
    return found if is_signal else pyxem.signals.Diffraction2D


def _stack_axis(name, k):
    return {"name": name, "size": k, "scale": 1.0, "offset": 0.0, "navigate": True}


def _detector_axes(geometry, record):
    ours, axes = geometry.calibration, record["axes"][-2:]
    origin = ours.detector_origin
    if origin is None:
        # The centre was given by the user: it is the zero of the axes now, whatever the input had there.
        origin = tuple(0.0 - c * p for c, p in zip(geometry.centre, ours.pixel_size))
        axes = [{**axis, "offset": 0.0} for axis in axes]
    in_pixels, each = record["in_pixels"]["detector"], zip(axes, geometry.detector_shape, ours.pixel_size, origin)
    return [_write_axis(*one, ours.pixel_unit, in_pixels) for one in each]


def _scan_axes(geometry, record):
    ours, axes = geometry.calibration, record["axes"][:-2]
    in_pixels, each = record["in_pixels"]["scan"], zip(two_axes(axes), geometry.scan_shape, ours.step, ours.scan_origin)
    written = [_write_axis(*one, ours.step_unit, in_pixels) for one in each]
    return written[1:] if len(axes) == 1 else written


def _write_axis(axis, size, pixel, origin, unit, in_pixels):
    """An axis of the results: the name, unit and sign of the host's, the scale and the offset of the view."""
    sign = math.copysign(1, axis["scale"])
    scale, offset, spelling = sign * pixel, sign * origin, _SPELLINGS.get(unit, unit)
    if in_pixels and unit == PIXELS:
        # The geometry is in pixels of the input: back through the axis of the input.
        scale, offset = axis["scale"] * pixel, axis["offset"] + axis["scale"] * origin
        spelling = axis["units"]
    elif in_pixels:
        # Axes that shared no unit have been given one: what lay before the first pixel still does, in new pixels.
        offset += sign * pixel * axis["offset"] / axis["scale"]
    elif canonical_unit(axis["units"]) == unit:
        spelling = axis["units"]
    entry = {
        "name": axis["name"],
        "units": spelling,
        "size": size,
        "scale": scale,
        "offset": offset,
        "navigate": False,
        "is_binned": axis.get("is_binned", False),
    }
    return {key: value for key, value in entry.items() if value is not None}


def _metadata(result, what):
    """A copy of the input's metadata, with a title, the method and its settings."""
    metadata = from_json(result.host.record.get("metadata", {}))
    title = f"{result.method} {what}"
    metadata.setdefault("General", {})["title"] = " - ".join(filter(None, (writable(result.host.name), title)))
    if what != "patterns":
        metadata.pop("Signal", None)  # the type and the quantity of the patterns
    if what != "patterns" or "undistorted" in result.settings:
        metadata["General"].pop("affine_transformation", None)
    settings = to_json(dict(result.settings))
    metadata["unmix4d"] = {"method": str(result.method), "settings": settings}
    if any(result.settings.get("names", ())):
        metadata["unmix4d"]["names"] = list(result.names)
    calibration = result.geometry.calibration
    for key in ("beam_energy", "convergence_angle"):
        value = getattr(calibration, key)
        if value is not None:
            tem = metadata.setdefault("Acquisition_instrument", {}).setdefault("TEM", {})
            if tem.get(key) != value:
                tem[key] = value
    return metadata
