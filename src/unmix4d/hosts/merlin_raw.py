"""Raw files of a Merlin detector (R64), which no host reads: pixels in the order in which the chips are read out.

A row of a chip comes in words of 64 bits, most significant byte first, the first pixel in the lowest bits: 64 pixels of 1
bit, 8 of 6 bits in a byte each, or 4 of 12 bits in two bytes each. 24 bits are two such frames of 12 bits, the upper bits
first. Of four chips, each row holds a row of each: lower right, lower left, upper right, upper left, the lower ones turned
by half a turn. So LiberTEM reads them, whose developers had such files. The last row is the first one of the image, as in
processed files.
"""

from __future__ import annotations

import os
from functools import partial
from typing import NamedTuple

import numpy as np

from ..core.errors import UnreadableFile
from ..core.geometry import ScanGeometry
from ..core.scan import HostRecord, Scan, Uncopied
from .detector_files import rows_and_columns

__all__ = ["PROMISED", "in_hdr", "is_raw", "merlin_raw"]

PROMISED = "Frames in Acquisition (Number)"  # in a .hdr
_BLOCK = 32_000_000  # bytes of frames that are read at a time
_BYTES = {1: 1 / 8, 6: 1, 12: 2, 24: 4}  # of a pixel


class _Head(NamedTuple):
    size: int
    bits: int
    quad: bool
    detector: tuple[int, int]


def is_raw(path: str) -> bool:
    """Whether a .mib has its pixels in the order of the chips."""
    with open(path, "rb") as file:
        return b",R64," in file.read(384)


def merlin_raw(path: str, scan_shape: tuple[int, int] | None) -> Scan:
    """The frames of a raw .mib, lazily; rows and columns as given, or as the .hdr beside it has them."""
    import dask.array as da

    head = _head(path)
    n_bytes = round(np.prod(head.detector) * _BYTES[head.bits])
    n, left = divmod(os.path.getsize(path), head.size + n_bytes)
    if left or not n:
        raise UnreadableFile(
            f"{path!r} is not a whole number of frames ({head.size + n_bytes} bytes each): the file was cut, copy it again"
        )
    rows, cols = rows_and_columns(path, n, scan_shape) if scan_shape else _of_hdr(path, n)
    frames = np.memmap(path, np.uint8, "r", shape=(n, head.size + n_bytes))[: rows * cols, head.size :]
    at_once = max(1, _BLOCK // n_bytes)
    stored = da.from_array(Uncopied(frames), chunks=(at_once, -1), name=False, asarray=True)
    dtype = {1: np.uint8, 6: np.uint8, 12: np.uint16, 24: np.uint32}[head.bits]
    chunks = (stored.chunks[0], *((size,) for size in head.detector))
    data = stored.map_blocks(partial(_pixels, head=head), dtype=dtype, chunks=chunks, new_axis=2)
    geometry, name = ScanGeometry((rows, cols), head.detector), os.path.splitext(os.path.basename(path))[0]
    return Scan(data.reshape(rows, cols, *head.detector), geometry, host=HostRecord("array", {}, name))


def _head(path):
    with open(path, "rb") as file:
        parts = file.read(1024).decode("ascii", "replace").split(",")
    try:
        size, chips, width, height = (int(part) for part in parts[2:6])
        with open(path, "rb") as file:
            text = file.read(size).decode("ascii", "replace").replace("\0", " ")
        bits = int([part for part in text.split(",") if part.strip()][-1])
        layout = parts[7].strip().rstrip("G")
    except (ValueError, IndexError):
        raise UnreadableFile(f"{path!r} has a header that is none of a Merlin detector: copy the file again") from None
    if (chips, layout) not in ((1, "1x1"), (4, "2x2")) or bits not in _BYTES or (bits == 24 and chips == 4):
        raise UnreadableFile(
            f"{path!r} is a raw .mib (R64) of {chips} chips ({layout}) and {bits} bits, which is read of 1 chip, and of 4 "
            "chips (2x2) up to 12 bits: save it as processed data in Merlin's own program"
        )
    if bits == 24:
        width //= 2  # of two frames
    return _Head(size, bits, chips == 4, (2 * height, width // 2) if chips == 4 else (height, width))


def in_hdr(path: str) -> dict[str, str]:
    """What the .hdr beside a .mib says, of each of its lines; nothing where there is none."""
    name = os.path.splitext(path)[0] + ".hdr"
    if not os.path.exists(name):
        return {}
    with open(name, encoding="utf-8", errors="replace") as file:
        return {key.strip().rstrip(":"): value.strip() for key, _, value in (line.partition("\t") for line in file)}


def _of_hdr(path, n):
    """Rows and columns as the .hdr has them, where it has; of rows that are complete."""
    known = in_hdr(path)
    cols, promised = known.get("Frames per Trigger (Number)", ""), known.get(PROMISED, "")
    if not (cols.isdigit() and int(cols) > 1 and promised.isdigit()):
        return rows_and_columns(path, n, None)  # says that nothing tells
    rows = min(n, int(promised)) // int(cols)
    if not rows:
        raise UnreadableFile(f"{path!r} holds {n} patterns, less than one row of {cols}: copy the file again")
    return rows, int(cols)


def _pixels(stored, head):
    """Frames (n, det_row, det_col) of their bytes (n, bytes)."""
    words = np.ascontiguousarray(stored).view(">u8").astype("<u8").view("u1")
    if head.bits == 1:
        words = np.unpackbits(words, axis=1, bitorder="little")
    elif head.bits > 6:
        words = words.view("<u2").astype(np.uint16)
    if head.bits == 24:
        upper, lower = np.split(words.astype(np.uint32), 2, axis=1)
        words = (upper << 12) + lower
    if not head.quad:
        return words.reshape(-1, *head.detector)[:, ::-1]
    rows, cols = (size // 2 for size in head.detector)
    lower_right, lower_left, upper_right, upper_left = np.moveaxis(words.reshape(-1, rows, 4, cols), 2, 0)
    upper = np.concatenate([upper_left, upper_right], axis=2)
    lower = np.concatenate([lower_left[..., ::-1], lower_right[..., ::-1]], axis=2)[:, ::-1]
    return np.concatenate([upper, lower], axis=1)[:, ::-1]
