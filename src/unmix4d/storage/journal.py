"""Parts that are appended to a file, each of them whole or not there: one costs its own size, not that of the file."""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress

__all__ = ["Journal"]

# Before every part: a name, the length and the CRC-32 of the part, and the CRC-32 of those three.
_HEAD, _NAME = struct.Struct("<8sQII"), b"unmix4d+"


class Journal:
    """The parts behind the first `start` bytes of a file.

    The head of a part is written when the part itself is on the disk. Where a head is empty, a writing was interrupted, and
    what follows counts as not there; where it is wrong, the file is damaged.

    Parameters
    ----------
    path : str
    start : int
        Where the first part begins.

    Attributes
    ----------
    places : list of (int, int)
        Offset and length of every part.

    Raises
    ------
    ValueError
        When a part is not as it was written.

    Examples
    --------
    >>> import os, tempfile
    >>> from unmix4d.storage.journal import Journal
    >>> path = os.path.join(tempfile.mkdtemp(), "file")
    >>> with open(path, "wb") as file:
    ...     _ = file.write(b"begins")
    >>> _ = Journal(path, 6).append(b"first")
    >>> journal = Journal(path, 6)
    >>> [journal.read(place) for place in journal.places]
    [b'first']
    """

    def __init__(self, path, start: int):
        self.path, self.places, self._end = path, [], start
        self._size = os.path.getsize(path)
        with open(path, "rb") as file:
            while (place := self._next(file)) is not None:
                self.places.append(place)
                self._end = sum(place)

    def _next(self, file):
        file.seek(self._end)
        head = file.read(_HEAD.size)
        if not any(head):
            return None
        name, length, checksum = b"", 0, None
        if len(head) == _HEAD.size and zlib.crc32(head[:-4]) == int.from_bytes(head[-4:], "little"):
            name, length, checksum, _ = _HEAD.unpack(head)
        if name != _NAME or file.tell() + length > self._size or _checksum_of(file, length) != checksum:
            raise ValueError("a part that was appended to it is not as it was written")
        return self._end + _HEAD.size, length

    def read(self, place) -> bytes:
        """The part at a place."""
        offset, length = place
        with open(self.path, "rb") as file:
            file.seek(offset)
            return file.read(length)

    def append(self, part) -> tuple[int, int]:
        """Append a part; its place.

        Raises
        ------
        OSError
            When it cannot be written, or another program has changed the file; what was in the file before is untouched.
        """
        if os.path.getsize(self.path) != self._size:
            raise OSError("another program has written to it")
        numbers = _HEAD.pack(_NAME, len(part), zlib.crc32(part), 0)[:-4]
        with open(self.path, "r+b") as file:
            try:
                file.truncate(self._end)  # what an interrupted writing left
                self._put(file, self._end + _HEAD.size, part)
                self._put(file, self._end, numbers + zlib.crc32(numbers).to_bytes(4, "little"))
            except BaseException:
                with suppress(OSError):
                    file.truncate(self._end)
                self._size = os.path.getsize(self.path)
                raise
        place = self._end + _HEAD.size, len(part)
        self.places.append(place)
        self._end = self._size = sum(place)
        return place

    @staticmethod
    def _put(file, offset, data):
        file.seek(offset)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _checksum_of(file, length):
    checksum = 0
    while length > 0 and (piece := file.read(min(length, 1 << 24))):
        checksum, length = zlib.crc32(piece, checksum), length - len(piece)
    return checksum
