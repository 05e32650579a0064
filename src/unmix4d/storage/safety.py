"""What a file from elsewhere may not do: claim more than it holds, lead to other files, or change unnoticed."""

from __future__ import annotations

import zlib
from contextlib import contextmanager

import numpy as np

from ..core.errors import UnreadableFile

__all__ = ["array_checksum", "open_dataset", "refuse_bomb", "require_checksum", "text_checksum", "unreadable"]

_FREE = 256 << 20  # bytes that any file may ask for
_RATIO = 200  # times its own size that a larger one may: maps of zeros and NaN compress a lot, not all arrays are such


@contextmanager
def unreadable(path, kind: str, what: str):
    """Whatever trips over a damaged file in this block, it is the file that is wrong.

    path: str.
    kind, what (str): What it should be and what it holds, for the messages: ``"HDF5 file"``, ``"saved result"``.
    Raises UnreadableFile for any error but lack of memory, which stays one.
    """
    try:
        yield
    except UnreadableFile:
        raise
    except OSError as error:
        raise UnreadableFile(f"{path}: not a readable {kind}, or a damaged one: {error}") from error
    except MemoryError:
        raise MemoryError(f"{path}: the {what} is larger than the memory that is free") from None
    except Exception as error:
        raise UnreadableFile(f"{path}: the {what} is incomplete or damaged: {error}") from error


def refuse_bomb(file) -> None:
    """Refuse an HDF5 file whose data sets are far larger than the file; nothing of them is read.

    file: h5py.File.
    Raises UnreadableFile when it claims more than 256 MB and more than 200 times its own size.
    """
    claimed, held = sum(_claims(file)), file.id.get_filesize()
    if claimed > max(_FREE, _RATIO * held):
        raise UnreadableFile(
            f"{file.filename}: the file claims {claimed / 1e9:.3g} GB of numbers but is only {held / 1e6:.3g} MB long: it "
            "is damaged or made to fill the memory"
        )


def _claims(group):
    import h5py

    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.HardLink):
            member = group.get(name)
            if isinstance(member, h5py.Dataset):
                yield member.size * member.dtype.itemsize if member.size else 0
            elif isinstance(member, h5py.Group) and group.name == "/":
                yield from _claims(member)


def open_dataset(group, name: str):
    """A data set that is in this very file.

    Raises ValueError when the name leads to another file, by a link or because the numbers are stored there.
    Raises KeyError when there is none.
    """
    import h5py

    dataset = group[name] if isinstance(group.get(name, getlink=True), h5py.HardLink) else None
    if dataset is None and name in group:
        raise ValueError(f"{name} is a link to somewhere else, which is not followed")
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise ValueError(f"{name} is not a data set of this file")
    return dataset


def array_checksum(array) -> int:
    """CRC-32 of the values of an array, its shape and its type."""
    array = np.ascontiguousarray(array)
    kind = zlib.crc32(f"{array.dtype.str} {array.shape}".encode())
    return zlib.crc32(array.reshape(-1).view(np.uint8).data, kind) if array.size else kind


def text_checksum(text: str) -> int:
    """CRC-32 of a text."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def require_checksum(name: str, found: int, saved) -> None:
    """Refuse what is not as it was saved.

    Raises ValueError when the two differ.
    """
    if saved is None or found != int(saved):
        raise ValueError(f"{name} is not as it was saved: its checksum differs")
