"""One file of a result: HDF5 for its arrays, JSON for the rest. No pickle; nothing in a file is ever executed."""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from ..core import checks
from ..core.errors import UnreadableFile
from .atomic import write_hdf5
from .safety import array_checksum, open_dataset, refuse_bomb, require_checksum, text_checksum, unreadable

__all__ = ["FORMAT_VERSION", "Claim", "KIND", "read", "write"]

FORMAT = "unmix4d"
# 2: changes and strengths; 3: features and merging; 4: fuzzy clusters; 5: checksums; 6: "frame" is called "geometry"
FORMAT_VERSION = 6
_CHECKSUMS, _GEOMETRY = 5, 6  # the first versions that have them
_HEAD = "settings.json"
_MOST = 1 << 34  # entries of an array
_SMALL = 1024  # entries of an array that is not worth compressing
KIND = "HDF5 file", "saved result"  # for `unreadable`


class Claim(NamedTuple):
    """What an array of a file must be: its shape, None for any, and NumPy's letters of its kinds of numbers."""

    shape: tuple | None
    kinds: str


def write(path, head: dict, arrays: dict, *, title: str = "", what: str = "the result") -> None:
    """Write a file; one that is already there is replaced only after the new one is complete.

    The compressed file is held in memory until it is written. The head is of JSON types, arrays of numbers or booleans;
    `title` is for those who open the file with other programs, `what` for messages. An OSError leaves an older file
    untouched.
    """
    head = {**head, "checksums": {name: array_checksum(array) for name, array in arrays.items()}}
    text = json.dumps(head)  # of ASCII: half a character, which a title may hold, has no other form in a file
    write_hdf5(path, lambda file: _fill(file, text, arrays, title), what)


def _fill(file, text, arrays, title):
    import h5py

    file.attrs["format"], file.attrs["format_version"], file.attrs["title"] = FORMAT, FORMAT_VERSION, title
    # As a data set, since HDF5 limits attributes to 64 kB and the metadata of a host may be longer.
    file.create_dataset(_HEAD, data=text, dtype=h5py.string_dtype("utf-8"))
    file.attrs["settings_checksum"] = text_checksum(text)
    for name, array in arrays.items():
        options = {"compression": "gzip", "compression_opts": 4} if array.size > _SMALL else {}
        file.create_dataset(name, data=array, **options)


def read(path, expected) -> tuple[dict, dict]:
    """Head and arrays, after every look that shows whether they are those that were written.

    path: str or path-like.
    expected (callable): ``expected(head, shapes)``, with the shapes that the arrays in the file claim to have, gives what
        they must be (name -> `Claim`). What it does not name is not read. Compared before anything is read: a damaged or
        hostile file may claim any size.
    Returns head (dict): As it would be written today.
    Returns arrays (dict of str -> ndarray): Those of the expected ones that are in the file.
    Raises OSError when there is no such file.
    Raises UnreadableFile when it is not a result of unmix4d, is damaged, or comes from a newer version.
    """
    import h5py

    path = checks.file_name(path)
    if not os.path.isfile(path):
        raise OSError(f"there is no file {path!r}")
    with unreadable(path, *KIND), h5py.File(path, "r") as file:
        version = _version(file, path)
        refuse_bomb(file)
        head = _head(file, version)
        claims = expected(head, {name: open_dataset(file, name).shape for name in file if name != _HEAD})
        arrays = {name: _array(file, name, claim, head.get("checksums")) for name, claim in claims.items() if name in file}
    return head, arrays


def _version(file, path):
    if file.attrs.get("format") != FORMAT:
        raise UnreadableFile(f"{path}: not a result saved by unmix4d")
    version = int(file.attrs["format_version"])
    if version < 1:
        raise ValueError(f"its version is {version}")
    if version > FORMAT_VERSION:
        raise UnreadableFile(
            f"{path}: written by a newer unmix4d (file version {version}, this one reads up to {FORMAT_VERSION}): update it"
        )
    return version


def _head(file, version):
    """The settings, after a look at their checksum where the version has one."""
    dataset = open_dataset(file, _HEAD)
    if dataset.shape != () or dataset.dtype.kind != "O":
        raise ValueError(f"{_HEAD} has the shape {dataset.shape} and dtype {dataset.dtype}, expected one text")
    text = dataset.asstr()[()]
    head = json.loads(text)
    if version >= _CHECKSUMS:
        require_checksum(_HEAD, text_checksum(text), file.attrs.get("settings_checksum"))
        if set(head["checksums"]) != set(file) - {_HEAD}:
            raise ValueError("arrays are missing, or there are more than were saved")
    if version < _GEOMETRY:
        head["geometry"] = head.pop("frame")
    return head


def _array(file, name, claim, checksums):
    dataset = open_dataset(file, name)
    other = claim.shape is not None and dataset.shape != claim.shape
    if other or dataset.dtype.kind not in claim.kinds or dataset.size > _MOST:
        raise ValueError(f"{name} has the shape {dataset.shape} and dtype {dataset.dtype}, expected {claim.shape}")
    array = dataset[()]
    if checksums is not None:
        require_checksum(name, array_checksum(array), checksums.get(name))
    return array
