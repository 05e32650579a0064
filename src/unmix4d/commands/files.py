"""Which files are meant, and the folder of each."""

from __future__ import annotations

import glob
import os
import tempfile
from collections import Counter

from ..core import checks
from ..orientation.phase_names import told_apart
from .summary import NAME

__all__ = ["folders_of", "named", "writable_folder"]


def named(words) -> list[str]:
    """Files by name, or by a pattern where the shell has left one; OSError where a pattern has none, or one comes twice."""
    files = []
    for word in words:
        word = checks.file_name(word, "FILE")
        found = [word] if os.path.lexists(word) or not glob.has_magic(word) else sorted(glob.glob(word))
        if not found:
            raise OSError(f"there is no file {word!r}")
        files += found
    places = Counter(os.path.realpath(file) for file in files)
    twice = [file for file in files if places[os.path.realpath(file)] > 1]
    if twice:
        raise OSError(f"every FILE must be named once, got {twice[0]!r} again")
    return files


def folders_of(files, out) -> tuple[str, list[str]]:
    """(where all is written to, the folder of each file): of one file they are the same."""
    stems = [_stem(file) for file in files]
    if len(files) == 1:
        folder = os.path.abspath(checks.file_name(out or f"unmix4d-{stems[0]}", "--out"))
        return folder, [folder]
    top = os.path.abspath(checks.file_name(out or "unmix4d-results", "--out"))
    alike = Counter(stem.lower() for stem in stems)
    names = [stem if alike[stem.lower()] == 1 else _base(file) for stem, file in zip(stems, files)]
    return top, [os.path.join(top, name) for name in told_apart([NAME, *names])[1:]]


def _base(file):
    return os.path.basename(os.path.normpath(file))


def _stem(file):
    return os.path.splitext(_base(file))[0]


def writable_folder(folder: str) -> None:
    """OSError where nothing can be written to a folder, which need not exist yet, and is not made."""
    existing = folder
    # A command that is wrong for another reason is to leave no folder behind: the one above is tried.
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise OSError(f"--out {folder!r} cannot be written to: {error.strerror or error}") from error
