"""Every public method with arguments right and wrong, and what is asked of a result afterwards."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from support.hostile_made import Made
from support.hostile_more_calls import COSTLY_AFTER, COSTLY_VIEW_CALLS, OF_ANSWERS, OF_RESULTS
from support.strategies import arguments

__all__ = ["AFTER", "ANSWERS", "DRAWING", "FEATURES", "OF_FEATURES", "VIEW_CALLS", "call_with", "calls", "follow_ups"]

SEED = st.sampled_from((0, 1, 7, np.int64(3)))
PRECISION = st.sampled_from(("single", "double"))
FEW = st.sampled_from((1, 2, 3))  # never huge: a million starts is a right argument that takes long
WEIGHTS = st.sampled_from(("auto", "none", "capped", "poisson"))
SMOOTH = st.sampled_from((None, 0, 0.5, 1, "2 nm", "2 px"))
TOL = st.sampled_from((0, 1e-3, 0.5))
SCALING = st.sampled_from(("poisson", "none", "global", "minmax", "robust"))
RADIUS = st.sampled_from((None, 0, 1, 2.5, 4, "1 px", "0.05 1/Å"))
STEP = st.sampled_from((0.5, 1, 1.0, 2, "1 px"))


_ENDS = st.sampled_from((None, (0, 1), (1, 2), (1, None), slice(0, 2), ("0 nm", "2 nm"), (2, 1), (0, 99), 3, ("a", 1)))


@st.composite
def _components(draw, shape):
    """1, a few, as many as there are positions or pixels, one more, and far too many."""
    smaller = min(shape[0] * shape[1], shape[2] * shape[3])
    return draw(st.sampled_from((1, 2, 2, 2, 3, 2, 1, smaller, smaller + 1, 10**6)))


@st.composite
def _constraints(draw, shape):
    from unmix4d import constraints as c

    rng = np.random.default_rng(draw(st.integers(0, 9)))
    fixed = rng.random((draw(st.sampled_from((1, 1, 2, 4))), *shape[2:]))
    one = st.sampled_from((
        c.SmoothMaps(sigma=0.6), c.NoDarkSpots(), c.Friedel(), c.Sparse(0.1), c.Sparse(0.3, on="maps"), c.SumToOne(),
        ("fixed", fixed), c.SmoothMaps(probe_fwhm="2 nm"), c.SmoothMaps(kernel=np.ones((3, 3))), c.SmoothMaps, 3,
    ))  # fmt: skip
    many = draw(st.lists(one, max_size=2))
    return [c.FixedPatterns(v[1]) if isinstance(v, tuple) else v for v in many]


@st.composite
def _init(draw, shape):
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    kind = draw(st.sampled_from(("nndsvd", "vca", "random", "arrays", "nan", "shape", "zeros")))
    if kind in ("nndsvd", "vca", "random"):
        return kind
    maps, patterns = rng.random((2, *shape[:2])), rng.random((2, *shape[2:]))
    if kind == "nan":
        maps[0, 0, 0] = np.nan
    if kind == "zeros":
        maps[:] = 0
    return (maps, patterns[:1]) if kind == "shape" else (maps, patterns)


@st.composite
def _known(draw, shape):
    """Patterns that might be known, or not be patterns at all."""
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    image = rng.random(shape[2:])
    holes = np.where(image < 0.2, np.nan, image)
    return draw(st.sampled_from((
        np.stack([image, image[::-1]]), image, {"a": image, "b": image.T}, [holes], np.stack([image] * 2), image - 1,
        np.zeros(shape[2:]), np.full(shape[2:], np.nan), {}, [], 3, "a", image[None, None],
    )))  # fmt: skip


def _nmf(shape):
    return {
        "n_starts": FEW, "max_iter": FEW, "tol": TOL, "weights": WEIGHTS, "smooth": SMOOTH, "precision": PRECISION,
        "random_state": SEED, "constraints": _constraints(shape), "refit": st.booleans(),
    }  # fmt: skip


def _numbers(shape):
    few = st.sampled_from((1, 2, 3))
    return st.one_of(st.lists(few, min_size=1, max_size=3), st.lists(_components(shape), max_size=3))


def _fuzzy(shape):
    return {
        "n_svd": _components(shape), "m": st.sampled_from((1.01, 1.5, 2, 8, 1.0, 1e6)), "n_starts": FEW, "max_iter": FEW,
        "covariance": st.sampled_from(("spherical", "gustafson-kessel")), "tol": TOL, "precision": PRECISION,
        "contrast": st.sampled_from((None, 0, 0.3, 0.99, 1)), "weights": WEIGHTS, "random_state": SEED,
    }  # fmt: skip


VIEW_CALLS = {
    "svd": lambda s: ({"n": _components(s)}, {"precision": PRECISION, "random_state": SEED}),
    "pca": lambda s: ({"n": _components(s)}, {"precision": PRECISION, "random_state": SEED}),
    "scree": lambda s: ({"n": _components(s)}, {"precision": PRECISION, "random_state": SEED}),
    "ica": lambda s: (
        {"n": _components(s)},
        {"on": st.sampled_from(("patterns", "maps")), "n_starts": FEW, "max_iter": FEW, "tol": TOL, "random_state": SEED},
    ),
    "fit": lambda s: (
        {"patterns": _known(s)},
        {"weights": WEIGHTS, "resample": st.booleans(), "precision": PRECISION},
    ),
    "simulated_patterns": lambda s: ({"simulation": _known(s)}, {"disk_radius": st.sampled_from((None, 1, -1, "2 nm"))}),
    "region": lambda s: (
        {"rows": _ENDS, "cols": _ENDS},
        {"roi": st.sampled_from((None, None, None, 3)),
         "mask": st.sampled_from((None, None, None, np.zeros(s[:2], bool), np.ones(s[:2], bool))),
         "outline": st.sampled_from((None, None, None, [(0, 0), (0, 1), (1, 1)], [(0, 0), (np.nan, 1), (1, 1)], [(0, 0)]))},
    ),
    "vca": lambda s: (
        {"n": _components(s)},
        {"sum_to_one": st.booleans(), "projection": st.sampled_from(("auto", "projective", "orthogonal", "affine")),
         "n_starts": FEW, "weights": WEIGHTS, "precision": PRECISION, "random_state": SEED},
    ),
    "nmf": lambda s: (
        {"n": _components(s)},
        {**_nmf(s), "known": st.one_of(st.none(), _known(s)), "new": st.sampled_from((None, None, 0, 1, 99)),
         "init": _init(s), "objective": st.sampled_from(("frobenius", "kl")), "exact": st.booleans()},
    ),
    "nmf_series": lambda s: ({"ns": _numbers(s)}, _nmf(s)),
    "merge_nmf": lambda s: (
        {"initial_components": st.sampled_from((2, 3, 5, 4, "auto", 1, 10**6)), "n_runs": FEW},
        {"threshold": st.sampled_from(("auto", 0.2, 0.05, 5, 1.0)), "pattern_share": st.sampled_from((0.5, 1, 0)),
         "sigma": st.sampled_from((0.5, 1, 0)), "fragment": st.sampled_from((0.1, 0.5)), "max_iter": FEW, "refit": FEW,
         "weights": WEIGHTS, "as_published": st.booleans(), "random_state": SEED,
         "select": st.sampled_from(("usual", "weighted_error"))},
    ),
    "compress": lambda s: ({"rank": _components(s)}, {"weights": WEIGHTS, "smooth": SMOOTH, "constraints": _constraints(s)}),
    "fuzzy_cmeans": lambda s: ({"n_clusters": _components(s)}, _fuzzy(s)),
    "fuzzy_validity": lambda s: ({"ns": st.one_of(st.sampled_from(((2,), (2, 3), [3, 2])), _numbers(s))}, _fuzzy(s)),
    "split_counts": lambda s: ({}, {"fraction": st.sampled_from((0.5, 0.1, 1, 0)), "random_state": SEED}),
    "noise_deviation": lambda s: ({}, {"n": st.sampled_from((1, 4, 64)), "random_state": SEED}),
    "virtual_image": lambda s: (
        {"spots": st.sampled_from(([(1, 1)], (2, 2), [(0, 0), (3, 3)], (1, 0), [], [(99, 99)], [(float("nan"), 1)])),
         "radius": RADIUS},
        {},
    ),
    "mean_pattern": lambda s: ({}, {}),
    "maximum_pattern": lambda s: ({}, {}),
    "persist": lambda s: ({}, {}),
    "angular_average": lambda s: (
        {"rings": st.sampled_from((None, [(1, 3)], [(0, 2), (2, 4)], [(1, 4)], [(0.5, 3)], [(3, 1)], [(90, 99)], []))},
        {"sector_deg": st.sampled_from((5, 30, 90, 360, 7)), "scaling": SCALING},
    ),
    "radial_variance": lambda s: (
        {}, {"r_min": RADIUS, "r_max": RADIUS, "kind": st.sampled_from(("variance", "normalised", "coefficient")),
             "radial_step": STEP, "scaling": SCALING},
    ),
    "symmetry": lambda s: (
        {}, {"orders": st.sampled_from(((2, 3, 4, 6), (2,), (), (1000,), (2, 2), 4)), "r_min": RADIUS, "r_max": RADIUS,
             "kind": st.sampled_from(("power", "correlation")), "radial_step": STEP, "scaling": SCALING},
    ),
    "polar": lambda s: (
        {}, {"n_azimuth": st.sampled_from((1, 8, 72, 3)), "radial_step": STEP, "r_min": RADIUS, "r_max": RADIUS,
             "scaling": SCALING},
    ),
    "friedel_odd": lambda s: (
        {}, {"r_min": RADIUS, "r_max": RADIUS, "cell": STEP, "halves": st.booleans(), "measure_centre": st.booleans()},
    ),
}  # fmt: skip
FEATURES = ("angular_average", "radial_variance", "symmetry", "polar", "friedel_odd", "bragg_disks")
OF_FEATURES = {
    "scaled": lambda s: ({}, {"kind": SCALING}),
    "concatenate": lambda s: (
        {"others": st.sampled_from(([Made("itself")], [Made("itself")] * 2, [3]))},
        {"weights": st.sampled_from((None, (1, 2), (0, 1), (0, 0), (1,), (-1, 1)))},
    ),
}
_POSITION = st.sampled_from((0, 1, 2, 99))
AFTER = {
    "labels": lambda s: ({}, {}),
    "reconstruct": lambda s: ({"row": _POSITION, "col": _POSITION}, {}),
    "residual_map": lambda s: ({}, {}),
    "single_positions": lambda s: ({}, {}),
    "mean_patterns": lambda s: ({}, {"single": st.booleans()}),
    "grains": lambda s: (
        {}, {"min_size": st.sampled_from((1, 3, 10, "4 nm^2")), "threshold": st.sampled_from(("yen", "otsu", "li", 0.5, 2)),
             "connectivity": st.sampled_from((1, 2, 3)), "fill_holes": FEW, "opening": FEW,
             "background": st.sampled_from(("drop", "keep")), "components": st.sampled_from(((0,), (0, 0), (5,)))},
    ),
    "overlap": lambda s: (
        {}, {"thresholds": st.sampled_from((0.5, (0.2, 0.9), (), (2,))), "background": st.sampled_from(("auto", 0, (0,), 9)),
             "scale": st.sampled_from(("intensity", "minmax")), "min_weight": st.sampled_from(("noise", 0.1, 0))},
    ),
    "series": lambda s: ({}, {"min_size": st.sampled_from((1, 3, 0, 10**6))}),
    "align_scans": lambda s: (
        {}, {"drift": st.sampled_from((None, 0, ((0, 0),), "measured")), "extent": st.sampled_from(("first", "all", "no"))},
    ),
    "track_grains": lambda s: (
        {}, {"min_size": st.sampled_from((1, 3, 0)), "drift": st.sampled_from((None, 0, ((0, 0),), "measured")),
             "gap": st.sampled_from((0, 1, -1)), "background": st.sampled_from(("drop", "keep", "film"))},
    ),
    "pattern_similarity": lambda s: (
        {}, {"metric": st.sampled_from(("ssim", "psnr", "gmsd", "mdsi", "cross_correlation")),
             "scale": st.sampled_from(("linear", "sqrt"))},
    ),
    "report_quality": lambda s: ({}, {"scale": st.sampled_from(("linear", "sqrt"))}),
    "log_likelihood": lambda s: ({}, {"relative_to": st.sampled_from(("mean", "saturated"))}),
    "to_host": lambda s: (
        {}, {"fill_value": st.sampled_from((0.0, -1, float("nan"))),
             "undistort": st.sampled_from((False, True, np.eye(2), "x", 3))},
    ),
    "subclusters": lambda s: (
        {"cluster": st.sampled_from((0, 1, 5)), "n": st.sampled_from((1, 2, 50))},
        {"min_membership": st.sampled_from((0.1, 0.5, 0.9, 1)), "n_starts": FEW, "random_state": SEED},
    ),
    "consensus": lambda s: (
        {}, {"how": st.sampled_from(("median", "mean", "best")), "min_share": st.sampled_from((0.1, 0.5, 1))}
    ),
    "n_grains_interval": lambda s: ({}, {"level": st.sampled_from((0.1, 0.9, 1, 0, -1, "most"))}),
    "save and load": lambda s: ({}, {}),
    "changed data": lambda s: ({}, {}),
    "repr": lambda s: ({}, {}),
}  # fmt: skip
DRAWING = {
    "plot": lambda s: ({}, {"components": st.sampled_from(((0,), (9,), ()))}),
    "plot_convergence": lambda s: ({}, {}),
    "composite": lambda s: (
        {},
        {"components": st.sampled_from(((0,), (9,))), "scale": st.sampled_from(("each", "intensity"))},
    ),
    "plot_scatter": lambda s: ({}, {"x": _POSITION, "y": _POSITION}),
    "plot_history": lambda s: ({}, {}),
    "plot_series": lambda s: (
        {},
        {"components": st.sampled_from((None, (0,), (9,))), "scans": st.sampled_from(((0,), (9,)))},
    ),
    "film": lambda s: ({}, {"component": st.sampled_from((None, 0, 9)), "seconds": st.sampled_from((0.1, 0))}),
    "plot_stability": lambda s: ({}, {}),
}
# Which class of `OF_ANSWERS` a method answers with.
ANSWERS = {
    "grains": "Grains", "overlap": "Overlap", "group_rotated": "Groups", "choose_k": "KChoice", "scree": "Scree",
    "fuzzy_validity": "FuzzyValidity", "pattern_similarity": "PatternSimilarity", "report_quality": "QualityReport",
    "index": "Orientations", "merge_orientations": "Orientations", "compare_orientations": "OrientationComparison",
}  # fmt: skip
_OF_ANY_VIEW = ("svd", "nmf", "ica", "vca", "fuzzy_cmeans", "merge_nmf", "scree", "nmf", "group_rotated")
_ONE_IN = 10  # calls that take long
_LONG = {"n_starts", "max_iter", "n_runs", "refit", "n_azimuth"}  # what may be huge and right


def _patient(options):
    return {k: v for k, v in options.items() if not (k in _LONG and isinstance(v, int) and v > 1000)}


def _rarely(draw):
    return draw(st.integers(0, _ONE_IN - 1)) == _ONE_IN // 2


def _call(draw, name, table):
    return name, _patient(draw(arguments(*table)))


def _and_then(draw, name, options, drawing):
    """The call, and what is asked of its answer where that has methods of its own."""
    table = OF_ANSWERS.get(ANSWERS.get(name))
    if table is None:
        return name, options
    names = sorted(n for n in table if drawing or not n.startswith("plot"))
    asked = draw(st.lists(st.sampled_from(names), max_size=3, unique=True)) if names else []
    return name, options, [_call(draw, one, table[one]) for one in asked]


def call_with(draw, name, table, shape, drawing):
    """One call of a table of them, with what is asked of its answer."""
    return _and_then(draw, *_call(draw, name, table[name](shape)), drawing)


@st.composite
def calls(draw, shape, drawing=False):
    """(name, arguments) of one to three calls in a row: a method, or a feature and a method of it; what then is asked of the
    last answer is its third entry.
    """
    table = COSTLY_VIEW_CALLS if _rarely(draw) else VIEW_CALLS
    name = draw(st.sampled_from(sorted(table)))
    chain = [_call(draw, name, table[name](shape))]
    if name in FEATURES:
        if _rarely(draw):
            between = draw(st.sampled_from(sorted(OF_FEATURES)))
            chain.append(_call(draw, between, OF_FEATURES[between](shape)))
        name = draw(st.sampled_from(_OF_ANY_VIEW))
        table = {**VIEW_CALLS, **COSTLY_VIEW_CALLS}
        chain.append(_call(draw, name, table[name](shape)))
    return [*chain[:-1], _and_then(draw, *chain[-1], drawing)]


@st.composite
def follow_ups(draw, shape, drawing=False):
    """What is asked of the result: (name, arguments), and what is asked of that answer."""
    table = {**AFTER, **OF_RESULTS, **(DRAWING if drawing else {})}
    names = draw(st.lists(st.sampled_from(sorted(table)), min_size=1, max_size=3, unique=True))
    if _rarely(draw):
        names.append(draw(st.sampled_from(sorted(COSTLY_AFTER))))
    table |= COSTLY_AFTER
    return [call_with(draw, name, table, shape, drawing) for name in names]
