"""Making a scan lazy and mapping a function over its patterns, block by block."""

from __future__ import annotations

import numpy as np

from ..core.scan import Scan, ScanError, Uncopied, is_dask
from ..core.series import cut, stacked
from ..engine.blocks import tile_of

__all__ = ["as_dask", "map_patterns", "persist"]


def persist(scan: Scan) -> Scan:
    """The scan with its patterns in memory, in their own type; one that is there already comes back as it is."""
    if isinstance(scan.patterns, np.ndarray) and not isinstance(scan.patterns, np.memmap):
        return scan
    if scan.geometry.scans:
        # Each by itself: those that are in memory already stay where they are.
        return scan.replace(patterns=stacked([persist(one) for one in cut(scan)]).patterns)
    try:
        return scan.replace(patterns=np.array(scan.patterns if is_dask(scan.patterns) else scan.patterns[...]))
    except MemoryError:
        needed = f"persist needs {scan.nbytes / 1e9:.3g} GB of memory, which is not free"
        raise MemoryError(f"{needed}: use the lazy view") from None
    except ScanError:
        raise
    except Exception as error:
        # Whatever the graph of the host does, it is the reading of the scan that failed.
        raise OSError(f"the scan could not be read: {type(error).__name__}: {error}") from error


def as_dask(scan: Scan):
    """The patterns as a dask array with whole patterns in every chunk; nothing is read."""
    import dask.array as da

    rows, cols = tile_of(scan.patterns)
    if is_dask(scan.patterns):
        return scan.patterns.rechunk({2: -1, 3: -1})
    # Without name=False dask would hash, and so read, the whole scan.
    return da.from_array(Uncopied(scan.patterns), chunks=(rows, cols, -1, -1), name=False, asarray=True)


def map_patterns(scan: Scan, function, dtype, detector_shape=None, per_position=None):
    """``function(block)`` on every block (rows, cols, det_row, det_col), as a dask array.

    function (callable): Gets a block, and the block (rows, cols, n) of `per_position` when that is given.
    dtype (numpy dtype): Of what it returns.
    detector_shape (int, int): Of what it returns, when it changes.
    per_position: ndarray (scan_row, scan_col, n), optional.
    """
    import dask.array as da

    patterns = as_dask(scan)
    shape = tuple(detector_shape or scan.shape[2:])
    chunks = (*patterns.chunks[:2], (shape[0],), (shape[1],))
    if per_position is None:
        return patterns.map_blocks(function, dtype=dtype, chunks=chunks, meta=np.empty((0, 0, 0, 0), dtype))
    extra = np.asarray(per_position)[..., None, :]
    extra = da.from_array(extra, chunks=(*patterns.chunks[:2], (1,), (extra.shape[-1],)), name=False)
    return da.map_blocks(function, patterns, extra, dtype=dtype, chunks=chunks, meta=np.empty((0, 0, 0, 0), dtype))
