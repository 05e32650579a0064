"""Checks of what may be edited, and of which components are meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core import checks

__all__ = ["components_of", "require_editable", "which_of"]


def require_editable(result: Any, method: str) -> None:
    """Raise ValueError if components have both signs."""
    if result.signed:
        raise ValueError(
            f"{method} needs components that are not negative, but those of {result.method} have both signs and only make "
            "sense together: use nmf"
        )


def which_of(result: Any, component: Any, name: str) -> int:
    """Return the number of a component that is given by its number or name."""
    if isinstance(component, str):
        if component not in result.names:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, result.names))}, got {component!r}")
        return result.names.index(component)
    return checks.count(component, name, minimum=0, maximum=result.k - 1, why=f", as there are {result.k}, numbered from 0")


def components_of(result: Any, components: Any, name: str, least: int = 1) -> list[int]:
    """Return the numbers of several different components that are given by number or name, in ascending order."""
    entries = components.tolist() if isinstance(components, np.ndarray) else components
    if isinstance(entries, (str, bytes, dict)) or not isinstance(entries, Iterable):
        raise TypeError(f"{name} must be a list of components, such as [0, 2], got {components!r}")
    chosen = [which_of(result, one, f"each of {name}") for one in entries]
    twice = sorted({i for i in chosen if chosen.count(i) > 1})
    if twice:
        raise ValueError(f"{name} must list each component once, got {twice[0]} more than once")
    if len(chosen) < least:
        raise ValueError(f"{name} must list at least {least} component{'s' * (least > 1)}, got {len(chosen)}")
    return sorted(chosen)
