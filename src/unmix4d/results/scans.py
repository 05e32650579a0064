"""The answer of several scans cut apart again: that of each of them, with the patterns that they share."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from ..core.series import cut, geometry_of, host_of
from ..features.features import of_each_scan

__all__ = ["scans_of"]


def scans_of(result: Any) -> list:
    """Results of the individual scans, in order; for a single scan, the result itself.

    They share the patterns, and the maps of all scans have the same scale, so you can compare them. `explained` and `loss`
    are those of each scan.
    """
    n = len(result.geometry.scans)
    if not n:
        return [result]
    return [_one(result, i, view) for i, view in enumerate(_views(result.source, n))]


def _views(source, n):
    if source is None:
        return [None] * n
    # Bragg vectors without a scan are features from the start.
    each = of_each_scan(source.features) if source.is_features else cut(source.scan)
    return [type(source)(one) for one in each]


def _one(result, i, view):
    part = result.geometry.scans[i]
    arrays = {name: _cut(getattr(result, name), part, result.geometry.scan_shape) for name in result._saved_arrays}
    mean = arrays.pop("mean_pattern")
    if result.meaning.centred:
        arrays["totals"] = None  # the mean pattern that was taken off is that of all scans
    more: dict[str, Any] = {"runs": (), "_problem": None} if hasattr(result, "runs") else {}
    found = dataclasses.replace(
        result, **arrays, **more, geometry=geometry_of(result.geometry, i), host=host_of(result.host, i), source=view,
        settings={**result.settings, "scan": i}, mean_pattern=mean if result.meaning.centred else None, _view=None,
        _before=(),
    )  # fmt: skip
    known: dict[str, Any] = {"loss": _loss(found)}
    if not result.signed and found.totals is not None and (total := float(np.nansum(found.totals))):
        known["explained"] = np.nansum(found.intensities, axis=(1, 2), dtype=np.float64) / total
    if result.meaning.memberships:
        known.pop("explained", None)
    return dataclasses.replace(found, **known)


def _cut(array, part, shape):
    if not isinstance(array, np.ndarray) or array.ndim < 2 or array.shape[-2:] != shape:
        return array
    return np.ascontiguousarray(array[..., part.rows, part.cols])


def _loss(found):
    if found.residuals is None:
        return math.nan
    return float(np.nanmean(np.square(found.residuals, dtype=np.float64)))
