"""Figures of grains. pyplot is imported inside the functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks
from . import colours
from .axes import new_axes, open_frame, outline, scan_axes, whole_numbers
from .images import draw_image
from .layout import innermost, is_line, kept_positions
from .style import SMALL, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize


__all__ = ["grains", "grain_sizes"]

_NEAR = 2  # positions between grains that must not have one colour
_MOST_BINS = 1000
_MOST_NUMBERS = 200  # more cannot be read
_INSET = 0.7  # contour level: boundaries lie within their grain, so that those of neighbours stay apart


@figure_style()
def grains(
    found: Any,
    ax: Axes | None = None,
    *,
    image: np.ndarray | None = None,
    numbers: bool | None = None,
    cmap: str | Colormap | None = None,
    norm: Normalize | None = None,
    scale_bar: bool = True,
) -> Axes:
    """Plot the boundaries of the grains over a grey image, with scale bar and numbers.

    Parameters
    ----------
    ax : matplotlib Axes, optional
        Axes to draw on. By default a figure is created.
    image : ndarray (scan_row, scan_col), optional
        Image below the boundaries. By default the share of the strongest component in the intensity of each position, which
        is dark where grains overlap.
    numbers : bool, optional
        Whether to draw the numbers of the grains, as in the table. By default they are drawn for up to 200 grains.
    cmap : str or matplotlib Colormap, optional
        Colour map of the image.
    norm : matplotlib Normalize, optional
        Normalisation of the image.
    scale_bar : bool
        Whether to draw a scale bar.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
    >>> grains = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0).grains()
    >>> ax = grains.plot()
    >>> sorted(text.get_text() for text in ax.texts)
    ['0', '1', '2']
    """
    from matplotlib.colors import Normalize

    shape, calibration = found.geometry.scan_shape, found.geometry.calibration
    if is_line(shape):
        raise ValueError(f"grains of a line scan have no boundaries to draw: this scan has the shape {shape}, use .masks")
    image = _strongest_share(found) if image is None else checks.numbers_of(image, "image")
    if image.shape != shape:
        raise ValueError(f"image must have the shape of the scan {shape}, got {image.shape}")
    ax = scan_axes(shape, calibration.step) if ax is None else ax
    values = image[np.isfinite(image)]
    low, high = np.percentile(values, (1, 99)) if values.size else (0.0, 1.0)
    grey = Normalize(low, high if high > low else low + 1)
    place = calibration.step, calibration.step_unit, None, scale_bar
    draw_image(ax, image, norm or grey, cmap or colours.GREY_IMAGE, *place)
    hues = _colours_apart(found.regions)
    _boundaries(ax, found.regions, hues)
    if len(found) <= _MOST_NUMBERS if numbers is None else numbers:
        for i, colour in enumerate(hues):
            _number(ax, i, found.regions, calibration.step, colour)
    ax.set(xlim=(-0.5, shape[1] - 0.5), ylim=(shape[0] - 0.5, -0.5))
    ax.set_title(f"{len(found)} grain" + ("" if len(found) == 1 else "s"), pad=3)
    return ax


def _colours_apart(regions):
    """A hue for each grain that none of its neighbours has, where there are enough; else the one they have least."""
    at, n_hues = regions.matrix().T.tocsr(), len(colours.GRAINS)  # which grains are at a position
    hues, taken = np.full(len(regions), -1), np.zeros(n_hues, int)
    for i in range(len(regions)):
        near = hues[np.unique(at[_around(regions, i)].indices)]
        beside = np.bincount(near[near >= 0], minlength=n_hues)
        # Of equally free hues, the one used least so far.
        hues[i] = np.lexsort((taken, beside))[0]
        taken[hues[i]] += 1
    return [colours.GRAINS[hue] for hue in hues]


def _around(regions, i):
    """Flat positions of a grain, and of what is so near that it must not have its colour."""
    from scipy.ndimage import binary_dilation

    mask, first = regions.box(i, margin=_NEAR)
    row, col = (axis + start for axis, start in zip(np.nonzero(binary_dilation(mask, iterations=_NEAR)), first))
    rows, cols = regions.scan_shape
    inside = (row >= 0) & (row < rows) & (col >= 0) & (col < cols)
    return row[inside] * cols + col[inside]


def _strongest_share(found):
    """Largest over summed intensity without the background: near 1 inside of a grain, lower where components overlap."""
    grains = [i for i in range(found.result.k) if i not in found.background] or list(range(found.result.k))
    intensities = np.maximum(np.nan_to_num(found.result.intensities[grains]), 0)
    total = intensities.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(kept_positions(found.geometry) & (total > 0), intensities.max(0) / total, np.nan)


def _boundaries(ax, regions, hues):
    """All contours as one collection: thousands of lines are slow to draw."""
    from matplotlib.collections import LineCollection
    from skimage.measure import find_contours

    lines, colour_of = [], []
    for i, colour in enumerate(hues):
        mask, first = regions.box(i)
        found = [(contour + first)[:, ::-1] for contour in find_contours(mask.astype(float), _INSET)]
        lines += found
        colour_of += [colour] * len(found)
    dark = outline(2.4, "black", alpha=0.6)
    ax.add_collection(LineCollection(lines, colors=colour_of, linewidths=1.3, path_effects=dark, zorder=2), autolim=False)


def _number(ax, i, regions, step, colour):
    mask, first = regions.box(i)
    row, col = innermost(mask, step) + np.asarray(first)
    edge = outline(2, "black")
    ax.text(col, row, str(i), color=colour, fontsize=SMALL, ha="center", va="center", path_effects=edge, fontweight="bold")


def _bin_edges(values, bins):
    """Edges of a histogram of what the user wants: nothing, a number, or the edges."""
    if bins is None:
        bins = min(max(int(np.ceil(np.sqrt(len(values)))) + 1, 4), 30)
    if np.ndim(bins) == 0:
        return np.histogram_bin_edges(values, bins=checks.count(bins, "bins", maximum=_MOST_BINS))
    try:
        edges = np.asarray(bins, float)
    except (TypeError, ValueError):
        edges = np.empty(0)
    if edges.ndim != 1 or edges.size < 2 or not np.isfinite(edges).all() or not (np.diff(edges) > 0).all():
        raise ValueError(f"bins must be a number of bins or two or more ascending edges, got {bins!r}")
    return edges


@figure_style()
def grain_sizes(
    found: Any, ax: Axes | None = None, *, column: str = "equivalent_diameter", bins: int | Sequence[float] | None = None
) -> Axes:
    """Plot a histogram of the grain sizes. Grains cut by the edge of the scan are shown separately.

    Parameters
    ----------
    ax : matplotlib Axes, optional
        Axes to draw on. By default a figure is created.
    column : str
        Name of a numeric column of the table.
    bins : int or sequence, optional
        Bins as for `matplotlib.axes.Axes.hist`.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
    >>> grains = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0).grains()
    >>> grains.plot_sizes().get_xlabel()
    'equivalent diameter (nm)'
    """
    checks.choice(column, "column", [name for name in found.table if name not in ("grain", "touches_edge")])
    if len(found) == 0:
        raise ValueError("there is no grain to draw sizes of: lower min_size or the threshold")
    values, cut = np.asarray(found.table[column], float), found.table["touches_edge"]
    bins = _bin_edges(values, bins)
    ax = new_axes(ax)
    ax.hist(
        [values[~cut], values[cut]], bins=bins, stacked=True, color=[colours.FIRST, colours.FIRST_PALE],
        edgecolor="white", lw=0.8, label=[f"whole ({np.count_nonzero(~cut)})", f"cut by an edge ({np.count_nonzero(cut)})"],
    )  # fmt: skip
    unit = found.units[column]
    ax.set_xlabel(column.removesuffix("_deg").replace("_", " ") + (f" ({unit})" if unit else ""))
    ax.set_ylabel("grains")
    whole_numbers(ax.yaxis)
    ax.legend()
    open_frame(ax)
    return ax
