"""Descriptions that are kept in `tests/reference/`: looked up, and written anew."""

import functools
import importlib
import json
from pathlib import Path

from .described import compare, told

__all__ = ["SETS", "cases_of", "differences", "write"]

FOLDER = Path(__file__).parents[1] / "reference"
# Each file and the module whose CASES it describes.
SETS = {"figures": "figure_cases", "natives": "native_cases", "answers": "answer_cases", "orientations": "orientation_cases"}


def cases_of(kind: str) -> dict:
    """The calls of a set, by their names."""
    return importlib.import_module(f"support.{SETS[kind]}").CASES


@functools.cache
def _kept(kind):
    return json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8"))


def _flat(tree, path=()):
    for key, one in tree.items():
        yield from _flat(one, (*path, key)) if isinstance(one, dict) else [(" / ".join((*path, key)), one)]


def _nested(flat):
    """As a tree, so that a path stands there once."""
    tree = {}
    for path, one in flat.items():
        *above, last = path.split(" / ")
        place = tree
        for step in above:
            place = place.setdefault(step, {})
        place[last] = one
    return tree


def differences(kind: str, name: str) -> str:
    """Every place where the answer is not what is kept, a line each; empty where there is none."""
    lines = compare(told(cases_of(kind)[name]), dict(_flat(_kept(kind)[name])))
    return "\n".join(f"{kind}, {name}: {line}" for line in lines)


def write(kind: str, close=lambda: None) -> Path:
    """Describe every case of a set anew."""
    found = {}
    for name, call in cases_of(kind).items():
        found[name] = _nested(told(call))
        close()
    path = FOLDER / f"{kind}.json"
    path.write_text(
        "{\n" + ",\n".join(f"{json.dumps(name)}: {_lines(one)}" for name, one in found.items()) + "\n}\n", encoding="utf-8"
    )
    return path


def _lines(tree, depth=0):
    """JSON with a line for each artist, so that git shows which has changed."""
    if not any(isinstance(one, dict) for one in tree.values()):
        return json.dumps(tree, ensure_ascii=False)
    inner = " " * (depth + 1)
    below = {
        key: _lines(one, depth + 1) if isinstance(one, dict) else json.dumps(one, ensure_ascii=False)
        for key, one in tree.items()
    }
    return "{\n" + ",\n".join(f"{inner}{json.dumps(key)}: {text}" for key, text in below.items()) + "}"
