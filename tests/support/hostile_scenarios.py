"""Whole cases: a scan, what is done to it, and what is asked of the answer."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from support.hostile_calls import AFTER, DRAWING, VIEW_CALLS, call_with, calls, follow_ups
from support.hostile_hosts import METADATA, MICROSCOPE, VECTORS, CubeCase, SignalCase, any_cases
from support.hostile_made import Made
from support.hostile_more_calls import COSTLY_AFTER, COSTLY_VIEW_CALLS, OF_RESULTS
from support.strategies import ScanCase, preparations, scan_cases

__all__ = ["scenarios"]

_CALIBRATED = {"pixel_size": 0.1, "pixel_unit": "1/Å", "step": 2.0, "step_unit": "nm"}
_TAME = ("poisson", "poisson", "low rank", "fractions", "empty patterns", "dead row", "saturated beam")
_ORIGINS = st.sampled_from(("", "numbers", "maps", "drifted", "stale"))


@st.composite
def _tame_cases(draw):
    """Scans that most calls answer: what comes after the first answer is attacked."""
    plain = draw(scan_cases(holders=("numpy", "dask", "read-only"), fills=_TAME))
    centre = tuple((n - 1) / 2 for n in plain.shape[2:])
    plain = replace(plain, dtype=draw(st.sampled_from(("u2", "u2", "f4", "f8"))), facts={**_CALIBRATED, "centre": centre})
    kind = draw(st.sampled_from((ScanCase, ScanCase, ScanCase, SignalCase, CubeCase)))
    odd = {SignalCase: {"metadata": METADATA}, CubeCase: {"calibration": MICROSCOPE, "origin": _ORIGINS}}.get(kind, {})
    more = {name: draw(strategy) for name, strategy in odd.items()}
    if more.get("origin"):  # what the host says of the centre is believed where nobody says better
        plain = replace(plain, facts=_CALIBRATED)
    return kind(**vars(plain), **more)


_RIGHT = (
    ("nmf", {"n": 2, "random_state": 0, "max_iter": 5}), ("nmf", {"n": 3, "random_state": 1, "max_iter": 5}),
    ("fuzzy_cmeans", {"n_clusters": 2, "random_state": 0}), ("merge_nmf", {"initial_components": 3, "n_runs": 2}),
    ("vca", {"n": 2}), ("nmf", {"n": 1}), ("svd", {"n": 2}),
)  # fmt: skip
_ODD = st.sampled_from(("", "", "one", "negative", "nothing"))
_VECTORS = st.builds(Made, st.sampled_from(VECTORS), _ODD, st.integers(0, 5))
_ANSWERING = ("choose_k", "group_rotated", "scree", "fuzzy_validity")


@st.composite
def _deep(draw, drawing):
    """(case, prepare, calls, follow_ups): the first call is right, the rest is not always."""
    case = draw(_tame_cases())
    prepare = draw(preparations(case.shape)) if draw(st.integers(0, 3)) == 1 else {}
    first = draw(st.sampled_from((*_RIGHT, "answering", "vectors")))
    if first == "answering":
        name = draw(st.sampled_from(_ANSWERING))
        return case, prepare, [call_with(draw, name, {**VIEW_CALLS, **COSTLY_VIEW_CALLS}, case.shape, drawing)], []
    chain = [first]
    if first == "vectors":
        chain = [("bragg_disks", {"vectors": draw(_VECTORS), "bin": 1}), draw(st.sampled_from(_RIGHT))]
    late = {**COSTLY_AFTER, **OF_RESULTS}
    table = {**AFTER, **late, **(DRAWING if drawing else {})}
    names = st.one_of(st.sampled_from(sorted(late)), st.sampled_from(("grains", "overlap", "group_rotated", "index")),
                      st.sampled_from(sorted(table)))  # fmt: skip
    asked = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    return case, prepare, chain, [call_with(draw, name, table, case.shape, drawing) for name in asked]


@st.composite
def _wild(draw, drawing):
    case = draw(any_cases())
    prepare, called = draw(preparations(case.shape)), draw(calls(case.shape, drawing))
    return case, prepare, called, draw(follow_ups(case.shape, drawing))


def scenarios(drawing=False):
    """(case, prepare, calls, follow_ups); in three of ten the scan and the first call are right."""
    return st.integers(0, 9).flatmap(lambda roll: _deep(drawing) if roll in (3, 5, 7) else _wild(drawing))
