"""Arguments that several methods share, checked before anything is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import hosts
from ..constraints import SmoothMaps
from ..constraints._bound import bound, bound_constraints
from ..core import checks
from ..core.messages import warn
from ..core.progress import progress as shown_progress
from ..decomposition.run import smoothing_of
from ..engine.compression import LowRank
from ..engine.expected import Expected, counted_exactly
from ..engine.weights import WeightedMatrix, brightest_spot, choose_weights, kind_for_distances

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ..core.geometry import ScanGeometry

__all__ = [
    "WEIGHTS", "bound_constraints", "bound_smoothing", "components", "iterations", "matrix_of", "numbers_of_components",
    "progress", "say_if_beam", "smooth_record", "smoothing_for", "weighted",
]  # fmt: skip

WEIGHTS = {"auto": "capped", "none": "none", "capped": "capped", "poisson": "poisson"}
SMOOTH_WIDTHS = (1.0, 2.0)  # positions, among which smooth="auto" chooses: benchmarks/defaults/RESULTS.md
_BEAM = 0.3  # of an axis in the brightest spot: 0.48 where damping did not help, 0.02 and less where it did


def weighted(matrix: Any, weights: str) -> WeightedMatrix:
    """A matrix whose pixels are weighted for distances between patterns; ``"auto"``: only where one spot rules them."""
    statistics = matrix.hold().statistics()
    kind = kind_for_distances(statistics, matrix.geometry) if weights == "auto" else weights
    return WeightedMatrix(matrix, choose_weights(statistics, kind, positions=False))


def say_if_beam(matrix: WeightedMatrix, axes: Any, method: str) -> None:
    """Warn when one spot rules the distances, damped or left as it is, and is most of what the patterns differ in.

    The first axis is near the mean pattern, which says nothing of differences.
    """
    statistics = matrix.matrix.statistics()
    if matrix.weights.pixels is None and kind_for_distances(statistics, matrix.geometry) == "none":
        return
    spot = brightest_spot(statistics, matrix.geometry)
    shares = (axes[1:, spot] ** 2).sum(axis=1) / np.maximum((axes[1:] ** 2).sum(axis=1), 1e-30)
    if (shares > _BEAM).any():
        warn(
            f"loading {1 + int(shares.argmax())} of {method} is mostly that of the brightest spot, as a rule the direct "
            "beam: positions are told apart by it, and not by their crystals; use prepare(direct_beam=radius)"
        )


def components(view: Any, n: Any, name: str = "n") -> int:
    """A number of components, at most what the view can hold."""
    n_positions, n_pixels = view.geometry.n_positions, view.geometry.n_pixels
    why = f", the smaller of {n_positions} kept positions and {n_pixels} kept pixels"
    return checks.count(n, name, maximum=min(n_positions, n_pixels), why=why)


def numbers_of_components(view: Any, ns: Any, name: str) -> list[int]:
    """At least one number of components, each at most what the view can hold."""
    try:
        ns = list(ns)
    except TypeError:
        raise TypeError(f"{name} must be a sequence of numbers of components, got {ns!r}") from None
    if not ns:
        raise ValueError(f"{name} must hold at least one number of components, got none")
    return [components(view, n, name) for n in ns]


def progress(view: Any, total: int, description: str) -> AbstractContextManager[Callable]:
    """A progress bar, where the preferences of the host of a view allow one; see `unmix4d.core.progress.progress`."""
    return shown_progress(total, description, hosts.progress_wanted(view.scan.host.kind))


def bound_smoothing(smooth: Any, geometry: ScanGeometry) -> SmoothMaps | tuple[SmoothMaps, ...] | None:
    """``smooth=`` of a call: sigma in positions, the width of the probe with a unit, a SmoothMaps; None or 0 for none.

    ``"auto"``: those among which the data decide, see `unmix4d.engine.compression.compress`.
    """
    if isinstance(smooth, str) and smooth == "auto":
        widths = SMOOTH_WIDTHS if max(geometry.scan_shape) > 1 else ()
        return tuple(bound(SmoothMaps(sigma=sigma), geometry) for sigma in widths)
    if smooth is None or (type(smooth) in (int, float) and smooth == 0):
        return None
    if not isinstance(smooth, SmoothMaps):
        smooth = SmoothMaps(probe_fwhm=smooth) if isinstance(smooth, str) else SmoothMaps(sigma=smooth)
    return bound(smooth, geometry)


def smoothing_for(smooth: Any, constraints: Sequence[Any], geometry: ScanGeometry) -> Any:
    """How the scan is smoothed to find its subspace: as is asked for, as a constraint on maps does, or as the data say."""
    asked = bound_smoothing(smooth, geometry)
    return (smoothing_of(constraints) or asked) if isinstance(asked, tuple) else (asked or smoothing_of(constraints))


def smooth_record(smoothing: Any) -> Any:
    """What settings say of a smoothing: "auto" as long as the data have not decided."""
    return "auto" if isinstance(smoothing, tuple) else None if smoothing is None else smoothing.settings()


def iterations(n_starts: int, max_iter: int | None, tol: float, default: int) -> dict:
    """The arguments that say how long a solver runs, checked; `default` for a `max_iter` of None."""
    return {
        "n_starts": checks.count(n_starts, "n_starts"),
        "max_iter": default if max_iter is None else checks.count(max_iter, "max_iter"),
        "tol": checks.positive(tol, "tol", zero=True),
    }


def matrix_of(view, compression, n, weights, smooth, precision, constraints):
    """What is decomposed, and how it is smoothed: of a compression, after refusing what does not go with it."""
    if compression is None:
        return view.matrix(precision), smoothing_for(smooth, constraints, view.geometry)
    if not isinstance(compression, LowRank):
        raise TypeError(f"compression must come from .compress(), got {type(compression).__name__}")
    if compression.geometry is not view.geometry:
        raise ValueError("compression must come from .compress() of this very view, got one of another")
    if compression.rank < n:
        raise ValueError(f"n must be at most the rank of the compression, {compression.rank}, got {n}")
    for name, value, default in (("weights", weights, "auto"), ("smooth", smooth, "auto")):
        if value != default:
            raise ValueError(f"{name} must be given to .compress() when compression is given, got {name}={value!r}")
    if precision == "double" and compression.dtype.itemsize < 8:
        raise ValueError("precision must be that of the compression, which is single, got 'double'")
    on_maps = [c for c in constraints if c.on == "maps"]
    if on_maps and compression.weights.positions is not None:
        raise ValueError(
            "compression must be made with the same constraints on maps when weights='poisson', got one without: "
            "compress(..., constraints=[...])"
        )
    if compression.smoother is None and any(getattr(c, "smoothing", False) for c in on_maps):
        warn(
            "the compression is not smoothed although a constraint smooths the maps, so weak components may be lost: give "
            "the constraints to .compress() too"
        )
    known = compression.matrix.statistics()
    exact = counted_exactly(known.totals, view.scan.dtype) and not view.is_features
    matrix = compression.matrix.expect(Expected(known.totals, known.mean_pattern, "compression", exact))
    return matrix, None if compression.smoother is None else compression.smoother.smoothing
