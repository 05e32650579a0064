"""How likely the counts of a view are under a result: above all counts that the result was not fitted to."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import scipy

from ..core import checks
from ..preparation.thinning import KEEPS_COUNTS, LEAST_EXPECTED, same_preparation, share

__all__ = ["log_likelihood"]

_REFERENCES = (None, "mean", "saturated")


def log_likelihood(result: Any, held_out: Any, *, relative_to: str | None = None) -> float:
    """Compute the Poisson log-likelihood of counts for this result, for example of held-out counts.

    Parameters
    ----------
    held_out : Unmix
        The second view of `unmix4d.Unmix.split_counts`, if the first one was fitted, prepared in the same way. You can also
        pass another view with the same positions, pixels and preparation: with ``source`` you get the likelihood of the
        fitted data.
    relative_to : {None, "mean", "saturated"}
        Reference of the log-likelihood. None is the mean of ``x log(e) - e - log(x!)`` over all kept positions and pixels,
        for counts x and expectations e. ``"mean"`` is the gain in nats per electron relative to the mean pattern scaled to
        the total of each position; 0 is no gain, and higher is better. ``"saturated"`` is the loss in nats per electron
        relative to a perfect prediction of every count, i.e. minus half of the deviance per electron.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the view has other positions, pixels or preparation, holds values that are not counts, or the result has
        negative values, as those of svd and pca.

    Notes
    -----
    This takes one pass. The expectation is that of the fitted electrons times the ratio of the two fractions stored by
    `split_counts`. No expectation is smaller than the share of its position in half an electron per pixel of the whole scan,
    because a pixel without counts in the fitted part may still have some.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> scan = phantoms.random_scan(shape=(6, 8, 10, 20), k=3, dose=2000, seed=0)
    >>> fit, held_out = Unmix(scan.data).split_counts(random_state=0)
    >>> result = fit.nmf(3, random_state=0)
    >>> result.log_likelihood(held_out, relative_to="mean") > 0
    True
    """
    checks.choice(relative_to, "relative_to", _REFERENCES)
    _check_model(result)
    _check_view(result, held_out)
    scale = share(held_out.scan.steps) / share(result.settings["view"]["preparation"])
    geometry, matrix = result.geometry, held_out.matrix(result.settings.get("precision", "single"))
    totals = geometry.from_maps(result.totals[None]).astype(np.float64)  # type: ignore[index]
    pixels = geometry.from_images(result.mean_pattern[None])[0].astype(np.float64) * geometry.n_positions  # type: ignore[index]
    # What the mean pattern expects of an entry is the product of a factor of its position and one of its pixel.
    positions = np.maximum(totals, LEAST_EXPECTED) * (scale / pixels.sum())
    kernel = partial(
        _likelihood_kernel,
        patterns=np.asarray(geometry.from_images(result.patterns), matrix.dtype),
        pixels=np.maximum(pixels, LEAST_EXPECTED),
        scale=scale,
    )
    maps = np.asarray(geometry.from_maps(result.maps), matrix.dtype)
    rows, _ = matrix.visit(kernel, (maps, positions))
    _refuse_other_values(rows[:, 4], geometry)
    model, mean, saturated, electrons = rows[:, :4].sum(0)
    if relative_to is None:
        return float(model / np.prod(matrix.shape, dtype=float))
    if electrons == 0:
        raise ValueError("held_out must hold at least one electron, but every value of it is 0")
    return float((model - {"mean": mean, "saturated": saturated}[relative_to]) / electrons)


def _check_model(result):
    if result.offset is not None or np.nanmin(result.patterns) < 0 or np.nanmin(result.maps) < 0:
        raise ValueError(
            f"log_likelihood needs expectations that are not negative, but patterns or maps of {result.method} are: use nmf"
        )
    if not np.nansum(result.mean_pattern) > 0:
        raise ValueError("log_likelihood needs a result of a scan with counts, but its mean pattern is 0")


def _check_view(result, view):
    if not hasattr(view, "scan") or not hasattr(view, "matrix"):
        raise TypeError(f"held_out must be a view, such as the second one of split_counts(), got {type(view).__name__}")
    if view.pixel_view is not view:
        kind = view.features.kind
        raise TypeError(f"held_out must be a view of patterns, got one of {kind} features: give the scan itself")
    geometry = view.scan.geometry
    for name in ("scan_shape", "detector_shape", "kept_positions", "kept_pixels"):
        if not np.array_equal(getattr(geometry, name), getattr(result.geometry, name)):
            what = name.replace("_", " ")
            raise ValueError(f"held_out must have the {what} of the view the result was fitted to, but they differ")
    steps = view.scan.steps
    if not same_preparation(steps, result.settings["view"]["preparation"]):
        raise ValueError("held_out must be prepared like the view the result was fitted to: prepare both parts alike")
    for name in (name for step in steps for name in step):
        if name not in KEEPS_COUNTS and name != "hot_pixels":
            raise ValueError(f"held_out must hold counts, but it is prepared with {name}, after which values are none")


def _refuse_other_values(wrong, geometry):
    if wrong.any():
        row, col = np.argwhere(geometry.kept_positions.reshape(geometry.scan_shape))[np.flatnonzero(wrong)[0]]
        raise ValueError(
            "held_out must hold counts, whole numbers that are not negative, but "
            f"{int(wrong.sum())} values are none, the first in the pattern at scan position ({row}, {col})"
        )


def _likelihood_kernel(X, maps, positions, *, patterns, pixels, scale):
    """For every position the log-likelihood of the model, of the mean pattern and of the counts themselves, the number of
    electrons, and that of values that are not counts."""
    wrong = (X < 0) | (X != np.rint(X))
    expected = maps @ patterns
    expected *= X.dtype.type(scale)
    np.maximum(expected, (LEAST_EXPECTED * positions).astype(X.dtype), out=expected)
    row, col = np.nonzero(X > 1)
    counts = X[row, col].astype(np.float64)
    log_factorials = np.bincount(row, scipy.special.gammaln(counts + 1), minlength=len(X))
    own = np.bincount(row, scipy.special.xlogy(counts, counts), minlength=len(X))
    electrons = X.sum(1, dtype=np.float64)
    sums = expected.sum(1, dtype=np.float64)
    model = np.einsum("ij,ij->i", X, np.log(expected, out=expected), dtype=np.float64) - sums
    mean = X @ np.log(pixels) + electrons * np.log(positions[:, 0]) - positions[:, 0] * pixels.sum()
    rows = [model - log_factorials, mean - log_factorials, own - electrons - log_factorials, electrons, wrong.sum(1)]
    return np.stack(rows, axis=1), ()
