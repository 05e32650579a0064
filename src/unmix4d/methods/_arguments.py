"""Arguments that several methods share, checked before anything is read."""

from __future__ import annotations

from .. import checks
from ..constraints import SmoothMaps

__all__ = ["WEIGHTS", "bound_constraints", "bound_smoothing"]

WEIGHTS = {"auto": "capped", "none": "none", "capped": "capped", "poisson": "poisson"}


def bound_constraints(constraints, frame) -> list:
    """The constraints of the caller, looked at and fitted to the scan."""
    if hasattr(constraints, "project") and not isinstance(constraints, type):
        constraints = [constraints]
    try:
        constraints = list(constraints)
    except TypeError:
        raise TypeError(f"constraints must be a list of constraints, got {constraints!r}") from None
    for constraint in constraints:
        if isinstance(constraint, type):
            raise TypeError(f"constraints must be objects, got the class {constraint.__name__} itself")
        missing = [name for name in ("on", "bind", "project", "settings") if not hasattr(constraint, name)]
        if missing:
            raise TypeError(
                f"constraints must have on, bind, project and settings, got {constraint!r} without {', '.join(missing)}"
            )
        checks.choice(constraint.on, f"on of {type(constraint).__name__}", ("patterns", "maps"))
    return [constraint.bind(frame) or constraint for constraint in constraints]


def bound_smoothing(smooth, frame) -> SmoothMaps | None:
    """``smooth=`` of a call: sigma in positions, the width of the probe with a unit, or a SmoothMaps."""
    if smooth is None:
        return None
    if not isinstance(smooth, SmoothMaps):
        smooth = SmoothMaps(probe_fwhm=smooth) if isinstance(smooth, str) else SmoothMaps(sigma=smooth)
    return smooth.bind(frame)
