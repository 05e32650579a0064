"""Remove components, or replace their patterns."""

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
    """Remove components.

    Parameters
    ----------
    components : sequence of int or str
        Numbers or names of the components to remove. At least one component must remain.
    refit : bool
        If True, fit the remaining components to the scan again, so that they explain what they can of the removed ones. If
        False, leave them unchanged; the intensity of the removed components is then part of the residual. Clusters always
        distribute their positions among the remaining ones.

    Returns
    -------
    Decomposition
        A new result; this one is not changed.

    Raises
    ------
    ValueError, TypeError
        If there is no such component, if all components are listed, if components have both signs, or if refitting needs
        data that are not linked.

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
    """Replace the pattern of a component by a measured, simulated or known one.

    Parameters
    ----------
    component : int or str
        Number or name of the component.
    pattern : array_like (det_row, det_col)
        Non-negative pattern. Values at excluded pixels are ignored.
    refit : bool
        If True, fit all maps to the scan with the new set of patterns; the patterns do not change. If False, leave the maps
        unchanged and scale the new pattern to the total of the previous one.

    Returns
    -------
    Decomposition
        A new result; this one is not changed.

    Raises
    ------
    ValueError, TypeError
        If there is no such component, if the pattern does not fit the detector, is negative, not finite or empty, if
        components have both signs, are clusters or were found in features, or if refitting needs data that are not linked.

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
        raise ValueError(f"replace needs components defined by their patterns, but those of this {result.method} {why}")
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
        raise ValueError(f"pattern must be finite at all kept pixels, got {int((~np.isfinite(row)).sum())} that are not")
    if row.min() < 0 or not row.any():
        found = f"{row.min():.4g} to {row.max():.4g}"
        raise ValueError(f"pattern must not be negative and not be 0 everywhere, got values from {found}")
    return row
