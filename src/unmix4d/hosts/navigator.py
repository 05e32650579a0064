"""The navigator of a HyperSpy plot, moved and followed by what has a position of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["follow"]


def follow(signal: Any, scan_shape: tuple[int, int], moved: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Tell of every move of a navigator; returns what moves it.

    signal: A HyperSpy signal with the navigation shape of the scan.
    moved: Called with row and column.
    """
    manager = getattr(signal, "axes_manager", None)
    if manager is None:
        raise TypeError(f"signal must be a HyperSpy signal, which has a navigator, got {type(signal).__name__}")
    columns, rows = (*manager.navigation_shape, 1, 1)[:2]
    if (rows, columns) != tuple(scan_shape) or len(manager.navigation_shape) > 2:
        theirs = " x ".join(map(str, manager.navigation_shape[::-1])) or "no"
        raise ValueError(
            f"signal must have the positions of the scan, {scan_shape[0]} x {scan_shape[1]}, got one with {theirs}: link "
            "the signal that was decomposed, or its maps"
        )
    n_axes = len(manager.navigation_shape)

    def tell():
        col, row = (*manager.indices, 0)[:2]
        moved(row, col)

    def go(row, col):
        if tuple(manager.indices) != (col, row)[:n_axes]:
            manager.indices = (col, row)[:n_axes]

    manager.events.indices_changed.connect(tell, [])
    return go
