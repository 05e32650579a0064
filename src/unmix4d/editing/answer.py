"""Build the new result and its record from edited numbers; the old result is not changed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from ..core.messages import warn
from ..decomposition.scale import order_and_scale
from .edits import Edit, edits_of
from .factors import Factors, keeps_scale
from .history import with_history

__all__ = ["edited", "named"]

WORSE = 1.1  # times the error where the components are strongest: benchmarks/editing/RESULTS.md


def edited(
    result: Any,
    call: str,
    arguments: dict[str, Any],
    factors: Factors,
    origins: Sequence[tuple[int, ...]],
    changed: Collection[int] = (),
    *,
    quiet: bool = False,
    **more: Any,
) -> Any:
    """Return the result of an edit.

    call, arguments: Name and arguments of the edit for the record, in JSON types.
    factors: The new components.
    origins: For each new component, the old components it was made from.
    changed: Indices of the components that are new.
    quiet: If True, do not warn if the fit is much worse.
    **more: Further fields, for classes that have more.
    """
    geometry, total = result.geometry, float(np.nansum(result.totals)) if result.totals is not None else 0.0
    maps, patterns, features = factors.maps, factors.patterns, factors.features
    if not result.meaning.memberships:
        scale: dict[str, Any] = {
            "n_fixed": len(patterns),
            "keep_scale": keeps_scale({**result.settings, **more.get("settings", {})}),
        }
        scaled = order_and_scale(maps, patterns, total, **scale)
        if features is not None:
            features = order_and_scale(maps, features, total, **scale)[1]
        maps, patterns, more["explained"] = scaled[:3]
    fields: dict[str, Any] = {"maps": geometry.to_maps(maps), "patterns": geometry.to_images(patterns)}
    if features is not None:
        fields["features"] = _as_before(result.features, features)
    loss, residuals = math.nan, None
    if factors.squares is not None:
        loss = float(factors.squares.sum() / (factors.squares.size * factors.columns))
        if features is None:
            root = np.sqrt(np.maximum(factors.squares, 0) / factors.columns).astype(maps.dtype)
            residuals = geometry.to_maps(root[:, None])[0]
    concerned = {i for n in changed for i in origins[n]} | _gone(result, origins)
    where = _ratio(result, residuals, concerned)
    fields |= {"loss": loss, "residuals": residuals, **result._edited_fields(origins, set(changed)), **more}
    edit = Edit(call, arguments, (result.k, len(origins)), (result.loss, loss), where)
    if not quiet:
        _say_if_worse(edit, concerned)
    return recorded(result, edit, origins, **fields)


def recorded(result: Any, edit: Edit, origins: Sequence[tuple[int, ...]], **fields: Any) -> Any:
    """Return the result with its names, its background and the edit in its settings."""
    settings = {**result.settings, **carried(result, origins), **fields.pop("settings", {})}
    settings["edits"] = [*edits_of(result.settings).to_json(), edit.to_json()]
    return dataclasses.replace(result, **fields, settings=settings, _before=with_history(result))


def carried(result: Any, origins: Sequence[tuple[int, ...]]) -> dict[str, Any]:
    """Return names and background of the new components; what was not set stays unset."""
    found: dict[str, Any] = {}
    if "names" in result.settings:
        found["names"] = named([_name_of(result, parts) for parts in origins])
    if result.settings.get("background"):
        apart = set(result.settings["background"])
        found["background"] = [n for n, parts in enumerate(origins) if parts and set(parts) <= apart]
    return found


def named(names: Sequence[str]) -> list[str]:
    """Make names unique: the parts of a component that was split get a number."""
    names = list(names)
    for name in {one for one in names if one and names.count(one) > 1}:
        number = 0
        for n, one in enumerate(names):
            if one == name:
                number += 1
                while f"{name} {number}" in names:
                    number += 1
                names[n] = f"{name} {number}"
    return names


def _name_of(result, parts):
    return next((result.settings["names"][i] for i in parts if result.settings["names"][i]), "")


def _gone(result, origins):
    return {*range(result.k)} - {i for parts in origins for i in parts}


def _as_before(shape_of, rows):
    """Features in the shape of those that were, NaN where they were dropped."""
    flat = shape_of.reshape(len(shape_of), -1)
    out = np.full((len(rows), flat.shape[1]), np.nan, rows.dtype)
    out[:, np.isfinite(flat).all(0)] = rows
    return out.reshape(len(rows), *shape_of.shape[1:])


def _ratio(result, residuals, concerned):
    """Mean squared error after over before, where the components concerned are the strongest."""
    if residuals is None or result.residuals is None or not concerned:
        return math.nan
    strongest = np.argmax(np.nan_to_num(result.intensities), axis=0)
    there = np.isin(strongest, list(concerned)) & np.isfinite(result.residuals)
    before = float(np.square(result.residuals[there], dtype=np.float64).sum())
    return float(np.square(residuals[there], dtype=np.float64).sum()) / before if before > 0 else math.nan


def _say_if_worse(edit, concerned):
    before, after = edit.loss
    ratio = edit.where if not math.isnan(edit.where) else after / before if before > 0 else math.nan
    if not ratio > WORSE:
        return
    where = f" where component {', '.join(map(str, sorted(concerned)))} was the strongest" * (not math.isnan(edit.where))
    warn(
        f"{edit.code} makes the fit much worse: the squared error is {ratio:.3g} times the previous one{where}; "
        "look at .residual_map(), or call .undo()"
    )
