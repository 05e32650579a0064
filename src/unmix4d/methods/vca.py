"""``.vca`` of `Unmix`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import checks
from ..core.messages import warn
from ..decomposition.svd import require_rank, truncated_svd
from ..decomposition.vertex_components import PROJECTIONS, vertex_components
from ..results.build import NOTHING, arranged, run_record
from ..results.citations import KRYLOV, VCA
from ..results.decomposition import Decomposition, Meaning
from .arguments import WEIGHTS, components, progress, say_if_beam, weighted

__all__ = ["MEANING", "REFERENCES", "vca"]

MEANING, REFERENCES = Meaning("vertex component analysis"), (*VCA, *KRYLOV)

_UNEVEN = 0.05  # standard deviation of the sums of free maps, beyond noise, that is still called a sum of 1


def vca(
    view: Any,
    n: int,
    *,
    sum_to_one: bool = False,
    projection: str = "auto",
    n_starts: int = 20,
    weights: str = "auto",
    precision: str = "single",
    random_state: int | None = None,
) -> Decomposition:
    """Decompose the scan by vertex component analysis (VCA): find the n purest patterns and fit their maps.

    Mixtures of n patterns fill a simplex whose corners are the pure patterns [1]_. Corners are searched among the SVD
    loadings in random directions, each orthogonal to the previous corners. A corner is the mean of up to 9 outermost
    positions (or 0.5 % of the scan if that is fewer), because one measured pattern is noisy [2]_. Its pattern is taken
    within the n dimensions of the SVD and clipped at 0. The largest simplex of `n_starts` sets of corners is kept. Maps are
    the exact non-negative least-squares fit of these patterns to the scan, with the weights of the pixels if there are any.

    Parameters
    ----------
    n : int
        Number of components. Vacuum, or a bare support film, is one of them.
    sum_to_one : bool
        If True, maps add up to 1 at every position, as suggested by Martineau et al. [3]_ (footnote 3). This is only valid
        if all positions have the same total thickness, or if vacuum is one of the components; otherwise there is a warning.
    projection : {"auto", "affine", "projective"}
        ``"affine"`` finds corners of the patterns themselves, for mixtures whose shares add up to 1. ``"projective"`` finds
        corners of patterns divided by their signal, for any thickness, but is noisy where the signal is low. ``"auto"`` is
        the rule of [1]_, projective above a signal-to-noise ratio of 15 + 10 log10(n) dB, and also projective if some
        positions have less than a tenth of the mean signal, which would otherwise be a corner.
    n_starts : int
        Number of sets of random directions.
    weights : {"auto", "none", "capped", "poisson"}
        Weights of the pixels for the corners and for the fit of the maps, as for `nmf`. ``"auto"`` is ``"capped"`` if one
        spot has more than half of the squared intensity, because corners would then be those of the direct beam, and
        otherwise ``"none"``.
    precision : {"single", "double"}
        Floating-point precision of the computation.
    random_state : int or None
        Seed; with None, one is drawn. It is stored in ``.settings``.

    Returns
    -------
    Decomposition
        The components, sorted by their share of the intensity. The maximum of each map is 1, except with `sum_to_one`.
        ``.settings["vertices"]`` is the outermost position [row, column] of each corner.

    Raises
    ------
    ValueError
        If `n` is larger than the rank of the scan, or the scan holds negative, NaN or infinite values or no signal.

    Notes
    -----
    Every component needs positions at which it is pure. A component that is never pure (an embedded particle, an amorphous
    film below everything) is returned as its purest mixture: its map is correct except for scale and offset, but its pattern
    is not.

    References
    ----------
    .. [1] Nascimento and Bioucas-Dias, IEEE Trans. Geosci. Remote Sens. 43 (2005) 898, doi:10.1109/TGRS.2005.844293
    .. [2] Nadisic, Gillis and Kervazo, Smoothed separable nonnegative matrix factorization, arXiv:2110.05528
    .. [3] Martineau et al., Adv. Struct. Chem. Imaging 5 (2019) 3.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.martineau_fig5(scan_shape=(2, 20), pure_to_mixed=0).data).vca(2, random_state=0)
    >>> sorted(column for row, column in result.settings["vertices"])
    [0, 19]
    """
    n, n_starts = components(view, n), checks.count(n_starts, "n_starts")
    projection, seed = checks.choice(projection, "projection", PROJECTIONS), checks.seed(random_state)
    checks.choice(weights, "weights", tuple(WEIGHTS))
    sum_to_one = bool(sum_to_one)
    matrix = view.matrix(precision).hold()
    settings = run_record(
        view, "vca", n=n, sum_to_one=sum_to_one, projection=projection, n_starts=n_starts, precision=precision,
        random_state=seed,
    )  # fmt: skip
    matrix.require_counts("vca")
    damped = weighted(matrix, weights)
    settings["weights"] = damped.weights.kind
    with progress(view, 13, f"VCA, {n} components") as tick:
        svd = truncated_svd(damped, n, seed=seed, tick=tick)
        require_rank(svd.values, matrix.dtype, "vca")
        say_if_beam(damped, svd.right, "vca")
        answer = vertex_components(damped, svd, n_starts=n_starts, projection=projection, sum_to_one=sum_to_one, seed=seed)
        tick()
    result = _answer(view, matrix, svd, answer, settings)
    _say_if_wrong(result, answer.unevenness)
    return result


def _answer(view, matrix, svd, answer, settings):
    """Components by their share of the intensity; maps with maximum 1, unless they add up to 1."""
    found = arranged(view, matrix, answer.maps, answer.patterns, keep_scale=settings["sum_to_one"])
    corners, positions = answer.vertices, np.argwhere(matrix.geometry.kept_positions.reshape(matrix.geometry.scan_shape))
    settings = {
        **settings, "svd_residual": svd.residual, "projection_used": corners.projection, "snr_db": corners.snr_db,
        "vertices": positions[corners.members[found.order, 0]].tolist(), "averaged": int(corners.members.shape[1]),
    }  # fmt: skip
    return found.answer(
        method="vca", squares=matrix.squared_residuals(answer.maps, answer.patterns), settings=settings,
        meaning=MEANING, references=REFERENCES,
    )  # fmt: skip


def _say_if_wrong(result, unevenness):
    if result.settings["sum_to_one"] and unevenness > _UNEVEN:
        warn(
            f"sum_to_one is not valid for this scan: without it the sums of the maps vary by {unevenness:.2g} (standard "
            "deviation beyond noise), so the thickness varies or a component such as vacuum is missing"
        )
    empty = int((result.explained < NOTHING).sum())
    if empty and not result.settings["sum_to_one"]:
        warn(f"{empty} of the {result.k} components hold less than {NOTHING:g} of the intensity: a corner without signal")
