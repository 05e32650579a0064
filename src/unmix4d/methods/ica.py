"""``.ica`` of `Unmix`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import checks
from ..core.messages import warn
from ..decomposition.independent_components import INDEPENDENT, centred_share, independent_components
from ..decomposition.svd import require_rank, truncated_svd
from ..results.build import arranged, run_record
from ..results.citations import ICA, KRYLOV
from ..results.decomposition import Decomposition, Meaning
from .arguments import components, progress

__all__ = ["MEANING", "REFERENCES", "ica"]

MEANING, REFERENCES = Meaning("ICA", signed=True, shares_of="sum of squares"), (*ICA, *KRYLOV)

_CONSTANT = 0.05  # below this, what centring leaves of one combination of the maps is mostly noise
_OTHER = {"patterns": ("pixels", "maps"), "maps": ("positions", "patterns")}


def ica(
    view: Any,
    n: int,
    *,
    on: str = "patterns",
    n_starts: int = 5,
    max_iter: int = 500,
    tol: float = 1e-8,
    precision: str = "single",
    random_state: int | None = None,
) -> Decomposition:
    """Decompose the scan by independent component analysis (ICA).

    FastICA [2]_ mixes the n components of the SVD so that they are as independent as possible, as in [1]_. The
    reconstruction does not change: maps times patterns is the same best approximation of the scan as that of `svd`,
    including the mean.

    Parameters
    ----------
    n : int
        Number of components.
    on : {"patterns", "maps"}
        Whether patterns or maps are made independent. The default is patterns, as in HyperSpy, because spots of different
        crystals are sparse and mostly do not overlap. Maps exclude one another and add up to a constant if the specimen
        fills the scan, so they are far from independent.
    n_starts : int
        Number of random rotations to start from. The most independent result is returned.
    max_iter : int
        Largest number of iterations of a start.
    tol : float
        A start ends when no direction changes by more than this, measured by ``1 - |cosine|``.
    precision : {"single", "double"}
        Floating-point precision of the passes over the scan and of the result. The search itself is always done in double
        precision.
    random_state : int or None
        Seed; with None, one is drawn. It is stored in ``.settings``.

    Returns
    -------
    Decomposition
        Components are sorted by their share of the sum of squares. The largest absolute entry of every pattern is positive,
        and the largest absolute value of every map is 1. Components are not orthogonal, so shares do not have to add up to
        the total explained.

    Raises
    ------
    ValueError
        If `n` is larger than the rank of the scan, the scan holds NaN or infinite values, or a combination of the patterns
        (or maps) is constant.

    Notes
    -----
    Patterns and maps have negative values: the components "highlight physically important differences", but are not
    diffraction patterns [1]_.

    References
    ----------
    .. [1] Martineau et al., Adv. Struct. Chem. Imaging 5 (2019) 3, Fig. 2c.
    .. [2] Hyvarinen and Oja, Neural Networks 13 (2000) 411, doi:10.1016/S0893-6080(00)00026-5

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> phantom = phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0)
    >>> result = Unmix(phantom.data).ica(2, random_state=0)
    >>> result.maps.shape, result.patterns.shape
    ((2, 6, 8), (2, 10, 20))
    """
    n, on = components(view, n), checks.choice(on, "on", INDEPENDENT)
    n_starts, max_iter = checks.count(n_starts, "n_starts"), checks.count(max_iter, "max_iter")
    tol, seed = checks.positive(tol, "tol"), checks.seed(random_state)
    matrix = view.matrix(precision).hold()
    settings = run_record(
        view, "ica", n=n, on=on, n_starts=n_starts, max_iter=max_iter, tol=tol, precision=precision, random_state=seed
    )
    matrix.statistics()
    with progress(view, 12, f"ICA, {n} components") as tick:
        svd = truncated_svd(matrix, n, seed=seed, tick=tick)
    require_rank(svd.values, matrix.dtype, "ica")
    _require_variation(svd, on, matrix.dtype)
    answer = independent_components(
        svd.left * svd.values, svd.right, on=on, n_starts=n_starts, max_iter=max_iter, tol=tol, seed=seed
    )
    if not answer.converged:
        warn(
            f"ica did not settle within max_iter={max_iter} iterations, and its components are not final: allow more, "
            "or ask for fewer components, those inside the noise being equally independent in every mixture"
        )
    return _answer(view, matrix, svd, answer, settings)


def _answer(view, matrix, svd, answer, settings):
    """Components by their share of the sum of squares, patterns with a positive largest entry, maps with maximum 1."""
    maps, patterns = answer.maps, answer.patterns
    size = np.abs(maps).max(0) * np.sign(patterns[np.arange(len(patterns)), np.abs(patterns).argmax(1)])
    size[size == 0] = 1
    maps, patterns = maps / size, patterns * size[:, None]
    share = (maps**2).sum(0) * (patterns**2).sum(1) / matrix.statistics().norm2
    order = np.argsort(-share, kind="stable")
    maps, patterns = maps[:, order].astype(matrix.dtype), patterns[order].astype(matrix.dtype)
    settings = {
        **settings, "svd_residual": svd.residual, "iterations": answer.iterations, "converged": answer.converged,
        "contrast": answer.contrast,
    }  # fmt: skip
    squares = matrix.squared_residuals(maps, patterns)
    return arranged(view, matrix, maps, patterns, signed=True, by_share=False).answer(
        method="ica", squares=squares, settings=settings, explained=share[order],
        meaning=MEANING, references=REFERENCES,
    )  # fmt: skip


def _require_variation(svd, on, dtype):
    """Centring must not take away one of the dimensions in which independence is sought."""
    if len(svd.values) == 1:
        return
    left = centred_share(svd.right if on == "patterns" else svd.left.T)
    over, other = _OTHER[on]
    if left < 100 * np.finfo(dtype).eps:
        raise ValueError(
            f"on must be {other!r} for this scan, or n smaller: a combination of its {on} is the same in all {over}, so "
            f"that they cannot be independent, got {on!r}"
        )
    if on == "maps" and left < _CONSTANT:
        warn(
            f"the maps of this scan add up to a constant but for {100 * left:.2g} % of it, as where the specimen fills the "
            "scan: maps that exclude one another are not independent, and ica mixes them; on='patterns' does not ask for it"
        )
