"""Plain arrays: nothing but a shape on the way in, NumPy arrays on the way out."""

from __future__ import annotations

import numpy as np

from ..core.geometry import ScanGeometry
from ..core.scan import HostRecord, OpenDataset, Scan, as_patterns

__all__ = ["matches", "read", "write", "write_maps"]


def matches(obj) -> bool:
    """True for whatever can be read like an array: NumPy, memory maps, h5py, dask, zarr, and nested lists."""
    if isinstance(obj, (np.ndarray, OpenDataset, list, tuple)):
        return True
    # The class first: asking a closed HDF5 dataset for its shape is an error, and as_patterns says so better.
    return all(hasattr(type(obj), name) or hasattr(obj, name) for name in ("shape", "dtype", "__getitem__"))


def read(obj) -> Scan:
    """A scan of which only the shape is known."""
    patterns = as_patterns(obj)
    return Scan(patterns, ScanGeometry(patterns.shape[:2], patterns.shape[2:]), host=HostRecord("array"))


def write(result, *, fill_value: float = 0.0, stack: str = "component"):
    """Copies of the maps and the patterns, with NaN where something was excluded."""
    return np.array(result.maps), np.array(result.patterns)


def write_maps(result, maps, what, record):
    """The arrays as they are."""
    return tuple(image.data for image in maps)
