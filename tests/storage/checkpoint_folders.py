"""What the tests of checkpoints share: what is in a folder, and a run that breaks down in the middle."""

import json

from unmix4d.storage.checkpoint import CheckpointFolder


class Stopped(Exception):
    """Instead of a power cut."""


def contents(path):
    """The bytes of every file in a folder, by name."""
    return {file.name: file.read_bytes() for file in sorted(path.iterdir())}


def answers(path):
    """The same without key.json, in which every session leaves its mark, and which file it is."""
    return {file.name: (file.stat().st_ino, file.read_bytes()) for file in sorted(path.glob("*.h5"))}


def opened(path):
    """A checkpoint, whatever it is of."""
    return CheckpointFolder(path, json.loads((path / "key.json").read_text())["key"])


def names_in(path):
    """The parts of a checkpoint."""
    return set(opened(path).names())


def stop_after(patch, writes):
    """The run breaks down right after so many writings."""
    left = [writes]

    def counted(function):
        def write(*args):
            answer = function(*args)
            left[0] -= 1
            if left[0] <= 0:
                raise Stopped
            return answer

        return write

    for name in ("begin", "put"):
        patch.setattr(CheckpointFolder, name, counted(getattr(CheckpointFolder, name)))
