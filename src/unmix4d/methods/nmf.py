"""``.nmf`` of `Unmix`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..constraints import Evidence
from ..core import checks
from ..core.messages import warn
from ..decomposition.checkpoints import NMFCheckpoint
from ..decomposition.run import factorise
from ..decomposition.starts import INITS, given_start
from ..engine.compression import MAX_PASSES, LowRank
from ..results import citations as papers
from ..results.build import NOTHING, arranged, run_record
from ..results.decomposition import Decomposition, Meaning
from ..storage.checkpoint import resumed
from .arguments import WEIGHTS, bound_constraints, components, iterations, matrix_of, progress, smooth_record
from .known import with_known
from .only_noise import say_if_only_noise

if TYPE_CHECKING:
    from ..constraints._base import Constraint
    from ..constraints.smooth_maps import SmoothMaps
    from ..decomposition.run import Outcome
    from ..engine.matrix import PatternMatrix

__all__ = [
    "CONSTRAINED_ITER", "KL_ITER", "MAX_ITER", "MEANING", "finished_nmf", "nmf", "nmf_answer", "references",
]  # fmt: skip

MEANING = Meaning("NMF")

# Where maps of the standard phantoms are closest to the truth: benchmarks/defaults/RESULTS.md.
MAX_ITER = 50
# The same tables, with constraints.
CONSTRAINED_ITER = 40
KL_ITER = 30  # of objective="kl", which that benchmark does not run: no table


def nmf(
    view: Any,
    n: int | None = None,
    *,
    constraints: Constraint | Sequence[Any] = (),
    n_starts: int = 1,
    max_iter: int | None = None,
    tol: float = 1e-3,
    init: str | tuple[ArrayLike, ArrayLike] = "nndsvd",
    weights: str = "auto",
    smooth: float | str | SmoothMaps | None = "auto",
    objective: str = "frobenius",
    known: Any = None,
    new: int | None = None,
    resample: bool = False,
    exact: bool = False,
    refit: bool = True,
    compression: LowRank | None = None,
    precision: str = "single",
    random_state: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Decomposition:
    """Decompose the scan by non-negative matrix factorisation (NMF) into non-negative patterns and maps.

    The scan is compressed to a few times `n` directions, all iterations are made in this subspace, and the best result is
    refitted to the full data. The scan is therefore read only about six times, for any number of starts and iterations.

    Parameters
    ----------
    n : int
        Number of components, including known ones. Optional with `known`.
    constraints : sequence of constraints, optional
        Prior knowledge about patterns or maps, see `unmix4d.constraints`. The problem is then solved by alternating least
        squares and projection [2]_ instead of HALS [3]_.
    n_starts : int
        Number of starts. The result with the smallest error is returned. The first start uses `init`, the second begins at
        vertex components, the others are random.
    max_iter : int, optional
        Largest number of iterations of a start. The default is 50, 40 with constraints, and 30 with ``objective="kl"``. More
        iterations reduce the error, but not the distance to the truth.
    tol : float
        A start ends when an iteration changes neither the maps nor the patterns by more than this fraction, in
        the sum of absolute values [2]_; 0 runs all iterations.
    init : {"nndsvd", "vca", "random"} or (maps, patterns)
        Initialisation of the first start: non-negative double SVD [4]_, vertex components, random, or given maps and
        patterns, with the shapes of the result or as matrices.
    weights : {"auto", "none", "capped", "poisson"}
        Weights of the pixels. Bright pixels are noisy and dominate a plain fit. ``"capped"`` (the default, ``"auto"``) damps
        pixels far above the typical one, above all the direct beam. ``"poisson"`` gives every pixel and every position the
        same noise [5]_. ``"none"`` is plain least squares.
    smooth : "auto", float, str or SmoothMaps, optional
        Smoothing along the scan when the subspace is found: sigma in positions, or the full width of the probe with a unit
        (``"2 nm"``). This detects weak components that are lost otherwise; neither data nor maps are smoothed. ``"auto"``
        uses a sigma of 1 or 2 positions if more then stands out of the noise, and no smoothing if neighbouring positions
        differ; the choice is stored in ``.settings["smooth"]``. The constraint `SmoothMaps` sets it automatically. With 0 or
        None, nothing is smoothed, and the result does not depend on the order of the positions.
    objective : {"frobenius", "kl"}
        Objective of the fit. ``"kl"`` is the Kullback-Leibler divergence, the likelihood of counts with Poisson noise [6]_.
        Every iteration then reads the scan (or its counts are held in memory, if few are non-zero). Constraints cannot be
        used, and `weights` and `smooth` only affect the start.
    known : Decomposition, Groups, array (k, det_row, det_col) or dict, optional
        Known patterns, as for `fit`. They are not changed and become the first components.
    new : int, optional
        Number of components to find in addition to the known ones.
    resample : bool
        If True, resample the known patterns of a result to the detector grid of this view.
    exact : bool
        If True, make every iteration on the full scan, from the same start: one pass per iteration (two with constraints).
    refit : bool
        If False, skip the refit to the full scan and its two passes, for example to try many numbers of components. The loss
        is then estimated from the compressed scan.
    compression : LowRank, optional
        Result of `compress`, which many runs can share. It contains `weights`, `smooth` and `precision`, so do not pass
        these again.
    precision : {"single", "double"}
        Floating-point precision of the computation.
    random_state : int or None
        Seed; with None, one is drawn. It is stored in ``.settings``.
    checkpoint : str or path-like, optional
        Folder for checkpoints, created by the call. It stores the compression, the finished starts and, every 20 seconds,
        the current one. After a crash or a power cut, the same call continues from there with the same result. The folder is
        not deleted at the end.

    Returns
    -------
    Decomposition
        The components, sorted by their share of the intensity. The maximum of each map is 1. ``.distinguishable`` shows
        which components stand out of the noise.

    Raises
    ------
    ValueError
        If the scan holds negative, NaN or infinite values or no signal, `n` is larger than its number of
        positions or pixels, a constraint does not fit the scan, `compression` is of another view, or `checkpoint` is of
        another run.
    OSError
        If `checkpoint` is not such a folder, is damaged, or cannot be written.
    TypeError
        If a constraint lacks an attribute or method.

    Notes
    -----
    Shared intensity, above all the direct beam, may end up in any component, so do not interpret intensities of NMF patterns
    quantitatively [1]_. Mask the direct beam first with ``prepare(direct_beam=...)``.

    At the end, the maps are fitted to the scan for the final patterns, then the patterns for those maps, by exact
    non-negative least squares. Constrained factors are not refitted. ``.loss`` is the unweighted error of the full data.

    References
    ----------
    .. [1] Martineau et al., Adv. Struct. Chem. Imaging 5 (2019) 3.
    .. [2] Kimoto et al. 2025, constrained NMF of 4D-STEM data.
    .. [3] Cichocki and Phan, IEICE Trans. Fundamentals E92-A (2009) 708.
    .. [4] Boutsidis and Gallopoulos, Pattern Recognition 41 (2008) 1350.
    .. [5] Keenan and Kotula, Surf. Interface Anal. 36 (2004) 203.
    .. [6] Lee and Seung, Nature 401 (1999) 788.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> from unmix4d.constraints import SmoothMaps
    >>> phantom = phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0)
    >>> result = Unmix(phantom.data).nmf(2, n_starts=3, random_state=1)
    >>> float(result.maps.max())
    1.0
    >>> smooth = Unmix(phantom.data).nmf(2, constraints=[SmoothMaps(sigma=1)], random_state=1)
    >>> smooth.settings["constraints"][0]["name"]
    'SmoothMaps'
    """
    more: dict[str, Any] = {}
    if known is not None:
        view, n, constraints, more = with_known(view, n, known, new, constraints, resample)
    elif n is None or new is not None or resample:
        raise ValueError("n must be the number of components; new and resample are for known patterns: give known=")
    n, seed = components(view, n), checks.seed(random_state)
    constraints = bound_constraints(constraints, view.geometry, n)
    checks.choice(objective, "objective", ("frobenius", "kl"))
    default = KL_ITER if objective == "kl" else CONSTRAINED_ITER if constraints else MAX_ITER
    iterating = iterations(n_starts, max_iter, tol, default)
    checks.choice(weights, "weights", tuple(WEIGHTS))
    if objective == "kl" and constraints:
        raise ValueError(f"constraints need objective='frobenius', got {len(constraints)} of them with objective='kl'")
    matrix, smoothing = matrix_of(view, compression, n, weights, smooth, precision, constraints)
    if isinstance(init, str):
        init_name = checks.choice(init, "init", INITS)
    else:
        init_name, init = "given", given_start(init, matrix, n)
    settings = run_record(
        view, "nmf", n=n, constraints=[c.settings() for c in constraints], **iterating, init=init_name,
        refit=bool(refit), smooth=smooth_record(smoothing), exact=bool(exact),
        objective=objective, precision="double" if matrix.dtype.itemsize > 4 else "single", random_state=seed, **more,
    )  # fmt: skip
    kept, settings = _kept(checkpoint, settings, init, compression, random_state, WEIGHTS[weights])
    before = matrix.passes
    matrix.require_counts("nmf")
    with progress(view, MAX_PASSES + iterating["n_starts"] * iterating["max_iter"], f"NMF, {n} components") as tick:
        outcome = factorise(
            matrix, n, init=init, constraints=constraints, smoothing=smoothing, weights=WEIGHTS[weights],
            exact=bool(exact), **iterating, seed=settings["random_state"], objective=objective, refit=bool(refit),
            low=compression, tick=tick, checkpoint=kept,
        )  # fmt: skip
    noise = n > 1 and say_if_only_noise(view, matrix, outcome.low, "nmf", settings["random_state"])
    return finished_nmf(view, matrix, outcome, {**settings, "passes": matrix.passes - before}, constraints, noise)


def _kept(checkpoint, settings, init, compression, random_state, weights):
    """The checkpoint of this run, and its settings with the seed that it was begun with."""
    if checkpoint is not None and compression is not None:
        raise ValueError("checkpoint keeps its own compression: pass it without compression=")
    more = {"weights": weights}
    if not isinstance(init, str):
        more["given start"] = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in init)).hexdigest()
    return resumed(checkpoint, NMFCheckpoint, "nmf", settings, random_state, **more)


def finished_nmf(view, matrix, outcome, settings, constraints, noise=False):
    """The result of a run, after saying what is wrong with it and letting its constraints look at it.

    Of what is only `noise`, as was said already, nothing more is to be said.
    """
    result = nmf_answer(view, matrix, outcome, settings, constraints, quiet=noise)
    _say_if_empty(result)
    checking = [constraint for constraint in constraints if hasattr(constraint, "check")]
    evidence = _evidence(matrix, outcome) if checking else None
    for constraint in checking:
        constraint.check(evidence)
    return result


def nmf_answer(
    view: Any,
    matrix: PatternMatrix,
    outcome: Outcome,
    settings: dict[str, Any],
    constraints: Sequence[Any] = (),
    quiet: bool = False,
) -> Decomposition:
    """The best start, ordered and scaled, with the record of all."""
    final, low = outcome.final, outcome.low
    found = arranged(
        view, matrix, final.maps, final.patterns, n_fixed=sum(getattr(c, "n_fixed", 0) for c in constraints),
        keep_scale=any(getattr(c, "fixes_scale", False) for c in constraints),
    )  # fmt: skip
    settings = {
        **settings,
        "weights": low.weights.kind,
        "smooth": None if low.smoother is None else smooth_record(low.smoother.smoothing),
        "compression": {
            "rank": low.rank,
            "seed": low.seed,
            "residual": low.residual,
            "smoothed": low.smoother is not None,
            "above_noise": low.above_noise,
        },
        "effects": [
            {**effect, "added_per_component": [effect["added_per_component"][i] for i in found.order]}
            for effect in outcome.best.effects
        ],
    }
    return found.answer(
        method="nmf", squares=final.squares, settings=settings, meaning=MEANING, references=references(settings),
        losses=np.array([start.objective for start in outcome.starts]),
        convergence=[start.history for start in outcome.starts],
        changes=[start.changes for start in outcome.starts],
        strengths=outcome.strengths[found.order], quiet=quiet,
    )  # fmt: skip


def references(settings: dict[str, Any]) -> tuple:
    """The papers of what was used, the most particular first."""
    kl = settings.get("objective") == "kl"  # files of older versions lack some
    used: list[tuple[str, ...]] = [papers.KL if kl else papers.KIMOTO if settings.get("constraints") else papers.HALS]
    if settings.get("init") == "nndsvd":
        used.append(papers.NNDSVD)
    if settings.get("init") == "vca" or settings.get("n_starts", 1) > 1:
        used.append(papers.VCA)
    if settings.get("weights", "none") != "none":
        used.append(papers.WEIGHTS)
    if not kl:
        used.append(papers.KRYLOV)
    return tuple(line for lines in used for line in lines)


def _evidence(matrix, outcome):
    """What the constraints are shown when a run is over."""
    geometry, final, statistics = matrix.geometry, outcome.final, matrix.statistics()
    spread = np.sqrt(final.pixel_squares / matrix.shape[0])
    plain = final.maps.astype(np.float64)
    errors = np.sqrt(np.maximum(np.diag(np.linalg.pinv(plain.T @ plain, hermitian=True)), 0))[:, None] * spread

    def scan(columns):
        return geometry.to_maps(columns).reshape(columns.shape[1], -1).T

    def detector(rows):
        return geometry.to_images(rows).reshape(len(rows), -1)

    return Evidence(
        geometry=geometry, patterns=detector(final.free_patterns), pattern_errors=detector(errors), maps=scan(final.maps),
        free_maps=scan(final.free_maps), totals=scan(statistics.totals[:, None])[:, 0],
    )  # fmt: skip


def _say_if_empty(result):
    empty = int((result.explained < NOTHING).sum())
    if empty:
        warn(
            f"{empty} of the {result.k} components hold less than {NOTHING:g} of the intensity: the scan does not "
            "support so many; see .scree() for how many stand out"
        )
