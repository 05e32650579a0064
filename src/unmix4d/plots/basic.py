"""Every figure. pyplot is imported inside the functions; arrays and results come in, axes or figures go out."""

from __future__ import annotations

import math

import numpy as np

from ..core import checks
from ..core.units import PIXELS, is_calibrated

__all__ = ["pattern", "scan_map", "decomposition", "scree", "convergence", "scale_bar"]

_EXCLUDED = "0.55"
_COLUMN_INCHES, _MAX_COLUMNS = 1.75, 6
_WIDE_INCHES, _WIDE_COLUMNS = 2.6, 4  # for scans more than twice as wide as high, whose maps would be slits


def _axes(ax):
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(4.5, 3.5), layout="constrained")[1] if ax is None else ax


def shown_once(figure):
    """The figure, told that a notebook must not draw it a second time because a cell ends with it.

    pyplot draws every figure that is open when a cell ends; that the cell's value is the figure would draw it again.
    """
    import matplotlib.pyplot as plt

    def display():
        drawn_anyway = plt.fignum_exists(figure.number) and "inline" in plt.get_backend().lower()
        if not drawn_anyway:
            from IPython.core.pylabtools import print_figure
            from IPython.display import Image
            from IPython.display import display as show

            show(Image(print_figure(figure)))

    figure._ipython_display_ = display
    return figure


def _colours(name):
    import matplotlib

    return matplotlib.colormaps[name].with_extremes(bad=_EXCLUDED)


def intensity_norm(image):
    """Colours for diffraction intensities: logarithmic above, linear near zero, and not ruled by the direct beam.

    Linear below what most pixels have, logarithmic over at most three decades above that: a direct beam many thousand
    times brighter than the spots saturates instead of swamping them. Images with negative values (SVD, PCA) get a
    symmetric range.

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


def pattern(image, *, pixel_size=1.0, unit=PIXELS, ax=None, title=None):
    """One diffraction pattern in log intensity with a scale bar.

    Parameters
    ----------
    image : ndarray (det_row, det_col)
        NaN is drawn grey.
    pixel_size : float or (float, float)
        Size of a pixel, along (row, column), in `unit`.
    unit : str
    ax : matplotlib Axes, optional
    title : str, optional

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
    norm, signed = intensity_norm(image)
    return _draw(_axes(ax), image, norm, "RdBu_r" if signed else "inferno", pixel_size, unit, title)


def scan_map(image, *, step=1.0, unit=PIXELS, ax=None, title=None):
    """One map over the scan with a scale bar; from 0 to its maximum, or symmetric when it has negative values.

    A line scan is drawn as a profile.

    Parameters
    ----------
    image : ndarray (scan_row, scan_col)
        NaN is drawn grey.
    step : float or (float, float)
        Distance between positions, along (row, column), in `unit`.
    unit : str
    ax : matplotlib Axes, optional
    title : str, optional

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
    if _is_line(image.shape):
        return _profile(_axes(ax), image, np.broadcast_to(step, 2), unit, title)
    values = image[np.isfinite(image)]
    top = float(np.abs(values).max()) if values.size and np.any(values) else 1.0
    signed = values.size > 0 and values.min() < 0
    norm = Normalize(-top if signed else 0, top)
    return _draw(_axes(ax), image, norm, "RdBu_r" if signed else "viridis", step, unit, title)


def _draw(ax, image, norm, colours, size, unit, title):
    size = np.broadcast_to(size, 2)
    drawn = ax.imshow(
        np.ma.masked_invalid(image), cmap=_colours(colours), norm=norm, interpolation="nearest", aspect=size[0] / size[1]
    )
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    if title:
        ax.set_title(title, fontsize=9, pad=3)
    scale_bar(ax, image.shape[1], size[1], unit, dark=colours != "RdBu_r")
    return drawn


def _is_line(shape):
    return min(shape) == 1 and max(shape) > 1


def _profile(ax, image, step, unit, title):
    along = 0 if image.shape[1] == 1 else 1
    distance = np.arange(image.size) * step[along]
    (line,) = ax.plot(distance, image.ravel(), color="#21918c", lw=1.2)
    ax.set_xlabel(f"{'row' if along == 0 else 'column'} ({unit if is_calibrated(unit) else PIXELS})", fontsize=7)
    ax.tick_params(labelsize=7)
    ax.margins(x=0)
    if not (image < 0).any():
        ax.set_ylim(bottom=0)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if title:
        ax.set_title(title, fontsize=9, pad=3)
    return line


def scale_bar(ax, width, size, unit, *, dark=True):
    """A bar of a round length, about a quarter of the image, labelled with its calibrated length.

    Parameters
    ----------
    ax : matplotlib Axes
    width : int
        Width of the image in pixels.
    size, unit : float, str
        Calibrated size of a pixel.
    dark : bool
        Whether the image is dark, so that the bar must be light.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import plots
    >>> drawn = plots.pattern(np.ones((20, 40)))
    >>> plots.scale_bar(drawn.axes, 40, 0.5, "nm").txt_label.get_text()
    '5 nm'
    """
    from matplotlib import patheffects
    from matplotlib.font_manager import FontProperties
    from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

    if width < 4:
        return None
    length = _round_length(width * size / 4)
    label = f"{length:g} {unit if is_calibrated(unit) else PIXELS}"
    colour, edge = ("white", "black") if dark else ("black", "white")
    bar = AnchoredSizeBar(
        ax.transData, length / size, label, "lower left", pad=0.25, borderpad=0.25, sep=2, color=colour, frameon=False,
        size_vertical=max(width / 120, 0.05), label_top=True, fontproperties=FontProperties(size=7),
    )  # fmt: skip
    for artist in (*bar.size_bar.get_children(), *bar.txt_label.get_children()):
        artist.set_path_effects([patheffects.withStroke(linewidth=1.6, foreground=edge)])
    ax.add_artist(bar)
    return bar


def _round_length(target):
    power = 10.0 ** math.floor(math.log10(target))
    return max(f * power for f in (1, 2, 5) if f * power <= target * (1 + 1e-9))


def decomposition(result, components=None):
    """Patterns above their maps, as many to a row as fit a notebook.

    Parameters
    ----------
    result : Decomposition
    components : sequence of int, optional

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms, plots
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> len(plots.decomposition(result, components=[0, 2]).axes)
    4
    """
    import matplotlib.pyplot as plt

    components = _chosen(components, result.k)
    geometry, cal = result.geometry, result.geometry.calibration
    wide = geometry.scan_shape[1] * cal.step[1] > 2 * geometry.scan_shape[0] * cal.step[0] and not _is_line(
        geometry.scan_shape
    )
    width, most = (_WIDE_INCHES, _WIDE_COLUMNS) if wide else (_COLUMN_INCHES, _MAX_COLUMNS)
    rows = math.ceil(len(components) / most)
    columns = math.ceil(len(components) / rows)
    heights = [_height(geometry.detector_shape, cal.pixel_size, width), _height(geometry.scan_shape, cal.step, width)]
    figure = plt.figure(figsize=(columns * (width + 0.1), rows * (sum(heights) + 0.4)), layout="constrained")
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=heights * rows)
    for n, i in enumerate(components):
        row, column = divmod(n, columns)
        top, bottom = (figure.add_subplot(grid[2 * row + j, column]) for j in (0, 1))
        pattern(
            result.patterns[i], pixel_size=cal.pixel_size, unit=cal.pixel_unit, ax=top,
            title=f"{i}   {100 * result.explained[i]:.3g} %",
        )  # fmt: skip
        scan_map(result.maps[i], step=cal.step, unit=cal.step_unit, ax=bottom)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.03, wspace=0.02, hspace=0.01)
    return shown_once(figure)


def _chosen(components, k):
    if components is None:
        return list(range(k))
    try:
        chosen = [checks.count(i, "components", minimum=0, maximum=k - 1) for i in np.atleast_1d(components)]
    except (TypeError, ValueError):
        chosen = []
    if not chosen:
        raise ValueError(f"components must be numbers from 0 to {k - 1}, got {components!r}")
    return chosen


def _height(shape, size, width):
    """Inches of an image in a column, with the right aspect, within reason; a line scan is drawn as a profile."""
    if _is_line(shape):
        return 0.9
    return min(max(width * shape[0] * size[0] / (shape[1] * size[1]), 0.4), 4 * width)


def scree(result, ax=None):
    """Explained fraction of each component on a log scale; the elbow, where there is one, is marked.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms, plots
    >>> scree = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).scree(10)
    >>> plots.scree(scree).get_yscale()
    'log'
    """
    ax = _axes(ax)
    numbers = np.arange(1, len(result.explained) + 1)
    elbow = result.elbow
    ax.plot(numbers, result.explained, "o-", color="0.6", ms=4, lw=1)
    if (result.explained > 0).any():  # a scan of nothing has no logarithm
        ax.set_yscale("log")
    if elbow is not None:
        label = f"regime changes after {elbow}"
        ax.plot(numbers[:elbow], result.explained[:elbow], "o", color="#b5179e", ms=5, label=label)
        ax.legend(frameon=False)
    ax.set_xlabel("component")
    ax.set_ylabel("fraction of the sum of squares")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_title("no clear change of regime" if elbow is None else "", fontsize=9)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax


def convergence(result, ax=None):
    """Error above the lowest one reached, per iteration of every start; beside it the change of patterns and maps.

    Parameters
    ----------
    result : Decomposition
    ax : matplotlib Axes, optional
        For the error alone; by default a figure with both panels is made.

    Returns
    -------
    matplotlib Axes
        Of the error.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms, plots
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, n_starts=2, random_state=0)
    >>> len(plots.convergence(result).lines) >= 2
    True
    """
    if not result.convergence:
        raise ValueError(f"{result.method} is not iterative: there is no convergence to plot")
    if ax is None and len(result.changes):
        import matplotlib.pyplot as plt

        ax, beside = plt.subplots(1, 2, figsize=(8, 3.3), layout="constrained")[1]
        _changes(result, beside)
    ax = _axes(ax)
    best = int(np.argmin(result.losses))
    floor = min(history.min() for history in result.convergence)
    # Noise-free data may be fitted exactly: then the first loss is the measure.
    scale = floor or max(history[0] for history in result.convergence) or 1.0
    for i, history in enumerate(result.convergence):
        label = f"start {i}" + (" (kept)" if i == best else "")
        ax.plot(np.arange(1, len(history) + 1), (history - floor) / scale, lw=2 if i == best else 1, label=label)
    ax.set_yscale("symlog", linthresh=1e-6)
    ax.set_ylabel("error above the lowest, relative" if floor else "error / first error")
    if len(result.convergence) <= 10:
        ax.legend(frameon=False, fontsize=8)
    _iterations(ax)
    return ax


def _changes(result, ax):
    """Relative L1 change of patterns (full lines) and maps (dashed) per iteration (Kimoto 2025, Fig. 7b and c)."""
    best = int(np.argmin(result.losses))
    for i, changes in enumerate(result.changes):
        steps, width = np.arange(1, len(changes) + 1), 2 if i == best else 1
        for column, (style, name) in enumerate((("-", "patterns"), ("--", "maps"))):
            ax.plot(steps, changes[:, column], style, color=f"C{i % 10}", lw=width, label=name if i == best else None)
    if any((changes > 0).any() for changes in result.changes):
        ax.set_yscale("log")
    tolerance = result.settings.get("tol")
    if tolerance:
        ax.axhline(tolerance, color="0.6", lw=0.8, zorder=0)
    ax.set_ylabel("relative change, sum of |differences|")
    ax.legend(frameon=False, fontsize=8)
    _iterations(ax)


def _iterations(ax):
    ax.set_xscale("log")
    ax.set_xlabel("iteration")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
