"""Memory that a thread uses again and again.

Arrays of megabytes that are taken and given back for every batch have to be made anew by the system, page by page: a third
of the time of a pass on the workers of a dask cluster, whose allocator is told to keep nothing.
"""

from __future__ import annotations

import math
import threading

import numpy as np

__all__ = ["buffer"]

_own = threading.local()


def buffer(purpose: str, shape, dtype) -> np.ndarray:
    """An array to write into, valid until the same thread asks for the same purpose again; what is in it is anything.

    Parameters
    ----------
    purpose : str
        The memory is kept under this name, as large as the largest array asked for, as long as the thread lives.
    shape : tuple of int
    dtype : dtype

    Returns
    -------
    ndarray
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    kept = getattr(_own, purpose, None)
    if kept is None or kept.size < size:
        kept = np.empty(size, np.uint8)
        setattr(_own, purpose, kept)
    return kept[:size].view(dtype).reshape(shape)
