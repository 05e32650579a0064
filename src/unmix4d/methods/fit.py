"""``.fit`` of a view: maps of patterns that are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import checks
from ..core.messages import warn
from ..decomposition.fitted_patterns import FittedPatterns
from ..decomposition.known_patterns import fit_known
from ..results.build import Components, arranged, run_record
from ..results.fitted import FittedDecomposition
from ..results.meaning import Meaning
from .arguments import progress
from .known import known_patterns

__all__ = ["fit"]

MEANING = Meaning("fit of known patterns")


def fit(
    view: Any, patterns: Any, *, weights: str = "auto", resample: bool = False, precision: str = "single"
) -> FittedDecomposition:
    """Fit the maps of known patterns: those of another scan, of a part of this one, or simulated.

    Every position is fitted by exact non-negative least squares, in one pass. The patterns are not changed, so you can
    compare the maps of scans that are fitted with the same patterns: a map value is the multiple of the pattern.

    Parameters
    ----------
    patterns : Decomposition, Groups, array (k, det_row, det_col) or (det_row, det_col), or dict
        Known patterns, or a simulation of known phases by diffsims or py4DSTEM (see `simulated_patterns`, which can also set
        the radius of the disks). The keys of a dictionary are the names of the components. Patterns of a result must lie on
        the detector grid of this view. Pixels at which one of the patterns is NaN are excluded from the fit. For features,
        pass a result of the same features, or arrays of them.
    weights : {"auto", "poisson", "none"}
        ``"poisson"`` (``"auto"`` for pixels) weights each pixel by its counting noise, estimated from the mean of the known
        patterns, so that the direct beam does not dominate. ``"none"`` (``"auto"`` for features) is plain least squares.
    resample : bool
        If True, resample the patterns of a result to the detector grid of this view, by centre and pixel size. Counts are
        assigned to the pixels they fall on.
    precision : {"single", "double"}
        Floating-point precision of the pass and of the result.

    Returns
    -------
    FittedDecomposition
        ``.unexplained`` marks positions where the scan contains more than these patterns and counting noise; a warning names
        them. Use ``nmf(known=..., new=1)`` to find the pattern of such positions.

    Raises
    ------
    ValueError
        If patterns lie on another grid, are negative, infinite or empty, or the scan holds NaN, negative values, or
        nothing.
    TypeError
        If `patterns` has another type.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> phantom = phantoms.random_scan(shape=(12, 8, 10, 20), k=2, seed=0)
    >>> part = Unmix(phantom.data[:6]).nmf(2, random_state=0)
    >>> whole = Unmix(phantom.data).fit(part)
    >>> whole.maps.shape, bool((whole.patterns == part.patterns).all())
    ((2, 12, 8), True)
    """
    checks.choice(precision, "precision", ("single", "double"))
    checks.choice(weights, "weights", ("auto", "poisson", "none"))
    weights = "none" if weights == "auto" and view.is_features else weights.replace("auto", "poisson")
    found = known_patterns(view, patterns, resample, "patterns")
    view, geometry = found.view, found.view.geometry
    matrix = view.matrix(precision)
    settings = run_record(
        view, "fit", n=len(found.images), known={"n": len(found.images), "of": found.origin}, weights=weights,
        precision="double" if matrix.dtype.itemsize > 4 else "single",
    )  # fmt: skip
    if any(found.names):
        settings["names"] = found.names
    rows = np.ascontiguousarray(geometry.from_images(found.images), matrix.dtype)
    with progress(view, 1, f"fit of {len(rows)} known patterns") as tick:
        fitted = fit_known(matrix, rows, weighted=weights == "poisson")
        tick()
    _require_counts(fitted)
    components = _components(view, matrix, fitted, rows)
    settings |= {"gain": fitted.gain, "passes": matrix.passes}
    answer = components.answer(
        FittedDecomposition, method="fit", squares=fitted.squares, settings=settings, meaning=MEANING,
        excess=None if view.is_features else geometry.to_maps(fitted.excess[:, None])[0],
    )  # fmt: skip
    _say_if_unexplained(answer)
    return answer


def _require_counts(fitted):
    if fitted.minimum < 0:
        raise ValueError(
            f"fit needs values that are not negative, but the smallest value of the scan is {fitted.minimum:.6g}: do not "
            "subtract a background before"
        )
    if fitted.total == 0:
        raise ValueError("fit needs a signal, but every value of the scan is 0")


def _components(view, matrix, fitted, rows):
    """In the order and the scale that the patterns have; of features their patterns are fitted to the scan."""
    k = len(rows)
    if view.pixel_view is not view:
        return arranged(view, matrix, fitted.maps, rows, n_fixed=k, keep_scale=True)
    known = FittedPatterns(rows, fitted.mean_pattern, fitted.totals, fitted.total)
    share = fitted.maps.sum(0, dtype=np.float64) * rows.sum(1, dtype=np.float64) / fitted.total
    return Components(view, matrix, fitted.maps, rows, None, known, share, np.arange(k))


def _say_if_unexplained(answer):
    n = 0 if answer.excess is None else int(answer.unexplained.sum())
    if n:
        warn(
            f"unexplained: {n} of {answer.geometry.n_positions} positions contain more than the {answer.k} known patterns "
            f"and counting noise; look at .residual_map() there, or find the additional pattern with nmf(known=..., new=1)"
            + "; simulated intensities are seldom exact, so compare the .excess of positions"
            * (answer.settings["known"]["of"] == "simulation")
        )
