"""Phases are known by their names: each gets one, and none that another has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["renamed", "told_apart"]


def told_apart(names: Iterable[str | None]) -> list[str]:
    """Names of phases, none empty and none twice: ``silver``, ``silver 2``, ``phase 3`` for one without a name."""
    out: list[str] = []
    taken = {str(name or "").strip() for name in names}
    for i, name in enumerate(names):
        own = str(name or "").strip()
        base = own or f"phase {i + 1}"
        unique, n = base, 2
        while unique in out or (unique != own and unique in taken):
            unique, n = f"{base} {n}", n + 1
        out.append(unique)
    return out


def renamed(phases: Sequence[Any], names: Sequence[str]) -> list:
    """Copies of orix phases with these names, each in a colour of its own; the phases themselves are left alone."""
    from matplotlib.colors import TABLEAU_COLORS

    out, taken = [], set()
    for phase, name in zip(phases, names):
        copy = phase.deepcopy()
        copy.name = name
        if copy.color in taken:
            copy.color = next((one for one in TABLEAU_COLORS if one not in taken), copy.color)
        taken.add(copy.color)
        out.append(copy)
    return out
