"""Several scans as one view: read, compared, brought to one detector grid, and prepared one by one."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import hosts
from ..core import checks
from ..core.grids import difference, unlike_units
from ..core.messages import said_once, warn
from ..core.scan import ClosedFile, Scan, ScanError
from ..core.series import cut, stacked
from ..engine.matrix import PatternMatrix
from ..preparation.masks import with_masks
from ..preparation.onto_grid import brought_onto
from .doses import at_one_dose, checked_doses

__all__ = ["are_several", "each_prepared", "read_scans"]

_OF_ALL = ("series_axis", "doses")  # what the record of the host says of all scans together
_KINDS = (ClosedFile, ScanError, ValueError, TypeError, OSError)  # which errors stay what they are
_SAME_ENERGY = 1e-3  # relative: what metadata round


def are_several(obj: Any) -> bool:
    """Whether this is a list of scans, and not an array that is written as a list."""
    if not isinstance(obj, (list, tuple)):
        return False
    return not obj or any(isinstance(one, Scan) or hosts.is_scan(one) for one in obj)


def read_scans(obj: Any, resample: bool, facts: dict[str, Any], skip_unreadable: bool = False, doses: Any = None) -> Scan:
    """One scan of a list of them, or of what a host holds several in, with what the caller knows of each.

    skip_unreadable: Read each through once, and leave out, with a warning, what cannot be read.
    doses: Of each scan, or "estimate"; see `unmix4d.Unmix`.
    Raises TypeError or ValueError that name the scan which does not fit the first one.
    """
    checks.flag(resample, "resample")
    checks.flag(skip_unreadable, "skip_unreadable")
    if isinstance(obj, Scan) and not any(value is not None for value in facts.values()):
        return obj  # what a method made of a view: all of it is as it should be
    if not are_several(obj):
        scan = hosts.read_scan(obj)
        if not scan.geometry.scans:
            checked_doses(doses, 1)
            return scan.with_calibration(**facts)
        each = [one.with_calibration(**facts) for one in cut(scan)]
        return _joined(each, scan, resample, checked_doses(doses, len(each)))
    if not len(obj):
        raise ValueError("a view of several scans needs one at least, got an empty list")
    scans: list[Scan] = []
    skipped: list[str] = []
    kept: list[bool] = []  # of each scan, also of those that are left out
    for i, one in enumerate(obj):
        try:
            found = [each.with_calibration(**facts) for each in cut(hosts.read_scan(one))]
            scans += _readable(found) if skip_unreadable else found
            kept += [True] * len(found)
        except _KINDS as error:
            if skip_unreadable:
                skipped.append(f"scan {i}: {error}")
                kept.append(False)
                continue
            kind = next(kind for kind in _KINDS if isinstance(error, kind))
            raise kind(f"scan {i} of {len(obj)}: {error}") from None
    if not scans:
        raise ValueError(f"none of the {len(obj)} scans can be read; {skipped[0]}")
    if skipped:
        warn(f"{len(skipped)} of {len(obj)} scans are left out, which cannot be read: {'; '.join(skipped)}")
    doses = checked_doses(doses, len(kept))
    return _joined(scans, None, resample, doses[np.array(kept)] if isinstance(doses, np.ndarray) else doses)


def _joined(scans, whole, resample, doses):
    first = scans[0]
    scans = [first, *(_on_the_grid(scan, first, i, resample) for i, scan in enumerate(scans[1:], 1))]
    steps = {(*s.geometry.calibration.step, s.geometry.calibration.step_unit) for s in scans}
    if len(steps) > 1:
        told = ", ".join(s.geometry.calibration.describe_step() for s in scans)
        warn(f"the scans have different steps ({told}): lengths over all of them are positions; each has its own in .scans")
    scans, told = at_one_dose(scans, doses)
    return stacked(scans, **_facts_of(whole), **told)


def _readable(scans):
    """The same scans, after each was read to its end; ValueError where one cannot be, or holds NaN or infinity."""
    for scan in scans:
        try:
            PatternMatrix(scan.patterns, scan.geometry, "single").statistics()
        except _KINDS:
            raise
        except Exception as error:  # a damaged chunk: every reader and every codec has errors of its own
            raise ValueError(f"{type(error).__name__}: {error}") from error
    return scans


def _facts_of(scan):
    return {} if scan is None else {name: scan.host.record[name] for name in _OF_ALL if name in scan.host.record}


def _on_the_grid(scan, first, i, resample):
    named = f"scan {i}" + f" ({scan.host.name})" * bool(scan.host.name)
    one, other = first.geometry, scan.geometry
    energies = [g.calibration.beam_energy for g in (one, other)]
    if None not in energies and not math.isclose(*energies, rel_tol=_SAME_ENERGY):
        raise ValueError(f"{named} must have the beam energy of scan 0, {energies[0]:g} keV, got {energies[1]:g} keV")
    what = difference(one, other)
    if not what:
        return scan
    if unlike_units(one, other) or one.polar or other.polar:
        raise ValueError(
            f"{named} must be on the detector grid of scan 0, but has {what}: give the calibration to Unmix(...)"
        )
    if not resample:
        raise ValueError(
            f"{named} must be on the detector grid of scan 0, but has {what}: let it be brought there with resample=True"
        )
    return brought_onto(scan, one)


def each_prepared(scan: Scan, prepare: Callable[..., Scan], options: dict[str, Any]) -> Scan:
    """Each of several scans prepared by itself, so that nothing is shared between them, and all together again.

    prepare: Of one scan, with options.
    options: Those of `Unmix.prepare`; a mask of positions, and positions of beams, are of the frame of all scans.
    """
    shape, parts = scan.geometry.scan_shape, scan.geometry.scans
    mask, align = options["scan_mask"], options["align"]
    mask = None if mask is None else checks.mask(mask, "scan_mask", shape)
    positions = align if isinstance(align, np.ndarray) and align.shape[:2] == shape else None
    done = []
    with said_once():
        for part, one in zip(parts, cut(scan)):
            own = None if mask is None else mask[part.rows, part.cols]
            # A scan that is left out as a whole stays in the frame, excluded.
            own = None if own is None or own.all() else own
            here = {"scan_mask": own, "align": align if positions is None else positions[part.rows, part.cols]}
            done.append(prepare(one, **{**options, **here}))
    joined = stacked(done, **_facts_of(scan))
    if mask is not None:
        joined = joined.replace(geometry=with_masks(joined.geometry, mask, None))
    return dataclasses.replace(joined, steps=done[0].steps)
