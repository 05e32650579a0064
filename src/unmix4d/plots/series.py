"""Several scans: the amount of each component against the number of the scan, and their maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks
from ..core.series import names_of, require_several
from . import colours
from .axes import new_axes, open_frame, whole_numbers
from .images import scan_map
from .layout import chosen_components, image_height, short, tight
from .style import TEXT, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

__all__ = ["amounts", "chosen_scans", "maps_of_scans"]

_INCHES = 1.5  # of a map in the grid
_MOST_ROWS = 12  # scans drawn when none are named: more are not readable at the size of a notebook


@figure_style()
def amounts(series: Any, ax: Axes | None = None) -> Axes:
    """Plot the share of each component in the intensity of each scan. Open markers mean that it is not present.

    Parameters
    ----------
    series : Series
        The amounts.
    ax : matplotlib Axes, optional
        Axes to draw on. By default a figure is created.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.series(n_scans=4, scan_shape=(12, 12), detector_shape=(32, 32), seed=0)
    >>> ax = Unmix(film.data, centre=film[0].centre).nmf(6, random_state=0).series().plot()
    >>> len(ax.lines), ax.get_xlabel()
    (6, 'scan')
    """
    ax = new_axes(ax)
    for i, colour in enumerate(colours.component_colours(len(series.names))):
        there = series.present[:, i]
        ax.plot(series.values, 100 * series.share[:, i], color=colour, lw=1.2, label=series.names[i])
        for some, face in ((there, colour), (~there, "white")):
            ax.scatter(series.values[some], 100 * series.share[some, i], s=16, color=[face], edgecolors=[colour], zorder=3)
    ax.set(xlabel=series.label, ylabel="share of the intensity (%)")
    ax.set_ylim(bottom=0)
    if series.label == "scan":
        whole_numbers(ax.xaxis)
    ax.legend(fontsize=TEXT, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    open_frame(ax)
    return ax


def chosen_scans(scans: Any, n: int, most: int = _MOST_ROWS) -> list[int]:
    """Return the scans to draw: those that are listed, or all, or as many as are readable with the first and the last."""
    if scans is None:
        return list(range(n)) if n <= most else np.unique(np.linspace(0, n - 1, most).round().astype(int)).tolist()
    return [checks.count(i, "scans", minimum=0, maximum=n - 1) for i in np.atleast_1d(scans)]


@figure_style()
def maps_of_scans(
    result: Any,
    components: Sequence[int] | None = None,
    *,
    scans: Sequence[int] | None = None,
    cmap: str | Colormap | None = None,
    scale_bar: bool = True,
) -> np.ndarray:
    """Plot one row of maps for each scan and one column for each component, with one scale per component.

    Parameters
    ----------
    result : Decomposition
        Result of several scans.
    components : sequence of int, optional
        Components to plot. By default all.
    scans : sequence of int, optional
        Scans to plot. By default all, or 12 of them, evenly spaced, if there are more.
    cmap : str or matplotlib Colormap, optional
        Colour map.
    scale_bar : bool
        Whether to draw scale bars.

    Returns
    -------
    ndarray of matplotlib Axes (n_scans, n_components)

    Raises
    ------
    ValueError
        If the result is of one scan, or a component or a scan does not exist.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.series(n_scans=4, scan_shape=(12, 12), detector_shape=(32, 32), seed=0)
    >>> result = Unmix(film.data, centre=film[0].centre).nmf(6, random_state=0)
    >>> result.plot_series([0, 2], scans=[0, 1, 3]).shape
    (3, 2)
    """
    from matplotlib.colors import Normalize

    require_several(result.geometry, "plot_series")
    parts = result.geometry.scans
    chosen, rows = chosen_components(components, result.k), chosen_scans(scans, len(parts))
    height = max(image_height(parts[i].shape, parts[i].step, _INCHES) for i in rows)
    size = (_INCHES * len(chosen) + 0.4, height * len(rows) + 0.3)
    axes = new_axes(None, len(rows), len(chosen), figsize=size, squeeze=False)
    tops = [Normalize(min(float(np.nanmin(one)), 0.0), float(np.nanmax(one)) or 1.0) for one in result.maps[chosen]]
    names = names_of(result.geometry, result.host)
    for line, i in zip(axes, rows):
        part, bar = parts[i], scale_bar and i == rows[-1]
        for ax, k, norm in zip(line, chosen, tops):
            own = result.maps[k, part.rows, part.cols]
            scan_map(own, step=part.step, unit=part.step_unit, ax=ax, cmap=cmap, norm=norm, scale_bar=bar)
        line[0].set_ylabel(names[i], fontsize=TEXT, rotation=0, ha="right", va="center")
    for ax, k in zip(axes[0], chosen):
        ax.set_title(short(result, k), fontsize=TEXT)
    tight(axes[0, 0].figure)
    return axes
