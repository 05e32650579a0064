"""All maps of a decomposition in one colour image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks
from . import colours
from .axes import new_axes, scan_axes
from .images import draw_colours, framed_pattern, intensity_norm, line_scan
from .layout import chosen_components, is_line, kept_positions, short, tight
from .style import SMALL, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


__all__ = ["composite"]


@figure_style()
def composite(
    result: Any,
    components: Sequence[int] | None = None,
    *,
    scale: str = "each",
    legend: bool = True,
    ax: Axes | None = None,
    scale_bar: bool = True,
) -> Axes:
    """Plot all maps as one colour image, with the patterns as a legend.

    Parameters
    ----------
    result : Decomposition
        The result.
    components : sequence of int, optional
        Components to plot. By default all.
    scale : {"each", "intensity"}
        ``"each"`` scales every map to its maximum; ``"intensity"`` scales all maps together by intensity.
    legend : bool
        Whether to draw the patterns as a legend.
    ax : matplotlib Axes, optional
        Axes to draw on. By default a figure is created.
    scale_bar : bool
        Whether to draw a scale bar.

    Returns
    -------
    matplotlib Axes
        Axes of the image.

    Raises
    ------
    ValueError
        If there is no such component or scale, or the result has negative components.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
    >>> result.composite().images[0].get_array().shape
    (6, 8, 3)
    """
    if result.meaning.signed_maps:
        raise ValueError(f"composite needs components without negative values, which those of {result.method} have: use nmf")
    checks.choice(scale, "scale", ("each", "intensity"))
    chosen = chosen_components(components, result.k)
    kept = kept_positions(result.geometry)
    weights = result.maps if scale == "each" else result.intensities
    weights = np.maximum(np.nan_to_num(weights[chosen]), 0).astype(float)
    tops = weights.max(axis=(1, 2)) if scale == "each" else np.full(len(weights), weights.max())
    weights /= np.where(tops > 0, tops, 1)[:, None, None]
    apart = set(result.settings.get("background", ()))
    hues = colours.map_colours(weights, kept, [n for n, i in enumerate(chosen) if i in apart])
    if ax is None:
        ax, frames = _composite_figure(result, len(chosen) if legend else 0)
        for legend_ax, colour, i in zip(frames, hues, chosen):
            image = result.patterns[i].astype(float)
            framed_pattern(legend_ax, image, intensity_norm(image)[0], result.geometry.calibration.pixel_size, colour)
            where = {"transform": legend_ax.transAxes, "ha": "left", "va": "top"}
            legend_ax.text(0.05, 0.95, short(result, i), color="white", fontsize=SMALL, **where)
    calibration = result.geometry.calibration
    if is_line(result.geometry.scan_shape):
        for i, values, colour in zip(chosen, weights, hues):
            line = line_scan(ax, np.where(kept, values, np.nan), calibration.step, calibration.step_unit)
            line.set(color=0.85 * colour, label=result.names[i])
    else:
        draw_colours(ax, colours.mixed(weights, hues, kept), calibration, dark=True, with_scale_bar=scale_bar)
    return ax


def _composite_figure(result, n):
    """Axes of the image and n small ones beside it, as many to a column as fit."""
    import matplotlib.pyplot as plt

    shape, step = result.geometry.scan_shape, result.geometry.calibration.step
    ax = new_axes() if is_line(shape) else scan_axes(shape, step)
    if n == 0:
        return ax, []
    width, height = ax.figure.get_size_inches()
    plt.close(ax.figure)
    height = max(height, 2.4)
    cell = min(max(height / n, 0.95), 1.7)
    columns = math.ceil(n / max(int(height / cell), 1))
    rows = math.ceil(n / columns)
    figure = plt.figure(figsize=(width + columns * cell + 0.1, height))
    grid = figure.add_gridspec(rows, 1 + columns, width_ratios=[width, *[cell] * columns])
    ax = figure.add_subplot(grid[:, 0])
    tight(figure, h_pad=0.02)
    return ax, [figure.add_subplot(grid[i % rows, 1 + i // rows]) for i in range(n)]
