"""Arrays of several scans as one, one below the other, of which nothing is copied but what is read."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["StackedScans", "common_type"]


def common_type(types: list[Any]) -> np.dtype:
    """The type that holds the values of all: floats stay as wide as they are, whatever integers are beside them."""
    floats = [np.dtype(one) for one in types if np.dtype(one).kind == "f"]
    found = np.result_type(*(floats or types))
    return found if floats or found.kind != "f" else np.dtype(np.int64)


class StackedScans:
    """Arrays (scan_row, scan_col, det_row, det_col) below one another; 0 between and beside them.

    Parameters
    ----------
    scans : list of array
        NumPy arrays, memory maps or open datasets.
    rows : list of int
        The first row of each.
    shape : (int, int, int, int)
        Of the whole.
    """

    ndim = 4

    def __init__(self, scans: list[Any], rows: list[int], shape: tuple[int, ...]) -> None:
        self.scans, self._rows, self.shape = scans, rows, shape
        self.dtype = common_type([scan.dtype for scan in scans])
        self.chunks = getattr(scans[0], "chunks", None)

    def __getitem__(self, key: Any) -> np.ndarray:
        key = (key,) if not isinstance(key, tuple) else key
        key = tuple(one for one in key if one is not Ellipsis)
        key += (slice(None),) * (4 - len(key))
        whole = [slice(k, k + 1) if isinstance(k, (int, np.integer)) else k for k in key[:2]]
        found = self._block(*(k.indices(n) for k, n in zip(whole, self.shape)))
        single = tuple(0 if isinstance(k, (int, np.integer)) else slice(None) for k in key[:2])
        return found[single] if key[2:] == (slice(None),) * 2 else found[single][(..., *key[2:])]

    def _block(self, rows, cols):
        out = np.zeros((len(range(*rows)), len(range(*cols)), *self.shape[2:]), self.dtype)
        for scan, first in zip(self.scans, self._rows):
            start, stop = max(rows[0] - first, 0), min(rows[1] - first, scan.shape[0])
            width = min(cols[1], scan.shape[1])
            if start < stop and cols[0] < width:
                at = first + start - rows[0]
                out[at : at + stop - start, : width - cols[0]] = scan[start:stop, cols[0] : width]
        return out[:: rows[2], :: cols[2]] if (rows[2], cols[2]) != (1, 1) else out
