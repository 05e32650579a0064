"""Regions of a scan that may share positions, held as the positions of each: what they take grows with their area alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..core.arrays import freeze, set_frozen_state

if TYPE_CHECKING:
    from scipy import sparse

__all__ = ["RegionSet"]


@dataclass(frozen=True, eq=False)
class RegionSet:
    """Regions of one scan, each with all of its positions.

    A stack of masks has regions times positions, which for thousands of small regions is a thousand times what they are.

    Attributes
    ----------
    positions : ndarray of int
        Flat positions of the first region, ascending, then those of the second, and so on. Read-only.
    ends : ndarray of int (n + 1,)
        Region i is ``positions[ends[i]:ends[i + 1]]``. Read-only.
    scan_shape : (int, int)
    """

    positions: np.ndarray
    ends: np.ndarray
    scan_shape: tuple[int, int]

    __setstate__ = set_frozen_state

    def __post_init__(self) -> None:
        freeze(self, ("positions", "ends"))

    @classmethod
    def from_masks(cls, masks: ArrayLike) -> RegionSet:
        """Of a stack of masks (n, scan_row, scan_col)."""
        masks = np.asarray(masks, bool)
        region, positions = np.nonzero(masks.reshape(len(masks), math.prod(masks.shape[1:])))
        ends = np.searchsorted(region, np.arange(len(masks) + 1))
        return cls(positions, ends, (masks.shape[1], masks.shape[2]))

    @classmethod
    def from_labels(cls, labels: np.ndarray, chosen: Sequence[int] | np.ndarray) -> RegionSet:
        """Of an image of whole numbers: where it has each of the chosen ones, in their order."""
        order, sizes = np.argsort(labels, axis=None, kind="stable"), np.bincount(labels.ravel())
        stops = np.cumsum(sizes)
        parts = [order[stops[i] - sizes[i] : stops[i]] for i in chosen]
        return cls._of_parts(parts, labels.shape)

    @classmethod
    def joined(cls, sets: Iterable[RegionSet], scan_shape: tuple[int, int]) -> RegionSet:
        """The regions of several sets, one set after the other."""
        return cls._of_parts([region for regions in sets for region in regions], scan_shape)

    @classmethod
    def _of_parts(cls, parts: list[np.ndarray], scan_shape: tuple[int, ...]) -> RegionSet:
        ends = np.cumsum([0, *map(len, parts)])
        return cls(np.concatenate(parts) if parts else np.empty(0, int), ends, (scan_shape[0], scan_shape[1]))

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, i: int) -> np.ndarray:
        """Flat positions of one region."""
        return self.positions[self.ends[i] : self.ends[i + 1]]

    def __iter__(self) -> Iterator[np.ndarray]:
        return map(self.__getitem__, range(len(self)))

    @property
    def sizes(self) -> np.ndarray:
        """Number of positions of each region."""
        return np.diff(self.ends)

    @property
    def owners(self) -> np.ndarray:
        """The region of every entry of `positions`."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def where(self, entries: np.ndarray) -> RegionSet:
        """Only those positions for which this array, as long as `positions`, is True; a region may be left with none."""
        counts = np.bincount(self.owners[entries], minlength=len(self))
        return RegionSet(self.positions[entries], np.cumsum([0, *counts]), self.scan_shape)

    def coordinates(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the positions of one region."""
        row, col = np.divmod(self[i], self.scan_shape[1])
        return row, col

    def mask(self, i: int) -> np.ndarray:
        """Where one region is, bool (scan_row, scan_col)."""
        out = np.zeros(self.scan_shape, bool)
        out.ravel()[self[i]] = True
        return out

    def box(self, i: int, margin: int = 1) -> tuple[np.ndarray, tuple[int, int]]:
        """One region alone, bool, with a margin of False around it, and (row, column) of its first position in the scan."""
        row, col = self.coordinates(i)
        first = int(row.min()) - margin, int(col.min()) - margin
        out = np.zeros((int(row.max()) - first[0] + 1 + margin, int(col.max()) - first[1] + 1 + margin), bool)
        out[row - first[0], col - first[1]] = True
        return out, first

    def count(self) -> np.ndarray:
        """How many regions are at each position, int (scan_row, scan_col)."""
        return np.bincount(self.positions, minlength=math.prod(self.scan_shape)).reshape(self.scan_shape)

    def means(self, values: np.ndarray) -> np.ndarray:
        """Mean over each region of values that are as many as `positions`."""
        return np.bincount(self.owners, values, len(self)) / np.maximum(self.sizes, 1)

    def matrix(self, values: np.ndarray | None = None) -> sparse.csr_array:
        """Sparse (n, scan positions): 1, or a value for each of `positions`."""
        from scipy import sparse

        data = np.ones(len(self.positions), np.int8) if values is None else values
        return sparse.csr_array((data, self.positions, self.ends), (len(self), math.prod(self.scan_shape)))

    def stack(self, dtype: DTypeLike = bool) -> np.ndarray:
        """All masks (n, scan_row, scan_col): regions times positions, for few of them or where a host wants them."""
        out = np.zeros((len(self), math.prod(self.scan_shape)), dtype)
        out[self.owners, self.positions] = 1
        return out.reshape(len(self), *self.scan_shape)
