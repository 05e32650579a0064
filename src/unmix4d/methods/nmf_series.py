"""``.nmf_series`` of `Unmix`: NMF for many numbers of components."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..core import checks
from ..decomposition.run import compressed, factorise_each
from ..decomposition.starts import INITS
from ..engine.compression import MAX_PASSES, LowRank
from ..results.build import run_record
from ..results.decomposition import Decomposition
from .arguments import WEIGHTS, bound_constraints, iterations, matrix_of, numbers_of_components, progress, smooth_record
from .nmf import CONSTRAINED_ITER, MAX_ITER, finished_nmf
from .only_noise import say_if_only_noise

if TYPE_CHECKING:
    from ..constraints._base import Constraint
    from ..constraints.smooth_maps import SmoothMaps

__all__ = ["nmf_series"]


def nmf_series(
    view: Any,
    ns: Iterable[int],
    *,
    constraints: Constraint | Sequence[Any] = (),
    n_starts: int = 1,
    max_iter: int | None = None,
    tol: float = 1e-3,
    init: str = "nndsvd",
    weights: str = "auto",
    smooth: float | str | SmoothMaps | None = "auto",
    refit: bool = True,
    compression: LowRank | None = None,
    precision: str = "single",
    random_state: int | None = None,
) -> dict[int, Decomposition]:
    """Run `nmf` for several numbers of components, with one compression and common passes over the scan.

    The scan is compressed once, for the largest number; the factorisations then run in parallel, and all results are
    refitted to the scan together, in two passes for every 128 components.

    Parameters
    ----------
    ns : sequence of int
        Numbers of components.
    refit : bool
        False leaves the passes at the end out: losses are then estimated from the compression.
    constraints, n_starts, max_iter, tol, init, weights, smooth, compression, precision, random_state
        As for `nmf`; a compression must have a rank of at least the largest number.

    Returns
    -------
    dict
        A `Decomposition` for every number, in the order given. The passes in their settings are those of all of them.

    Raises
    ------
    ValueError
        If `ns` is empty or contains a number twice, and as for `nmf`.
    TypeError
        If `ns` is not a sequence of whole numbers, and as for `nmf`.

    Notes
    -----
    The same numbers as one `nmf` after the other on a shared `compress` with the same seed. All results are held in
    memory: their patterns take 4 bytes x the sum of `ns` x the number of detector pixels.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> u = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data)
    >>> results = u.nmf_series(range(2, 5), random_state=0)
    >>> [results[n].k for n in results]
    [2, 3, 4]
    """
    ns = numbers_of_components(view, ns, "ns")
    twice = sorted({n for n in ns if ns.count(n) > 1})
    if twice:
        raise ValueError(f"ns must name every number once, got {', '.join(map(str, twice))} more than once")
    seed = checks.seed(random_state)
    bound = [bound_constraints(constraints, view.geometry, n) for n in ns]
    iterating = iterations(n_starts, max_iter, tol, CONSTRAINED_ITER if bound[0] else MAX_ITER)
    checks.choice(weights, "weights", tuple(WEIGHTS))
    if not isinstance(init, str):
        raise TypeError(f"init must be one of {', '.join(INITS)} for several numbers, got {type(init).__name__}")
    checks.choice(init, "init", INITS)
    matrix, smoothing = matrix_of(view, compression, max(ns), weights, smooth, precision, bound[0])
    before = matrix.passes
    matrix.require_counts("nmf_series")
    steps = MAX_PASSES + len(ns) * iterating["n_starts"] * iterating["max_iter"]
    with progress(view, steps, f"NMF, {min(ns)} to {max(ns)} components") as tick:
        low = compression or compressed(
            matrix, max(ns), constraints=bound[0], smoothing=smoothing, weights=WEIGHTS[weights], seed=seed, tick=tick
        )
        outcomes = factorise_each(
            low, ns, init=init, constraints=bound, seed=seed, refit=bool(refit), tick=tick, **iterating
        )
    noise = max(ns) > 1 and say_if_only_noise(view, matrix, low, "nmf_series", seed)
    settings = run_record(
        view, "nmf", constraints=[c.settings() for c in bound[0]], **iterating, init=init, refit=bool(refit),
        smooth=smooth_record(smoothing), exact=False, objective="frobenius",
        precision="double" if matrix.dtype.itemsize > 4 else "single", random_state=seed,
        passes=matrix.passes - before, series=ns,
    )  # fmt: skip
    return {
        n: finished_nmf(view, matrix, outcome, {**settings, "n": n}, own, noise)
        for n, outcome, own in zip(ns, outcomes, bound)
    }
