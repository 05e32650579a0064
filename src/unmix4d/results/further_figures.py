"""What a report shows of a relative of `Decomposition` besides."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

__all__ = ["Further", "further_figures"]

Further = list[tuple[Callable[[], Any], str, str]]


@singledispatch
def further_figures(result: Any) -> Further:
    """(function that draws, alternative text, caption) of each; a relative registers its own, below its class."""
    return []
