"""From a decomposition to its overlap: comparable weights, which of them mean anything, the two largest."""

from __future__ import annotations

import numbers

import numpy as np

from .. import checks
from ..maps.overlap import global_minmax, two_largest
from ..maps.regions import is_spread
from ..maps.weight_errors import weight_errors
from .overlap import Overlap, _below_one

__all__ = ["SCALES", "find_overlap"]

SCALES = ("intensity", "minmax")
_SIGNED = ("svd", "pca")
_ERRORS = 3.0  # standard errors that a weight must be above zero
_ROUNDING = 1e-3  # of the maximum of a map: to what single precision gives it


def find_overlap(result, *, thresholds, background, scale, min_weight) -> Overlap:
    """The overlap of a decomposition; see `unmix4d.Decomposition.overlap`."""
    if result.method in _SIGNED:
        raise ValueError(f"overlap needs components without negative values, which those of {result.method} have: use nmf")
    levels = _thresholds(thresholds)
    checks.choice(scale, "scale", SCALES)
    _check_rule(min_weight)
    apart = _background(result, background)
    if result.k - len(apart) < 2:
        named = f" beside the background {list(apart)}" if apart else ""
        hint = ": name the background, or None" if isinstance(background, str) else ""
        raise ValueError(f"overlap needs at least 2 components{named}, got {result.k - len(apart)}{hint}")
    weights = _comparable(result, scale)
    ratio, first, second = two_largest(weights, present=_present(result, min_weight), background=apart)
    settings = {"thresholds": list(levels), "background": background, "scale": scale, "min_weight": min_weight}
    if _memberships(result):
        settings["scale"] = "memberships"
    return Overlap(ratio, first, second, levels, weights, result, apart, settings)


def _thresholds(values):
    if isinstance(values, (str, bytes)):
        raise TypeError(f"thresholds must be numbers between 0 and 1, got {values!r}")
    try:
        entries = [_below_one(v, "each of thresholds") for v in np.atleast_1d(np.asarray(values, dtype=object)).ravel()]
    except (TypeError, ValueError) as error:
        raise type(error)(f"thresholds must be numbers between 0 and 1, got {values!r}: {error}") from None
    if not entries:
        raise ValueError("thresholds must be at least one number between 0 and 1, got none")
    return tuple(sorted(set(entries)))


def _check_rule(rule):
    if rule is None or (isinstance(rule, str) and rule == "noise"):
        return
    if isinstance(rule, (bool, np.bool_, str)) or not isinstance(rule, numbers.Real):
        raise TypeError(f"min_weight must be 'noise', None or a number from 0 to 1, got {rule!r}")
    if not 0 <= rule < 1:
        raise ValueError(f"min_weight must be from 0 to below 1 (a fraction of the map's maximum), got {rule}")


def _background(result, given):
    if given is None:
        return ()
    if isinstance(given, str):
        checks.choice(given, "background", ("auto",))
        kept = result.frame.kept_positions.reshape(result.frame.scan_shape)
        maps = np.maximum(np.nan_to_num(result.maps), 0)
        return tuple(i for i in range(result.k) if is_spread(maps[i], kept))
    entries = np.atleast_1d(np.asarray(given, dtype=object)).ravel()
    return tuple(sorted({checks.count(i, "background", minimum=0, maximum=result.k - 1) for i in entries}))


def _memberships(result):
    return result.maps_are_memberships or result.method == "fuzzy_cmeans"


def _comparable(result, scale):
    """Weights that can be compared: memberships are as they are, maps have a scale of their own each."""
    if _memberships(result):
        return result.maps
    if scale == "minmax":
        return global_minmax(result.maps)
    totals = np.nansum(result.patterns, axis=(1, 2))
    if (totals < 0).any():
        i = int(np.argmin(totals))
        raise ValueError(
            f"scale='intensity' needs patterns with a positive total, but that of component {i} is {totals[i]:.4g}: "
            "use scale='minmax', or nmf"
        )
    return result.intensities


def _present(result, rule):
    """Where each weight means anything, (k, scan_row, scan_col), or None for everywhere."""
    if rule is None or (not isinstance(rule, str) and rule == 0) or (isinstance(rule, str) and _memberships(result)):
        return None
    maps = np.nan_to_num(result.maps)
    top = maps.max(axis=(1, 2), keepdims=True)
    if not isinstance(rule, str):
        return maps > float(rule) * top
    errors = np.nan_to_num(_errors(result))
    return maps > np.maximum(_ERRORS * errors, _ROUNDING * top)


def _errors(result):
    counting = result.method != "ica"  # its patterns have both signs: no expectation to go by
    if result.features is not None:
        # What the maps were fitted to are the features; their error is known for all positions together.
        return weight_errors(result.maps, result.features, float(np.sqrt(result.loss)), counting=False)
    if result.residuals is None and result.source is None:
        raise ValueError(
            "min_weight='noise' needs the residuals of the fit, which this result does not hold: give a fraction of the "
            "map's maximum, or None"
        )
    return weight_errors(result.maps, result.patterns, result.residual_map(), counting=counting)
