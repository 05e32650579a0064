"""Figure that compares two results side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from .axes import bare
from .images import pattern, scan_map
from .layout import image_height, tight
from .style import COLUMN_INCHES, figure_style

__all__ = ["comparison"]


@figure_style()
def comparison(found: Any, *, scale_bar: bool = True) -> np.ndarray:
    """Plot patterns and maps of both results, one column per pair. Components without a partner come last.

    Parameters
    ----------
    found : Comparison
        The comparison.
    scale_bar : bool
        Whether to draw scale bars.

    Returns
    -------
    ndarray of matplotlib Axes (4, n), or (2, n) where patterns were not compared
        Rows are the patterns of the first and the second result, and the maps of the first and the second.

    Examples
    --------
    >>> import unmix4d
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> unmix4d.compare(result, result.maps[:2]).plot().shape
    (2, 3)
    """
    import matplotlib.pyplot as plt

    sides, rows = (found.first, found.second), found.rows
    kinds = ["maps"] if any(side.patterns is None for side in sides) else ["patterns", "maps"]
    lines = [(kind, n) for kind in kinds for n in (0, 1)]
    heights = [_height(sides[n].geometry, kind) for kind, n in lines]
    figure = plt.figure(figsize=(len(rows) * (COLUMN_INCHES + 0.1), sum(heights) + 0.3 * len(lines)))
    axes = figure.subplots(len(lines), len(rows), squeeze=False, height_ratios=heights)
    for column, pair in enumerate(rows):
        for line, (kind, n) in enumerate(lines):
            _draw(axes[line, column], sides[n], pair[n], kind, _title(found, column, kind, n), scale_bar)
    tight(figure, hspace=0.01)
    return axes


def _height(geometry, kind):
    calibration = geometry.calibration
    shape, size = (
        (geometry.detector_shape, calibration.pixel_size) if kind == "patterns" else (geometry.scan_shape, calibration.step)
    )
    return image_height(shape, size, COLUMN_INCHES)


def _title(found, column, kind, n):
    """Who it is; below the first of the patterns or maps, how alike the two are."""
    i = found.rows[column][n]
    if i < 0:
        return None
    name = (found.first, found.second)[n].names[i]
    if n == 0 or column >= len(found.pairs):
        return name
    value = (found.map_correlation if kind == "maps" else found.pattern_similarity)[found.rows[column]]
    return name if np.isnan(value) else f"{name}   r = {value:.2f}"


def _draw(ax, side, i, kind, title, scale_bar):
    calibration = side.geometry.calibration
    if i < 0:
        bare(ax)
        ax.set_facecolor("none")
    elif kind == "patterns":
        pattern(
            side.patterns[i], pixel_size=calibration.pixel_size, unit=calibration.pixel_unit, ax=ax, title=title,
            scale_bar=scale_bar,
        )  # fmt: skip
    else:
        scan_map(
            side.maps[i], step=calibration.step, unit=calibration.step_unit, ax=ax, title=title, scale_bar=scale_bar
        )  # fmt: skip
