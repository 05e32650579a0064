"""Scores of NMF against the truth, stage by stage, for one way of setting it: what `run.py` makes tables of.

Iterations are continued from stage to stage with the parts that `nmf` itself is made of, so that seven numbers of
iterations cost one run. The stages end as `nmf` ends: free factors are refitted to the full scan.
"""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from common.command import Skipped
from common.judge import scored
from common.peers import both_constraints
from common.scans import film_scan, sped_scan

import unmix4d.decomposition.nmf
import unmix4d.engine.weights
from unmix4d import Unmix, phantoms
from unmix4d.constraints import SmoothMaps
from unmix4d.decomposition.constrained import alternate
from unmix4d.decomposition.nmf import hals
from unmix4d.decomposition.problems import Compressed
from unmix4d.decomposition.refit import refitted
from unmix4d.decomposition.run import rank_for
from unmix4d.decomposition.starts import Start
from unmix4d.engine.compression import compress
from unmix4d.engine.weights import WeightedMatrix, choose_weights
from unmix4d.methods.nmf import CONSTRAINED_ITER, MAX_ITER

__all__ = [
    "GROUPS", "ITERATIONS", "RANKS", "SEEDS", "USUAL", "Setting", "all_cases", "curve", "halo_as_it_comes", "nmf_itself",
    "package_state", "settings", "usual_rank",
]  # fmt: skip

USUAL = {False: MAX_ITER, True: CONSTRAINED_ITER}  # iterations of `nmf` by default: without, with constraints
ITERATIONS = tuple(sorted({5, 10, 20, 40, 80, 200, *USUAL.values()}))
SEEDS = (0, 1)
GROUPS = {
    "no beam": ("kimoto_A", "kimoto_C", "kimoto_D"),
    "beam": ("kimoto_B", "kimoto_F"),
    "films": ("polycrystal_5_mid", "polycrystal_15_low", "polycrystal_15_high", "polycrystal_40_mid"),
    "others": ("twins", "embedded", "vacuum"),
    "silver": ("sped_silver", "film_silver"),
}
_SIGMA = 1.0  # of the smoothing, positions: as in `both_constraints`
RANKS = {"k+2": 1, "2k+2": 2, "4k+2": 4}  # multiples of k


def package_state():
    """A fingerprint of the sources of unmix4d, so that scores of an earlier state are not taken for present ones."""
    root = Path(unmix4d.__file__).parent
    sources = b"".join(path.read_bytes() for path in sorted(root.rglob("*.py")))
    return hashlib.sha256(sources).hexdigest()[:12]


def usual_rank(smooth):
    """The rank that `nmf` takes by itself, as a key of `RANKS`."""
    return next(name for name, factor in RANKS.items() if factor * 10 + 2 == rank_for(10, smooth))


@dataclass(frozen=True)
class Setting:
    """One way of running NMF.

    Attributes
    ----------
    constrained : bool
        With ``[SmoothMaps(sigma=1), NoDarkSpots()]``.
    weights : str
        ``"none"``, ``"poisson"``, or ``"capped"`` with the cap behind it: ``"capped 3"``.
    rank : str
        Of the compression, a key of `RANKS`.
    smooth : bool
        Whether the subspace is that of the scan-smoothed data. The constraint on maps asks for it by itself.
    """

    constrained: bool
    weights: str
    rank: str
    smooth: bool


def settings():
    """Other weights than the default ones, then every rank with either subspace; without and with constraints."""
    for constrained in (False, True):
        for weights in ("none", "capped 5", "capped 10", "poisson"):
            yield Setting(constrained, weights, usual_rank(constrained), smooth=constrained)
        for smooth in (False, True):
            for rank in RANKS:
                yield Setting(constrained, "capped 3", rank, smooth)


def all_cases(data, quick=False):
    """(name, seed, view, k, truth) of every case; the silver scans only where their files are."""
    names = [name for group, names in GROUPS.items() if group != "silver" for name in names]
    for name in names[:2] if quick else names:
        for seed in SEEDS:
            phantom = phantoms.case(name, seed)
            yield name, seed, Unmix(phantom.data, centre=phantom.centre), phantom.k, phantom
    if not quick and data.is_dir():
        yield from _silver(data)


def _silver(data):
    scans = [("sped_silver", seed, sped_scan, {"seed": seed}) for seed in SEEDS] + [("film_silver", 0, film_scan, {})]
    for name, seed, make, options in scans:
        with tempfile.TemporaryDirectory() as folder:
            try:
                case = make(data, Path(folder), **options)
            except Skipped:
                continue
            counts = case.counts()
            yield name, seed, case.view(counts), case.facts["k"], case.truth(case.detector_mask(counts))


@contextmanager
def _cap(value):
    """The cap of the weights is no argument of anything: it is put in its place for a while."""
    before = unmix4d.engine.weights._CAP
    unmix4d.engine.weights._CAP = value
    try:
        yield
    finally:
        unmix4d.engine.weights._CAP = before


@contextmanager
def halo_as_it_comes():
    """`nmf` without its last step, which is no argument of anything."""
    before = unmix4d.decomposition.nmf.freed
    unmix4d.decomposition.nmf.freed = lambda problem, answer: answer
    try:
        yield
    finally:
        unmix4d.decomposition.nmf.freed = before


def _rules(view):
    return [rule.bind(view.geometry) for rule in both_constraints()]


def _compressed(view, k, matrix, weights, rank, smooth, pixels_only):
    """The scan as `nmf` compresses it, or None where no pixel reaches the cap."""
    kind, _, cap = weights.partition(" ")
    smoothing = SmoothMaps(sigma=_SIGMA).bind(view.geometry) if smooth else None
    with _cap(float(cap or unmix4d.engine.weights._CAP)):
        if kind == "capped" and weights != "capped 3" and choose_weights(matrix.statistics(), kind).kind == "none":
            return None
        rank = min(RANKS[rank] * k + 2, *matrix.shape)
        return compress(matrix, rank, wanted=k, weights=kind, position_weights=not pixels_only, smoothing=smoothing)


def curve(view, k, truth, setting, matrix, compressed):
    """Scores after every stage, as a dict with the setting in it.

    Parameters
    ----------
    view : Unmix
    k : int
    truth
        For `unmix4d.scores.score`.
    setting : Setting
    matrix : PatternMatrix
        Of the view; its statistics are then made once for all settings.
    compressed : dict
        Keeps the compressions of this view.
    """
    # As in `nmf`: where maps are constrained, Poisson weights are those of pixels only.
    key = setting.weights, setting.rank, setting.smooth, setting.constrained and setting.weights == "poisson"
    if key not in compressed:
        compressed[key] = _compressed(view, k, matrix, *key)
    low, rules = compressed[key], _rules(view) if setting.constrained else []
    if low is None:
        return {**asdict(setting), "same_as_none": True}
    problem, rng = Compressed(low), np.random.default_rng(0)
    maps, patterns = Start(low, matrix.statistics().mean_pattern, "nndsvd")(problem, k, 0, rng)
    answer, done = {**asdict(setting), "same_as_none": False, "map_r": [], "cosine": []}, 0
    for stage in ITERATIONS:
        options = {"max_iter": stage - done, "tol": 0}
        if rules:
            found = alternate(problem, maps, rules, rng, **options)
        else:
            found = hals(problem, maps, patterns, **options)
        maps, patterns, done = found.maps, found.patterns, stage
        maps_now, patterns_now = _finished(matrix, low, found, bool(rules))
        _note(answer, view.geometry.to_images(patterns_now), view.geometry.to_maps(maps_now), truth)
    return answer


def _finished(matrix, low, found, constrained):
    """Maps and patterns of the unweighted data as `nmf` returns them, but for their scale."""
    if constrained:
        return low.weights.off(found.maps, found.patterns)
    final = refitted(WeightedMatrix(matrix, low.weights), found.maps, found.patterns)
    return final.maps, final.patterns


def _note(answer, patterns, maps, truth):
    result = scored(patterns, maps, truth)
    answer["map_r"].append(result.mean_map_correlation)
    answer["cosine"].append(result.mean_pattern_cosine if hasattr(truth, "patterns") else None)


def nmf_itself(view, k, truth, constrained):
    """Scores of ``nmf(k)`` with nothing set but the constraints, and how many iterations it made."""
    rules = both_constraints() if constrained else []
    result = view.nmf(k, constraints=rules, random_state=0)
    answer = {"constrained": constrained, "map_r": [], "cosine": [], "iterations": len(result.convergence[0])}
    _note(answer, result.patterns, result.maps, truth)
    return answer
