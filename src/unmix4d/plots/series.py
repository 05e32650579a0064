"""The amount of each component against the number of the scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import colours
from .axes import new_axes, open_frame, whole_numbers
from .style import TEXT, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["amounts"]


@figure_style()
def amounts(series: Any, ax: Axes | None = None) -> Axes:
    """Share of the intensity of each component in each scan; open marks where it is not present.

    Parameters
    ----------
    series : Series
    ax : matplotlib Axes, optional

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
