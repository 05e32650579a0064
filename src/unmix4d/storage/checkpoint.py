"""A folder in which a long computation leaves what it has, so that it can go on after it was stopped, even by force."""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from ..core import checks
from ..core.errors import UnreadableFile
from .atomic import TEMPORARY, replacing, write_hdf5
from .safety import array_checksum, open_dataset, refuse_bomb, require_checksum, unreadable

__all__ = ["CheckpointFolder", "Kept", "kept_or_made", "resumed"]

FORMAT = "unmix4d checkpoint"
FORMAT_VERSION = 3  # 1: nothing could be added; 2: one file, of 0.1.0; 3: a folder
EVERY = 20.0  # seconds between two writings of what is still under way
_KEY, _ENDING = "key.json", ".h5"
_NAME = re.compile(r"[a-z0-9]+( [a-z0-9]+)*")  # of a part
_KIND = "checkpoint", "checkpoint"  # for `unreadable`
_WHAT = "the checkpoint"
_NOT_ASKED_FOR = ("random_state", "versions", "passes")  # of the settings: what may differ, or is looked at on its own


class CheckpointFolder:
    """Named parts, each of arrays and facts, and each a file of its own that is whole or not there.

    Parameters
    ----------
    path : str or path-like
        Of the folder. It is made when something is first kept; one that exists is read, and nothing in it is changed until
        then.
    key : dict
        What the computation is, in JSON types. A folder of another computation is refused.

    Attributes
    ----------
    facts : dict or None
        What the run was begun with; None before that.
    lock : threading.RLock
        Runs end in threads: hold it over anything that looks before it puts.

    Raises
    ------
    OSError
        If `path` exists and is not a checkpoint, a part is damaged, or its folder cannot be written to.
    ValueError
        If it is the checkpoint of another computation; says what differs.
    """

    def __init__(self, path, key: dict):
        self.path = checks.file_name(path, "checkpoint")
        self.key = json.loads(json.dumps(key))
        self.facts: dict | None = None
        self.lock, self._written = threading.RLock(), -np.inf
        self._begun = False  # by this very object
        self._mark = None  # of the one that wrote last
        folder = self.path if os.path.isdir(self.path) else os.path.dirname(os.path.abspath(self.path))
        if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
            raise OSError(f"checkpoint must be in a folder that can be written to, which {folder!r} is not")
        if os.path.exists(self.path):
            self._read()

    def begin(self, facts: dict) -> None:
        """Make the folder, and note what the run is begun with, in JSON types."""
        with self.lock:
            self.facts, self._begun = json.loads(json.dumps(facts)), False
            self._begin()

    def get(self, name: str):
        """(arrays, facts) of a part, or None. They are read now, and not held."""
        with self.lock:
            if not os.path.isfile(self._file(name)):
                return None
            head, arrays = self._part(name)
        self._require_key(head["key"])
        return arrays, head["facts"]

    def put(self, name: str, arrays: dict, facts: dict | None = None) -> None:
        """Keep a part, in place of an older one of that name."""
        with self.lock:
            self._begin()
            write_hdf5(self._file(name), lambda file: self._fill(file, name, arrays, facts or {}), _WHAT)
            self._written = time.monotonic()

    def drop(self, name: str) -> None:
        """Forget a part."""
        with self.lock, suppress(FileNotFoundError):
            self._begin()
            os.unlink(self._file(name))

    def due(self) -> bool:
        """Whether nothing was kept for some seconds, so that what is under way should be."""
        return time.monotonic() - self._written >= EVERY

    def names(self) -> list[str]:
        """Of all parts."""
        files = os.listdir(self.path) if os.path.isdir(self.path) else []
        names = [file.removesuffix(_ENDING).replace("-", " ") for file in files if file.endswith(_ENDING)]
        return sorted(name for name in names if _NAME.fullmatch(name) and os.path.isfile(self._file(name)))

    def _file(self, name):
        return os.path.join(self.path, name.replace(" ", "-") + _ENDING)

    def _begin(self):
        """Make sure that the folder is there, and that nobody else writes to it."""
        if self._mark != (self._read_key() or {}).get("mark"):
            gone = not os.path.exists(os.path.join(self.path, _KEY))
            why = "it is no longer there" if gone else "another program has written to it"
            raise OSError(f"{_WHAT} cannot be saved to {self.path!r}: {why}")
        if self._begun:
            return
        try:
            os.makedirs(self.path, exist_ok=True)
            for file in os.listdir(self.path):
                if file.startswith(TEMPORARY):  # a writing that was stopped by force
                    os.unlink(os.path.join(self.path, file))
        except OSError as error:
            raise OSError(f"{_WHAT} cannot be saved to {self.path!r}: {error.strerror or error}") from error
        mark, text = secrets.token_hex(8), json.dumps([self.key, self.facts])
        head = {"format": FORMAT, "format_version": FORMAT_VERSION, "mark": mark, "checksum": zlib.crc32(text.encode())}
        with replacing(os.path.join(self.path, _KEY), _WHAT) as file:
            file.write(json.dumps({**head, "key": self.key, "facts": self.facts}, indent=1).encode())
        self._mark, self._begun, self._written = mark, True, time.monotonic()

    def _fill(self, file, name, arrays, facts):
        file.attrs["format"], file.attrs["format_version"] = FORMAT, FORMAT_VERSION
        checksums = {key: array_checksum(array) for key, array in arrays.items()}
        # As bytes: HDF5 limits attributes to 64 kB.
        head = {"key": self.key, "name": name, "facts": facts, "checksums": checksums}
        text = np.frombuffer(json.dumps(head).encode(), np.uint8)
        file.create_dataset("head.json", data=text)
        file.attrs["head_checksum"] = array_checksum(text)
        group = file.create_group("arrays")
        for key, array in arrays.items():
            group.create_dataset(key, data=array)

    def _read(self):
        if not os.path.isdir(self.path):
            raise UnreadableFile(_no_folder(self.path))
        kept = self._read_key()
        if kept is None:
            if any(not file.startswith(TEMPORARY) for file in os.listdir(self.path)):
                raise UnreadableFile(f"{self.path}: not a checkpoint of unmix4d; it is left as it is")
            return
        self._require_key(kept["key"])
        self.facts, self._mark = kept["facts"], kept["mark"]
        for name in self.names():
            self.get(name)  # what is damaged is said before anything is computed

    def _read_key(self):
        """What key.json says; None without one."""
        path = os.path.join(self.path, _KEY)
        if not os.path.isfile(path):
            return None
        with unreadable(path, *_KIND):
            with open(path, "rb") as file:
                kept = json.loads(file.read())
            if not isinstance(kept, dict) or kept.get("format") != FORMAT:
                raise UnreadableFile(f"{self.path}: not a checkpoint of unmix4d; it is left as it is")
            if int(kept["format_version"]) > FORMAT_VERSION:
                raise UnreadableFile(f"{self.path}: a checkpoint of a newer unmix4d: update it")
            text = json.dumps([kept["key"], kept["facts"]])
            require_checksum(_KEY, zlib.crc32(text.encode()), kept["checksum"])
            return {"mark": kept["mark"], "key": dict(kept["key"]), "facts": kept["facts"]}

    def _part(self, name):
        import h5py

        path = self._file(name)
        with unreadable(path, *_KIND), h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise UnreadableFile(f"{path}: not a part of a checkpoint of unmix4d; it is left as it is")
            refuse_bomb(file)
            text = open_dataset(file, "head.json")[()]
            require_checksum("head.json", array_checksum(text), file.attrs.get("head_checksum"))
            head = json.loads(text.tobytes())
            if head["name"] != name:
                raise ValueError(f"it was written as {head['name']!r}")
            arrays = {key: open_dataset(file["arrays"], key)[()] for key in head["checksums"]}
            for key, saved in head["checksums"].items():
                require_checksum(key, array_checksum(arrays[key]), saved)
            return head, arrays

    def _require_key(self, key):
        for name in sorted({*key, *self.key}, key=lambda name: (name != "call", name)):
            if key.get(name) != self.key.get(name):
                there, here = (_brief(k.get(name)) for k in (key, self.key))
                raise ValueError(
                    f"checkpoint must be of this run, but {self.path!r} is of another: {name} is {there} there and {here} "
                    "here; give another name, or delete the folder"
                )


def _brief(value):
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _no_folder(path):
    """What is wrong with a file in the place of the folder."""
    import h5py

    old = False
    with suppress(Exception):
        if os.path.isfile(path):
            with h5py.File(path, "r") as file:
                old = file.attrs.get("format") == FORMAT
    if old:
        return f"{path}: a checkpoint of unmix4d 0.1.0, which was one file and not a folder: give another name, or delete it"
    return f"{path}: not a checkpoint of unmix4d, which is a folder; it is left as it is"


class Kept(NamedTuple):
    """Where one answer of a run is kept.

    Attributes
    ----------
    get : callable
        Gives the answer as it was kept, or None.
    keep : callable
        Keeps an answer.
    """

    get: Callable[[], Any]
    keep: Callable[[Any], None]


def kept_or_made(kept: Kept | None, make: Callable, cancelled: Callable | None = None):
    """An answer as it was kept, or made now and kept.

    kept: None keeps nothing.
    make: Makes the answer.
    cancelled: Says whether to give up: an answer that was cancelled has not ended, and is not kept.
    Returns the answer.
    """
    answer = None if kept is None else kept.get()
    if answer is None:
        answer = make()
        if kept is not None and not (cancelled and cancelled()):
            kept.keep(answer)
    return answer


def resumed(path, kind, call: str, settings, random_state, *, free=(), **more):
    """What a run keeps, and its settings with the seed that it was begun with.

    path (str, path-like or None): ``checkpoint=`` of the call. None keeps nothing.
    kind (type): A `RunCheckpoint`.
    call: What was called.
    settings (dict): The record of the run.
    random_state (int or None): As it was given: None takes the seed of the checkpoint.
    free (sequence of str): Settings that may be others than those the checkpoint was begun with.
    **more: What distinguishes the run beside its settings, in JSON types.
    Returns checkpoint (kind or None).
    Returns settings (dict).
    Raises ValueError, OSError, TypeError when the checkpoint is of another run, or is none; see `CheckpointFolder`.
    """
    if path is None:
        return None, settings
    key = {name: value for name, value in settings.items() if name not in (*_NOT_ASKED_FOR, *free)}
    folder, seed = CheckpointFolder(path, {"call": call, **key, **more}), settings["random_state"]
    if folder.facts is None:
        folder.begin({"random_state": seed})
    begun = folder.facts["random_state"]  # type: ignore[index]  # it was begun
    if random_state is not None and begun != seed:
        raise ValueError(
            f"checkpoint must be of this run, but {folder.path!r} was begun with random_state={begun}, not {seed}; give "
            "that, or another name, or delete the folder"
        )
    return kind(folder), {**settings, "random_state": begun}
