"""Scaling of features: how much each of them counts in a least-squares fit."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np

from .features import Features

__all__ = ["DEFAULT", "KINDS", "deviation", "scaled"]

KINDS = ("none", "poisson", "global", "minmax", "robust")
DEFAULT = "poisson"  # of what was tried on films of overlapping grains it found the most of them (docs/features.md)
_PERCENTILES = (0.5, 99.5)  # of "robust" (docs/details); no table of others
_ROUNDING = 16.0  # times the smallest relative step of the arithmetic
_DIMMEST = 1e-2  # of the mean feature: what hardly ever counts has no noise to go by


def scaled(features: Features, kind: str) -> Features:
    """Features with another scale (see `FeatureView.scaled`); computed when they are first used, from those given.

    ``"poisson"`` divides each by its noise, as counting makes it, at its mean over the scan (Keenan and Kotula, Surf.
    Interface Anal. 36 (2004) 203, doi:10.1002/sia.1657); ``"minmax"`` is eq. 2 of Bruefach 2022. A feature that is the same
    everywhere becomes 0.
    """
    if kind == "none":
        return features
    if features.signed:
        raise ValueError(
            f"scaling of {features.kind} features must be 'none', got {kind!r}: they have both signs, and are in units of "
            "their noise already"
        )
    settings = {**features.settings, "scaling": kind}
    return dataclasses.replace(features, compute=partial(_scaled_values, features, kind), settings=settings, per_count=None)


def _scaled_values(features, kind):
    values = features.values
    if kind == "poisson":
        return (values / _noise(features)).astype(values.dtype)
    if kind == "global":
        low, high = values.min(), values.max()
    elif kind == "minmax":
        low, high = values.min(axis=0), values.max(axis=0)
    else:
        low, high = np.percentile(values, _PERCENTILES, axis=0)
    span = np.asarray(high - low, np.float64)
    # What is the same everywhere differs by rounding.
    factor = np.divide(1, span, out=np.zeros_like(span), where=span > _ROUNDING * np.finfo(values.dtype).eps * np.abs(high))
    return np.maximum((values - low) * factor, 0).astype(values.dtype)


def _noise(features):
    """Standard deviation of counting noise of every feature at its mean; in arbitrary units where that is not known."""
    mean = np.abs(features.values.mean(axis=0, dtype=np.float64))
    return deviation(mean * (1.0 if features.per_count is None else features.per_count))


def deviation(variance) -> np.ndarray:
    """Standard deviations, none of them next to nothing beside the others; 1 where nothing was counted at all."""
    floor = _DIMMEST * variance.mean()
    return np.sqrt(np.maximum(variance, floor)) if floor > 0 else np.ones(len(variance))
