"""Files are replaced, never written over: what was there before stays until the new one is whole and on the disk."""

from __future__ import annotations

import io
import os
import secrets
import stat
from contextlib import contextmanager, suppress

from ..core import checks

__all__ = ["TEMPORARY", "replacing", "write_hdf5"]

TEMPORARY = ".unmix4d-"  # what the names of unfinished files begin with


@contextmanager
def replacing(path, what: str):
    """A binary file to write to, which gets its name when the block has ended well.

    Until then it has another name in the same folder, so that a place that cannot be written to is found before anything is
    computed in the block. It is on the disk before it takes the place of an older one, whose permissions it keeps; without
    one it is as readable as any new file. A symbolic link stays one: the file it leads to is replaced.

    path: str or path-like.
    what: What is written, for the message: ``"the table"``.
    Yields file: Open for bytes.
    Raises OSError when it cannot be written, or `path` is a folder or a device; an older file of that name is then
        untouched, as it is whatever else ends the block.
    Raises TypeError, ValueError when `path` is not a name of a file.
    """
    path = checks.file_name(path)
    if os.path.isdir(path):
        raise OSError(f"path must name a file, but {path!r} is a folder")
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(f"path must name a file, but {path!r} is a device or a pipe")
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, TEMPORARY + secrets.token_hex(8))
    try:
        if os.path.islink(target):
            raise OSError("Too many levels of symbolic links")
        with open(temporary, "xb") as file:
            if os.path.exists(target):
                # Before anything is in it: what was private is at no time for others to read.
                os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise OSError(f"{what} cannot be saved to {path!r}: {error.strerror or error}") from error
        raise
    _sync(folder)


def _sync(folder):
    """The new name is on the disk too, where the system knows how."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_hdf5(path, fill, what: str) -> None:
    """An HDF5 file, written as `replacing` does.

    It is put together in memory, where it takes its own size until it is written: an HDF5 library that could not write a
    file to its end (a full disk) ends the whole interpreter with a segmentation fault when that exits.

    path: str or path-like.
    fill (callable): Gets the open ``h5py.File``.
    what: As for `replacing`.
    """
    import h5py

    with replacing(path, what) as file:
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as content:
            fill(content)
        file.write(buffer.getbuffer())
