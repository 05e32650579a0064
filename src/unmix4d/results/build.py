"""From the numbers of a solver to an answer: what is shown of them, in which order and scale, and the record of the run."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import hosts
from ..core.messages import warn
from ..core.version import __version__, installed_version
from ..decomposition.fitted_patterns import FittedPatterns, fitted_patterns
from ..decomposition.scale import order_and_scale
from .decomposition import Decomposition

if TYPE_CHECKING:
    from ..engine.matrix import PatternMatrix, Statistics

__all__ = ["NOTHING", "Components", "arranged", "order_and_scale", "pixel_matrix", "run_record"]

NOTHING = 1e-6  # share of the intensity below which a component is the rounding of single precision (6e-8), summed
# Off from 1, what the shares of the intensity add up to. On the phantoms, down to 0.1 counts a pixel, fits are within 0.1.
_WHOLE = 0.1


def run_record(view: Any, method: str, **arguments: Any) -> dict:
    """Everything needed to repeat a run, in JSON types."""
    scan = view.scan
    geometry = scan.geometry
    if view.is_features:
        arguments["features"] = view.features.record()  # type: ignore[attr-defined]
    return {
        "method": method,
        **arguments,
        "view": {
            "shape": list(scan.shape),
            "dtype": str(scan.dtype),
            "centre": list(geometry.centre),
            "centre_known": geometry.centre_known,
            "positions": geometry.n_positions,
            "pixels": geometry.n_pixels,
            "preparation": [dict(step) for step in scan.steps],
        },
        "versions": {
            "unmix4d": __version__,
            "python": platform.python_version(),
            **{name: installed_version(name) for name in ("numpy", "scipy", "scikit-learn", "dask")},
            **hosts.versions(scan.host.kind),
        },
    }


def pixel_matrix(view, matrix):
    """The matrix of the patterns that a result of this view shows: `matrix` itself, unless that holds features."""
    if view.pixel_view is view:
        return matrix
    return view.pixel_view.matrix("double" if matrix.dtype.itemsize > 4 else "single")


@dataclass(frozen=True, eq=False)
class Components:
    """Components in the order and the scale of an answer.

    Attributes
    ----------
    view : Unmix or FeatureView
        What was decomposed.
    matrix : PatternMatrix
        Of it.
    maps : ndarray (n_positions, k)
    patterns : ndarray (k, n_pixels)
        Of ``view.pixel_view``.
    features : ndarray (k, n_features) or None
        What was found in the features, where those were decomposed.
    statistics : Statistics or FittedPatterns
        Mean pattern and totals of ``view.pixel_view``.
    share : ndarray of float64 (k,)
        Of the whole signal.
    order : ndarray of int (k,)
        The number that each component had before.
    """

    view: Any
    matrix: PatternMatrix
    maps: np.ndarray
    patterns: np.ndarray
    features: np.ndarray | None
    statistics: Statistics | FittedPatterns
    share: np.ndarray
    order: np.ndarray

    def squares(self) -> np.ndarray:
        """Squared residuals of every position of what was decomposed; one pass."""
        return self.matrix.squared_residuals(self.maps, self.patterns if self.features is None else self.features)

    def answer(
        self,
        kind: type[Decomposition] = Decomposition,
        *,
        method: str,
        squares: np.ndarray,
        settings: dict,
        explained: np.ndarray | None = None,
        quiet: bool = False,
        **more: Any,
    ) -> Any:
        """The result; a warning where its shares of the intensity should add up to one and do not.

        kind: `Decomposition` or a relative.
        squares (ndarray (n_positions,)): Squared residuals of what was decomposed.
        settings: From `run_record`, with what the run has to say.
        explained (ndarray (k,)): The share of the signal by default.
        quiet: One of many trials: nothing is said.
        **more: Other arguments of `kind`, among them ``meaning`` and ``references``.
        """
        seen, dtype = self.view.pixel_view, self.matrix.dtype
        geometry = seen.geometry
        if explained is None and not quiet:
            _say_if_not_whole(self.share, method, settings)
        more.setdefault("_view", self.view)
        if self.features is None:
            more["residuals"] = geometry.to_maps(np.sqrt(squares / self.matrix.shape[1]).astype(dtype)[:, None])[0]
        else:
            more["features"] = self.matrix.geometry.to_images(self.features)
        return kind(
            method=method,
            patterns=geometry.to_images(self.patterns),
            maps=geometry.to_maps(self.maps),
            explained=self.share if explained is None else explained,
            loss=float(squares.sum() / np.prod(self.matrix.shape, dtype=np.float64)),
            geometry=geometry,
            settings={"passes": self.matrix.passes, **settings},
            host=seen.scan.host,
            mean_pattern=geometry.to_images(self.statistics.mean_pattern[None].astype(dtype))[0],
            totals=geometry.to_maps(self.statistics.totals[:, None].astype(dtype))[0],
            source=seen,
            **more,
        )


def _say_if_not_whole(share, method, settings):
    """Maps and patterns that leave some of the intensity out, or count it twice: no share of them is what it says."""
    total, k = float(share.sum()), len(share)
    what = f"the one component of {method} accounts for" if k == 1 else f"the {k} components of {method} account for"
    if abs(total - 1) <= _WHOLE:
        return
    names = [c["name"] for c in settings.get("constraints", ())] or (["sum_to_one"] if settings.get("sum_to_one") else [])
    if settings.get("known") and total < 1:
        why = "the rest is in none of them: look at .residual_map(), or for new ones with nmf(known=..., new=1)"
    elif names:
        why = f"{', '.join(names)} keeps them from fitting the data: leave it out, or look at .residual_map()"
    elif total < 1:
        why = "the rest is in none of them: ask for more components, or look at .residual_map()"
    else:
        why = "so it may be with patterns of few electrons: bin the scan, or use nmf with weights='none'"
    beside = "not for all" if total < 1 else "more than there is"
    warn(f"{what} {100 * total:.3g} % of the intensity, {beside}: {why}")


def arranged(
    view: Any,
    matrix: PatternMatrix,
    maps: np.ndarray,
    patterns: np.ndarray,
    *,
    signed: bool = False,
    centred: bool = False,
    by_share: bool = True,
    n_fixed: int = 0,
    keep_scale: bool = False,
    fit: bool = False,
) -> Components:
    """Components as an answer shows them: patterns of the scan, by their share of the signal, maps with maximum 1.

    view: What was decomposed. Where it holds features, patterns are fitted to the view that they came from.
    matrix: Of it.
    patterns (ndarray (k, n_columns)): As the solver found them in the columns of `matrix`.
    signed: Patterns are fitted by plain instead of non-negative least squares.
    centred: Patterns are fitted to what the mean pattern leaves over.
    by_share: False leaves order and scale as they are.
    n_fixed: So many components stay the first ones.
    keep_scale: The maps have a scale of their own.
    fit: Fit the patterns even where pixels were decomposed.
    """
    if view.pixel_view is view and not fit:
        statistics, shown = matrix.statistics(), patterns
    else:
        statistics = fitted_patterns(pixel_matrix(view, matrix), maps, signed, centred)
        shown = statistics.patterns
    share, order, before = np.empty(0), np.arange(len(patterns)), maps
    if by_share:
        maps, shown, share, order = order_and_scale(maps, shown, statistics.total, n_fixed=n_fixed, keep_scale=keep_scale)
    features = None if view.pixel_view is view else _rescaled(patterns[order], before[:, order], maps)
    return Components(view, matrix, maps, shown, features, statistics, share, order)


def _rescaled(features, before, after):
    """Features in the scale of the maps, which were `before` and are `after`."""
    size, now = (np.abs(m).max(0).astype(np.float64) for m in (before, after))
    factor = np.divide(size, now, out=np.ones_like(size), where=now > 0)
    return (features * factor[:, None]).astype(features.dtype)
