"""Rows and columns of a scan whose file holds its patterns one after the other."""

from __future__ import annotations

import math
import os

from ..core.errors import UnreadableFile

__all__ = ["in_rows", "of_reader"]


def of_reader(path, scan_shape):
    """Arguments of HyperSpy's reader; UnreadableFile where neither the file nor the caller says how large the scan is.

    path: str.
    scan_shape: (int, int) or None.
    """
    stem, ending = os.path.splitext(path)
    ending = ending.lower()
    if scan_shape is None and (ending == ".tvips" or (ending == ".mib" and not os.path.exists(stem + ".hdr"))):
        # HyperSpy takes the first for a line, and guesses the rows of the second from the times of the frames.
        lacking = "" if ending == ".tvips" else ", and there is no .hdr file beside it"
        raise UnreadableFile(
            f"{path!r} does not say how many rows and columns the scan has{lacking}: give scan_shape (--scan-shape "
            "ROWS COLS)"
        )
    # Without it the reader of .mib leaves out what does not fill its own guess.
    return {} if ending != ".mib" or scan_shape is None else {"navigation_shape": scan_shape[::-1]}


def in_rows(scan, path, scan_shape):
    """Patterns that lie one after the other as a scan of rows and columns, of which no step is known.

    scan: HyperSpy signal or ndarray.
    path: str.
    scan_shape: (int, int).
    """
    rows, cols = scan_shape
    signal = hasattr(scan, "axes_manager")
    data = scan.data if signal else scan
    if not hasattr(data, "reshape"):  # a cube, or a dataset of an open file
        raise UnreadableFile(f"scan_shape is for files of HyperSpy and NumPy, got {path!r}")
    n = _patterns_in(scan, data)
    if n == rows * cols and tuple(data.shape[:-2]) == (rows, cols):
        return scan
    if n != rows * cols or data.ndim < 3:
        raise UnreadableFile(f"{path!r} holds {n} patterns, which are not {rows} rows of {cols}: give another scan_shape")
    data = data.reshape(rows, cols, *data.shape[-2:])
    if not signal:
        return data
    detector = [axis.get_axis_dictionary() for axis in scan.axes_manager.signal_axes[::-1]]
    names = [{"name": name, "size": size, "navigate": True} for name, size in zip("yx", scan_shape)]
    return type(scan)(data, axes=names + detector, metadata=scan.metadata.as_dictionary())


def _patterns_in(scan, data):
    """How many patterns a file holds: more than were read where the reader of .mib was told a smaller scan."""
    known = None
    if hasattr(scan, "original_metadata"):
        known = scan.original_metadata.get_item("mib_properties.frame_number_in_file")
    return math.prod(data.shape[:-2]) if known is None else int(known)
