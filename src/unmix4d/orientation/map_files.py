"""Files of orientation maps, read by orix."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from typing import Any

from ..core.version import unless_python

__all__ = ["crystal_map_of_file"]

_ENDINGS = (".ang", ".ctf", ".h5", ".hdf5", ".h5ebsd")


def crystal_map_of_file(path: str | os.PathLike[str], frame: str | None = None) -> tuple[Any, str | None]:
    """The CrystalMap of a file, and whose axes it is written in as far as its text says so (None: ask its columns).

    Raises ImportError without orix, OSError when there is no such file, and ValueError when orix cannot read it as a map, or
    when it does not say who wrote it and `frame` does not either.
    """
    path = os.fspath(path)
    ending = os.path.splitext(path)[1].lower()
    if ending not in _ENDINGS:
        raise ValueError(f"the name of a file with orientations must end with one of {', '.join(_ENDINGS)}, got {path}")
    with open(path, "rb") as file:
        head = file.read(20_000)
    try:
        from orix import io as orix_io
    except ImportError as error:
        raise ImportError(
            f"maps of orientations are read by orix, which comes with pyxem ({error}){unless_python('orix')}"
        ) from error
    options = {"autogen_names": False} if ending == ".ang" else {}
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            found = orix_io.load(path, **options)
    except Exception as error:  # whatever the reader does with what is no such file
        raise ValueError(f"{path} cannot be read as a map of orientations: {error}") from error
    if frame is None and ending in (".ang", ".ctf"):
        frame = _author(head, ending)
        if frame is None:
            raise ValueError(
                f"{path} was written by orix and does not say in which axes: pass frame='pyxem', 'astar', 'edax', 'oxford' "
                "or 'scan'"
            )
    return found, frame


def _author(head, ending):
    if b"ACOM" in head:
        return "astar"
    if b"OPERATOR: orix" in head:
        return None
    return "edax" if ending == ".ang" else "oxford"
