"""``.merge_nmf`` of `Unmix`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks
from ..core.messages import warn
from ..decomposition.checkpoints import MergeCheckpoint
from ..decomposition.consensus import consensus
from ..decomposition.grain_probability import grain_probability, signs_of_a_grain
from ..decomposition.merging import best_run, checked_threshold, merge_runs, noise_rank
from ..decomposition.merging_rounds import merge_in_rounds
from ..decomposition.problems import Compressed, Dense
from ..decomposition.run import rank_for
from ..engine.compression import MAX_PASSES, compress
from ..engine.weights import choose_weights
from ..results.build import run_record
from ..results.merged import MergedDecomposition, merged_answer
from ..results.scree import SCREE, find_noise
from ..storage.checkpoint import kept_or_made, resumed
from .arguments import WEIGHTS, components, progress
from .only_noise import say_if_only_noise

if TYPE_CHECKING:
    from ..decomposition.merging import MergeRun
    from ..engine.matrix import PatternMatrix

__all__ = ["merge_nmf"]

_DENSE_BYTES = 16 << 20  # features smaller than this are iterated on as they are
_TIMES_SCREE = 5  # Bruefach 2022, "at least five times" the components that the scree suggests
_MOST = 128  # components that "auto" starts with at most

# Middle of the range that Bruefach 2022 names for each of its features. It has none for pixels and for features that it does
# not have: they take that of angular averages.
_PUBLISHED = {"bragg_disks": 0.215, "angular_average": 0.45, "radial_variance": 0.4}


def merge_nmf(
    view: Any,
    initial_components: int | str = "auto",
    *,
    threshold: float | str = "auto",
    n_runs: int = 25,
    pattern_share: float | None = None,
    sigma: float | None = None,
    fragment: float | None = None,
    max_iter: int | None = None,
    refit: int | None = None,
    weights: str | None = None,
    as_published: bool = False,
    select: str = "usual",
    precision: str = "single",
    random_state: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> MergedDecomposition:
    """Start NMF with too many components and merge those of the same grain, in one or many runs.

    You usually do not know the number of grains of a polycrystal, and one grain makes several components, because its spots
    change with thickness, bending and the grains above it. A run starts at the purest positions of a random half of the
    scan, makes a few iterations of NMF, removes mixtures of other components, and merges components that have similar maps
    and patterns, most similar pairs first. Intensity is conserved: the intensities of merged maps are added.

    Parameters
    ----------
    initial_components : int or "auto"
        Number of components at the start, larger than the number of grains; the paper uses five times the number suggested
        by the scree. ``"auto"`` uses as many as stand out of the noise, at most 128, and at most five times the number of
        the scree if the noise of the view is not known. With far more, overlapping grains are lost.
    threshold : float or "auto"
        Similarity above which pairs are merged, -1 to 1. It is the mean of the Pearson correlations of maps and of patterns,
        with the weight `pattern_share` for patterns. ``"auto"`` chooses the widest gap between the similarities at which
        pairs merge, from 0.65 to 0.75, in every run.
    n_runs : int
        Number of runs. Every run has a separate random generator spawned from the seed, so it does not depend on other runs
        or their number.
    pattern_share : float, optional
        Weight of the correlation of patterns relative to that of maps. The default is 1.5.
    sigma : float, optional
        Number of positions over which maps are averaged before they are compared. The default is 1.
    fragment : float, optional
        Components with less than this fraction of the intensity of a typical one are merged into the most similar one. The
        default is 0.4.
    max_iter : int, optional
        Number of iterations of each run. The default is 60, or 200 in every round with ``as_published=True``.
    refit : int, optional
        Number of iterations from the merged components at the end of each run. The default is 0, because least squares with
        few components would mix them again.
    weights : {"auto", "none", "capped", "poisson"}, optional
        Weights as for `nmf`. ``"auto"`` is ``"poisson"`` for pixels and ``"none"`` for features, which have their own
        scaling (``.scaled()``).
    as_published : bool
        If True, use the algorithm of [1]_: random starts, only maps are compared, and all components are factorised again
        after every round of merging. `threshold` is then a correlation of maps, and ``"auto"`` is the middle of the range
        given in the paper for the feature: 0.215 for Bragg disks (0.18 to 0.25), 0.4 for radial variance (0.3 to 0.5), and
        0.45 for angular averages (0.4 to 0.5) and all features without a range in the paper, including pixels.
        `pattern_share`, `sigma`, `fragment` and `refit` are not used.
    select : {"usual", "weighted_error"}
        Which run is returned. ``"usual"``: the one with the smallest error among those with the most common number of
        components. ``"weighted_error"``: as in the paper, the one with the smallest weighted reconstruction error, i.e. the
        mean of the errors (root of the sum of squares) of all factorisations of a run. This favours runs that merged little.
        The consensus uses all runs in any case.
    precision : {"single", "double"}
        Floating-point precision of the computation.
    random_state : int or None
        Seed; with None, one is drawn. It is stored in ``.settings``.
    checkpoint : str or path-like, optional
        Folder for checkpoints, created by the call. It stores the compression and every finished run. After a crash or a
        power cut, the same call makes the missing runs, with the same result; you may increase `n_runs`. The folder is not
        deleted at the end.

    Returns
    -------
    MergedDecomposition
        The run chosen by `select`. ``.consensus()`` returns the components that the runs agree on, ``.history`` is the tree
        of merges, and ``.runs`` are all runs.

    Raises
    ------
    ValueError
        If the view holds negative, NaN or infinite values or no signal, an argument is out of range, or `checkpoint`
        is of another run.
    OSError
        If `checkpoint` is not such a folder, is damaged, or cannot be written.

    Notes
    -----
    Runs with different numbers of components are not compared by their error, because more components always fit better.
    `benchmarks/polycrystals/RESULTS.md` has scores against the truth.

    References
    ----------
    .. [1] Bruefach, Ophus and Scott, Microsc. Microanal. 28 (2022) 1998, doi:10.1017/S1431927622012259

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(16, 16), detector_shape=(40, 40), seed=0)
    >>> view = Unmix(film.data, centre=film.centre).prepare(direct_beam=3).angular_average(rings=[(5, 18)])
    >>> result = view.merge_nmf(8, n_runs=4, random_state=0).consensus()
    >>> result.maps.shape == (result.k, 16, 16)
    True

    Left alone over night, and gone on with after a power cut:

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "run.checkpoint")
    >>> few = view.merge_nmf(8, n_runs=2, random_state=0, checkpoint=path)
    >>> more = view.merge_nmf(8, n_runs=4, checkpoint=path)  # two of them are in the folder
    >>> more.settings["random_state"], len(more.runs)
    (0, 4)
    """
    seed, n_runs = checks.seed(random_state), checks.count(n_runs, "n_runs")
    if not (isinstance(initial_components, str) and initial_components == "auto"):
        checks.count(initial_components, "initial_components", minimum=2)
        initial_components = components(view, initial_components, "initial_components")
    select = checks.choice(select, "select", ("usual", "weighted_error"))
    features = view.is_features
    counted = features and view.features.settings.get("scaling") == "poisson" and view.scan.dtype.kind in "iu"  # type: ignore[attr-defined]
    weights = WEIGHTS[checks.choice(weights or ("none" if features else "poisson"), "weights", tuple(WEIGHTS))]
    threshold = checked_threshold(threshold)
    if as_published and threshold == "auto":
        kind = view.features.kind if features else "pixels"
        threshold = _PUBLISHED.get(kind, _PUBLISHED["angular_average"])
    options = _options(
        as_published, pattern_share=pattern_share, sigma=sigma, fragment=fragment, max_iter=max_iter, refit=refit
    )
    matrix = view.matrix(precision)
    settings = run_record(
        view, "merge_nmf", initial_components=initial_components, threshold=threshold, n_runs=n_runs, **options,
        as_published=bool(as_published), select=select, weights=weights, random_state=seed,
        precision="double" if matrix.dtype.itemsize > 4 else "single",
    )  # fmt: skip
    # A run depends neither on the others nor on their number.
    kept, settings = resumed(checkpoint, MergeCheckpoint, "merge_nmf", settings, random_state, free=["n_runs", "select"])
    seed, before = settings["random_state"], matrix.passes
    statistics = matrix.require_counts("merge_nmf")
    if kept is not None:
        kept.require_data(statistics)
    with progress(view, MAX_PASSES + n_runs, f"merging NMF, {n_runs} runs") as tick:
        problem, initial, low = _problem(matrix, initial_components, weights, features, counted, seed, tick, kept)
        run = merge_in_rounds if as_published else merge_runs
        runs = run(problem, initial, threshold=threshold, n_runs=n_runs, seed=seed, tick=tick, checkpoint=kept, **options)
    runs = _not_empty(runs, initial)
    if say_if_only_noise(view, matrix, low, "merge_nmf", seed):
        settings["only_noise"] = True
    settings |= {
        "initial_components": initial, "weights": problem.weights.kind, "passes": matrix.passes - before,
    }  # fmt: skip
    return _answer(view, matrix, problem, runs, best_run(runs, select), settings)


def _answer(
    view: Any, matrix: PatternMatrix, problem: Any, runs: Sequence[MergeRun], best: int, settings: dict[str, Any]
) -> MergedDecomposition:
    """The chosen run, with the stability of its components over all runs and the probability that they are grains."""
    run = runs[best]
    found = consensus(problem, runs, min_share=0)
    whose = {pair: i for i, pairs in enumerate(found.members) for pair in pairs}
    matches = [whose.get((best, j)) for j in range(run.k)]
    stability = np.array([0.0 if i is None else found.share[i] for i in matches])
    agreement = np.array([0.0 if i is None else found.agreement[i] for i in matches])
    signs = signs_of_a_grain(view.geometry, run.maps, problem.weights.on(None, run.patterns)[1], agreement)
    return merged_answer(
        view, matrix, run.maps, run.patterns, settings, best=best, runs=tuple(runs), _problem=problem, history=run.history,
        members=run.members, stability=stability, agreement=agreement, probability=grain_probability(signs),
    )  # fmt: skip


def _not_empty(runs, initial):
    """Without runs that began at positions without signal, and so ended without a component."""
    found = [run for run in runs if run.k]
    if not found:
        raise ValueError(
            f"merge_nmf found no component: none of the positions that its {len(runs)} runs from {initial} components began "
            "at holds a signal; exclude the empty ones with prepare(scan_mask=...), or ask for more initial_components"
        )
    return found


def _options(as_published, **given):
    """The arguments that were given, checked before anything is read."""
    options = {name: value for name, value in given.items() if value is not None}
    for name, value in options.items():
        if name in ("max_iter", "refit"):
            checks.count(value, name, minimum=int(name == "max_iter"))
        else:
            checks.positive(value, name, zero=True)
    strange = [name for name in options if name != "max_iter"] if as_published else []
    if strange:
        raise ValueError(f"{strange[0]} has no part in the published algorithm: leave it or as_published=True out")
    return options


def _problem(matrix, initial, weights, features, in_noise_units, seed, tick, checkpoint):
    """What the runs iterate on, with how many components they start, and the compression that says so, if there is one."""
    auto = initial == "auto"
    rank = min(_MOST if auto else rank_for(initial), *matrix.shape)
    small = features and np.prod(matrix.shape, dtype=float) * matrix.dtype.itemsize <= _DENSE_BYTES
    low = None
    if auto or not small:
        how = {"weights": weights, "position_weights": False, "seed": seed, "tick": tick}
        kept = None if checkpoint is None else checkpoint.compression(matrix, None)
        low = kept_or_made(kept, partial(compress, matrix, rank, **how))
    if auto:
        initial = min(max(_standing_out(low, in_noise_units), 2), *matrix.shape)
        if initial == _MOST:
            warn(
                f"{_MOST} or more components stand out of the noise: merge_nmf starts with {_MOST}; give initial_components "
                "for more"
            )
    if small:
        chosen = choose_weights(matrix.statistics(), weights, False)
        return Dense(matrix.gather(), matrix.geometry, chosen), initial, low
    return Compressed(low.leading(rank_for(initial))), initial, low


def _standing_out(low, in_noise_units):
    """How many components to start with.

    Where the noise of the features is known, all that stand out of it. Elsewhere what looks like noise may be far below it,
    because features share pixels or vectors; five times what stands out of the noise in the scree is then the most.
    """
    sizes = low.sizes()
    if in_noise_units:
        return noise_rank(sizes, low.shape, noise=1.0)
    known = find_noise(sizes[:SCREE] ** 2)
    return low.above_noise if known is None else min(low.above_noise, _TIMES_SCREE * known)
