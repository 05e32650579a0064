"""Components are taken out, or their pattern is exchanged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core import checks
from . import clusters
from .answer import edited
from .arguments import components_of, require_editable, which_of
from .edits import packed_pattern
from .factors import Factors, evaluated, factors_of, fitted, matrix_of, require_data

__all__ = ["drop", "replace"]


def drop(result: Any, components: Sequence[int | str], *, refit: bool = True) -> Any:
    """Take components out.

    Parameters
    ----------
    components : sequence of int or str
        By their numbers or names; at least one stays.
    refit : bool
        True: the others are fitted to the scan again, and explain what they can of it. False: the others stay as they are,
        and what the components held is left to the residual. Clusters always share their positions among those that stay.

    Returns
    -------
    Decomposition
        A new answer; this one is unchanged.

    Raises
    ------
    ValueError, TypeError
        When there is no such component, all are named, components have both signs, or refitting needs data that are not
        linked.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> left = result.drop([2], refit=False)
    >>> left.k, left.loss > result.loss
    (2, True)
    """
    require_editable(result, "drop")
    chosen = components_of(result, components, "components")
    if len(chosen) == result.k:
        raise ValueError(f"components must leave at least one, got all {result.k}")
    refit = checks.flag(refit, "refit")
    if result.meaning.memberships and not refit:
        raise ValueError("refit must be True for clusters, whose memberships add up to 1, got False")
    matrix = require_data(result, "drop") if refit and not result.meaning.memberships else matrix_of(result, "drop")
    origins = [(i,) for i in range(result.k) if i not in chosen]
    left = [i for i in range(result.k) if i not in chosen]
    arguments = {"components": chosen, **({} if refit else {"refit": False})}
    if result.meaning.memberships:
        return clusters.dropped(result, arguments, origins, left, matrix)
    factors = factors_of(result)
    features = None if factors.features is None else factors.features[left]
    factors = factors.with_components(factors.maps[:, left], factors.patterns[left], features)
    factors = fitted(result, factors, matrix) if refit and matrix is not None else evaluated(factors, matrix)
    return edited(result, "drop", arguments, factors, origins, quiet=not refit)


def replace(result: Any, component: int | str, pattern: ArrayLike, *, refit: bool = True) -> Any:
    """Give a component another pattern: a measured, simulated or known one.

    Parameters
    ----------
    component : int or str
        Its number or its name.
    pattern : array_like (det_row, det_col)
        Not negative; what is at excluded pixels does not count.
    refit : bool
        Fit all maps to the scan for the patterns as they now are; the patterns stay. False leaves the maps, with this
        pattern scaled to the total of the one before.

    Returns
    -------
    Decomposition
        A new answer; this one is unchanged.

    Raises
    ------
    ValueError, TypeError
        When there is no such component, the pattern does not fit the detector, is negative, not finite or empty, components
        have both signs, are clusters or were found in features, or refitting needs data that are not linked.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> measured = result.mean_patterns(single=False)[1]
    >>> result.replace(1, measured).k
    3
    """
    require_editable(result, "replace")
    i, refit = which_of(result, component, "component"), checks.flag(refit, "refit")
    if result.features is not None or result.meaning.memberships:
        why = "were found in features" if result.features is not None else "are clusters, whose patterns are means"
        raise ValueError(f"replace needs components that patterns decide, but those of this {result.method} {why}")
    row = _row(result, pattern)
    matrix = require_data(result, "replace") if refit else matrix_of(result, "replace")
    arguments = {"component": i, "pattern": packed_pattern(result.geometry.to_images(row[None])[0])}
    arguments |= {} if refit else {"refit": False}
    factors = factors_of(result)
    if not refit:
        row = row * (factors.patterns[i].sum(dtype=np.float64) / row.sum())
    patterns = factors.patterns.copy()
    patterns[i] = row
    factors = Factors(factors.maps, patterns)
    found = fitted(result, factors, matrix, patterns=False) if refit and matrix is not None else evaluated(factors, matrix)
    return edited(result, "replace", arguments, found, [(j,) for j in range(result.k)], [i])


def _row(result, pattern):
    """A pattern at the kept pixels (n_pixels,), checked."""
    image, shape = checks.numbers_of(pattern, "pattern"), result.geometry.detector_shape
    if image.shape != shape:
        raise ValueError(f"pattern must have the shape {shape} of the detector, got {image.shape}")
    row = result.geometry.from_images(image[None])[0]
    if not np.isfinite(row).all():
        raise ValueError(f"pattern must be finite where pixels are kept, got {int((~np.isfinite(row)).sum())} that are not")
    if row.min() < 0 or not row.any():
        found = f"{row.min():.4g} to {row.max():.4g}"
        raise ValueError(f"pattern must not be negative and not be 0 everywhere, got values from {found}")
    return row
