"""What is scored against a truth: a stack of maps, or regions with a weight at each of their positions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..maps.region_set import RegionSet
from .matching import pair_of_stacks, similarity

__all__ = ["FoundMaps", "FoundRegions"]


class FoundMaps:
    """Maps (n, scan_row, scan_col), where each is present, and which of them are spread over the scan.

    Parameters
    ----------
    maps : ndarray (n, scan_row, scan_col)
    present : ndarray of bool (n, scan_row, scan_col)
        By the maps themselves.
    labelled : ndarray of bool (n, scan_row, scan_col)
        Where each may be the strongest.
    spread : ndarray of bool (n,)
    is_mask : bool
        Whether `present` holds whatever the truth is.
    """

    def __init__(
        self, maps: np.ndarray, present: np.ndarray, labelled: np.ndarray, spread: np.ndarray, is_mask: bool = False
    ):
        self.maps, self.present, self.labelled, self.spread, self.is_mask = maps, present, labelled, spread, is_mask
        self._cut: tuple[float, np.ndarray, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.maps)

    def cut_at(self, least: float, thickness: np.ndarray, kept: np.ndarray) -> None:
        """Cut maps that belong to a grain where they say that it is as thick as `least`; masks stay."""
        self._cut = None if self.is_mask else (least, thickness, kept)

    def _level(self, j: int, grain: int) -> float:
        """Value of map j where its grain is just present, on the line of the map over the thickness (least squares)."""
        least, thickness, kept = self._cut  # type: ignore[misc]
        t, values = thickness[grain][kept], self.maps[j][kept]
        off = t - t.mean()
        return float(values.mean() + (off @ values) / (off @ off) * (least - t.mean()))

    def masks(self) -> Iterator[np.ndarray]:
        """Where each is, one by one, by the maps themselves."""
        return iter(self.present)

    def mask(self, j: int, grain: int = -1) -> np.ndarray:
        """Where map j is, as a map of that grain; -1: of none."""
        if self._cut is None or grain < 0:
            return self.present[j]
        # A comparison with NaN, of excluded positions, is False.
        return self.maps[j] > self._level(j, grain)

    def anywhere(self, grains: np.ndarray, use: np.ndarray) -> np.ndarray:
        """Where any of those that are used is, each as a map of its grain."""
        out = np.zeros(self.maps.shape[1:], bool)
        for j in np.flatnonzero(use):
            out |= self.mask(int(j), int(grains[j]))
        return out

    def labels(self, use: np.ndarray) -> np.ndarray:
        """The strongest of those that are used, -1 where there is none."""
        there = self.labelled[use]
        if len(there) == 0:
            return np.full(self.maps.shape[1:], -1)
        weights = np.where(there, np.nan_to_num(self.maps[use]), -np.inf)
        return np.where(there.any(axis=0), weights.argmax(axis=0), -1)

    def correlations(self, truth: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """(n_true, n) Pearson correlations over the kept positions; 0 where one side is constant."""
        return similarity(*pair_of_stacks(np.where(kept, self.maps, np.nan), truth), centred=True)

    def sums_over(self, inside: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """(n, n_true) sums of the weights over masks."""
        return np.tensordot(np.where(self.present & kept, np.nan_to_num(self.maps), 0), inside, axes=((1, 2), (1, 2)))


class FoundRegions:
    """The same of regions, in as much memory as these have positions.

    Parameters
    ----------
    regions : RegionSet
    weights : ndarray
        As many as ``regions.positions``.
    labels : ndarray of int (scan_row, scan_col)
        The strongest region of every position.
    """

    def __init__(self, regions: RegionSet, weights: np.ndarray, labels: np.ndarray):
        self.regions, self.weights, self._labels = regions, np.nan_to_num(np.asarray(weights, float)), labels
        self.spread = np.zeros(len(regions), bool)

    def __len__(self) -> int:
        return len(self.regions)

    def cut_at(self, least: float, thickness: np.ndarray, kept: np.ndarray) -> None:
        """Regions are what they are."""

    def masks(self) -> Iterator[np.ndarray]:
        return map(self.regions.mask, range(len(self)))

    def mask(self, j: int, grain: int = -1) -> np.ndarray:
        return self.regions.mask(j)

    def anywhere(self, grains: np.ndarray, use: np.ndarray) -> np.ndarray:
        return self.regions.count() > 0

    def labels(self, use: np.ndarray) -> np.ndarray:
        return self._labels

    def correlations(self, truth: np.ndarray, kept: np.ndarray) -> np.ndarray:
        top = max(float(np.abs(self.weights).max(initial=0)), np.finfo(float).tiny)
        mine = self.regions.matrix(self.weights / top)[:, np.flatnonzero(kept)]
        true = truth.reshape(len(truth), -1)[:, kept.ravel()]
        # Of a region that is zero nearly everywhere, the sums over its positions say all.
        true = true - true.mean(axis=1, keepdims=True)
        n, sums, squares = kept.sum(), mine.sum(axis=1), (mine * mine).sum(axis=1)
        mine_norm, true_norm = np.maximum(squares - sums**2 / n, 0), (true**2).sum(axis=1)
        largest = np.abs(truth).max(axis=(1, 2), where=kept, initial=0)
        flat = mine_norm <= 1e-12 * squares, np.ptp(true, axis=1) <= 1e-12 * largest
        with np.errstate(invalid="ignore", divide="ignore"):
            table = (mine @ true.T).T / np.sqrt(np.outer(true_norm, mine_norm))
        table[:, flat[0]] = table[flat[1]] = 0
        return np.clip(table, -1, 1)

    def sums_over(self, inside: np.ndarray, kept: np.ndarray) -> np.ndarray:
        return self.regions.matrix(self.weights) @ (inside & kept).reshape(len(inside), -1).T.astype(float)
