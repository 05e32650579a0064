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
    """One component of a decomposition, which unpacks into its pattern and its map.

    Attributes
    ----------
    pattern : ndarray (det_row, det_col)
        Pattern.
    map : ndarray (scan_row, scan_col)
        Map.
    component, explained, ...
        Values of its row of ``result.table``.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
    >>> pattern, map_ = result[1]
    >>> pattern.shape, map_.shape, [part.component for part in result[:]]
    ((10, 20), (6, 8), [0, 1])
    """


class Group(_PatternAndMap):
    """One group of rotated copies, which unpacks into its pattern and its map.

    Attributes
    ----------
    pattern : ndarray (det_row, det_col)
        Pattern.
    map : ndarray (scan_row, scan_col)
        Map.
    group, size, symmetry : int
        Number, number of members and order of the rotation symmetry.
    told : bool
        Whether the group can be distinguished from noise.
    members : ndarray of int (m,) or (m, 2)
        Numbers of its components, or (row, column) of its positions.
    angles_deg : ndarray (m,)
        Angle of each member.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.rotated_phases(n_phases=1, scan_shape=(4, 4), detector_shape=(64, 64), dose=3e3, seed=0)
    >>> group = Unmix(film.data, centre=film.centre).group_rotated(1)[0]
    >>> group.size, group.members.shape, group.pattern.shape
    (16, (16, 2), (64, 64))
    """


class Grain(Row):
    """One grain of a scan.

    Attributes
    ----------
    mask : ndarray of bool (scan_row, scan_col)
        True inside the grain.
    grain, component, area, equivalent_diameter, ...
        Values of its row of ``grains.table``.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
    >>> grains = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0).grains()
    >>> grains[0].mask.shape, [grain.component for grain in grains] == grains.components.tolist()
    ((24, 20), True)
    """


class Quality(Row):
    """One component compared with the raw data.

    Attributes
    ----------
    raw, single, reconstruction, largest : ndarray (det_row, det_col)
        Mean raw pattern of its positions, of those at which it is alone, its reconstruction, and the raw pattern at which it
        is strongest.
    component, ssim, psnr, ...
        Values of its row of ``report.table``.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
    >>> best = max(result.report_quality(), key=lambda one: one.ssim)
    >>> best.raw.shape, bool(best.ssim > 0.9)
    ((10, 20), True)
    """
