"""Calls that take longer, need a host, or are asked of what another call answered; `hostile_calls` has all others."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from support.hostile_hosts import ODD_VECTORS, VECTORS
from support.hostile_made import Made

__all__ = ["COSTLY_AFTER", "COSTLY_VIEW_CALLS", "OF_ANSWERS"]

_SEED = st.sampled_from((0, 1))
_FEW = st.sampled_from((1, 2, 3))
_RADIUS = st.sampled_from((None, 0, 1, 2.5, "1 px", "0.05 1/Å"))
_GAP = st.sampled_from((0, 0.05, 2))
_INDEX = st.sampled_from((0, 1, 99))
_SECTIONS = ("summary", "number", "components", "fit", "overlap", "grains", "groups", "orientations", "quality", "settings",
             "citation")  # fmt: skip
_ONE_SECTION = st.sampled_from(_SECTIONS).map(lambda name: [name])
NONE = ({}, {})


def _no_arguments(shape):
    """No arguments, whatever the shape."""
    return NONE


def _vectors(*kinds):
    odd = st.one_of(ODD_VECTORS, st.just("other scan"))
    return st.builds(Made, st.sampled_from(kinds or VECTORS), odd, st.integers(0, 5))


def _group(of_positions):
    more = {"n_parts": st.sampled_from((None, 1, 2, 5)), "precision": st.sampled_from(("single", "double")),
            "random_state": _SEED} if of_positions else {"as_published": st.booleans()}  # fmt: skip
    return {}, {
        "n_groups": st.sampled_from(("auto", 1, 2, 3)), "distance": st.sampled_from((None, 0, 0.3, 1)),
        "linkage": st.sampled_from(("average", "single", "complete", "weighted", "ward", "merged")), "mirror": st.booleans(),
        "friedel": st.booleans(), "weight": st.sampled_from(("radius", "none", np.ones(2), np.full(3, np.nan))),
        "r_min": _RADIUS, "r_max": _RADIUS, "spots": st.sampled_from((0, 0.2, 0.9)), **more,
    }  # fmt: skip


def _choose_k(s):
    right = st.sampled_from(([2], [1, 2], [2, 3], range(1, 4), [3, 1], (), [2, 2], [1, 10**6]))
    return {"ks": right}, {
        "rule": st.sampled_from(("unmix4d", "unmix4d", "cao2025", "cao2025", "cao2025", "held_out", "noise_edge",
                                 "loss_knee", "distinct", "stable", "coherent")),
        "n_starts": st.sampled_from((1, 2)), "fraction": st.sampled_from((None, 0.8, 0.5, 1)), "max_iter": _FEW,
        "smooth": st.sampled_from(("auto", None, 0.5, "2 nm")), "weights": st.sampled_from(("auto", "none", "capped")),
        "annulus": st.sampled_from((None, (1, None), (0, 3), (9, 99), ("0.1 1/Å", None))), "random_state": _SEED,
        "precision": st.sampled_from(("single", "double")), "tol": st.sampled_from((0, 1e-3)),
    }  # fmt: skip


def _bragg_disks(s):
    return {}, {
        "vectors": st.one_of(st.none(), _vectors()), "bin": st.sampled_from((1, 2, 3, 99)),
        "intensity": st.sampled_from(("sum", "sqrt", "binary")), "spread": _RADIUS, "q_min": _RADIUS, "q_max": _RADIUS,
        "centre": st.sampled_from((None, (2, 2), (0, -5.0))), "detector": st.sampled_from(("pyxem", "py4dstem", "pyxem")),
        "disk_radius": st.sampled_from((1.5, 1, 3, "1 px", 50)),
        "detection": st.sampled_from((None, {}, {"nonsense": 1}, [1])),
    }  # fmt: skip


COSTLY_VIEW_CALLS = {
    "choose_k": _choose_k, "group_rotated": lambda s: _group(True), "bragg_disks": _bragg_disks,
    "at_positions": lambda s: ({"keep": st.sampled_from((*(np.eye(*s[:2]) < n for n in (0, 1, 2)), np.ones(3, bool)))}, {}),
}  # fmt: skip


def _index(s):
    phases = st.sampled_from((Made("simulation"), Made("crystal"), [Made("simulation")], [Made("crystal")] * 2, [], {},
                              [Made("crystal"), Made("simulation")], Made("simulation", "hexagonal"),
                              Made("simulation", "unnamed"), [Made("simulation"), Made("simulation", "unnamed")],
                              Made("simulation", "monoclinic"), Made("crystal", "hexagonal"),
                              Made("crystal", "monoclinic")))  # fmt: skip
    return {"simulation": st.one_of(phases, phases, _maps_of_orientations())}, {
        "crystal": st.sampled_from((*[None] * 6, Made("crystal"), Made("simulation"), {"silver": Made("simulation")})),
        "frame": st.sampled_from((*[None] * 6, "pyxem", "edax", "up")),
        "source": st.sampled_from((None, "single", "mean", "component")), "enough": st.sampled_from((1, 10, 1000)),
        "vectors": st.one_of(st.none(), _vectors()), "phase_gap": _GAP,
        "odds": st.sampled_from((20.0, 1, 0, 1e9)), "model_error": st.sampled_from((None, 0.1, 3, 0)),
        "prefer": st.sampled_from((None, "neighbours")), "twin_laws": st.sampled_from(((), [((1, 1, 1), 60)], [3])),
        "q_min": st.sampled_from((None, 0, 0.1, 0.3, 9)), "q_max": st.sampled_from((None, 0.2, 1.0, 99)),
        "disk_radius": st.sampled_from((None, 1, 2.5, 99)),
        "probe": st.sampled_from((None, np.ones(s[2:]), np.zeros((2, 2)))),
        "detection": st.sampled_from((None, {}, {"nonsense": 1})), "min_peaks": st.sampled_from((2, 3, 99)),
        "rank": st.sampled_from(("auto", "disks", "host")), "candidates": _FEW, "refine": st.booleans(),
        "gamma": st.sampled_from((0.5, 1, 20)), "background": st.sampled_from((None, "radial median", "radial percentile")),
        "plan": st.sampled_from((None, None, {"nonsense": 1})),
    }  # fmt: skip


def _maps_of_orientations():
    odd = st.sampled_from(("", "", "other scan", "not indexed", "partly", "no step"))
    made = st.builds(Made, st.just("crystal map"), odd, st.integers(0, 3))
    return st.one_of(made, made, st.sampled_from((Made("orientations"), Made("orientations", "py4dstem"), Made("itself"))))


_DEGREES = st.sampled_from((5.0, 0.1, 400, 0))
_FRAME = st.sampled_from((None, None, "pyxem", "astar", "scan", "up"))
_CRYSTAL = st.sampled_from((None, Made("crystal"), Made("simulation")))
COSTLY_AFTER = {
    "index": _index,
    "orientations": _index,
    "group_braggvectors": lambda s: (
        {"braggvectors": _vectors()},
        {"single": st.sampled_from((None, True, False)), "min_share": st.sampled_from((0, 0.2, 1, 2)),
         "q_min": st.sampled_from((0.0, 0.1, 1e9))},
    ),
    "merge_orientations": lambda s: (
        {"existing": _maps_of_orientations()},
        {"crystal": _CRYSTAL, "enough": _FEW, "disagree_deg": _DEGREES, "frame": _FRAME},
    ),
    "compare_orientations": lambda s: (
        {"ours": st.just(Made("orientations")), "full": _maps_of_orientations()},
        {"crystal": _CRYSTAL, "agree_within": _DEGREES, "full_time_s": st.sampled_from((None, 1.0, 0)), "frame": _FRAME},
    ),
    "report": lambda s: (
        {"sections": st.one_of(_ONE_SECTION, _ONE_SECTION, st.lists(st.sampled_from(_SECTIONS), max_size=2),
                               st.sampled_from((["nonsense"], "summary", ["grains", "grains"])))},
        {"choice": st.just(Made("own choice")), "grains": st.sampled_from((Made("own grains"), Made("other grains"))),
         "groups": st.sampled_from((Made("own groups"), Made("own grains"))), "orientations": st.just(Made("orientations")),
         "title": st.sampled_from(("", "<script>alert(1)</script>", "ünï ☃ & $x$", "\x00\ud800", "x" * 3000))},
    ),
    "explore": lambda s: ({}, {"row": st.sampled_from((0, 1, None, 99)), "col": st.sampled_from((0, 2, None, -1))}),
    "attach": lambda s: (
        {"host": st.sampled_from((Made("cube"), Made("cube", "other scan"), Made("cube", "nan"), np.ones(3)))}, {}
    ),
}  # fmt: skip
_SOME = st.sampled_from(([0, 1], [0], [1, 0], [0, 0], [], [0, 9], [-1, 0], ["0", 1], 0, "01", np.array([0, 1]), [0.5, 1]))
_NAMES = st.sampled_from((
    {0: "a"}, {0: "a", 1: "a"}, {}, {0: "3"}, {0: "x" * 99}, {9: "a"}, {0: "\ud800<b>"}, ["a"], {0: None}, {"0": "b"},
))  # fmt: skip
_REFIT = {"refit": st.sampled_from((True, False, 1))}
_EDITS = {
    "merge": lambda s: ({"components": _SOME}, _REFIT),
    "drop": lambda s: ({"components": _SOME}, _REFIT),
    "background": lambda s: ({"components": _SOME}, {}),
    "reorder": lambda s: ({"order": st.sampled_from(([1, 0], [0], [0, 1, 2], [2, 0, 1], "10"))}, {}),
    "split": lambda s: (
        {"component": st.sampled_from((0, 1, "0", 9, -1))},
        {"into": st.sampled_from((1, 2, 3, 10**6)), "by": st.sampled_from(("intensity", "regions", "x")), **_REFIT,
         "random_state": _SEED},
    ),
    "rename": lambda s: ({"names": _NAMES}, {}),
    "replace": lambda s: (
        {"component": st.sampled_from((0, 9)),
         "pattern": st.sampled_from((*(np.full(s[2:], value) for value in (1.0, 0.0, -1.0, np.nan)), np.ones(3), "x"))},
        _REFIT,
    ),
    "refit": lambda s: ({}, {"n_iter": st.sampled_from((0, 1, 5, -1, 0.5))}),
    "undo": lambda s: ({}, {"n": st.sampled_from((1, 0, 9))}),
    "suggest": _no_arguments,
    "edit": _no_arguments,
}  # fmt: skip
OF_RESULTS = {
    **_EDITS,
    "to_csv": lambda s: ({"path": st.sampled_from(("tâble.csv", "no/such/folder.csv", ""))}, {}),
    "save_images": lambda s: (
        {"folder": st.sampled_from(("ïmages", "of/others", ""))}, {"format": st.sampled_from(("tiff", "png", "jpg"))}
    ),
    "to_xarray": _no_arguments,
    "group_rotated": lambda s: _group(False),
    "membership_at": lambda s: (
        {"loadings": st.sampled_from((*(np.ones(n) for n in (0, 1, (3, 2), (4, 4, 3))), np.full((2, 2), np.nan)))}, {}
    ),
}  # fmt: skip
_START = st.sampled_from(((0, 0), (0, 1), (1, 0), (0, 0), (99, 0), (0,)))
_STOP = st.sampled_from(((2, 2), (1, 1), (2, 0), (0, 2), (2, 2), (0, -1)))
_PAIR = st.sampled_from((None, (0, 1), (1, 0), (0, 0), (0, 9)))
_HOME = {}, {"fill_value": st.sampled_from((0.0, -1, float("nan")))}
OF_ANSWERS = {
    "Grains": {
        "labels": NONE, "mean_patterns": ({}, {"single": st.booleans()}), "dissimilarity": NONE,
        "to_host": ({}, {"chosen": st.sampled_from((None, [0], (), [99], "all", 0))}), "mask": ({"i": _INDEX}, {}),
        "plot": ({}, {"image": st.sampled_from((None, np.ones((2, 2)), np.ones((3, 4)))), "numbers": st.booleans()}),
        "plot_sizes": ({}, {"column": st.sampled_from(("equivalent_diameter", "area", "touches_edge", "nonsense")),
                            "bins": st.sampled_from((None, 1, 5, (0, 1, 2), "auto"))}),
    },
    "Groups": {
        "angle_map": ({}, {"group": _INDEX}), "orientation": ({}, {"group": _INDEX}),
        "compare": ({"other": st.sampled_from((None, 3, "nonsense"))}, {}),
        "plot": ({}, {"groups": st.sampled_from(((0,), (9,), (), (0, 0)))}), "plot_dendrogram": NONE,
        "plot_similarity": ({}, {"by_group": st.booleans()}), "plot_angles": ({}, {"group": _INDEX}),
        "to_host": _HOME,
    },
    "KChoice": {
        "plot": NONE, "to_host": _HOME, "plot_image_quality": NONE,
        "plot_similarity": ({}, {"k": st.sampled_from((None, 2, 99)),
                                 "metric": st.sampled_from(("cosine", "ssim", "ssim_sqrt", "nonsense"))}),
    },
    "Overlap": {
        "to_host": NONE,
        "at": ({"threshold": st.sampled_from((0.5, 0.01, 0, 1, 2))}, {}), "profile": ({"start": _START, "stop": _STOP}, {}),
        "plot": ({}, {"components": _PAIR}),
        "plot_profile": ({"start": _START, "stop": _STOP},
                         {"points": st.sampled_from((4, 1, 0, (0, 1), (99,), ())),
                          "components": st.sampled_from((None, "all", (0,), (9,)))}),
    },
    "Orientations": {
        "direction_colours": ({"directions": st.just([[0, 0, 1.0]]), "phase": st.sampled_from(("silver", "nothing"))}, {}),
        "colour_key": ({"phase": st.sampled_from(("silver", "nothing"))}, {}),
        "matrices": ({}, {"which": st.sampled_from(("first", "second", "third"))}),
        "quaternions": ({}, {"which": st.sampled_from(("first", "second"))}), "properties": NONE, "to_host": NONE,
        "plot": ({}, {"direction": st.sampled_from(("z", "row", "column", "up")),
                      "which": st.sampled_from(("first", "second"))}),
    },
    "OrientationComparison": {"plot": NONE},
    "Scree": {"plot": NONE},
    "FuzzyValidity": {"plot": NONE},
    "PatternSimilarity": {"plot": NONE},
    "QualityReport": {"plot": ({}, {"components": st.sampled_from(((0,), (9,), ()))})},
}  # fmt: skip
