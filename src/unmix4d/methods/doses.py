"""The doses of several scans, as the caller knows them or as their counts tell, and taken off.

A map of several scans has one scale. Where one scan had fewer electrons, the same grain is darker in it, and a solver takes
the dose for a part of the structure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.geometry import ScanGeometry
from ..core.messages import warn
from ..core.scan import Scan
from ..engine.matrix import PatternMatrix, Statistics
from ..preparation.steps import divide_by_gain

__all__ = ["at_one_dose", "checked_doses", "say_if_unlike"]

_ESTIMATE = "estimate"
_UNLIKE = 1.5  # largest over smallest median total: in phantoms, maps are wrong from a factor of 3 on
_BLOCK_COUNTS = 200  # a block of pixels has so many, and 7 % of noise
_AGREE = 0.15  # relative: how far two ways to estimate a dose may differ, so much as grains that come and go change


def checked_doses(doses: Any, n: int) -> Any:
    """None, ``"estimate"`` or the doses of n scans; ValueError or TypeError where they are none of these."""
    if doses is None or (isinstance(doses, str) and doses == _ESTIMATE):
        return doses
    try:
        values = np.asarray(doses, float)
    except (TypeError, ValueError):
        values = np.empty(0)
    if isinstance(doses, str) or values.ndim != 1 or not len(values):
        raise TypeError(f"doses must be 'estimate' or a number for each of {n} scans, got {doses!r}")
    if len(values) != n:
        raise ValueError(f"doses must be a number for each of {n} scans, got {len(values)}")
    if not (np.isfinite(values).all() and (values > 0).all()):
        i = int((~(np.isfinite(values) & (values > 0))).argmax())
        raise ValueError(f"doses must be finite and above 0, but that of scan {i} is {values[i]:g}")
    return values


def at_one_dose(scans: Sequence[Scan], doses: Any) -> tuple[list[Scan], dict[str, Any]]:
    """The scans as if all had the dose of the first one, and what the record of all of them says.

    doses: From `checked_doses`; to estimate them, every scan is read once.
    """
    if doses is None:
        return list(scans), {}
    by = "estimated" if isinstance(doses, str) else "given"
    values = _estimated(scans) if isinstance(doses, str) else doses / doses[0]
    told = {"doses": {"values": [float(f"{value:.6g}") for value in values], "by": by}}
    done = [scan if value == 1 else divide_by_gain(scan, float(value))[0] for scan, value in zip(scans, values)]
    return [scan.replace(steps=(*scan.steps, {"doses": by})) for scan in done], told


def say_if_unlike(statistics: Statistics, geometry: ScanGeometry) -> None:
    """Warn where the scans have so unlike counts that the dose may pass for structure."""
    if not geometry.scans or statistics.minimum < 0:
        return
    totals = geometry.to_maps(statistics.totals[:, None])[0]
    each = [_middle(totals[part.rows, part.cols]) for part in geometry.scans]
    found = [value for value in each if value > 0]  # one that is empty is another matter
    if found and max(found) > _UNLIKE * min(found):
        warn(
            f"a pattern has from {min(found):.4g} counts in scan {each.index(min(found))} to {max(found):.4g} in scan "
            f"{each.index(max(found))}, and maps follow them: where exposures differ, give Unmix([...], doses=[...]), or "
            "doses='estimate'; doses of 1 where they do not"
        )


def _middle(values):
    return float(np.median(values[np.isfinite(values)])) if np.isfinite(values).any() else 0.0


def _estimated(scans):
    """Relative doses: what a typical pattern has in all. Where most pixels say otherwise, that is said."""
    means, totals = [], []
    for i, scan in enumerate(scans):
        geometry = scan.geometry
        statistics = PatternMatrix(scan.patterns, geometry, "single").statistics()
        totals.append(float(np.median(statistics.totals)))
        if not totals[-1] > 0:
            raise ValueError(f"doses='estimate' needs counts, but a pattern of scan {i} has {totals[-1]:g}: give the doses")
        means.append(np.nan_to_num(geometry.to_images(statistics.mean_pattern[None])[0]) * geometry.n_positions)
    values = np.array(totals) / totals[0]
    sizes = [scan.geometry.n_positions for scan in scans]
    common = np.array([_in_common(mean, means[0]) * sizes[0] / n for mean, n in zip(means, sizes)])
    apart = np.abs(np.log(common / values))
    if apart.max() > _AGREE:
        i = int(apart.argmax())
        warn(
            f"the dose of scan {i} is {values[i]:.3g} of that of scan 0 by its counts, but {common[i]:.3g} by most pixels, "
            "as where much of the specimen has changed, or the direct beam is not on the detector: give the doses if you "
            "know them"
        )
    return values


def _in_common(mean, first):
    """The ratio that half of the counts lie above and below, of blocks of pixels; grains that come and go do not move it."""
    side = 1
    while side < min(mean.shape) and min(mean.sum(), first.sum()) * side**2 < _BLOCK_COUNTS * mean.size:
        side *= 2
    one, other = (_blocks(image, side) for image in (mean, first))
    some = other > 0
    ratios, weight = one[some] / other[some], other[some]
    order = np.argsort(ratios)
    return float(ratios[order][np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)]) or 1e-300


def _blocks(image, side):
    rows, cols = (max(n // side, 1) for n in image.shape)
    cut = image[: rows * side, : cols * side]
    return cut.reshape(rows, cut.shape[0] // rows, cols, cut.shape[1] // cols).sum((1, 3)).ravel()
