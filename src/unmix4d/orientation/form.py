"""How orientations are saved."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from ..results.forms import COUNT, SETTINGS, Arrays, Field, Json, Listing, Mapping, Record, is_real, plain, require, within
from ..results.saved import Form, Geometry
from .changes import REASONS
from .record import Candidate, Match, Rival
from .saved_phases import SavedPhase
from .sources import Painting

__all__ = ["FORM"]

# What py4DSTEM says of an orientation, and its map is made of, with the shapes.
_NATIVE: dict[str, tuple[int, ...]] = {
    "matrix": (3, 3), "family": (3, 3), "corr": (), "inds": (2,), "mirror": (), "angles": (3,),
}  # fmt: skip


def _is_matrix(value):
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(row, list) and len(row) == 3 and all(map(is_real, row)) for row in value)
    )


def _are_native(told):
    if told is None:
        return True
    made = {name: np.array(told[name]) for name in _NATIVE}
    return told.keys() == _NATIVE.keys() and all(
        one.dtype.kind in "fib" and one.shape == _NATIVE[name] for name, one in made.items()
    )


class _Native:
    """What py4DSTEM said of a candidate; pyxem's own is not needed again."""

    def write(self, value, name, arrays):
        if not all(hasattr(value, part) for part in _NATIVE):
            return None
        return {part: plain(np.asarray(getattr(value, part))[0]) for part in _NATIVE}

    def claims(self, told, name, sizes, shapes):
        require(_are_native(told), "a match")
        return {}

    def read(self, told, name, arrays):
        return None if told is None else SimpleNamespace(**{part: np.array(value)[None] for part, value in told.items()})

    def linked(self, value, link):
        return value


_TEXT, _FLAG = Json(lambda told: isinstance(told, str)), Json(lambda told: isinstance(told, bool))
_NUMBER = Json(is_real, float)
_NAME = Json(lambda told: told is None or isinstance(told, str))
_MATRIX = Json(_is_matrix, np.array)
_RIVAL: dict[str, Field] = {
    "matrix": _MATRIX, "fit": _NUMBER, "away_deg": _NUMBER, "log_ratio": _NUMBER, "native": _Native(),
}  # fmt: skip
_RIVALS = Record(Rival, _RIVAL, optional=True)
_CANDIDATE: dict[str, Field] = {
    "phase": _TEXT, "matrix": _MATRIX, "score": _NUMBER, "fit": _NUMBER, "rival": _RIVALS, "native": _Native(),
    "error_deg": _NUMBER, "model_error": _NUMBER,
}  # fmt: skip
_MATCH: dict[str, Field] = {
    "component": COUNT, "source": _TEXT, "n_positions": COUNT, "phase": _NAME, "matrix": _MATRIX, "score": _NUMBER,
    "fit": _NUMBER, "gap": _NUMBER, "second_phase": _NAME, "rival": _RIVALS, "ambiguous": _FLAG,
    "orientation_ambiguous": _FLAG, "spread_deg": _NUMBER, "candidates": Listing(Record(Candidate, _CANDIDATE)),
    "error_deg": _NUMBER, "model_error": _NUMBER, "decided_by": Json(("", "likelihood", "neighbours", "tilt").__contains__),
}  # fmt: skip
_ON_SCAN = ("scan",)
_PAINTING: dict[str, Field] = {
    "first": Arrays("i", _ON_SCAN), "second": Arrays("i", _ON_SCAN), "weight": Arrays("f", _ON_SCAN),
    "second_weight": Arrays("f", _ON_SCAN), "grain": Arrays("i", _ON_SCAN), "present": Arrays("b", ("k", "scan")),
}  # fmt: skip


def _sound(found):
    k, painting = found.k, found.painting
    require(found.geometry.scan_shape == painting.first.shape and len(painting.present) == k, "the shape of the scan")
    require(within(painting.first, k) and within(painting.second, k), "a component")
    require([match.component for match in found.matches] == [*range(k)], "the number of a component")
    for match in found.matches:
        require(match.phase is None or match.phase in found.phases, "the phase of a component")
        require(found.host != "py4dstem" or not match.matched or match.candidates, "a match")
        require(not match.matched or np.allclose(match.matrix @ match.matrix.T, np.eye(3), atol=1e-3), "an orientation")
    require(found.change is None or within(found.change, len(REASONS)), "a reason to change an orientation")
    require(all(one.shape[1:] == (3, 3) for one in found.symmetry.values()), "a symmetry")


FORM = Form(
    {
        "host": Json(("pyxem", "py4dstem", "quantem").__contains__), "matches": Listing(Record(Match, _MATCH)),
        "painting": Record(Painting, _PAINTING), "geometry": Geometry(), "symmetry": Mapping(str, Arrays("f")),
        "phases": Mapping(str, SavedPhase()), "time_s": SETTINGS, "settings": SETTINGS,
        "disagreement_deg": Arrays("f", _ON_SCAN, optional=True), "flagged": Arrays("b", _ON_SCAN, optional=True),
        "change": Arrays("i", _ON_SCAN, optional=True),
    },
    lambda found: {"k": found.k, "scan": found.geometry.scan_shape},
    _sound,
)  # fmt: skip
