"""The parts of answers as ``answer[i]`` gives them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..core.rows import Row

__all__ = ["Component", "Grain", "Group", "Quality"]


class _PatternAndMap(Row):
    pattern: Any
    map: Any

    def __iter__(self) -> Iterator[Any]:
        # ``for pattern, map_ in result``
        return iter((self.pattern, self.map))


class Component(_PatternAndMap):
    """One component of a decomposition; unpacks into its pattern and its map.

    Attributes
    ----------
    pattern : ndarray (det_row, det_col)
    map : ndarray (scan_row, scan_col)
    component, explained, ...
        Its row of ``result.table``.
    """


class Group(_PatternAndMap):
    """One group of patterns that are rotated copies; unpacks into its pattern and its map.

    Attributes
    ----------
    pattern : ndarray (det_row, det_col)
    map : ndarray (scan_row, scan_col)
    group, size, symmetry : int
    told : bool
    members : ndarray of int (m,) or (m, 2)
        Numbers of its components, or (row, column) of its positions.
    angles_deg : ndarray (m,)
        Of each of them.
    """


class Grain(Row):
    """One grain.

    Attributes
    ----------
    mask : ndarray of bool (scan_row, scan_col)
    grain, component, area, equivalent_diameter, ...
        Its row of ``grains.table``.
    """


class Quality(Row):
    """One component beside the raw data.

    Attributes
    ----------
    raw, single, reconstruction, largest : ndarray (det_row, det_col)
    component, ssim, psnr, ...
        Its row of ``report.table``.
    """
