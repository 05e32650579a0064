"""Known patterns from results, arrays, dictionaries or simulations, on the detector grid of a view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..constraints import FixedPatterns
from ..core import checks
from ..core.grids import difference, onto_grid, unlike_units
from ..core.messages import warn
from ..results.decomposition import Decomposition

__all__ = ["Known", "known_patterns", "with_known"]

_ALIKE = 1e-6  # smallest eigenvalue of the cosines: below, single precision has no digits for what tells patterns apart


@dataclass(frozen=True, eq=False)
class Known:
    """Known patterns, and the view that is fitted.

    Attributes
    ----------
    view : View
        The view. Pixels that are not covered by one of the patterns are excluded.
    images : ndarray of float64 (k, det_row, det_col)
    names : list of str
        Names of the patterns, "" if there is none.
    origin : str
        Source of the patterns, for the record.
    """

    view: Any
    images: np.ndarray
    names: list[str]
    origin: str


def known_patterns(view: Any, known: Any, resample: bool = False, argument: str = "known") -> Known:
    """Return the known patterns of a result, of groups, of arrays (also by name) or of a simulation.

    Raises TypeError or ValueError, which name the argument, if they are none of these, are on another grid (unless
    `resample`), are negative, infinite or empty, or leave no pixel.
    """
    # Most answers need none of them.
    from ..orientation.simulated_patterns import holds_simulated
    from ..results.groups import Groups
    from .simulated_patterns import simulated_patterns

    checks.flag(resample, "resample")
    if isinstance(known, (Decomposition, Groups)):
        images, names, origin = _of_result(view, known, resample, argument)
    elif holds_simulated(known):
        images, names, _ = _of_arrays(simulated_patterns(view, known), argument)
        origin = "simulation"
    else:
        images, names, origin = _of_arrays(known, argument)
    _require_patterns(view, images, argument)
    view = _without_unknown(view, images, argument)
    rows = np.nan_to_num(view.geometry.from_images(images))
    if (empty := ~(rows > 0).any(1)).any():
        i = int(empty.argmax())
        raise ValueError(
            f"{argument}[{i}] must not be empty, but is 0 at every pixel that is used: leave it out, e.g. with .drop([{i}])"
        )
    _say_if_alike(rows, argument)
    return Known(view, images, names, origin)


def _of_result(view, known, resample, argument):
    signed = isinstance(known, Decomposition) and known.signed
    if signed:
        raise ValueError(f"{argument} must have patterns that are not negative, but those of {known.method} have both signs")
    named = isinstance(known, Decomposition) and any(known.settings.get("names", ()))
    names = list(known.settings["names"]) if named else [""] * len(known)
    origin = known.method if isinstance(known, Decomposition) else "group_rotated"
    if view.is_features:
        return _features_of(view, known, argument), names, origin
    images, wanted = known.patterns, view.geometry
    if what := difference(wanted, known.geometry):
        if not resample or unlike_units(wanted, known.geometry) or wanted.polar or known.geometry.polar:
            remedy = "" if unlike_units(wanted, known.geometry) else ", or use resample=True"
            raise ValueError(
                f"{argument} must be on the detector grid of this view, but has {what}: prepare both in the same way, or "
                f"pass the calibration to Unmix(...){remedy}"
            )
        images = onto_grid(images, wanted, known.geometry)
    return images, names, origin


def _features_of(view, known, argument):
    """What was decomposed, where that were the same features."""
    features = getattr(known, "features", None)
    if features is None or known.settings.get("features") != view.features.record():
        raise ValueError(f"{argument} must be a result of the same features as this view, with the same arguments")
    return features.reshape(known.k, *view.geometry.detector_shape)


def _of_arrays(known, argument):
    names = None
    if isinstance(known, Mapping):
        names, known = [str(name) for name in known], list(known.values())
        if not known:
            raise ValueError(f"{argument} must hold at least one pattern, got an empty dictionary")
    try:
        images = np.asarray([checks.unwrap(p) for p in known] if isinstance(known, (list, tuple)) else checks.unwrap(known))
    except ValueError:
        raise ValueError(f"{argument} must be patterns of one shape, got several") from None
    if images.dtype.kind not in "biuf":
        raise TypeError(
            f"{argument} must be a result, an array of patterns or a dictionary of them by name, got {type(known).__name__}"
        )
    images = images[None] if images.ndim == 2 else images
    if names is not None and len(images) != len(names):
        raise ValueError(f"{argument} must have one pattern (det_row, det_col) for each name, got the shape {images.shape}")
    return images.astype(np.float64), names or [""] * len(images), "arrays"


def _require_patterns(view, images, argument):
    wanted = view.geometry.detector_shape
    if images.ndim != 3 or not len(images) or images.shape[1:] != wanted:
        raise ValueError(f"{argument} must be patterns of the shape {wanted} of this view, got {images.shape}")
    if np.isinf(images).any() or (images < 0).any():
        low, high = np.nanmin(images), np.nanmax(images)
        raise ValueError(f"{argument} must be finite and at least 0, got values from {low:g} to {high:g}")


def _without_unknown(view, images, argument):
    """The view without the pixels that some pattern does not know, as where a result had its direct beam excluded."""
    unknown = np.isnan(images).any(0)
    extra = unknown.ravel() & view.geometry.kept_pixels
    if not extra.any():
        return view
    if extra.sum() == view.geometry.n_pixels:
        raise ValueError(
            f"{argument} must be known at at least one pixel of this view, but every pixel is NaN in one of the patterns"
        )
    if view.is_features:
        raise ValueError(f"{argument} must be known at every feature, but {int(extra.sum())} of them are NaN in one of them")
    return view.prepare(detector_mask=unknown)


def _say_if_alike(rows, argument):
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    if len(units) > 1 and np.linalg.eigvalsh(units @ units.T)[0] < _ALIKE:
        alike = units @ units.T - np.eye(len(units)) * 2
        i, j = sorted(np.unravel_index(alike.argmax(), alike.shape))
        warn(
            f"{argument}[{i}] and [{j}], or others, cannot be distinguished, so how they share the "
            "intensity is arbitrary; leave one out"
        )


def with_known(
    view: Any, n: Any, known: Any, new: Any, constraints: Any, resample: bool = False
) -> tuple[Any, int, Any, dict[str, Any]]:
    """Return view, number of components, constraints and settings of an NMF that keeps known patterns and finds new ones."""
    found = known_patterns(view, known, resample)
    k = len(found.images)
    new = checks.count(new, "new", minimum=0) if new is not None else None
    if n is None:
        n = k + (new or 0)
    n = checks.count(n, "n", minimum=k, why="")
    if new is not None and n != k + new:
        raise ValueError(f"n must be {k + new}, the {k} known patterns and {new} new ones, or be left out, got {n}")
    given = [constraints] if hasattr(constraints, "project") and not isinstance(constraints, type) else list(constraints)
    settings: dict[str, Any] = {"known": {"n": k, "of": found.origin}}
    if any(found.names):
        settings["names"] = [*found.names, *[""] * (n - k)]
    # Last, so that no other constraint acts on what is known.
    return found.view, n, [*given, FixedPatterns(found.images)], settings
