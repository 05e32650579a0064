"""The constraints of a call: looked at, copied and fitted to a scan."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from ..core import checks

if TYPE_CHECKING:
    from ..core.geometry import ScanGeometry

__all__ = ["bound", "bound_constraints"]

_PARTS = ("on", "bind", "project", "settings")


def bound_constraints(constraints: Any, geometry: ScanGeometry, n: int | None = None) -> list:
    """Copies of the caller's constraints for n components, looked at and fitted to the scan.

    Copies, because the same object may serve several scans, in several threads, and an earlier compression.
    """
    if hasattr(constraints, "project") and not isinstance(constraints, type):
        constraints = [constraints]
    try:
        constraints = list(constraints)
    except TypeError:
        raise TypeError(f"constraints must be a list of constraints, got {constraints!r}") from None
    for constraint in constraints:
        _look_at(constraint)
    fitted = [bound(constraint, geometry) for constraint in constraints]
    fixing = [type(c).__name__ for c in fitted if getattr(c, "n_fixed", 0)]
    if len(fixing) > 1:
        raise ValueError(f"constraints must hold at most one with fixed patterns, got {', '.join(fixing)}: give all to one")
    fixed = max((getattr(c, "n_fixed", 0) for c in fitted), default=0)
    if n is not None and fixed > n:
        raise ValueError(f"n must be at least {fixed}, the number of fixed patterns, got {n}")
    return fitted


def bound(constraint: Any, geometry: ScanGeometry) -> Any:
    """A copy of a constraint, fitted to the scan."""
    mine = copy.deepcopy(constraint)
    # A bind that returns nothing has bound itself.
    return mine.bind(geometry) or mine


def _look_at(constraint: Any) -> None:
    if isinstance(constraint, type):
        raise TypeError(f"constraints must be objects, got the class {constraint.__name__} itself")
    missing = [name for name in _PARTS if not hasattr(constraint, name)]
    if getattr(constraint, "smoothing", False):
        missing += [name for name in ("smooth", "adjoint") if not hasattr(constraint, name)]
    if missing:
        raise TypeError(
            f"constraints must have on, bind, project and settings (and smooth and adjoint with smoothing=True), got "
            f"{constraint!r} without {', '.join(missing)}"
        )
    name = type(constraint).__name__
    checks.choice(constraint.on, f"on of {name}", ("patterns", "maps"))
    try:
        json.dumps(constraint.settings())
    except (TypeError, ValueError) as error:
        raise TypeError(f"settings() of {name} must be a dict of JSON types, which it is not: {error}") from None
