"""Which components are background, for grains and overlap alike, and whether one of them has taken up a grain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..clustering.anisotropy import is_amorphous, spots_of
from ..core.messages import warn
from ..maps.regions import NOISE, OUTLIERS, above_threshold, grain_region, is_spread, separate_regions, stands_out

__all__ = ["say_if_grain", "spread_components", "with_grain", "without_spots"]

_BARE = 10  # positions in one piece without any other component: the smallest grain, by default; no table
_LEAST_DETECTOR = 24  # pixels a side below which rings are too coarse for spots; no table
_OWN = 0.5  # of the region where another component is present: then that one has the grain; no table


def spread_components(maps: np.ndarray, kept: np.ndarray, chosen: Iterable[int]) -> list[int]:
    """Those of the chosen components that are spread over the scan; maps are not negative."""
    return [i for i in chosen if is_spread(maps[i], kept)]


def say_if_grain(result: Any, maps: np.ndarray, kept: np.ndarray, background: Sequence[int], use: str) -> list[int]:
    """Components of the background that may have taken up a grain, with a warning that names them.

    Such a one is alone in a region, and is stronger there, or has spots in its pattern.
    """
    if not len(background):
        return []
    others = np.delete(maps, list(background), axis=0)
    present = np.any(above_threshold(others, kept, outliers=OUTLIERS, noise=NOISE), axis=0)
    bare = separate_regions(kept & ~present, min_size=_BARE)
    found = []
    for i in map(int, background):
        region = grain_region(maps[i], kept)
        alone = region.any() and present[region].mean() < _OWN
        if alone or (len(bare) and _may_hold_one(result, i, maps[i], bare, kept)):
            found.append(i)
    if found:
        warn(
            f"{use} takes component {', '.join(map(str, found))} for background, which is spread over the scan, but it may "
            "have taken up a grain: it is alone in a region, and stronger there or with spots in its pattern; ask for one "
            'component more, or for background="keep"'
        )
    return found


def _may_hold_one(result, i, image, bare, kept):
    """Whether a background has spots, or is stronger where nothing else is, and its pattern does not speak against it."""
    spots = _spots(result, i)
    if spots is not None and not is_amorphous(spots)[0]:
        return True
    # Grains that took some of the background with them leave dark spots in it: then it is stronger between them.
    if spots is not None and not spots.bright[0]:
        return False
    return any(stands_out(image, bare.mask(j), kept) for j in range(len(bare)))


def without_spots(result: Any, i: int) -> bool:
    """Whether a pattern is known to have no bright spots."""
    spots = _spots(result, i)
    return spots is not None and bool(is_amorphous(spots)[0])


def _spots(result, i):
    geometry = result.geometry
    if geometry.features or geometry.polar or min(geometry.detector_shape) < _LEAST_DETECTOR or result.signed:
        return None
    patterns = np.maximum(np.nan_to_num(result.patterns[i : i + 1]), 0)
    return spots_of(geometry, patterns, r_min=0.1 * min(geometry.detector_shape))


def with_grain(settings: dict[str, Any]) -> list[str]:
    """The line of a repr that names them."""
    found = settings.get("grain_in_background")
    return [f"  of these perhaps with a grain in it: component {', '.join(map(str, found))}"] if found else []
