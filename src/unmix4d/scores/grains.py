"""Scores of grains against a known truth, as Bruefach 2022 defines them and as this package does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..core import checks
from ..maps.regions import RULES, above_threshold, check_rule, is_spread
from .found import FoundMaps, FoundRegions
from .matching import assign, check_correlation
from .presence import Rates, adjusted_rand_index, least_thickness, rates

if TYPE_CHECKING:
    from ..phantoms._phantom import Phantom

__all__ = ["GrainScores", "grain_scores"]

_NO_GRAIN = ("amorphous", "background", "vacuum")
_SAME = "same"
_FOUND = 0.7  # map correlation above which a grain is found (docs/details), a convention of ours


@dataclass(frozen=True, eq=False, repr=False)
class GrainScores:
    """Scores of found grains against the true ones. Printing it gives a summary.

    The suffix A denotes scores of "any grain", with one mask for all grains, and G those of single grains. Scores that are
    not defined are NaN.

    Attributes
    ----------
    grains : ndarray of int (n_true,)
        Indices of the true maps that are large enough to count as grains.
    pairs : ndarray of int (n_true,)
        Found map matched to each true grain (Hungarian assignment of the map correlations), -1 if there is none.
    map_correlation : ndarray (n_true,)
        Pearson correlation with the matched map over all positions, 0 if there is none.
    matched : ndarray of Rates (n_true,)
        Agreement of the masks of each pair, None if the correlation is not above `least_correlation`.
    best : ndarray of int (n_found,)
        True grain with the highest correlation for each found map (an index into `grains`), -1 if no correlation is above
        `least_correlation` or the grain is too small.
    components : ndarray of Rates (n_found,)
        Agreement with that grain, None if there is none.
    area : Rates
        Agreement for "any grain", from which `precision_A`, `TPR_A`, `TNR_A`, `FPR_A` and `FNR_A` are computed.
    ARI : float
        Adjusted Rand index of the strongest component and the thickest grain, where there is a grain.
    TPR_G_paper, TNR_G_paper : float
        Scores as in the paper: maps are cut by Yen's criterion (or another `threshold`), but the truth is not. Each found
        map is assigned to the grain over whose area the sum of its weights (0 below the threshold) is largest. The mean is
        over all found maps, even if they hardly agree. The scores are not 1 for the truth itself.
    least_correlation : float

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> from unmix4d.scores import grain_scores
    >>> film = phantoms.polycrystal(n_grains=4, scan_shape=(30, 28), detector_shape=(24, 24), overlap=0.3, dose=None)
    >>> perfect = grain_scores(film.maps[1:], film)
    >>> perfect.found, len(perfect.grains), round(perfect.mean_map_correlation, 6), perfect.ARI
    (4, 4, 1.0, 1.0)
    """

    grains: np.ndarray
    pairs: np.ndarray
    map_correlation: np.ndarray
    matched: np.ndarray
    best: np.ndarray
    components: np.ndarray
    area: Rates
    ARI: float
    TPR_G_paper: float
    TNR_G_paper: float
    least_correlation: float = 0.3

    @property
    def found(self) -> int:
        """Number of grains whose map correlation is above 0.7."""
        return int(np.sum(self.map_correlation > _FOUND))

    @property
    def mean_map_correlation(self) -> float:
        """Mean map correlation over the true grains, 0 for missed ones."""
        return float(np.mean(self.map_correlation))

    @property
    def precision_A(self) -> float:
        """Fraction of the positions with any found grain at which there is a true one."""
        return self.area.precision

    @property
    def TPR_A(self) -> float:
        """Fraction of the positions with any grain at which one was found."""
        return self.area.TPR

    @property
    def TNR_A(self) -> float:
        """Fraction of the positions without a grain at which none was found."""
        return self.area.TNR

    @property
    def FPR_A(self) -> float:
        """1 - TNR_A."""
        return self.area.FPR

    @property
    def FNR_A(self) -> float:
        """1 - TPR_A."""
        return self.area.FNR

    @property
    def TPR_G(self) -> float:
        """Mean TPR of found maps and the true grains they correlate best with, over the found maps that have one."""
        return _mean(self.components, "TPR")

    @property
    def TNR_G(self) -> float:
        """Mean TNR of the same pairs as for the TPR."""
        return _mean(self.components, "TNR")

    @property
    def TPR_G_matched(self) -> float:
        """Mean TPR of matched pairs, in which each found map and each grain occurs once. Missed grains are not included."""
        return _mean(self.matched, "TPR")

    @property
    def TNR_G_matched(self) -> float:
        """Mean TNR of the same pairs as for the TPR."""
        return _mean(self.matched, "TNR")

    @property
    def TPR_G_all(self) -> float:
        """Mean TPR over all true grains, where a missed grain counts as 0."""
        return _mean(self.matched, "TPR", missing=0.0)

    @property
    def IoU(self) -> float:
        """Mean intersection over union of matched pairs. Missed grains are not included."""
        return _mean(self.matched, "IoU")

    @property
    def IoU_all(self) -> float:
        """Mean intersection over union over all true grains, where a missed grain counts as 0."""
        return _mean(self.matched, "IoU", missing=0.0)

    def as_dict(self) -> dict[str, Any]:
        """Return all scores by name, for tables.

        Returns
        -------
        dict

        Examples
        --------
        >>> from unmix4d import phantoms, scores
        >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(32, 32), background=0, seed=0)
        >>> scores.grain_scores(film.maps, film.maps).as_dict()["found"]
        3
        """
        names = (
            "mean_map_correlation", "found", "TPR_G", "TNR_G", "TPR_G_matched", "TNR_G_matched", "TPR_G_all", "TPR_G_paper",
            "TNR_G_paper", "IoU", "IoU_all", "ARI", "precision_A", "TPR_A", "TNR_A", "FPR_A", "FNR_A",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        n = len(self.grains)
        paired = sum(pair is not None for pair in self.matched)
        return "\n".join(
            [
                f"<GrainScores: {self.found} of {n} grains found (map r > {_FOUND}), "
                f"mean map r {self.mean_map_correlation:.3f}>",
                f"  any grain:    precision_A {self.precision_A:.3f}, TPR_A {self.TPR_A:.3f}, TNR_A {self.TNR_A:.3f}",
                f"  single grain: TPR_G {self.TPR_G:.3f}, TNR_G {self.TNR_G:.3f} "
                f"({sum(c is not None for c in self.components)} components with r > {self.least_correlation:g})",
                f"  one to one:   TPR_G_matched {self.TPR_G_matched:.3f}, IoU {self.IoU:.3f} ({paired} pairs); with missed "
                f"grains as 0: TPR_G_all {self.TPR_G_all:.3f}, IoU_all {self.IoU_all:.3f}",
                f"  labels:       ARI {self.ARI:.3f}",
            ]
        )


def _mean(pairs: Iterable[Any], name: str, missing: float | None = None) -> float:
    values = [missing if pair is None else getattr(pair, name) for pair in pairs]
    values = [value for value in values if value is not None]
    return float(np.mean(values)) if values else float("nan")


def grain_scores(
    found: ArrayLike | Any | Any,
    truth: ArrayLike | Phantom,
    *,
    grains: Sequence[int] | None = None,
    fraction: float = 0.15,
    min_positions: int = 25,
    least: float | None = None,
    threshold: str | float = "same",
    least_correlation: float = 0.3,
    background: str = "drop",
) -> GrainScores:
    """Score found grains, or component maps, against the true thickness of each grain.

    Parameters
    ----------
    found : array_like (n_found, scan_row, scan_col), Decomposition or Grains
        Maps on a common scale, or masks. For a `Decomposition` its intensities are used, for `Grains` the intensities within
        each grain. NaN = excluded.
    truth : array_like (k, scan_row, scan_col), or Phantom
        Thickness of each grain, or its share. NaN = excluded.
    grains : sequence of int, optional
        True maps that are grains. By default all; for a `Phantom`, those that are not named amorphous, background or vacuum.
    fraction, min_positions, least
        Criteria for a true grain, see `true_grains`. Smaller ones are not scored.
    threshold : {"same", "yen", "otsu", "li"} or float
        Threshold above which a component is present in a found map. ``"same"`` cuts the map at the same thickness as the
        true grain, after a linear fit of the map to the thickness of its grain. The other rules do not use the truth (Yen's
        criterion is that of the paper). They differ from the rule for the true grains, so the truth itself scores less than
        1. A map without a true grain is cut by Yen's criterion. Masks and `Grains` are not cut.
    least_correlation : float
        Map correlation above which a found map and a true grain can be a pair.
    background : {"drop", "keep"}
        What to do with maps that are spread over the whole scan (`unmix4d.maps.is_spread`). ``"drop"`` excludes them from
        the area scores and `ARI`, because a direct beam or an amorphous support would count as a grain that is everywhere. A
        map with a correlation above 0.7 with a true grain is not excluded. Masks and `Grains` are used unchanged.

    Returns
    -------
    GrainScores
        The scores.

    Raises
    ------
    ValueError
        If shapes differ, a value is infinite, an argument is out of range, or there is no true grain.

    Notes
    -----
    Positions that are NaN in any map are excluded. For the truth itself, every score is 1, or NaN if it is not defined
    (TNR_A if the film is everywhere), except the two scores of the paper. TPR_G and TNR_G count a grain that was found in
    two pieces twice, each time in part: score the maps instead of the `Grains` if a true grain may have several regions.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.scores import grain_scores
    >>> true = np.zeros((2, 10, 12)); true[0, :, :6] = 1.0; true[1, :, 6:] = 1.0
    >>> scores = grain_scores(true[:1], true)
    >>> scores.found, scores.TPR_G, scores.TPR_G_all, scores.precision_A, scores.TPR_A
    (1, 1.0, 0.5, 1.0, 0.5)
    """
    check_correlation(least_correlation, "least_correlation")
    rule, drop = _rule(threshold), checks.choice(background, "background", ("drop", "keep")) == "drop"
    scored, thickness, excluded, index = _pair(found, truth, grains, rule, drop)
    kept = ~excluded
    left = np.where(excluded, np.nan, thickness)
    level = least_thickness(left, fraction, least)
    there = left > level  # of small grains too: what is found there is not wrong
    large = there.sum(axis=(1, 2)) >= min_positions
    if not large.any():
        raise ValueError(f"truth must have a grain of at least {min_positions} positions, found none")
    if rule == _SAME:
        scored.cut_at(level, thickness, kept)
    every = scored.correlations(np.where(kept, thickness, 0), kept)
    owner = _related(every, least_correlation)
    place, table, inside = np.flatnonzero(large), every[large], there[large]
    pairs, correlation = assign(table)
    number = np.append(np.where(large, np.cumsum(large) - 1, -1), -1)  # of a grain among the large ones
    best = number[owner]
    matched = _list(
        rates(scored.mask(j, place[i]), inside[i], excluded) if j >= 0 and table[i, j] > least_correlation else None
        for i, j in enumerate(pairs)
    )
    components = _list(rates(scored.mask(j, place[i]), inside[i], excluded) if i >= 0 else None for j, i in enumerate(best))
    by_weight = _by_weight(scored.sums_over(inside, kept))
    papers = [rates(mask, inside[i], excluded) for mask, i in zip(scored.masks(), by_weight) if i >= 0]
    use = ~scored.spread | (every.max(axis=0, initial=-1) > _FOUND)
    area = rates(scored.anywhere(owner, use) & kept, there.any(axis=0), excluded)
    true_labels = np.where(there.any(axis=0), np.where(there, thickness, -np.inf).argmax(axis=0), -1)
    return GrainScores(
        index[large], pairs, correlation, matched, best, components, area,
        adjusted_rand_index(scored.labels(use), true_labels), _mean(papers, "TPR"), _mean(papers, "TNR"),
        float(least_correlation),
    )  # fmt: skip


def _rule(threshold: Any) -> str | float:
    if isinstance(threshold, str) and threshold not in (_SAME, *RULES):
        words = ", ".join(map(repr, (_SAME, *RULES)))
        raise ValueError(f"threshold must be one of {words} or a number between 0 and 1, found {threshold!r}")
    return _SAME if threshold == _SAME else check_rule(threshold)


def _related(table: np.ndarray, least: float) -> np.ndarray:
    """For each found map the true one that it correlates with best, -1 where with none by more than `least`."""
    return np.where((table > least).any(axis=0), table.argmax(axis=0), -1) if table.shape[1] else np.empty(0, int)


def _list(entries: Iterable[Any]) -> np.ndarray:
    entries = list(entries)
    out = np.empty(len(entries), object)
    out[:] = entries
    return out


def _pair(found: Any, truth: Any, grains: Sequence[int] | None, rule: str | float, drop: bool) -> tuple[Any, ...]:
    """What was found, the true thickness of each grain, positions that are left out, and the indices of the grains."""
    if hasattr(found, "regions"):
        shape = found.regions.scan_shape
        thickness, excluded, index = _truth(truth, grains, shape)
        if len(found):
            excluded |= ~found.geometry.kept_positions.reshape(shape)
        return FoundRegions(found.regions, found.intensities, found.labels()), thickness, excluded, index
    maps, masks = _maps(found)
    thickness, excluded, index = _truth(truth, grains, maps.shape[1:])
    excluded |= np.isnan(maps).any(axis=0)
    spread = np.zeros(len(maps), bool)
    if masks is not None:
        return FoundMaps(maps, masks, masks, spread, is_mask=True), thickness, excluded, index
    present = above_threshold(maps, ~excluded, rule="yen" if rule == _SAME else rule)
    if drop:
        spread = np.array([is_spread(image, ~excluded) for image in maps], bool)
    return FoundMaps(maps, present, maps > 0, spread), thickness, excluded, index


def _maps(found: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Maps as float, and where each is present if that is known."""
    maps = np.asarray(found.intensities if hasattr(found, "intensities") else found)
    if maps.ndim != 3 or maps.dtype.kind not in "biuf":
        raise ValueError(f"found must be (n, scan_row, scan_col) of numbers, found shape {maps.shape} of {maps.dtype}")
    if maps.dtype == bool:
        return maps.astype(float), maps.copy()
    maps = maps.astype(float)
    if np.isinf(maps).any():
        raise ValueError("found must be finite or NaN (excluded), found an infinite value")
    return maps, None


def _truth(
    truth: Any, grains: Sequence[int] | None, scan_shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thickness of what are grains, positions that are NaN, and the indices of the grains."""
    thickness = np.asarray(getattr(truth, "maps", truth), float)
    if thickness.ndim != 3 or thickness.shape[1:] != tuple(scan_shape):
        raise ValueError(
            f"truth must be (k, scan_row, scan_col) on the scan {tuple(scan_shape)}, found shape {thickness.shape}"
        )
    if np.isinf(thickness).any():
        raise ValueError("truth must be finite or NaN (excluded), found an infinite value")
    if grains is None:
        names = getattr(truth, "names", [""] * len(thickness))
        grains = [i for i, name in enumerate(names) if name not in _NO_GRAIN]
    grains = np.asarray(grains)
    if grains.ndim != 1 or grains.dtype.kind not in "iu" or not np.isin(grains, np.arange(len(thickness))).all():
        raise ValueError(f"grains must be indices from 0 to {len(thickness) - 1}, found {grains.tolist()!r}")
    thickness = thickness[grains]
    return thickness, np.isnan(thickness).any(axis=0), grains


def _by_weight(sums: np.ndarray) -> np.ndarray:
    """For each found map the grain over whose area its weights sum to the most, -1 where there is no weight."""
    return np.where(sums.max(axis=1, initial=0) > 0, sums.argmax(axis=1), -1)
