"""Several scans as one: a tall frame that holds them one below the other, and the scans in it again.

Rows between them, and columns beside narrower ones, are excluded: whatever works on maps then works on all of them, and
nothing grows from one scan into the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .geometry import Calibration, ScanGeometry, ScanPart
from .scan import HostRecord, Scan, is_dask
from .stacked import StackedScans, common_type
from .units import PIXELS

__all__ = [
    "cut", "describe_doses", "geometry_of", "host_of", "joined_geometry", "joined_host", "names_of", "require_several",
    "stacked", "values_of",
]  # fmt: skip


def stacked(scans: Sequence[Scan], **facts: Any) -> Scan:
    """One scan of several, whose detectors have the same grid; one alone is that scan. Nothing is read.

    facts: Of all of them together, for the record of the host.
    """
    scans = list(scans)
    if len(scans) == 1:
        return scans[0]
    geometry = joined_geometry([scan.geometry for scan in scans], [scan.host.name for scan in scans])
    rows, shape, first = [part.row for part in geometry.scans], geometry.scan_shape, scans[0]
    return Scan(
        _patterns(scans, rows, shape), geometry, centres=_centres(scans, rows, shape),
        host=joined_host([scan.host for scan in scans], **facts), steps=first.steps, keep=first.keep,
    )  # fmt: skip


def joined_geometry(geometries: Sequence[ScanGeometry], names: Sequence[str]) -> ScanGeometry:
    """That of the frame of several scans, whose detectors are that of the first."""
    first, row, parts = geometries[0], 0, []
    for one, name in zip(geometries, names):
        own = one.calibration
        parts.append(ScanPart(row, one.scan_shape, own.step, own.step_unit, own.scan_origin, name))
        row += one.scan_shape[0] + 1
    shape = (row - 1, max(one.scan_shape[1] for one in geometries))
    taken = np.ones(shape, bool)
    for one, part in zip(geometries, parts):
        taken[_at(part)] = ~one.kept_positions.reshape(part.shape)
    unseen = np.any([~one.kept_pixels for one in geometries], axis=0).reshape(first.detector_shape)
    return first.replace(
        scan_shape=shape, scan_mask=taken, detector_mask=unseen if unseen.any() else None, scans=tuple(parts),
        calibration=_common([one.calibration for one in geometries]), redrawn=any(one.redrawn for one in geometries),
    )  # fmt: skip


def joined_host(hosts: Sequence[HostRecord], **facts: Any) -> HostRecord:
    """The record of all scans: that of the first, with those of each and what holds of all together."""
    each = [{"kind": host.kind, "record": host.record, "name": host.name} for host in hosts]
    return HostRecord(hosts[0].kind, {**hosts[0].record, "scans": each, **facts}, hosts[0].name)


def cut(scan: Scan) -> list[Scan]:
    """The scans that one was made of, as they are now; one alone is itself."""
    parts = scan.geometry.scans
    if not parts:
        return [scan]
    patterns = scan.patterns.scans if isinstance(scan.patterns, StackedScans) else [scan.patterns[_at(p)] for p in parts]
    return [
        Scan(
            own, geometry_of(scan.geometry, i), host=host_of(scan.host, i), steps=scan.steps, keep=scan.keep,
            centres=None if scan.centres is None else scan.centres[_at(parts[i])],
        )
        for i, own in enumerate(patterns)
    ]  # fmt: skip


def geometry_of(geometry: ScanGeometry, i: int) -> ScanGeometry:
    """That of one of the scans."""
    part = geometry.scans[i]
    mask = None if geometry.scan_mask is None else geometry.scan_mask[_at(part)]
    own = geometry.calibration.with_changes(step=part.step, step_unit=part.step_unit, scan_origin=part.scan_origin)
    return geometry.replace(
        scan_shape=part.shape, scan_mask=mask if mask is not None and mask.any() else None, calibration=own, scans=()
    )


def host_of(host: HostRecord, i: int) -> HostRecord:
    """The record of one of the scans."""
    return HostRecord(**host.record["scans"][i])


def require_several(geometry: ScanGeometry, what: str) -> None:
    """Refuse, on behalf of a method, what is of one scan."""
    if not geometry.scans:
        raise ValueError(f"{what} needs a result of several scans, got one of a single scan: Unmix([first, second]).nmf(n)")


def values_of(geometry: ScanGeometry, host: HostRecord) -> tuple[np.ndarray, str]:
    """The number of each scan, or what the axis of the series says, and what they are."""
    n, axis = len(geometry.scans), host.record.get("series_axis")
    if not axis:
        return np.arange(n, dtype=float), "scan"
    name, unit = (axis.get(key) if isinstance(axis.get(key), str) else "" for key in ("name", "units"))
    return axis["offset"] + axis["scale"] * np.arange(n), " ".join(filter(None, (name or "scan", f"({unit})" * bool(unit))))


def names_of(geometry: ScanGeometry, host: HostRecord) -> list[str]:
    """What each scan is called beside its maps: what the axis of the series says, its title, or its number.

    With the dose that was taken off, relative to the first scan: after = where it was given, after ≈ where estimated.
    """
    names, doses = _bare_names(geometry, host), host.record.get("doses")
    if not doses or len(doses["values"]) != len(names):
        return names
    sign = "=" if doses["by"] == "given" else "≈"
    return [f"{name} (dose {sign} {dose:.3g})" for name, dose in zip(names, doses["values"])]


def describe_doses(host: HostRecord) -> list[str]:
    """A line of a repr, where doses were taken off."""
    doses = host.record.get("doses")
    if not doses:
        return []
    told = ", ".join(f"{value:.3g}" for value in doses["values"][:10]) + (", ..." if len(doses["values"]) > 10 else "")
    return [f"  doses {doses['by']}, and taken off: {told} of that of scan 0"]


def _bare_names(geometry, host):
    values, label = values_of(geometry, host)
    if label == "scan":
        titles = [part.name for part in geometry.scans]
        return titles if all(titles) and len({*titles}) == len(titles) else [str(i) for i in range(len(titles))]
    unit = label[label.find("(") + 1 : -1] if label.endswith(")") else ""
    return [f"{value:.4g} {unit}".strip() for value in values]


def _at(part):
    return part.rows, part.cols


def _common(each) -> Calibration:
    """The calibration of all: without a step where the scans have different ones."""
    steps = {(*own.step, own.step_unit) for own in each}
    first = each[0].with_changes(scan_origin=(0.0, 0.0))
    return first if len(steps) == 1 else first.with_changes(step=(1.0, 1.0), step_unit=PIXELS, scan_origin=(0.0, 0.0))


def _centres(scans, rows, shape):
    if all(scan.centres is None for scan in scans):
        return None
    out = np.zeros((*shape, 2)) + np.asarray(scans[0].geometry.centre)
    for scan, row in zip(scans, rows):
        own = scan.geometry.centre if scan.centres is None else scan.centres
        out[row : row + scan.shape[0], : scan.shape[1]] = own
    return out


def _patterns(scans, rows, shape):
    if not any(scan.lazy for scan in scans):
        return StackedScans([scan.patterns for scan in scans], rows, (*shape, *scans[0].shape[2:]))
    import dask.array as da

    dtype = common_type([scan.dtype for scan in scans])
    between = da.zeros((1, shape[1], *scans[0].shape[2:]), dtype=dtype, chunks=-1)
    pieces = []
    for scan in scans:
        own = scan.patterns if is_dask(scan.patterns) else _lazily(scan.patterns)
        own = own.astype(dtype) if own.dtype != dtype else own
        beside = shape[1] - scan.shape[1]
        if beside:
            empty = da.zeros((scan.shape[0], beside, *scan.shape[2:]), dtype=dtype, chunks=(own.chunks[0], -1, -1, -1))
            own = da.concatenate([own.rechunk({2: -1, 3: -1}), empty], axis=1)
        pieces += [between, own.rechunk({2: -1, 3: -1})]
    return da.concatenate(pieces[1:], axis=0)


def _lazily(patterns):
    import dask.array as da

    from .scan import Uncopied

    return da.from_array(Uncopied(patterns), chunks=(1, -1, -1, -1), name=False, asarray=True)
