"""The figure of a decomposition: patterns above their maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .images import pattern_above_map
from .layout import aspect, chosen_components, image_height, is_line, rows_and_columns, short, tight
from .style import COLUMN_INCHES, MOST_COLUMNS, figure_style

if TYPE_CHECKING:
    from matplotlib.colors import Colormap, Normalize

__all__ = ["decomposition"]

_WIDE_INCHES, _WIDE_COLUMNS = 2.6, 4  # for scans more than twice as wide as high, whose maps would be slits


@figure_style()
def decomposition(
    result: Any,
    components: Sequence[int] | None = None,
    *,
    cmap: str | Colormap | None = None,
    norm: Normalize | None = None,
    map_cmap: str | Colormap | None = None,
    map_norm: Normalize | None = None,
    scale_bar: bool = True,
) -> np.ndarray:
    """Plot component patterns and their maps, in as many rows as needed.

    Parameters
    ----------
    result : Decomposition
        The result.
    components : sequence of int, optional
        Components to plot. By default all.
    cmap : str or matplotlib Colormap, optional
        Colour map of the patterns.
    norm : matplotlib Normalize, optional
        Normalisation of the patterns, such as ``matplotlib.colors.LogNorm()`` or ``Normalize(0, 100)``.
    map_cmap, map_norm : optional
        Colour map and normalisation of the maps.
    scale_bar : bool
        Whether to draw scale bars.

    Returns
    -------
    ndarray of matplotlib Axes (2, n)
        Axes of the patterns and of the maps.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms, plots
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> axes = plots.decomposition(result, components=[0, 2])
    >>> axes.shape
    (2, 2)
    """
    import matplotlib.pyplot as plt

    chosen = chosen_components(components, result.k)
    geometry, cal = result.geometry, result.geometry.calibration
    wide = aspect(geometry.scan_shape, cal.step) < 0.5 and not is_line(geometry.scan_shape)
    width, most = (_WIDE_INCHES, _WIDE_COLUMNS) if wide else (COLUMN_INCHES, MOST_COLUMNS)
    rows, columns = rows_and_columns(len(chosen), most)
    heights = [
        image_height(geometry.detector_shape, cal.pixel_size, width),
        image_height(geometry.scan_shape, cal.step, width),
    ]
    figure = plt.figure(figsize=(columns * (width + 0.1), rows * (sum(heights) + 0.4)))
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=heights * rows)
    axes = np.empty((2, len(chosen)), object)
    for n, i in enumerate(chosen):
        row, column = divmod(n, columns)
        axes[:, n] = [figure.add_subplot(grid[2 * row + j, column]) for j in (0, 1)]
        top, bottom = axes[:, n]
        title = f"{short(result, i)}   {100 * result.explained[i]:.3g} %"
        pattern_above_map(
            top, bottom, result.patterns[i], result.maps[i], cal, title, pattern_colours=(cmap, norm),
            map_colours=(map_cmap, map_norm), scale_bar=scale_bar,
        )  # fmt: skip
    tight(figure, hspace=0.01)
    return axes
