"""Where a map says that a component is present, and the separate regions of it (Bruefach 2022, "spatial refinement")."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core import checks
from .region_set import RegionSet

__all__ = [
    "NOISE", "OUTLIERS", "above_threshold", "check_rule", "find_regions", "grain_region", "is_spread", "separate_regions",
    "stands_out", "threshold",
]  # fmt: skip

RULES = ("yen", "otsu", "li")
# Where components are said to be present: the largest values that do not decide a threshold, because hot positions come
# one at a time and grains do not; and how far above the mean of what is absent it is at least, in its standard deviations
# (docs/details).
OUTLIERS, NOISE = 4, 4.0
_ALIKE = 1024  # times the precision of the values: the rules sort them into 256 steps
# A component is spread out when it fills this much of the scan (1: it is the same everywhere; like the two numbers below,
# chosen on phantom films: no table) ...
_FILLS = 0.6
# ... and either is nowhere gone (5th percentile against the 95th), or has no level of its own inside and outside.
_NOWHERE_GONE = 0.1
_TWO_LEVELS = 0.8  # share of the variance between the two classes of Otsu

# A background holds a grain where its map has two levels so distinct (an even ramp has 0.75, noise 0.64; halos that took
# up a grain of pyxem's film 0.75 to 0.91) ...
_LEVELS = 0.76
_SMALL = 0.4  # ... the upper one on this share of the scan at most: more is a matrix with holes
_WHOLE = 0.8  # ... and of that so much in one piece: scattered positions are none; like the number above: no table
# A grain that a background took up is told from what is around it, in standard deviations: chosen on 44 decompositions of
# pyxem's film, where 2.0 missed 4; what it does on others is in docs/details.
_AROUND, _STANDS_OUT = 2, 1.0


def check_rule(rule: Any, name: str = "threshold") -> str | float:
    """A rule that `threshold` takes, or one clear error.

    name: Of the argument, for the message.
    Raises ValueError when it is another word, or a number outside 0 to 1.
    Raises TypeError when it is neither a string nor a number.
    """
    words = ", ".join(map(repr, RULES))
    if isinstance(rule, str):
        if rule not in RULES:
            raise ValueError(f"{name} must be one of {words} or a number between 0 and 1, got {rule!r}")
        return rule
    if isinstance(rule, (bool, np.bool_)) or not isinstance(rule, numbers.Real):
        raise TypeError(f"{name} must be one of {words} or a number between 0 and 1, got {rule!r}")
    if not 0 < rule < 1:  # type: ignore[operator]
        raise ValueError(f"{name} must be between 0 and 1 (a fraction of the map's maximum), got {rule}")
    return float(rule)


def threshold(values: ArrayLike, rule: str | float = "yen", *, outliers: int = 0, noise: float = 0.0) -> float:
    """Return the map value above which a component is present.

    Parameters
    ----------
    values : array_like
        Values of one map, of any shape; NaN is ignored.
    rule : {"yen", "otsu", "li"} or float
        Yen's criterion (Bruefach 2022), Otsu's or Li's, as in scikit-image. A number is a fraction of the largest value.
    outliers : int
        Number of largest values that are replaced by the next smaller one. A single hot position would otherwise compress
        all other values into a few bins of the histogram that Yen and Otsu use.
    noise : float
        Smallest distance between the threshold and the mean of the values below it, in standard deviations, because Yen's
        criterion may lie within the noise or within the level of a large grain. The threshold is not raised above the middle
        of the range. If a map has two levels that are this many of their standard deviations apart, the threshold is not
        within the upper one. Not used if `rule` is a number.

    Returns
    -------
    float
        The threshold. Infinity if the map has only one value or none, so that nothing is present.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.maps import threshold
    >>> values = np.r_[np.full(90, 0.1), np.full(10, 1.0)]
    >>> 0.1 <= threshold(values) < 1.0, threshold(values, 0.4), threshold(np.ones(5))
    (True, 0.4, inf)
    """
    from skimage import filters

    rule = check_rule(rule, "rule")
    values = np.asarray(checks.unwrap(values), float)
    values = values[np.isfinite(values)]
    if values.size == 0 or not values.max() > values.min():
        return np.inf
    top = float(values.max())
    if not isinstance(rule, str):
        return rule * top if top > 0 else np.inf
    if 0 < outliers < values.size:
        capped = np.minimum(values, np.partition(values, -outliers - 1)[-outliers - 1])
        values = capped if capped.max() > capped.min() else values
    largest = float(np.abs(values).max())
    if not values.max() - values.min() > _ALIKE * np.finfo(np.result_type(values.dtype, np.float32)).eps * largest:
        return np.inf  # constant but for rounding: there are no 256 steps between its values
    # Where all values but one or two are alike, Yen's criterion divides by nothing at some of its candidates.
    with np.errstate(divide="ignore", invalid="ignore"):
        cut = float(getattr(filters, f"threshold_{rule}")(values))
    return _out_of_the_levels(values, cut, noise) if noise > 0 else cut


def _out_of_the_levels(values: np.ndarray, cut: float, noise: float) -> float:
    from skimage.filters import threshold_otsu

    below = values[values <= cut]
    if below.size:
        cut = max(cut, min(float(below.mean() + noise * below.std()), (values.min() + values.max()) / 2))
    upper = values > threshold_otsu(values)
    low, high = values[~upper], values[upper]
    if not (low.size and high.size):
        return cut
    edge = float(high.mean() - noise * high.std())
    return min(cut, edge) if edge > low.mean() + noise * low.std() else cut


def above_threshold(
    maps: ArrayLike, kept: ArrayLike | None = None, *, rule: str | float = "yen", outliers: int = 0, noise: float = 0.0
) -> np.ndarray:
    """Find the positions at which each map is above its own threshold.

    Parameters
    ----------
    maps : array_like (k, scan_row, scan_col)
        Maps; NaN counts as not present.
    kept : ndarray of bool (scan_row, scan_col), optional
        Positions that are used, by default those that are not NaN.
    rule, outliers, noise
        As for `threshold`.

    Returns
    -------
    ndarray of bool (k, scan_row, scan_col)
        Whether each map is above its threshold. False at positions that are not used, and everywhere for a constant map.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.maps import above_threshold
    >>> maps = np.zeros((2, 6, 6)); maps[0, :3, :3] = 1.0; maps[0, 0, 0] = np.nan
    >>> above_threshold(maps).sum(axis=(1, 2))
    array([8, 0])
    """
    maps = np.asarray(checks.unwrap(maps))
    out = np.zeros(maps.shape, bool)
    for image, present in zip(maps, out):
        use = np.isfinite(image) if kept is None else np.isfinite(image) & kept
        # A comparison with NaN is False, which is what is wanted.
        present[...] = use & (image > threshold(image[use], rule, outliers=outliers, noise=noise))
    return out


def is_spread(image: ArrayLike, kept: ArrayLike | None = None) -> bool:
    """Tell whether a component is nearly everywhere, like a background, amorphous support or the direct beam.

    Such a map fills more than 0.6 of the scan, measured by (sum m)^2 / (n sum m^2), which is 1 for a constant map and the
    fraction of the area for a grain of constant thickness. In addition, it vanishes nowhere (its 5th percentile is above 0.1
    of the 95th), or it does not have two levels, one inside and one outside (the fraction of the variance between Otsu's two
    classes is below 0.8).

    Parameters
    ----------
    image : array_like (scan_row, scan_col)
        Non-negative map; NaN is ignored.
    kept : ndarray of bool, optional
        Positions that are used, by default those that are not NaN.

    Returns
    -------
    bool

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.maps import is_spread
    >>> ramp = np.add.outer(np.arange(20.0), np.arange(20.0))
    >>> is_spread(1 + 0.02 * ramp), is_spread(ramp > 24)
    (True, False)
    """
    values, use = _usable(image, kept)
    values = values[use]
    if values.size == 0 or not values.max() > 0:
        return False
    values = np.maximum(values, 0) / values.max()
    fills = values.sum() ** 2 / (values.size * (values**2).sum())
    if fills <= _FILLS:
        return False
    low, high = np.percentile(values, (5, 95))
    return bool(low > _NOWHERE_GONE * high or _between(values) < _TWO_LEVELS)


def grain_region(image: ArrayLike, kept: ArrayLike | None = None) -> np.ndarray:
    """Where a map that is spread out is higher, if that is one region: a background may have taken up a grain there.

    Otsu's two classes account for more than 0.76 of the variance of the map, the upper one is at most 0.4 of the scan, and
    0.8 of it is one region.

    image (array_like (scan_row, scan_col)): Non-negative map; NaN is ignored. Returns ndarray of bool (scan_row, scan_col):
    False throughout where there is no such region.
    """
    values, use = _usable(image, kept)
    if use.any() and _between(values[use]) >= _LEVELS:
        upper = use & (values > threshold(values[use], "otsu"))
        largest = separate_regions(upper, connectivity=2).mask(0)
        if upper.sum() <= _SMALL * use.sum() and largest.sum() > _WHOLE * upper.sum():
            return largest
    return np.zeros(values.shape, bool)


def stands_out(image: np.ndarray, region: np.ndarray, kept: np.ndarray) -> bool:
    """Whether a map is clearly stronger in a region than right around it, by a standard deviation and 2 %."""
    from scipy.ndimage import binary_dilation

    around = binary_dilation(region, iterations=_AROUND) & ~region & kept
    if not around.any() or region.sum() > _SMALL * kept.sum():
        return False
    inside, outside = image[region], image[around]
    spread = math.sqrt((inside.var() + outside.var()) / 2)
    level = float(np.median(outside))
    return bool(inside.mean() - level > max(_STANDS_OUT * spread, 0.02 * level))


def _usable(image: ArrayLike, kept: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    """A map as floats, and where it is known and kept."""
    values = np.asarray(checks.unwrap(image), float)
    return values, np.isfinite(values) if kept is None else np.isfinite(values) & kept


def _between(values: np.ndarray) -> float:
    """Share of the variance that is between the two classes of Otsu."""
    inside = values > threshold(values, "otsu")
    if inside.all() or not inside.any():
        return 0.0
    share = inside.mean()
    return float(share * (1 - share) * (values[inside].mean() - values[~inside].mean()) ** 2 / values.var())


def find_regions(
    present: ArrayLike,
    *,
    min_size: int = 1,
    connectivity: int = 1,
    fill_holes: int = 0,
    opening: int = 0,
    kept: ArrayLike | None = None,
) -> list[np.ndarray]:
    """Find the separate regions of a mask, sorted by size, largest first.

    Parameters
    ----------
    present : array_like of bool (scan_row, scan_col)
        Mask of the positions.
    min_size : int
        Size of the smallest region that is returned, in positions.
    connectivity : {1, 2}
        With 1, positions that share an edge are connected; with 2, also those that share a corner.
    fill_holes : int
        Size of the largest holes that are filled, in positions.
    opening : int
        Radius of a diamond with which the mask is opened first. This removes thinner bridges and specks, but also corners.
    kept : ndarray of bool (scan_row, scan_col), optional
        Positions that are used. Other positions do not belong to any region, and holes that consist of them are not filled.

    Returns
    -------
    list of ndarray of bool (scan_row, scan_col)
        One mask per region, each with the shape of the scan.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.maps import find_regions
    >>> mask = np.zeros((5, 9), bool); mask[:, :3] = True; mask[2, 1] = False; mask[1:3, 6:8] = True
    >>> [int(region.sum()) for region in find_regions(mask)], [int(r.sum()) for r in find_regions(mask, fill_holes=1)]
    ([14, 4], [15, 4])
    """
    found = separate_regions(
        present, min_size=min_size, connectivity=connectivity, fill_holes=fill_holes, opening=opening, kept=kept
    )
    return [found.mask(i) for i in range(len(found))]


def separate_regions(
    present: ArrayLike,
    *,
    min_size: int = 1,
    connectivity: int = 1,
    fill_holes: int = 0,
    opening: int = 0,
    kept: ArrayLike | None = None,
) -> RegionSet:
    """`find_regions` without the masks: the positions of each region, in as much memory as these take."""
    from scipy import ndimage
    from skimage.measure import label

    present = np.array(present, bool)
    kept = np.ones(present.shape, bool) if kept is None else np.asarray(kept, bool)
    present &= kept
    if opening:
        # What is outside counts as present: the edge of the scan cuts grains, it does not end them.
        padded = np.pad(present | ~kept, opening, constant_values=True)
        opened = ndimage.binary_opening(padded, iterations=opening)[opening:-opening, opening:-opening]
        present &= opened
    if fill_holes:
        present |= _small(~present, fill_holes, 3 - connectivity, forbidden=~kept)
    labels = label(present, connectivity=connectivity)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    order = np.argsort(-sizes, kind="stable")
    return RegionSet.from_labels(labels, order[sizes[order] >= max(min_size, 1)])


def _small(gaps: np.ndarray, most: int, connectivity: int, forbidden: np.ndarray) -> np.ndarray:
    """Connected gaps of at most `most` positions that have none in common with `forbidden` or the edge of the scan."""
    from skimage.measure import label

    labels = label(gaps, connectivity=connectivity)
    sizes = np.bincount(labels.ravel())
    fill = sizes <= most
    fill[0] = False
    fill[np.unique(labels[forbidden])] = False
    # Along a line there is nothing but edge.
    edges = [labels[[0, -1]]] if labels.shape[0] > 1 else []
    edges += [labels[:, [0, -1]]] if labels.shape[1] > 1 else []
    for edge in edges:
        fill[np.unique(edge)] = False
    return fill[labels]
