"""Patterns of a lazy scan held in memory from the first pass on, in their own integer type, where they fit.

A pass over what is held takes a tenth to a third of the time of reading, unpacking and preparing it again.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..core.geometry import ScanGeometry

__all__ = ["Holder", "holder_for", "room"]

_SHARE = 0.25  # of the memory that is free, which may be taken: the rest is for the work, for results and for others


def room() -> int:
    """Bytes that may be taken, of what this machine, or this container or job of it, has free."""
    try:
        import psutil
        from dask.system import MEMORY_LIMIT
    except ImportError:
        names = getattr(os, "sysconf_names", ())
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if "SC_AVPHYS_PAGES" in names else 0
        return int(_SHARE * free)
    left = MEMORY_LIMIT - psutil.Process().memory_info().rss
    return int(_SHARE * max(0, min(psutil.virtual_memory().available, left)))


def _in_this_process() -> bool:
    """Whether dask computes in threads of this process: what is written elsewhere would not come back."""
    import dask.local
    import dask.threaded
    from dask.base import get_scheduler

    return get_scheduler() in (None, dask.threaded.get, dask.local.get_sync)


def holder_for(patterns: Any, geometry: ScanGeometry, dtype: Any, keep: bool | str) -> Holder | None:
    """What holds the patterns of a scan after a first pass, or None where they are in memory, or shall or can not be.

    Parameters
    ----------
    patterns : dask array
    geometry : ScanGeometry
    dtype : numpy dtype
        Of the arithmetic.
    keep : bool or "auto"
        ``"auto"``: where a quarter of the free memory is enough.
    """
    own = np.dtype(patterns.dtype)
    kept = own if own.itemsize <= 2 or own == dtype else np.dtype(dtype)
    size = geometry.n_positions * geometry.n_pixels * kept.itemsize
    if keep is False or (keep == "auto" and size > room()) or not _in_this_process():
        return None
    return Holder(geometry, kept)


class Holder:
    """Memory for the kept pixels of the kept positions, filled by a pass."""

    def __init__(self, geometry: ScanGeometry, dtype: Any):
        self._shape, self._dtype = (geometry.n_positions, geometry.n_pixels), dtype
        self._values = np.empty((0, 0), dtype)

    def begin(self):
        """Rows of the matrix as a column, which `fill` gets back a batch at a time."""
        self._values = np.empty(self._shape, self._dtype)
        return np.arange(self._shape[0])[:, None]

    def fill(self, rows, X) -> None:
        self._values[rows[:, 0]] = X

    def scan(self):
        """What was held as patterns (n_positions, 1, 1, n_pixels), and their geometry."""
        (n, m), values = self._shape, self._values
        return values.reshape(n, 1, 1, m), ScanGeometry((n, 1), (1, m))
