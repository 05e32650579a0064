"""What ``--checkpoint`` keeps: of a file that is done its row of the table, of one that is not the folder to go on from."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil

from ..core.version import __version__
from ..storage.atomic import replacing
from .summary import Outcome

__all__ = ["FOLDER", "asked_of", "done_before", "keep_outcome"]

FOLDER, _NAME = "checkpoint", "done.json"
_NOT_OF_THE_ANSWER = ("files", "out", "debug", "checkpoint", "execute", "command")


def asked_of(chosen, files) -> dict:
    """What was asked of these files, and what they were: an answer to anything else is not the one that is wanted."""
    options = {name: value for name, value in vars(chosen).items() if name not in _NOT_OF_THE_ANSWER}
    return json.loads(json.dumps({"version": __version__, "options": options, "files": [_state(file) for file in files]}))


def _state(path):
    """Name, length and last change of a file; of a folder, as .zspy is one, of all in it."""
    parts = [os.path.join(top, name) for top, _, names in os.walk(path) for name in names] or [path]
    states = [os.stat(part) for part in parts if os.path.exists(part)]
    return [os.path.realpath(path), sum(s.st_size for s in states), max((s.st_mtime for s in states), default=0.0)]


def done_before(folder: str, asked: dict) -> Outcome | None:
    """What came of the same run before, if it ended well and its result is there."""
    try:
        with open(os.path.join(folder, _NAME), encoding="utf-8") as file:
            kept = json.load(file)
        if kept["asked"] != asked or not os.path.exists(os.path.join(folder, "result.unmix.h5")):
            return None
        return Outcome(**kept["outcome"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # none was kept, or it is damaged: the run is made


def keep_outcome(folder: str, asked: dict, outcome: Outcome) -> None:
    """Keep what came of a run that ended well; what it would have gone on from is taken away."""
    told = json.dumps({"asked": asked, "outcome": dataclasses.asdict(outcome)}, indent=1)
    with replacing(os.path.join(folder, _NAME), "what is done") as file:
        file.write(told.encode("utf-8"))
    shutil.rmtree(os.path.join(folder, FOLDER), ignore_errors=True)
