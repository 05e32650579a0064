"""Which pattern stands for a component when it is indexed, and where a component is painted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core import checks
from ..core.arrays import set_frozen_state
from ..maps.regions import NOISE, OUTLIERS, above_threshold, is_spread

__all__ = ["ENOUGH", "SOURCES", "Painting", "least_gains", "of_others", "paint", "presence",
           "representative_patterns"]  # fmt: skip

SOURCES = ("single", "mean", "component")
ENOUGH = 10  # positions of one component alone, the smallest grain of `Decomposition.grains`
_REACHED = 0.995  # quantile of a map, which one bright position does not move
_SCATTERING = 0.75  # how much of the difference of what components reach is not thickness (benchmarks/orientation)
_SHARE, _FLOOR = 0.25, 0.1  # of the intensity of a position, of the maximum of its map (docs/details/orientation.md)


def presence(result) -> np.ndarray:
    """Where each component is present: boolean (k, scan_row, scan_col).

    Above the threshold that `grains` takes; or a quarter of the intensity of its position and a tenth of the maximum of
    its map, because a threshold of the whole map can lie above what is left of a component where two share a position.

    Raises ValueError when components have both signs, as those of svd, pca and ica.
    """
    if result.signed:
        raise ValueError(
            f"orientations need components that are crystals, but those of {result.method} have both signs: use nmf"
        )
    kept = result.geometry.kept_positions.reshape(result.geometry.scan_shape)
    maps = np.maximum(np.nan_to_num(result.intensities), 0).astype(float)
    share = maps / np.maximum(maps.sum(0), np.finfo(float).tiny)
    strong = (share >= _SHARE) & (maps >= _FLOOR * maps.max(axis=(1, 2), keepdims=True)) & (maps > 0)
    return (above_threshold(maps, kept, outliers=OUTLIERS, noise=NOISE) | strong) & kept


def representative_patterns(result, source, *, enough=ENOUGH):
    """One pattern for every component, to be indexed.

    result: Decomposition.
    source ({"single", "mean", "component"} or None): Mean of the measured patterns of positions where the component alone is
        present; of those where it is the strongest; or its own pattern. None: the first where it has `enough` such
        positions, else the last.
    enough: int.
    Returns patterns (ndarray (k, det_row, det_col)): Excluded pixels are 0, as the matchers of the hosts take it. All 0
        where there is no such position.
    Returns used (tuple of str): Which of the three each of them is.
    Returns n_positions (ndarray of int (k,)): How many measured patterns each of them is the mean of; 0 for components.
    """
    if source is not None:
        checks.choice(source, "source", SOURCES)
    enough = checks.count(enough, "enough")
    patterns, k = np.array(result.patterns), result.k
    used, n_positions = ["component"] * k, np.zeros(k, int)
    wanted = source or ("single" if result.source is not None else "component")
    if wanted != "component":
        single = wanted == "single"
        member = _members(result, wanted)
        counts = member.sum(axis=(1, 2))
        chosen = counts >= (enough if source is None else 1)
        if source is not None:
            chosen[:] = True
        if chosen.any():
            means = result.mean_patterns(single=single)
            patterns[chosen], n_positions[chosen] = means[chosen], counts[chosen]
            used = [wanted if yes else "component" for yes in chosen]
    return np.maximum(np.nan_to_num(patterns, nan=0.0), 0), tuple(used), n_positions


def _members(result, source):
    """Positions (k, scan_row, scan_col) that the mean patterns of a source are of."""
    if source == "single":
        return result.single_positions()
    return result.labels()[None] == np.arange(result.k)[:, None, None]


def of_others(result, used) -> np.ndarray:
    """What the other components have in each of the `representative_patterns`, by their maps: (k, det_row, det_col).

    Where one component alone is present there are a few per cent of its neighbours, whose strong spots are not weak.
    """
    own = np.nan_to_num(np.array(result.patterns, float), nan=0.0)
    maps, out = np.nan_to_num(np.asarray(result.maps, float)), np.zeros(own.shape)
    for source in set(used) - {"component"}:
        member = _members(result, source)
        for i in (i for i in range(result.k) if used[i] == source and member[i].any()):
            share = maps[:, member[i]].mean(1)
            share[i] = 0
            out[i] = np.tensordot(share, own, 1)
    return out


def least_gains(result, n_positions) -> np.ndarray:
    """Variance over mean (k,) that counting gives the patterns of `representative_patterns`; 0 where data are no counts."""
    scan = getattr(result.source, "scan", None)
    if scan is None or np.dtype(scan.patterns.dtype).kind not in "iu":
        return np.zeros(result.k)
    # A component is fitted to all positions that have it.
    weight = np.where(n_positions > 0, n_positions, np.nansum(result.maps, axis=(1, 2)))
    return 1 / np.maximum(weight, 1.0)


@dataclass(frozen=True, eq=False)
class Painting:
    """Components at every position of the scan.

    Attributes
    ----------
    first, second : ndarray of int (scan_row, scan_col)
        First and second component, -1 if there is none.
    weight, second_weight : ndarray (scan_row, scan_col)
        Their share of the intensity of all components there; 0 if there is none, NaN where excluded.
    grain : ndarray of int (scan_row, scan_col)
        Number of the connected region of the first component to which a position belongs; -1 if there is none.
    present : ndarray of bool (k, scan_row, scan_col)
        Whether a component is present.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.orientation import Painting
    >>> first, none = np.array([[0, 0, 1]]), np.full((1, 3), -1)
    >>> painting = Painting(first, none, np.ones((1, 3)), np.zeros((1, 3)), first, np.array([first == 0, first == 1]))
    >>> painting.present.shape
    (2, 1, 3)
    """

    first: np.ndarray
    second: np.ndarray
    weight: np.ndarray
    second_weight: np.ndarray
    grain: np.ndarray
    present: np.ndarray

    __setstate__ = set_frozen_state


def paint(result, indexed) -> Painting:
    """Paint indexed components through their maps.

    result: Decomposition.
    indexed (array_like of bool (k,)): Components that have an orientation.
    Returns Painting: First is the component that seems thickest of those that are present, see `_thickness`, or the
        strongest one where none is present; second the next one that is present. Components that are spread over the whole
        scan, as background is (`unmix4d.maps.is_spread`), are never painted.
    """
    from skimage.measure import label

    present, geometry = presence(result), result.geometry
    kept = geometry.kept_positions.reshape(geometry.scan_shape)
    intensities = np.maximum(np.nan_to_num(result.intensities), 0).astype(float)
    spread = np.array([is_spread(one, kept) for one in intensities])
    usable = np.asarray(indexed, bool) & ~spread
    # Where no component is above its threshold the strongest of all is there.
    only = ~present[usable].any(0) & (np.arange(result.k)[:, None, None] == intensities.argmax(0))
    there = (present | only) & usable[:, None, None] & (intensities > 0) & kept
    grains = np.where(there, _thickness(intensities, kept), 0)
    order = np.argsort(-grains, axis=0, kind="stable")[:2]
    total = np.maximum(intensities.sum(0), np.finfo(float).tiny)

    def chosen(rank):
        if rank >= len(order):
            return np.full(geometry.scan_shape, -1), np.zeros(geometry.scan_shape)
        index = order[rank]
        value, good = (np.take_along_axis(a, index[None], 0)[0] for a in (intensities, there))
        return np.where(good, index, -1), np.where(kept, np.where(good, value / total, 0), np.nan)

    (first, weight), (second, second_weight) = chosen(0), chosen(1)
    return Painting(first, second, weight, second_weight, label(first + 1, background=0, connectivity=1) - 1, present)


def _thickness(intensities, kept):
    """How thick each component seems, up to one factor for all: its intensity over a power of what it reaches.

    How strongly crystals of one thickness scatter depends on their tilt, by a factor of ten and more, and the thickness that
    grains of a film reach varies less. So most of the difference between what two of them reach is how they scatter.
    """
    reached = np.quantile(intensities[:, kept], _REACHED, axis=1) if kept.any() else np.zeros(len(intensities))
    reached = np.where(reached > 0, reached, intensities.max((1, 2), initial=0))
    return intensities / np.maximum(reached, np.finfo(float).tiny)[:, None, None] ** _SCATTERING
