"""Non-negative matrix factorisation that starts with too many components and merges those of the same grain.

A grain gives more than one component: its spots change with thickness, tilt and what lies above it. Started at the purest
positions, such components are pure, and are told from those of other grains by where they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..core import checks
from ..engine.threads import in_threads, one_thread_per_block
from ..storage.checkpoint import kept_or_made
from .agglomeration import Components, Merge, gap_threshold, join_alike, join_fragments
from .factorisation import gram_of, unit_rows, unit_sums
from .map_smoothing import smooth_maps
from .nmf import hals
from .nnls import nnls_rows
from .pure_positions import PurePositions
from .redundant import drop_explained

__all__ = [
    "MergeRun",
    "alive",
    "all_runs",
    "best_run",
    "checked_threshold",
    "intensities",
    "merge_components",
    "merge_runs",
    "merged",
    "noise_rank",
    "start_anywhere",
]

_FRAGMENT = 0.3  # least similarity of a fragment to the grain it belongs to
MAX_ITER = 60  # longer, and least squares shares out what it cannot tell apart (docs/details); no table


@dataclass(frozen=True, eq=False)
class MergeRun:
    """What one run came to.

    Attributes
    ----------
    maps : ndarray (n_positions, k)
    patterns : ndarray (k, n_pixels)
        Of the unweighted data, every pattern with sum 1, so that maps are intensities.
    members : tuple of tuple of int
        Which of the components that were factorised each one is the sum of.
    n_parts : int
        Number of components that were factorised, without those dropped.
    history : tuple of Merge
        The tree: nodes 0 to n_parts - 1 are the parts, the i-th merge makes node n_parts + i.
    dropped : int
        Components left out because the others explain them.
    threshold : float
        Similarity above which pairs were merged.
    error : float
        Mean squared residual (weighted) of the parts. More parts always fit better: compare it at equal numbers of parts.
    parts : (ndarray, ndarray) or None
        Maps (n_positions, n_parts) and patterns (n_parts, n_pixels) of the parts, where asked for.
    rounds_error : float or None
        Root of the mean squared residual, averaged over the rounds of a run that factorises again after merging.
    """

    maps: np.ndarray
    patterns: np.ndarray
    members: tuple
    n_parts: int
    history: tuple[Merge, ...]
    dropped: int
    threshold: float
    error: float
    parts: tuple[np.ndarray, np.ndarray] | None = None
    rounds_error: float | None = None

    @property
    def weighted_error(self) -> float:
        """Reconstruction error, the mean of all factorisations of the run, as the program of Bruefach 2022 weights them."""
        return float(np.sqrt(self.error)) if self.rounds_error is None else self.rounds_error

    @property
    def k(self) -> int:
        return len(self.patterns)


def merge_runs(
    problem, initial: int, *, threshold="auto", n_runs: int = 25, seed: int = 0, pattern_share: float = 1.5,
    sigma: float = 1.0, fragment: float = 0.4, max_iter: int = MAX_ITER, refit: int = 0, start: str = "pure",
    tick: Callable | None = None, checkpoint=None,
) -> list[MergeRun]:  # fmt: skip
    """Iterative-merge NMF from independent starts on one compressed scan or feature matrix.

    Each run: start (`PurePositions`), HALS, drop what the others explain (`drop_explained`), merge what is alike
    (`join_alike`), merge fragments into their grains (`join_fragments`). Nothing is mixed anew between the merges: the parts
    of a component keep their own patterns, fitted to the data. (Bruefach 2022 factorises again after every round; least
    squares with fewer components then mixes grains again. ``refit`` does so from the merged start, once.)

    Parameters
    ----------
    problem : Compressed or Dense
    initial : int
        Components to start with: as many as stand out from noise (`noise_rank`), which is more than there are grains where
        a grain gives several. Far more than that costs grains where they overlap strongly.
    threshold : float or "auto"
        Similarity of pairs to be merged, -1 to 1; see `Components.similarity`. "auto": `gap_threshold` of each run.
    n_runs, seed : int
        Every run has its own generator, spawned from the seed: it depends neither on the others nor on their number.
    pattern_share : float
        Weight of the correlation of patterns beside that of maps.
    sigma : float
        Maps are averaged over so many positions before they are correlated; 0 is the paper's way.
    fragment : float
        Components with less than this share of the typical intensity of a component are fragments; 0 leaves them alone.
    max_iter : int
        Iterations of HALS.
    refit : int
        Iterations from the merged components at the end.
    start : {"pure", "random"}
    tick : callable, optional
        Called after every run.
    checkpoint : MergeCheckpoint, optional
        Keeps the runs that have ended, see `unmix4d.decomposition.checkpoints`.

    Returns
    -------
    list of MergeRun

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range.

    References
    ----------
    Bruefach, Ophus and Scott, Microsc. Microanal. 28 (2022) 1998, doi:10.1017/S1431927622012259; Allen et al., Microsc.
    Microanal. 27 (2021) 794
    """
    initial = checks.count(initial, "initial_components", minimum=2, maximum=min(problem.shape))
    n_runs = checks.count(n_runs, "n_runs")
    threshold = checked_threshold(threshold)
    for name, value in (("pattern_share", pattern_share), ("sigma", sigma), ("fragment", fragment)):
        checks.positive(value, name, zero=True)
    max_iter, refit = checks.count(max_iter, "max_iter"), checks.count(refit, "refit", minimum=0)
    pure = PurePositions(problem, initial, sigma) if checks.choice(start, "start", ("pure", "random")) == "pure" else None
    generators = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(n_runs)]
    options = {"threshold": threshold, "pattern_share": pattern_share, "sigma": sigma, "fragment": fragment}

    def begin(i, cancelled):
        rng = generators[i]
        maps, patterns = start_anywhere(problem, initial, rng) if pure is None else _start(problem, pure(rng))
        found = hals(problem, maps.T, patterns, max_iter=max_iter, tol=1e-4, cancelled=cancelled)
        return merge_components(problem, found.maps, found.patterns, refit=refit, **options)

    return all_runs(begin, n_runs, parallel=problem.parallel, tick=tick, checkpoint=checkpoint)


def all_runs(begin, n_runs: int, *, parallel: bool, tick: Callable | None = None, checkpoint=None) -> list:
    """``begin(i, cancelled)`` for every run that was not kept, as many at a time as there are cores; all runs in order."""

    def run(i, cancelled):
        kept = None if checkpoint is None else checkpoint.run(i)
        answer = kept_or_made(kept, partial(begin, i, cancelled), cancelled)
        if tick:
            tick()
        return answer

    if parallel and n_runs > 1:
        return in_threads(run, n_runs)
    with one_thread_per_block():
        return [run(i, None) for i in range(n_runs)]


def merge_components(
    problem, maps, patterns, *, threshold="auto", pattern_share: float = 1.5, sigma: float = 1.0, fragment: float = 0.4,
    explained: float = 0.97, refit: int = 0, keep_parts: bool = False,
) -> MergeRun:  # fmt: skip
    """Merge the components of one factorisation.

    Intensity is conserved: the maps of the parts, each times the sum of its pattern, add up; patterns are means weighted
    with the sums of those maps.

    Parameters
    ----------
    problem : Compressed or Dense
    maps : ndarray (n_positions, k)
    patterns : ndarray (k, n_pixels)
        Both of the weighted data; not changed.
    threshold, pattern_share, sigma, fragment, refit
        As for `merge_runs`.
    explained : float
        Share of a pattern that the others must explain for its component to be dropped; 1 drops none.
    keep_parts : bool
        Keep the components that were merged.

    Returns
    -------
    MergeRun
    """
    threshold = checked_threshold(threshold)
    maps, patterns, dropped = drop_explained(np.asarray(maps).T, np.asarray(patterns), explained)
    error = problem.exact_error(maps, patterns) / np.prod(problem.shape, dtype=float)
    part_maps, part_patterns = intensities(problem, maps, patterns)
    weighted = problem.weights.on(None, part_patterns)[1] if problem.weights.pixels is not None else part_patterns
    places = smooth_maps(part_maps.T, problem.geometry, sigma)
    components = Components(places, weighted, part_maps.sum(axis=0, dtype=np.float64), pattern_share)
    if isinstance(threshold, str):
        threshold = gap_threshold(components)
    history = join_alike(components, threshold)
    if fragment:
        history += join_fragments(components, fragment, _FRAGMENT)
    members = components.members
    whole, rows = merged(part_maps, part_patterns, members)
    if refit:
        again = hals(problem, *problem.weights.on(whole, rows), max_iter=refit, tol=0)
        # A component may end empty; it is left out.
        members = tuple(m for m, there in zip(members, alive(again.maps.T, again.patterns)) if there)
        whole, rows = intensities(problem, again.maps.T, again.patterns)
    parts = (part_maps, part_patterns) if keep_parts else None
    return MergeRun(whole, rows, members, len(weighted), tuple(history), dropped, float(threshold), error, parts)


def best_run(runs, select: str = "usual") -> int:
    """Index of the run to keep.

    Parameters
    ----------
    runs : sequence of MergeRun
    select : {"usual", "weighted_error"}
        The smallest error among the runs with the most common number of parts (of those, the smallest); or the smallest
        weighted error of all, as published.

    Returns
    -------
    int
    """
    if select == "weighted_error":
        return min(range(len(runs)), key=lambda i: runs[i].weighted_error)
    sizes = np.array([run.n_parts for run in runs])
    values, counts = np.unique(sizes, return_counts=True)
    usual = values[counts.argmax()]
    return min((i for i in range(len(runs)) if sizes[i] == usual), key=lambda i: runs[i].error)


def noise_rank(values, shape: tuple[int, int], noise: float = 1.0) -> int:
    """How many singular values are more than noise, at least 2: the number of components to start with.

    The noise, of the standard deviation `noise`, must be about the same in every column of a matrix of this shape. Counts
    divided by the root of their mean in every column have the noise 1.
    """
    values = np.asarray(values, np.float64)
    return max(2, int((values > noise * (np.sqrt(shape[0]) + np.sqrt(shape[1]))).sum()))


def checked_threshold(value) -> float | str:
    """A similarity, or "auto"."""
    if value == "auto":
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not -1 <= value <= 1:
        raise ValueError(f"threshold must be 'auto' or a number from -1 to 1, got {value!r}")
    return float(value)


def start_anywhere(problem, n: int, rng: np.random.Generator):
    """Maps (k, n_positions) and patterns (k, n_pixels) of n positions drawn at random, of the weighted data."""
    single = np.zeros((n, problem.shape[0]), problem.dtype)
    single[np.arange(n), rng.choice(problem.shape[0], n, replace=False)] = 1
    return _start(problem, np.maximum(problem.on_patterns(single), 0))


def _start(problem, patterns):
    patterns = unit_rows(patterns)
    # Exact: most maps are 0 at most positions from the beginning. Sweeps leave small values, and cost weak grains.
    return nnls_rows(problem.on_maps(patterns).T, gram_of(patterns)).T, patterns


def alive(maps, patterns):
    """Boolean (k,): components whose map (k, n_positions) and pattern are not 0 everywhere."""
    return (patterns.sum(axis=1, dtype=np.float64) > 0) & (maps.sum(axis=1, dtype=np.float64) > 0)


def intensities(problem, maps, patterns):
    """Components of the weighted data as maps in intensity (n_positions, k) and patterns of sum 1, without empty ones."""
    maps, patterns = problem.weights.off(np.ascontiguousarray(maps.T), patterns)
    some = alive(maps.T, patterns)
    return unit_sums(maps[:, some], patterns[some])


def merged(maps, patterns, groups) -> tuple[np.ndarray, np.ndarray]:
    """Maps of groups of components, added up, and means of their patterns, weighted with the sums of their maps."""
    groups, rows = [list(group) for group in groups], []
    for group in groups:
        weights = maps[:, group].sum(axis=0, dtype=np.float64)
        rows.append((weights / weights.sum() @ patterns[group]).astype(patterns.dtype))
    return np.stack([maps[:, group].sum(axis=1) for group in groups], axis=1), np.stack(rows)
