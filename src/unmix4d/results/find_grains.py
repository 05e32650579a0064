"""From maps to grains: threshold, separate regions, smallest size."""

from __future__ import annotations

import math
import re

import numpy as np

from .. import checks
from ..maps.regions import above_threshold, check_rule, find_regions, is_spread
from ..units import PIXELS, convert, is_calibrated, parse_length
from .grains import Grains

__all__ = ["find_grains"]

# The largest values of a map that do not decide its threshold: hot positions come one at a time, grains do not.
_OUTLIERS = 4
# How far above the mean of what is absent, in its standard deviations, a threshold is at least: see docs/grains.md.
_NOISE = 4.0
_SIGNED = ("svd", "pca")


def find_grains(
    result, *, min_size=10, threshold="yen", connectivity=1, fill_holes=0, opening=0, background="drop", components=None
) -> Grains:
    """The grains of a decomposition; see `unmix4d.Decomposition.grains`."""
    frame = result.frame
    if result.method in _SIGNED:
        raise ValueError(f"grains needs components that are crystals, but those of {result.method} have both signs: use nmf")
    rule = check_rule(threshold)
    least = _positions(min_size, frame.calibration)
    checks.count(connectivity, "connectivity", minimum=1, maximum=2)
    fill_holes = checks.count(fill_holes, "fill_holes", minimum=0)
    opening = checks.count(opening, "opening", minimum=0, maximum=max(frame.scan_shape))
    checks.choice(background, "background", ("drop", "keep"))
    chosen = _chosen(components, result.k)
    kept = frame.kept_positions.reshape(frame.scan_shape)
    maps = np.maximum(np.nan_to_num(result.maps), 0)  # ICA maps have noise below zero
    spread = [i for i in chosen if is_spread(maps[i], kept)]
    masks, numbers = [], []
    for i in chosen:
        if i in spread and background == "drop":
            continue
        outliers = min(_OUTLIERS, least - 1)
        present = above_threshold(maps[i : i + 1], kept, rule=rule, outliers=outliers, noise=_NOISE)[0]
        found = find_regions(
            present, min_size=least, connectivity=connectivity, fill_holes=fill_holes, opening=opening, kept=kept
        )
        masks += found
        numbers += [i] * len(found)
    settings = {
        "min_size": min_size, "min_positions": least, "threshold": rule, "connectivity": int(connectivity),
        "fill_holes": fill_holes, "opening": opening, "background": background, "components": chosen,
    }  # fmt: skip
    stack = np.stack(masks) if masks else np.zeros((0, *frame.scan_shape), bool)
    return Grains(stack, np.array(numbers, int), result, tuple(spread), settings)


def _chosen(components, k):
    if components is None:
        return list(range(k))
    entries = np.atleast_1d(np.asarray(components, dtype=object)).ravel()
    chosen = [checks.count(i, "components", minimum=0, maximum=k - 1) for i in entries]
    if not chosen or len(set(chosen)) != len(chosen):
        raise ValueError(f"components must be different numbers from 0 to {k - 1}, got {components!r}")
    return chosen


_AREA = re.compile(r"^(?P<length>.*?\S)\s*(?:\^2|\*\*2|²|(?<=\D)2)\s*$")


def _positions(min_size, calibration):
    """Smallest number of positions, from a count or an area such as "25 nm^2"."""
    if not isinstance(min_size, str):
        return checks.count(min_size, "min_size")
    match = _AREA.match(min_size)
    if not match:
        raise ValueError(f"min_size must be a number of positions or an area such as '25 nm^2', got {min_size!r}")
    number, unit = parse_length(match["length"], "min_size")
    number = checks.positive(number, "min_size")
    if unit == PIXELS:
        return max(1, math.ceil(number))
    if not is_calibrated(calibration.step_unit):
        raise ValueError(f"min_size = {min_size!r} has a unit, but the scan is not calibrated: give a number of positions")
    try:
        side = convert(1.0, unit, calibration.step_unit)
    except ValueError as error:
        raise ValueError(f"min_size = {min_size!r} does not fit a scan calibrated in {calibration.step_unit}") from error
    return max(1, math.ceil(number * side**2 / math.prod(calibration.step) * (1 - 1e-9)))
