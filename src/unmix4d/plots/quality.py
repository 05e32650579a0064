"""Figures of image quality: all pairs of patterns, and raw patterns compared with their reconstructions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from . import colours
from .axes import colour_bar, new_axes, text_sizes
from .images import draw_image, intensity_colours, intensity_norm
from .layout import chosen_components, image_height, rows_and_columns, tight
from .style import COLUMN_INCHES, MOST_COLUMNS, SMALL, TINY, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize


__all__ = ["similarity", "report"]

_NAMES = {
    "ssim": "SSIM", "psnr": "PSNR (dB)", "gmsd": "GMSD", "mdsi": "MDSI", "cross_correlation": "cross-correlation",
}  # fmt: skip
_MOST_WRITTEN = 14  # components whose values are written into the cells
_WORDS_INCHES = 0.95


@figure_style()
def similarity(
    matrix: ArrayLike, ax: Axes | None = None, metric: str | None = None, cmap: str | Colormap | None = None
) -> Axes:
    """A matrix of likeness as a heat map; brighter is more alike, whichever direction the metric has.

    matrix (ndarray (n, n)): NaN is drawn grey. Values are written into the cells of up to 14 x 14.
    metric: Which way is more alike, and the label; None: higher is, and there is no label.
    """
    from ..image_quality import METRICS

    matrix, n = np.array(matrix, float), len(matrix)
    lower = metric is not None and METRICS[metric].direction == "lower"
    side = float(np.clip(1.6 + 0.38 * n, 3.2, 7.5))
    ax = new_axes(ax, figsize=(side + 0.8, side))
    others = matrix[~np.eye(n, dtype=bool) & np.isfinite(matrix)]
    low, high = (others.min(), others.max()) if others.size else (0.0, 1.0)
    high = high if high > low else low + 1e-9
    # The diagonal is the same for every result: the colours are for the pairs.
    shown = np.where(np.eye(n, dtype=bool), np.nan, matrix)
    name = colours.UNLIKENESS if lower else colours.LIKENESS
    drawn = ax.imshow(
        np.ma.masked_invalid(shown), origin="upper", cmap=colours.colour_map(cmap or name), vmin=low, vmax=high
    )
    ax.set(xlabel="component", ylabel="component", xticks=range(n), yticks=range(n))
    ax.tick_params(length=0)
    text_sizes(ax, ticks=TINY if n <= 24 else 5)
    if n <= _MOST_WRITTEN:
        _write_values(ax, shown, low, high, lower)
    label = f"{_NAMES[metric]}, {'lower' if lower else 'higher'} = more alike" if metric else ""
    colour_bar(drawn, label, fraction=0.046, pad=0.03)
    return ax


def _write_values(ax, shown, low, high, lower):
    digits = 1 if np.nanmax(np.abs(shown), initial=0) >= 10 else 2 if high - low > 0.05 else 3
    for (row, col), value in np.ndenumerate(shown):
        if np.isfinite(value):
            bright = ((value - low) / (high - low) > 0.55) != lower
            ax.text(
                col, row, f"{value:.{digits}f}", ha="center", va="center", fontsize=TINY if len(shown) <= 10 else 5.5,
                color="black" if bright else "white",
            )  # fmt: skip


@figure_style()
def report(
    quality: Any,
    components: Sequence[int] | None = None,
    *,
    cmap: str | Colormap | None = None,
    norm: Normalize | None = None,
    scale_bar: bool = True,
) -> np.ndarray:
    """Plot the mean raw pattern, the reconstruction and their difference for every component, with the metrics of the pair.

    Parameters
    ----------
    components : sequence of int, optional
        Components to plot. By default all.
    cmap : str or matplotlib Colormap, optional
        Colour map of patterns and reconstructions.
    norm : matplotlib Normalize, optional
        Normalisation of patterns and reconstructions.
    scale_bar : bool
        Whether to draw scale bars.

    Returns
    -------
    ndarray of matplotlib Axes (4, n)
        Axes of the raw patterns, the reconstructions, the differences and the metrics.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> result.report_quality().plot([0, 2]).shape
    (4, 2)
    """
    import matplotlib.pyplot as plt

    components = chosen_components(components, len(quality))
    calibration = quality.geometry.calibration
    rows, columns = rows_and_columns(len(components), MOST_COLUMNS)
    height = image_height(quality.geometry.detector_shape, calibration.pixel_size, COLUMN_INCHES)
    heights = [height, height, height, _WORDS_INCHES]
    figure = plt.figure(figsize=(columns * (COLUMN_INCHES + 0.1) + 0.3, rows * (sum(heights) + 0.3)))
    grid = figure.add_gridspec(4 * rows, columns, height_ratios=heights * rows)
    axes = np.empty((4, len(components)), object)
    for n, i in enumerate(components):
        row, column = divmod(n, columns)
        axes[:, n] = [figure.add_subplot(grid[4 * row + j, column]) for j in range(4)]
        _one(quality, i, axes[:, n], calibration, cmap, norm, scale_bar, first=column == 0)
    tight(figure, hspace=0.0)
    return axes


def _one(quality, i, axes, calibration, cmap, norm, scale_bar, first):
    from matplotlib.colors import Normalize

    raw, fitted = (np.asarray(images[i], float) for images in (quality.raw, quality.reconstruction))
    title = f"{i}   {quality.table['n_positions'][i]} positions"
    own, signed = intensity_norm(np.concatenate([raw.ravel(), fitted.ravel()]))
    norm, name, place = norm or own, cmap or intensity_colours(signed), (calibration.pixel_size, calibration.pixel_unit)
    difference = raw - fitted
    known = np.abs(difference[np.isfinite(difference)])
    top = float(np.percentile(known, 99.8)) if known.size and known.any() else 1.0
    draw_image(axes[0], raw, norm, name, *place, title, scale_bar)
    draw_image(axes[1], fitted, norm, name, *place, None, scale_bar)
    draw_image(axes[2], difference, Normalize(-top, top), colours.SIGNED, *place, None, scale_bar)
    if known.size:
        where = {"transform": axes[2].transAxes, "ha": "right", "va": "top"}
        axes[2].text(0.98, 0.98, f"± {top:.3g}", fontsize=TINY, color="black", **where)
    if first:
        for ax, words in zip(axes, ("mean raw pattern", "reconstruction", "difference")):
            ax.set_ylabel(words, fontsize=SMALL)
    axes[3].axis("off")
    axes[3].text(0.04, 1, _values(quality, i), transform=axes[3].transAxes, va="top", fontsize=TINY, linespacing=1.25)


def _values(quality, i):
    table = quality.table
    if not table["n_positions"][i]:
        return "nowhere the strongest"
    formats = {"ssim": ".4f", "psnr": ".1f", "gmsd": ".2g", "mdsi": ".4f"}
    lines = [f"{_NAMES[name]}  {table[name][i]:{form}}" for name, form in formats.items()]
    return "\n".join([*lines, f"noise  {table['noise_mean'][i]:.3g}, single {table['noise_single'][i]:.3g}"])
