"""A file in which a long computation leaves what it has, so that it can go on after it was stopped, even by force."""

from __future__ import annotations

import io
import json
import os
import tempfile
import threading
import time
from contextlib import contextmanager

import numpy as np

from ..core import checks
from .journal import Journal
from .safety import array_checksum, open_dataset, refuse_bomb, require_checksum

__all__ = ["CheckpointFile", "replace_file"]

FORMAT = "unmix4d checkpoint"
FORMAT_VERSION = 2  # 1: nothing could be added
EVERY = 20.0  # seconds between two writings of what is still under way
_FRONT, _LENGTH = 512, b"unmix4d "  # bytes before the HDF5 file; in them, this and the length of the file without additions


class _OtherRun(ValueError):
    """The file is whole, but of another computation."""


class CheckpointFile:
    """Named groups of arrays and facts, written together to a temporary file that is then renamed, or added one by one.

    Parameters
    ----------
    path : str or path-like
        Read when it exists.
    key : dict
        What the computation is, in JSON types. A file of another computation is refused.

    Raises
    ------
    OSError
        When the file exists and is no checkpoint, is damaged, or its folder cannot be written to.
    ValueError
        When it is the checkpoint of another computation; says what differs.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from unmix4d.storage.checkpoint import CheckpointFile
    >>> path = os.path.join(tempfile.mkdtemp(), "run.checkpoint.h5")
    >>> CheckpointFile(path, {"k": 3}).put("state", {"maps": np.ones(2)}, {"step": 5})
    >>> arrays, facts = CheckpointFile(path, {"k": 3}).get("state")
    >>> arrays["maps"].tolist(), facts
    ([1.0, 1.0], {'step': 5})
    """

    def __init__(self, path, key: dict):
        self.path = checks.file_name(path, "checkpoint")
        self.key = json.loads(json.dumps(key))
        self._groups: dict[str, tuple[dict, dict]] = {}
        self._added: dict[str, tuple[int, int]] = {}  # where in the file
        self._journal = None
        # Starts run in threads: hold it over anything that looks before it puts.
        self.lock, self._written = threading.RLock(), 0.0
        folder = os.path.dirname(os.path.abspath(self.path))
        if os.path.isdir(self.path):
            raise OSError(f"checkpoint must name a file, but {self.path!r} is a folder")
        if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
            raise OSError(f"checkpoint must be in a folder that can be written to, which {folder!r} is not")
        if os.path.exists(self.path):
            self._read()

    def get(self, name: str):
        """(arrays, facts) of a group, or None. Of one that was added they are read now."""
        if name not in self._added:
            return self._groups.get(name)
        with self._part(self._added[name]) as (file, head):
            return _groups_of(file, head)[name]

    def put(self, name: str, arrays: dict, facts: dict | None = None, *, soon: bool = False) -> None:
        """Keep a group; the file is written anew, now, or with ``soon=True`` when it was not for some seconds.

        Neither `arrays` nor what `get` returned may be changed afterwards: another thread may be writing them.
        """
        with self.lock:
            self._groups[name] = (arrays, facts or {})
            if not soon or self.due():
                self._write()

    def add(self, name: str, arrays: dict, facts: dict | None = None) -> None:
        """Keep a group for good: it is appended to the file, and not held in memory. After that, `put` is over."""
        with self.lock:
            if self._journal is None:
                self._write()
            part = io.BytesIO()
            self._fill(part, {name: (arrays, facts or {})})
            try:
                self._added[name] = self._journal.append(part.getbuffer())
            except OSError as error:
                raise OSError(f"the checkpoint could not be saved to {self.path!r}: {error}") from error

    def replace(self, name: str, arrays: dict, facts: dict) -> None:
        """Keep another state of a group; the file follows when it is next written."""
        with self.lock:
            self._groups[name] = (arrays, facts)

    def due(self) -> bool:
        """Whether ``put(..., soon=True)`` would write."""
        return time.monotonic() - self._written >= EVERY

    def names(self) -> list[str]:
        """Of all groups."""
        return [*self._groups, *self._added]

    def drop(self, name: str) -> None:
        """Forget a group; the file follows when it is next written."""
        with self.lock:
            self._groups.pop(name, None)

    def _write(self):
        if self._added:
            raise RuntimeError("a checkpoint that groups were added to cannot be written anew")
        self._journal = None
        replace_file(self.path, lambda file: self._fill(file, self._groups), "the checkpoint", finish=_note_length)
        self._journal, self._written = Journal(self.path, os.path.getsize(self.path)), time.monotonic()

    def _fill(self, file, groups):
        """Key and groups into an open HDF5 file, or into one that is made in a buffer."""
        import h5py

        if not isinstance(file, h5py.File):
            with h5py.File(file, "w") as made:
                return self._fill(made, groups)
        file.attrs["format"], file.attrs["format_version"] = FORMAT, FORMAT_VERSION
        head = {"key": self.key, "facts": {name: facts for name, (_, facts) in groups.items()}}
        head["checksums"] = {
            name: {key: array_checksum(array) for key, array in arrays.items()} for name, (arrays, _) in groups.items()
        }
        # As bytes: HDF5 limits attributes to 64 kB.
        text = np.frombuffer(json.dumps(head).encode(), np.uint8)
        file.create_dataset("head.json", data=text)
        file.attrs["head_checksum"] = array_checksum(text)
        for name, (arrays, _) in groups.items():
            group = file.create_group(name)
            for key, array in arrays.items():
                group.create_dataset(key, data=array)

    def _read(self):
        import h5py

        with self._damage():
            with h5py.File(self.path, "r") as file:
                if file.attrs.get("format") != FORMAT:
                    raise OSError(f"{self.path}: not a checkpoint of unmix4d; it is left as it is")
                if int(file.attrs["format_version"]) > FORMAT_VERSION:
                    raise OSError(f"{self.path}: a checkpoint of a newer unmix4d: update it")
                refuse_bomb(file)
                head = _head(file)
                self._require_key(head["key"])
                self._groups = _groups_of(file, head)
                version = int(file.attrs["format_version"])
            if version > 1:
                self._journal = Journal(self.path, _noted_length(self.path))
                for place in self._journal.places:
                    with self._part(place) as (_, head):
                        self._require_key(head["key"])
                        self._added |= dict.fromkeys(head["facts"], place)

    @contextmanager
    def _part(self, place):
        """What was appended at a place, as an HDF5 file, and its head."""
        import h5py

        with self._damage(), h5py.File(io.BytesIO(self._journal.read(place)), "r") as file:
            refuse_bomb(file)
            yield file, _head(file)

    @contextmanager
    def _damage(self):
        """Whatever trips over a damaged file, it is the file that is wrong."""
        try:
            yield
        except OSError as error:
            if str(error).startswith(self.path):
                raise
            raise OSError(f"{self.path}: not a readable checkpoint, or a damaged one: {error}") from error
        except _OtherRun:
            raise
        except MemoryError:
            raise MemoryError(f"{self.path}: the checkpoint is larger than the memory that is free") from None
        except Exception as error:
            raise OSError(f"{self.path}: the checkpoint is incomplete or damaged: {error}") from error

    def _require_key(self, key):
        for name in sorted({*key, *self.key}, key=lambda name: (name != "call", name)):
            if key.get(name) != self.key.get(name):
                there, here = (_brief(k.get(name)) for k in (key, self.key))
                raise _OtherRun(
                    f"checkpoint must be of this run, but {self.path!r} is of another: {name} is {there} there and {here} "
                    "here; give another name, or delete the file"
                )


def _head(file):
    text = open_dataset(file, "head.json")[()]
    head = json.loads(text.tobytes())
    require_checksum("head.json", array_checksum(text), file.attrs.get("head_checksum"))
    return head


def _groups_of(file, head):
    return {name: (_arrays(file[name], head["checksums"][name]), facts) for name, facts in head["facts"].items()}


def _arrays(group, checksums):
    """The arrays of a group, as they were written."""
    arrays = {key: open_dataset(group, key)[()] for key in checksums}
    for key, array in arrays.items():
        require_checksum(key, array_checksum(array), checksums[key])
    return arrays


def _brief(value):
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _note_length(path):
    with open(path, "r+b") as file:
        length = os.path.getsize(path)
        file.write(_LENGTH + length.to_bytes(8, "little"))
        file.flush()
        os.fsync(file.fileno())


def _noted_length(path):
    """Where the parts that were added begin."""
    with open(path, "rb") as file:
        name, length = file.read(8), int.from_bytes(file.read(8), "little")
    if name != _LENGTH or not _FRONT < length <= os.path.getsize(path):
        raise ValueError("its beginning is not as it was written")
    return length


def replace_file(path, write, what: str, *, finish=None) -> None:
    """Write an HDF5 file under a temporary name, then rename: the old one stays whole until the new one is.

    Parameters
    ----------
    path : str
    write : callable
        Gets the open ``h5py.File``.
    what : str
        For the message.
    finish : callable, optional
        Gets the name of the closed file, whose first 512 bytes are then not of HDF5.

    Raises
    ------
    OSError
        When it cannot be written; an older file of that name is then untouched.
    """
    import h5py

    folder = os.path.dirname(os.path.abspath(path))
    try:
        handle, temporary = tempfile.mkstemp(prefix=".unmix4d-", suffix=".h5", dir=folder)
    except OSError as error:
        raise OSError(f"{what} cannot be saved to {path!r}: {error.strerror or error}") from error
    os.close(handle)
    try:
        with h5py.File(temporary, "w", userblock_size=_FRONT if finish else 0) as file:
            write(file)
        if finish:
            finish(temporary)
        _usual_permissions(temporary)
        os.replace(temporary, path)
    except BaseException as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        if isinstance(error, (OSError, RuntimeError)):
            raise OSError(f"{what} could not be saved to {path!r}: {error}") from error
        raise


def _usual_permissions(path):
    # mkstemp makes files for the owner alone; a saved file should be as readable as any other.
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(path, 0o666 & ~mask)
