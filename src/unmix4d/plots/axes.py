"""Axes: new ones, their frames, colour bars and scale bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..core.units import PIXELS, is_calibrated
from .layout import aspect
from .style import SMALL, TEXT, TINY, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

__all__ = ["bare", "colour_bar", "figure_of", "new_axes", "open_frame", "outline", "scale_bar", "scan_axes", "text_sizes",
           "whole_numbers"]  # fmt: skip


def new_axes(ax: Any = None, *panels: int, **figure: Any) -> Any:
    """The axes that were given, or those of a new figure, which is made as `pyplot.subplots` makes it."""
    import matplotlib.pyplot as plt

    return plt.subplots(*panels, **figure)[1] if ax is None else ax


def scan_axes(shape: tuple[int, ...], step: Sequence[float]) -> Axes:
    """Axes with the aspect of the scan, large enough for numbers, at most as wide as a notebook."""
    ratio = aspect(shape, step)
    width = min(5.2, 6.5 / ratio) if ratio <= 3 else 2.2
    return new_axes(figsize=(width, max(width * min(ratio, 4), 1.2) + 0.3))


def figure_of(drawn: Any) -> Figure:
    """The figure of axes, or of an array of them."""
    while not hasattr(drawn, "savefig"):
        drawn = drawn.figure if hasattr(drawn, "figure") else drawn[0]
    return drawn


def bare(ax: Axes) -> None:
    """Neither frame nor ticks: an image."""
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)


def open_frame(ax: Axes, *, labels: float = TEXT, ticks: float = TEXT, hidden: Sequence[str] = ("top", "right")) -> None:
    """A frame open at the top and on the right, and the sizes of labels and ticks."""
    for side in hidden:
        ax.spines[side].set_visible(False)
    text_sizes(ax, labels=labels, ticks=ticks)


def text_sizes(ax: Any, *, labels: float = TEXT, ticks: float = TEXT) -> None:
    """Our sizes of labels and ticks, which axes of the user do not have; and ticks are laid out when the style has ended."""
    ax.xaxis.label.set_size(labels)
    ax.yaxis.label.set_size(labels)
    ax.tick_params(labelsize=ticks)


def whole_numbers(*axes_of_numbers: Any) -> None:
    """Ticks at whole numbers: of components, of positions. Takes ``ax.xaxis``, ``ax.yaxis``."""
    for axis in axes_of_numbers:
        axis.get_major_locator().set_params(integer=True)


def outline(width: float, colour: str, **more: Any) -> list:
    """Path effects that keep a thin line or a text apart from what is below it."""
    from matplotlib import patheffects

    return [patheffects.withStroke(linewidth=width, foreground=colour, **more)]


def colour_bar(drawn: Any, label: str = "", *, size: float = SMALL, ticks: float = TINY, **place: Any) -> Any:
    """The colour bar of an image beside its axes; `place` goes to ``Figure.colorbar``."""
    bar = drawn.axes.figure.colorbar(drawn, ax=drawn.axes, **place)
    bar.ax.tick_params(labelsize=ticks)
    if label:
        bar.set_label(label, fontsize=size)
    return bar


@figure_style()
def scale_bar(ax: Axes, width: int, size: float, unit: str, *, dark: bool = True) -> AnchoredSizeBar | None:
    """Draw a scale bar with a round length of about a quarter of the image.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes of the image.
    width : int
        Width of the image in pixels.
    size, unit : float, str
        Calibrated size of a pixel and its unit.
    dark : bool
        Whether the image is dark, so that the bar is drawn in a light colour.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import plots
    >>> drawn = plots.pattern(np.ones((20, 40)))
    >>> plots.scale_bar(drawn.axes, 40, 0.5, "nm").txt_label.get_text()
    '5 nm'
    """
    from matplotlib.font_manager import FontProperties
    from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

    if width < 4:
        return None
    length = _round_length(width * size / 4)
    label = f"{length:g} {unit if is_calibrated(unit) else PIXELS}"
    colour, edge = ("white", "black") if dark else ("black", "white")
    bar = AnchoredSizeBar(
        ax.transData, length / size, label, "lower left", pad=0.25, borderpad=0.25, sep=2, color=colour, frameon=False,
        size_vertical=max(width / 120, 0.05), label_top=True, fontproperties=FontProperties(size=TINY),
    )  # fmt: skip
    for artist in (*bar.size_bar.get_children(), *bar.txt_label.get_children()):
        artist.set_path_effects(outline(1.6, edge))
    ax.add_artist(bar)
    return bar


def _round_length(target):
    power = 10.0 ** math.floor(math.log10(target))
    return max(f * power for f in (1, 2, 5) if f * power <= target * (1 + 1e-9))
