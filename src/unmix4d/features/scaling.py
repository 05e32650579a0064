"""Scaling of features: how much each of them counts in a least-squares fit."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np

from .features import Features

__all__ = ["DEFAULT", "KINDS", "scaled"]

KINDS = ("none", "poisson", "global", "minmax", "robust")
DEFAULT = "poisson"  # of what was tried on films of overlapping grains it found the most of them (docs/features.md)
_PERCENTILES = (0.5, 99.5)  # of "robust" (docs/features.md); no table of others
_ROUNDING = 16.0  # times the smallest relative step of the arithmetic
_DIMMEST = 1e-2  # of the mean feature: what hardly ever counts has no noise to go by


def scaled(features: Features, kind: str) -> Features:
    """Features with another scale; computed when they are first used, from those given.

    Parameters
    ----------
    features : Features
    kind : {"none", "poisson", "global", "minmax", "robust"}
        ``"none"``: as they are. ``"poisson"``: each divided by its noise, as counting makes it, at its mean over the scan
        [2]_, so that a faint ring says as much as a bright one by what can be told from noise. ``"global"``:
        ``(x - min) / (max - min)`` with the extremes of all features together: another unit, and the same answer but for
        the background. ``"minmax"``: the same for each feature by itself [1]_: all count alike, those that hold nothing but
        noise too. ``"robust"``: each feature by itself with the 0.5 and 99.5 % percentiles instead of the extremes; what is
        below becomes 0, what is above stays above 1.

    Returns
    -------
    Features
        A feature that is the same everywhere becomes 0.

    References
    ----------
    .. [1] Bruefach et al., Microsc. Microanal. 28 (2022), eq. 2 (the MinMaxScaler of scikit-learn).
    .. [2] Keenan and Kotula, Surf. Interface Anal. 36 (2004) 203, doi:10.1002/sia.1657

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.features import Features, feature_geometry, scaled
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> x = np.array([[1.0, 10.0], [2.0, 40.0], [3.0, 20.0]])
    >>> features = Features("two", feature_geometry(ScanGeometry((1, 3), (9, 9)), (1, 2)), lambda: x)
    >>> scaled(features, "minmax").values[:, 1].round(3).tolist()
    [0.0, 1.0, 0.333]
    """
    if kind == "none":
        return features
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
    per_count = 1.0 if features.per_count is None else features.per_count
    variance = mean * per_count
    floor = _DIMMEST * variance.mean()
    return np.sqrt(np.maximum(variance, floor)) if floor > 0 else 1.0
