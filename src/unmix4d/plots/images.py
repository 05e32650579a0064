"""Patterns and maps as images: their intensities, colours and scale bars."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..core.units import PIXELS, is_calibrated
from . import colours
from .axes import bare, new_axes, open_frame, scale_bar
from .layout import is_line
from .style import TINY, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D

__all__ = ["draw_colours", "draw_image", "framed_pattern", "intensity_colours", "intensity_norm", "line_scan",
           "pattern", "pattern_above_map", "scan_map"]  # fmt: skip


def intensity_norm(image: np.ndarray) -> tuple[Normalize, bool]:
    """Return a normalisation for diffraction intensities: linear near zero, logarithmic above.

    It is linear up to the values of most pixels, and logarithmic over at most three decades above that, so a direct beam
    that is many thousand times brighter than the spots is saturated and does not hide them. Images with negative values
    (SVD, PCA) get a symmetric range.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import plots
    >>> norm, signed = plots.intensity_norm(np.array([[0.0, 1.0], [2.0, 1e6]]))
    >>> bool(norm(1.0) > norm(0.0)), bool(signed)
    (True, False)
    """
    from matplotlib.colors import AsinhNorm

    values = image[np.isfinite(image)]
    signed = values.size > 0 and values.min() < 0
    sizes = np.abs(values[values != 0])
    middle, bright, top = np.percentile(sizes, (50, 98, 99.9)) if sizes.size else (1.0, 1.0, 1.0)
    # Patterns of an NMF are nearly empty: the median of what little is left would light up rounding.
    width = max(float(middle), float(bright) / 100)
    top = min(float(top), 1000 * width)
    return AsinhNorm(linear_width=width, vmin=-top if signed else 0.0, vmax=top), signed


@figure_style()
def pattern(
    image: ArrayLike,
    *,
    pixel_size: float | tuple[float, float] = 1.0,
    unit: str = PIXELS,
    ax: Axes | None = None,
    title: str | None = None,
    cmap: str | Colormap | None = None,
    norm: Normalize | None = None,
    scale_bar: bool = True,
) -> AxesImage:
    """Plot a diffraction pattern in log intensity with a scale bar.

    Parameters
    ----------
    image : ndarray (det_row, det_col)
        Diffraction pattern. NaN is drawn grey.
    pixel_size : float or (float, float)
        Size of a pixel, along (row, column), in `unit`.
    unit : str
        Unit of the pixel size or step.
    ax : matplotlib Axes, optional
        Axes to draw on. By default a figure is created.
    title : str, optional
        Title of the image.
    cmap : str or matplotlib Colormap, optional
        Colour map.
    norm : matplotlib Normalize, optional
        Normalisation of the colours, such as ``matplotlib.colors.LogNorm()`` or ``Normalize(0, 100)``. By default
        `intensity_norm`.
    scale_bar : bool
        Whether to draw a scale bar.

    Returns
    -------
    matplotlib AxesImage

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import plots
    >>> drawn = plots.pattern(np.random.default_rng(0).random((20, 30)), pixel_size=0.02, unit="1/Å", title="one")
    >>> drawn.axes.get_title(), drawn.get_array().shape
    ('one', (20, 30))
    """
    image = np.asarray(image, float)
    own, signed = intensity_norm(image)
    cmap = cmap or intensity_colours(signed)
    return draw_image(new_axes(ax), image, norm or own, cmap, pixel_size, unit, title, scale_bar)


@figure_style()
def scan_map(
    image: ArrayLike,
    *,
    step: float | tuple[float, float] = 1.0,
    unit: str = PIXELS,
    ax: Axes | None = None,
    title: str | None = None,
    cmap: str | Colormap | None = None,
    norm: Normalize | None = None,
    scale_bar: bool = True,
) -> AxesImage | Line2D:
    """Plot a map with a scale bar.

    The colours range from 0 to the maximum, or are symmetric about 0 if there are negative values. A line scan is drawn as a
    profile.

    Parameters
    ----------
    image : ndarray (scan_row, scan_col)
        Map. NaN is drawn grey.
    step : float or (float, float)
        Distance between positions, along (row, column), in `unit`.
    unit : str
        Unit of the pixel size or step.
    ax : matplotlib Axes, optional
        Axes to draw on. By default a figure is created.
    title : str, optional
        Title of the image.
    cmap : str or matplotlib Colormap, optional
        Colour map.
    norm : matplotlib Normalize, optional
        Normalisation of the colours.
    scale_bar : bool
        Whether to draw a scale bar.

    Returns
    -------
    matplotlib AxesImage, or Line2D for a line scan

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import plots
    >>> plots.scan_map(np.random.default_rng(0).random((6, 8)), step=2.0, unit="nm").get_array().shape
    (6, 8)
    """
    from matplotlib.colors import Normalize

    image = np.asarray(image, float)
    if is_line(image.shape):
        return line_scan(new_axes(ax), image, np.broadcast_to(step, 2), unit, title)
    values = image[np.isfinite(image)]
    top = float(np.abs(values).max()) if values.size and np.any(values) else 1.0
    signed = values.size > 0 and values.min() < 0
    norm = norm or Normalize(-top if signed else 0, top)
    cmap = cmap or (colours.SIGNED if signed else colours.MAPS)
    return draw_image(new_axes(ax), image, norm, cmap, step, unit, title, scale_bar)


def pattern_above_map(top, bottom, image, map_, calibration, title=None, *, pattern_colours=(None, None),
                      map_colours=(None, None), scale_bar=True):  # fmt: skip
    """A pattern and its map in two axes, with their scale bars; colours are a colour map and a norm."""
    for draw, ax, values, size, unit, words, (cmap, norm) in (
        (pattern, top, image, {"pixel_size": calibration.pixel_size}, calibration.pixel_unit, title, pattern_colours),
        (scan_map, bottom, map_, {"step": calibration.step}, calibration.step_unit, None, map_colours),
    ):
        # Each image has a norm of its own: matplotlib fits one that has no limits to the first image it is used for.
        draw(values, **size, unit=unit, ax=ax, title=words, cmap=cmap, norm=copy(norm), scale_bar=scale_bar)


def intensity_colours(signed: bool) -> str:
    """The colour map of intensities: with two ends where there are negative values."""
    return colours.SIGNED if signed else colours.INTENSITIES


def draw_image(ax, image, norm, colour_map, size, unit, title=None, with_scale_bar=True):
    """An image without a frame, with a scale bar; NaN is grey.

    ax: matplotlib Axes.
    image: ndarray.
    norm: matplotlib Normalize.
    colour_map: str or matplotlib Colormap.
    size (float or (float, float)): Size of a pixel, along (row, column), in `unit`.
    unit: str.
    title: str, optional.
    Returns matplotlib AxesImage.
    """
    size = np.broadcast_to(size, 2)
    drawn = _show(ax, image, norm, colour_map, size)
    bare(ax)
    if title:
        ax.set_title(title, pad=3)
    if with_scale_bar:
        scale_bar(ax, image.shape[1], size[1], unit, dark=colour_map != colours.SIGNED)
    return drawn


def _show(ax, image, norm, name, size):
    shown, name = np.ma.masked_invalid(image), colours.colour_map(name)
    return ax.imshow(shown, cmap=name, norm=norm, origin="upper", interpolation="nearest", aspect=size[0] / size[1])


def framed_pattern(ax, image, norm, size, colour):
    """A small pattern in a frame of the colour of its component."""
    _show(ax, image, norm, colours.INTENSITIES, size)
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_color(colour)
        spine.set_linewidth(3)


def draw_colours(ax, image, calibration, *, dark=False, with_scale_bar=True):
    """An image of the scan (scan_row, scan_col, 3) that has its colours already, with a scale bar."""
    step = calibration.step
    drawn = ax.imshow(image, origin="upper", interpolation="nearest", aspect=step[0] / step[1])
    bare(ax)
    if with_scale_bar:
        scale_bar(ax, image.shape[1], step[1], calibration.step_unit, dark=dark)
    return drawn


def line_scan(ax, values, step, unit, title=None):
    """The map of a line scan, as a profile along it."""
    along = 0 if values.shape[1] == 1 else 1
    distance = np.arange(values.size) * step[along]
    (line,) = ax.plot(distance, values.ravel(), color=colours.FIRST, lw=1.2)
    ax.set_xlabel(f"{'row' if along == 0 else 'column'} ({unit if is_calibrated(unit) else PIXELS})")
    ax.margins(x=0)
    if not (values < 0).any():
        ax.set_ylim(bottom=0)
    open_frame(ax, labels=TINY, ticks=TINY)
    if title:
        ax.set_title(title, pad=3)
    return line
