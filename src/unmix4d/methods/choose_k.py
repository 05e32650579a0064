"""``.choose_k`` of `Unmix`: how many components."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..choose_k import (
    REACH,
    RULES,
    ChooseKCheckpoint,
    cao2025,
    compared,
    compressed_for,
    decide,
    held_out_gains,
    region_of_interest,
    votes_of,
    weigh,
)
from ..core import checks
from ..engine.compression import MAX_PASSES
from ..engine.sparse_matrix import sparsified
from ..image_quality import WINDOW
from ..preparation.thinning import NotCounts
from ..results.build import run_record
from ..results.k_choice import KChoice
from ..storage.checkpoint import resumed
from .arguments import WEIGHTS, bound_smoothing, iterations, numbers_of_components, progress
from .nmf import MAX_ITER, nmf_answer
from .only_noise import say_if_only_noise

if TYPE_CHECKING:
    from ..constraints.smooth_maps import SmoothMaps

__all__ = ["choose_k", "default_numbers"]

_MOST = 16  # components that are tried unless told otherwise: half a minute for 64 x 64 x 96 x 96; no table
_SMOOTH = 1.0  # positions
_HELD_BYTES = 256 << 20  # parts of the counts up to this size are held in memory
_TIMES = 2  # as many as stand out of the noise: larger numbers are not tried on a part of the counts
_STARTS = 2  # of the factorisations of a part: non-negative double SVD and vertex components


def choose_k(
    view: Any,
    ks: Iterable[int] | None = None,
    *,
    rule: str = "unmix4d",
    n_starts: int = 2,
    fraction: float | None = 0.8,
    smooth: float | str | SmoothMaps | None = "auto",
    weights: str = "auto",
    annulus: tuple[float | str, float | str] | None = None,
    max_iter: int | None = None,
    tol: float = 1e-3,
    precision: str = "single",
    random_state: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> KChoice:
    """Recommend a number of components, with reasons, from NMF for every number of a range.

    The scan is compressed once for all numbers, and once more for the part of its counts that is fitted while the rest is
    held out.

    Parameters
    ----------
    ks : sequence of int, optional
        Numbers of components to try, at least 1, in any order. The default is 1 to 16, or fewer if the scan is small. Try a
        few more than you expect, because a recommendation at either end of the range is ambiguous.
    rule : {"unmix4d", "cao2025", "held_out", "noise_edge", "loss_knee", "distinct", "stable", "coherent"}
        Rule of the recommendation. ``"unmix4d"`` combines the noise edge and the likelihood of held-out counts, see Notes.
        ``"cao2025"`` follows the paper [1]_, but with our factorisations; use ``smooth=None, weights="none"`` for plain ones
        as in the paper. Any other name uses that criterion alone.
    n_starts : int
        Number of starts of every factorisation. The stability needs at least two.
    fraction : float or None
        Fraction of the electrons that is fitted while the rest is held out. With None, this criterion is not used.
    smooth : "auto", None, float, str or SmoothMaps
        Smoothing of the subspace as for `nmf`; ``"auto"`` is a sigma of one position. The noise edge is that of the smoothed
        scan: it counts weak components that neighbouring positions share, but not single unusual positions. Use None if
        neighbouring positions are unrelated.
    weights, max_iter, tol, precision
        As for `nmf`.
    annulus : (inner, outer), optional
        Radii between which patterns are compared, in pixels or with a unit. By default all kept pixels are used. The annulus
        does not affect the factorisations.
    random_state : int or None
        Seed; with None, one is drawn.
    checkpoint : str or path-like, optional
        Folder for checkpoints, created by the call. It stores the compressions, every number that is finished, for the scan
        and for the fitted part, and the likelihood of held-out counts. After a crash or a power cut, the same call continues
        from there with the same result; you may change `rule` and `annulus`. The folder is not deleted at the end.

    Returns
    -------
    KChoice
        The recommendation, with ``.recommended``, ``.confidence``, ``.reasons``, ``.votes`` and ``.table``. ``choice[k]`` is
        the `Decomposition` with k components.

    Raises
    ------
    ValueError
        If `ks` is empty or out of range, the scan holds negative, NaN or infinite values or no signal, or the criterion
        named by `rule` cannot be computed for this scan (``"held_out"`` needs counts), or if `checkpoint` is of another run.
    OSError
        If `checkpoint` is not such a folder, is damaged, or cannot be written.
    TypeError
        If an argument is of a wrong type.

    Notes
    -----
    `choose_k` counts distinguishable patterns. A background is one pattern, and so is a direct beam that varies
    independently; a direct beam that is a constant fraction of every pattern adds none. A bent crystal is several patterns.

    The rule ``"unmix4d"`` recommends the number of singular values of the compressed, scan-smoothed data that are above what
    noise alone can reach. The recommendation is clear if the held-out counts [2]_ are most likely for the same number, no
    singular value is too close to the noise to decide, and the number is not at an end of the range; without counts, also no
    two patterns may be nearly the same. Otherwise it is ambiguous, and the reasons are given. benchmarks/choose_k/RESULTS.md
    has the accuracy on phantoms.

    Noise must be independent between positions. After ``prepare(average_neighbours=...)`` it is not, and the edge is far too
    low. Radial variance and symmetry are not additive, so overlaps are counted as components. In both cases the
    recommendation is ambiguous. Noise that is shared by several pixels (Friedel folding, polar patterns) is not a problem as
    long as the scan is smoothed.

    To save time, the largest numbers are factorised with a smaller subspace than `nmf` uses. Run `nmf` again with the chosen
    number for full precision.

    References
    ----------
    .. [1] Cao et al., Digital Discovery 4 (2025) 3610, doi:10.1039/d5dd00071h
    .. [2] Neufeld et al., J. Mach. Learn. Res. 25 (2024), arXiv:2301.07276

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=4, scan_shape=(20, 20), detector_shape=(32, 32), background=0, seed=0)
    >>> choice = Unmix(film.data, centre=film.centre).choose_k(range(2, 8), random_state=0)
    >>> choice.recommended, choice.confidence
    (4, 'clear')
    >>> choice[4].maps.shape
    (4, 20, 20)

    Left alone over night; the same call then goes on from the folder, or looks at what it holds by another rule:

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "run.checkpoint")
    >>> view = Unmix(film.data, centre=film.centre)
    >>> view.choose_k(range(2, 7), random_state=0, checkpoint=path).recommended
    4
    >>> view.choose_k(range(2, 7), rule="noise_edge", checkpoint=path).recommended
    4
    """
    ks = default_numbers(view) if ks is None else numbers_of_components(view, ks, "ks")
    if len(set(ks)) < len(ks):
        raise ValueError(f"ks must name every number once, got {', '.join(map(str, ks))}")
    ks, seed = np.array(sorted(ks)), checks.seed(random_state)
    checks.choice(rule, "rule", RULES)
    checks.choice(weights, "weights", tuple(WEIGHTS))
    iterating = iterations(n_starts, max_iter, tol, MAX_ITER)
    fraction = None if fraction is None else checks.fraction(fraction, "fraction")
    smoothing = _smoothing(view, smooth)
    mask = _outside(view, annulus)
    if rule == "cao2025" and min(view.geometry.detector_shape) < WINDOW:
        raise ValueError(
            f"rule 'cao2025' compares images of at least {WINDOW} x {WINDOW} pixels, got {view.geometry.detector_shape}"
        )
    settings = run_record(
        view, "nmf", ks=ks.tolist(), rule=rule, fraction=fraction, annulus=None if annulus is None else list(annulus),
        **iterating, init="nndsvd", smooth=None if smoothing is None else smoothing.settings(), constraints=[],
        exact=False, objective="frobenius", refit=True, precision=precision, random_state=seed,
    )  # fmt: skip
    # Neither the rule nor the annulus has a part in what is kept.
    kept, settings = resumed(
        checkpoint, ChooseKCheckpoint, "choose_k", settings, random_state, free=["rule", "annulus"],
        weights=WEIGHTS[weights],
    )  # fmt: skip
    arguments = {"smoothing": smoothing, "weights": WEIGHTS[weights], "seed": settings["random_state"]}
    matrix = view.matrix(precision)
    statistics = matrix.require_counts("choose_k")
    if kept is not None:
        kept.require_data(statistics)
    steps = MAX_PASSES * 2 + len(ks) * (iterating["n_starts"] + 1) * iterating["max_iter"]
    with progress(view, steps, f"choose_k, {ks[0]} to {ks[-1]} components") as tick:
        low = compressed_for(matrix, ks, **arguments, tick=tick, checkpoint=kept)
        likely = ks[ks <= max(_TIMES * low.above_noise, low.above_noise + REACH, ks[0])]
        held_out, why_not = _held_out(view, likely, fraction, precision, arguments, iterating, tick, kept)
        evidence = weigh(
            low, ks, **iterating, seed=arguments["seed"], held_out=held_out, likely=likely, tick=tick, checkpoint=kept
        )
    say_if_only_noise(view, matrix, low, "choose_k", arguments["seed"])
    return _chosen(view, matrix, evidence, mask, rule, why_not, {**settings, "passes": matrix.passes})


def default_numbers(view: Any) -> range:
    """Numbers of components that are tried unless told otherwise: 1 to 16, or fewer where the scan holds no more."""
    most = min(_MOST, view.geometry.n_positions, view.geometry.n_pixels)
    return range(1, most + 1)


def _smoothing(view, smooth):
    if isinstance(smooth, str) and smooth == "auto":
        smooth = _SMOOTH if max(view.geometry.scan_shape) > 1 else None
    return bound_smoothing(smooth, view.geometry)


def _outside(view, annulus):
    """Pixels (True) that patterns are not compared on."""
    if annulus is None:
        return None
    if view.is_features:
        raise ValueError(f"annulus is for patterns, but these are {view.features.kind} features: leave it out")
    return ~view.prepare(annulus=annulus).geometry.kept_pixels.reshape(view.geometry.detector_shape)


def _held_out(view, ks, fraction, precision, arguments, iterating, tick, checkpoint):
    """The gains of held-out counts, or None and why there are none."""
    if fraction is None:
        return None, "fraction=None"
    known = None if checkpoint is None else checkpoint.held_out()
    if known is not None:
        return known, None
    if view.is_features:
        return None, f"split_counts is not for {view.features.kind} features, which are not counts"
    fitted = None if checkpoint is None else checkpoint.of_part("fitted")
    try:
        parts = view.split_counts(fraction, random_state=arguments["seed"])
        fit, rest = (_held(part, precision) for part in parts)
        if not fit.statistics().total > 0:
            return None, "the scan holds too few electrons to split"
        starting = {**iterating, "n_starts": min(iterating["n_starts"], _STARTS)}
        scale = (1 - fraction) / fraction
        found = held_out_gains(fit, rest, ks, scale, **arguments, **starting, tick=tick, checkpoint=fitted)
    except NotCounts as error:
        return None, str(error)
    if checkpoint is not None:
        checkpoint.keep_held_out(found)
    return found, None


def _chosen(view, matrix, evidence, mask, rule, why_not, settings):
    results = {
        int(k): nmf_answer(view, matrix, outcome, {**settings, "n": int(k)}, quiet=True)
        for k, outcome in zip(evidence.ks, evidence.outcomes)
    }
    shown = [result.patterns if result.features is None else result.features for result in results.values()]
    evidence = compared(evidence, shown, mask)
    votes = votes_of(evidence)
    details = None
    if rule == "cao2025":
        last = evidence.outcomes[-1].best.patterns
        last = evidence.outcomes[-1].low.weights.off(None, last)[1]
        details = cao2025(evidence.ks, evidence.table["loss"], matrix.geometry.to_images(last))
    choice = decide(evidence, votes, rule=rule, details=details, why_not=why_not, caveats=_caveats(view))
    return KChoice(
        recommended=choice.recommended, confidence=choice.confidence, reasons=choice.reasons, votes=votes,
        ks=evidence.ks, table=evidence.table, region=region_of_interest(evidence.ks, votes["loss_knee"]),
        settings=settings, sizes=evidence.sizes, similarities=dict(zip(results, evidence.similarities)),
        results=results, details=details,
    )  # fmt: skip


def _caveats(view):
    """What is known of this view that misleads the noise edge."""
    found = []
    if any(step.get("average_neighbours") or step.get("average_alike") for step in view.scan.steps):
        found.append(
            "after average_neighbours or average_alike the noise of neighbouring positions is alike, and noise is counted "
            "as components: choose before averaging"
        )
    if view.is_features and not view.features.additive:
        kind = view.features.kind
        found.append(f"{kind} of a mixture is not the mixture of those: every overlap may count as a component")
    return found


def _held(part, precision):
    """A part of the counts as a matrix; in memory where it is small or sparse, because every pass would split it again."""
    if part.scan.nbytes <= _HELD_BYTES:
        return part.persist().matrix(precision)
    matrix = part.matrix(precision)
    return sparsified(matrix) or matrix
