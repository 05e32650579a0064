"""Whether a host's object is the scan that a result was made from: what is attached to it must be its own."""

from __future__ import annotations

from ..core.errors import ChangedData
from ..core.scan import as_patterns
from ..engine.expected import counted_exactly, differing
from ..engine.matrix import PatternMatrix

__all__ = ["require_same_centre", "require_same_data"]

_MASKS = {"detector_mask", "scan_mask", "direct_beam", "annulus"}  # steps of prepare that change no value


def require_same_data(result, data, what: str) -> None:
    """One pass over the patterns of `what`, where the view had its values as they are; `ChangedData` where they differ."""
    steps = result.settings.get("view", {}).get("preparation", ())
    if result.totals is None or any(set(step) - _MASKS for step in steps):
        return
    found = PatternMatrix(as_patterns(data), result.geometry).statistics().totals
    known = result.geometry.from_maps(result.totals[None])[:, 0]
    step = 1.0 if counted_exactly(known, data.dtype) else None
    wrong = int(differing(found, known, step=step).sum())
    if wrong:
        raise ChangedData(
            f"the {what} is not the scan that the result was made from: {wrong} of {len(known)} patterns have another total "
            "intensity; attach it to that scan, or use to_host()"
        )


def require_same_centre(geometry, theirs, what: str) -> None:
    """ValueError where the centre of the view is known and not that of `what`: patterns of an aligned view lie elsewhere."""
    if theirs is None or not geometry.centre_known:
        return
    if max(abs(a - b) for a, b in zip(geometry.centre, theirs)) > 0.5:
        raise ValueError(
            f"the result has its centre at ({geometry.centre[0]:.2f}, {geometry.centre[1]:.2f}), but the {what} at "
            f"({theirs[0]:.2f}, {theirs[1]:.2f}): results of an aligned view keep their own calibration, use to_host()"
        )
