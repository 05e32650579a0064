"""What the caller knows better than the host: centre, sizes and units."""

from __future__ import annotations

import dataclasses

from . import checks
from .scan import Scan
from .units import canonical_unit

__all__ = ["override"]


def override(scan: Scan, *, centre=None, pixel_size=None, pixel_unit=None, step=None, step_unit=None) -> Scan:
    """The scan with some facts replaced; see `unmix4d.Unmix` for the arguments."""
    changes = {}
    if pixel_size is not None:
        changes["pixel_size"] = _size(pixel_size, "pixel_size")
    if step is not None:
        changes["step"] = _size(step, "step")
    for name, unit in (("pixel_unit", pixel_unit), ("step_unit", step_unit)):
        if unit is not None:
            if not isinstance(unit, str):
                raise TypeError(f"{name} must be a text such as 'nm', got {unit!r}")
            changes[name] = canonical_unit(unit)
    frame = scan.frame
    if centre is not None:
        frame = frame.replace(centre=checks.pair(centre, "centre"), centre_known=True)
    if centre is not None or pixel_size is not None:
        # The host's own coordinate of pixel (0, 0) no longer holds; without one it follows from the centre.
        changes["detector_origin"] = None
    if changes:
        frame = frame.replace(calibration=dataclasses.replace(frame.calibration, **changes))
    centres = None if centre is not None else scan.centres
    return scan.replace(frame=frame, centres=centres) if changes else scan


def _size(value, name):
    size = checks.pair(value, name)
    if min(size) <= 0:
        raise ValueError(f"{name} must be above 0, got {value!r}")
    return size
