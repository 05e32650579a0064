"""Whether a file holds the whole scan: readers of hosts fill gaps with zeros, or leave out what is not there, in silence."""

from __future__ import annotations

import math
import os

from ..core.errors import UnreadableFile
from ..core.messages import warn
from ..core.scan import Scan
from ..core.units import convert
from .merlin_raw import PROMISED, in_hdr

__all__ = ["brief", "look_for_gaps", "read_to_the_end"]

_LONGEST = 300  # characters of what a host says: some print their whole help


def brief(error) -> str:
    """What somebody else's error says, in one line."""
    text = " ".join(str(error).split()) or "no reason is given"
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."


def read_to_the_end(scan, path):
    """A file that ends too early is known by its last pattern, and not after an hour."""
    if getattr(scan, "_lazy", False):
        try:
            scan.data[(-1,) * (scan.data.ndim - 2)].compute()
        except Exception as error:  # whatever a reader does with what is not there
            said = f"{type(error).__name__}: {brief(error)}"
            raise UnreadableFile(
                f"{path!r} cannot be read to its end, as a file that was cut or damaged ({said})"
            ) from error


def look_for_gaps(scan, path) -> None:
    """Warn of patterns that are not there, or may not be where they seem to be."""
    _look_at_row(scan, path)
    _look_at_frames(scan, path)
    _look_at_blocks(path)


def _look_at_row(scan, path):
    """Warn of patterns in one row that need not be a line on the specimen."""
    manager = getattr(scan, "axes_manager", None)
    if manager is None or manager.navigation_dimension != 1:
        return
    (axis,) = manager.navigation_axes
    try:
        convert(1.0, axis.units, "nm")
    except ValueError:
        warn(
            f"{path!r} holds {axis.size} patterns in one row, taken as a line: where they are a map, give scan_shape "
            "(--scan-shape ROWS COLS)"
        )


def _look_at_frames(scan, path):
    """Warn of patterns that the .hdr of a .mib promises and that are not read, because they are not there or fill no row."""
    if hasattr(scan, "original_metadata"):
        promised, read = str(scan.original_metadata.get_item(f"hdr_file.{PROMISED}")), math.prod(scan.data.shape[:-2])
    elif isinstance(scan, Scan) and path.lower().endswith(".mib"):
        promised, read = in_hdr(path).get(PROMISED, ""), math.prod(scan.shape[:2])
    else:
        return
    if promised.isdigit() and read < int(promised):
        warn(
            f"{path!r} gives {read} of the {promised} patterns that its .hdr promises: the acquisition was interrupted, or "
            "the file was cut; copy it again if it is too short"
        )


def _look_at_blocks(path):
    """Warn of blocks that a .zspy lacks: zarr reads them as zeros."""
    if os.path.splitext(path)[1].lower() != ".zspy":
        return
    import zarr

    arrays = [experiment["data"] for _, experiment in zarr.open(path, mode="r")["Experiments"].groups()]
    # Counted here: zarr 2 takes the first folder of nested blocks for all of them.
    folders = [os.walk(os.path.join(path, array.path)) for array in arrays]
    metadata = (".", "zarr.json")  # of zarr 2 and of zarr 3
    there = sum(not name.startswith(metadata) for folder in folders for _, _, names in folder for name in names)
    wanted = sum(array.nchunks for array in arrays)
    if there < wanted:
        warn(
            f"{path!r} lacks {wanted - there} of {wanted} blocks, which are read as zeros: copy the file again, unless it "
            "was written without its empty blocks"
        )
