"""HyperSpy's `learning_results`: where its plots and its blind source separation look for a decomposition."""

from __future__ import annotations

import numpy as np

from .pyxem import matches, read
from .same_scan import require_same_centre, require_same_data

__all__ = ["attach", "learned", "matches"]


def attach(result, signal, *, fill_value: float = 0.0):
    """A copy of the signal, with its own data, that carries the result as if it had been decomposed by itself."""
    scan = read(signal)
    _require_place_for(result, signal)
    for what, ours, theirs in (
        ("scan", result.geometry.scan_shape, scan.geometry.scan_shape),
        ("detector", result.geometry.detector_shape, scan.geometry.detector_shape),
    ):
        if ours != theirs:
            raise ValueError(
                f"the result has the {what} shape {ours}, but the signal {theirs}: results of a cropped or binned view have "
                "no place on the signal as it was, use to_host()"
            )
    require_same_centre(result.geometry, scan.geometry.centre if scan.geometry.centre_known else None, "signal")
    require_same_data(result, scan.patterns, "signal")
    copy = signal._deepcopy_with_new_data(signal.data)
    _fill(copy.learning_results, result)
    return copy


def learned(signal):
    """Loadings (k, scan_row, scan_col) and factors (k, det_row, det_col) of a signal that was decomposed; else None."""
    found = getattr(signal, "learning_results", None)
    parts = [getattr(found, new, None) for new in ("scores", "components")]
    if any(part is None for part in parts):
        parts = [getattr(found, old, None) for old in ("loadings", "factors")]
    if any(part is None for part in parts) or not matches(signal):
        return None
    shapes = [axes[::-1] for axes in (signal.axes_manager.navigation_shape, signal.axes_manager.signal_shape)]
    if any(len(shape) != 2 for shape in shapes):
        return None
    maps, patterns = (np.asarray(part).T.reshape(-1, *shape) for part, shape in zip(parts, shapes))
    return maps, patterns


def _require_place_for(result, signal):
    if getattr(signal, "learning_results", None) is None:
        raise ValueError("this HyperSpy keeps no learning_results on its signals: use to_host(), which needs none")
    if result.offset is not None:
        raise ValueError(
            f"learning_results of HyperSpy have no place for the mean pattern that {result.method} leaves next to its "
            "components: attach svd() or nmf(), or use to_host()"
        )


def _fill(learned, result):
    """Factors are patterns and loadings maps, a column for each component, NaN where something was excluded."""
    k, geometry = len(result.patterns), result.geometry
    factors = np.array(result.patterns).reshape(k, -1).T
    loadings = np.array(result.maps).reshape(k, -1).T
    # HyperSpy 3 renames them (hyperspy pull request 3669); what was there before is deprecated then.
    new = hasattr(type(learned), "scores")
    setattr(learned, "components" if new else "factors", factors)
    setattr(learned, "scores" if new else "loadings", loadings)
    learned.decomposition_algorithm = f"unmix4d {result.method}"
    learned.output_dimension = k
    learned.poissonian_noise_normalized = False
    # Only those with both signs are compared by the sum of squares, as HyperSpy does.
    learned.explained_variance_ratio = np.array(result.explained) if result.signed else None
    learned.signal_mask, learned.navigation_mask = (
        None if mask is None else np.array(mask) for mask in (geometry.detector_mask, geometry.scan_mask)
    )
