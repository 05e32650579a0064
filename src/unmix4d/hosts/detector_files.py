"""Files of detectors that no host reads lazily and as they are: Dectris masters, and EMPAD files without their XML."""

from __future__ import annotations

import contextlib
import os
import re

import numpy as np

from ..core.errors import UnreadableFile
from ..core.geometry import ScanGeometry
from ..core.scan import HostRecord, Scan

__all__ = ["dectris_master", "empad_raw", "is_dectris_master", "rows_and_columns"]

_PIXELS, _WITH_FOOTER = 128, 130  # rows of an EMPAD frame, the last two of which are no image
_MASKS = ("entry/instrument/detector/detectorSpecific/pixel_mask", "entry/instrument/detector/pixel_mask")
_FRAMES = "entry/data"
_BLOCK = 32_000_000  # bytes of frames that are read at a time


def is_dectris_master(path: str) -> bool:
    """Whether an HDF5 file is the master file of a Dectris detector, which leads to the files with the frames."""
    import h5py

    with h5py.File(path, "r") as file:
        group = file.get(_FRAMES)
        return isinstance(group, h5py.Group) and any(re.fullmatch(r"data(_\d+)?", name) for name in group)


def dectris_master(path: str, scan_shape: tuple[int, int] | None) -> Scan:
    """The frames of all files that a master leads to, lazily, with the detector's own mask of its pixels.

    The reader of HyperSpy takes them into memory, takes a square for granted, and stores 32 bits in 16.
    """
    import dask.array as da
    import h5py

    with contextlib.suppress(ImportError):
        import hdf5plugin  # noqa: F401  (the compression that the detector writes with)
    file = h5py.File(path, "r")  # stays open as long as the frames are used
    frames = [_dataset(file, path, name) for name in sorted(file[_FRAMES])]
    n, detector = sum(len(one) for one in frames), frames[0].shape[1:]
    _readable(frames[-1], path)
    shape = rows_and_columns(path, n, scan_shape)
    at_once = max(1, _BLOCK // (int(np.prod(detector)) * frames[0].dtype.itemsize))
    data = da.concatenate([da.from_array(one, chunks=(at_once, *detector)) for one in frames])
    mask = next((file[name][()] != 0 for name in _MASKS if name in file), None)
    mask = mask if mask is not None and mask.shape == detector and mask.any() else None
    geometry = ScanGeometry(shape, detector, detector_mask=mask)
    return Scan(data.reshape(*shape, *detector), geometry, host=HostRecord("array", {}, _stem(path)))


def _dataset(file, path, name):
    try:
        return file[_FRAMES][name]
    except KeyError as error:  # a link to a file that is not there
        raise UnreadableFile(
            f"{path!r} leads to {name!r}, which is not there: keep the files of the frames beside the master file"
        ) from error


def _readable(frames, path):
    try:
        frames[-1]
    except OSError as error:
        raise UnreadableFile(
            f"{path!r} cannot be read to its end ({error}): pip install hdf5plugin, which brings the "
            "detector's compression, or copy the file again"
        ) from error


def empad_raw(path: str, scan_shape: tuple[int, int] | None) -> Scan:
    """The frames of an EMPAD, memory-mapped; rows and columns as given, or as the name of the file has them, x64_y32."""
    size, frame = os.path.getsize(path), 4 * _PIXELS * _WITH_FOOTER
    if size % frame:
        raise UnreadableFile(
            f"{path!r} has {size} bytes, not a whole number of EMPAD frames ({frame} bytes each): another detector "
            "wrote it, or the file was cut"
        )
    named = re.search(r"x(\d+)_y(\d+)", os.path.basename(path))
    if scan_shape is None and named and int(named[1]) * int(named[2]) == size // frame:
        scan_shape = int(named[2]), int(named[1])
    shape = rows_and_columns(path, size // frame, scan_shape)
    data = np.memmap(path, "<f4", "r", shape=(*shape, _WITH_FOOTER, _PIXELS))[:, :, :_PIXELS]
    return Scan(data, ScanGeometry(shape, (_PIXELS, _PIXELS)), host=HostRecord("array", {}, _stem(path)))


def rows_and_columns(path: str, n: int, scan_shape: tuple[int, int] | None) -> tuple[int, int]:
    """Those that were given, where they are as many as the patterns; UnreadableFile where not, or where nothing says."""
    if scan_shape is None:
        raise UnreadableFile(
            f"{path!r} holds {n} patterns and does not say how many rows and columns the scan has: give scan_shape "
            "(--scan-shape ROWS COLS)"
        )
    rows, cols = scan_shape
    if rows * cols != n:
        raise UnreadableFile(f"{path!r} holds {n} patterns, which are not {rows} rows of {cols}: give another scan_shape")
    return rows, cols


def _stem(path):
    return os.path.splitext(os.path.basename(path))[0]
