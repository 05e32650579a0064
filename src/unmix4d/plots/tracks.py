"""Grains of several scans as bars from the first to the last scan that has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import colours
from .axes import new_axes, open_frame, whole_numbers
from .style import TEXT, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["tracks"]

_MOST_NUMBERED = 40  # grains; beyond, their numbers run into each other
_BAR = 0.8  # of the height of a row, for the largest size of a grain


@figure_style()
def tracks(tracks: Any, ax: Axes | None = None) -> Axes:
    """Plot one row per grain, as thick as the grain is large, in the colour of its component.

    Dotted lines join grains that split, merge or are replaced.

    Parameters
    ----------
    tracks : GrainTracks
        The grains.
    ax : matplotlib Axes, optional
        Axes to draw on. By default a figure is created.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.series(n_scans=4, scan_shape=(20, 20), detector_shape=(32, 32), dose=None, seed=0)
    >>> ax = Unmix(film.data, centre=film[0].centre).fit(film[0].patterns).track_grains(min_size=4).plot()
    >>> len(ax.collections), ax.get_ylabel()
    (5, 'grain')
    """
    ax = new_axes(ax)
    size, x = tracks.positions, tracks.values
    hues = colours.component_colours(len(tracks.names))
    for grain, component in enumerate(tracks.component):
        here = size[:, grain] > 0
        thick = np.where(here, np.sqrt(size[:, grain] / max(size[:, grain].max(), 1)), 0) * _BAR / 2
        ax.fill_between(x, grain - thick, grain + thick, where=here, color=hues[component], lw=0)
        ax.plot(x[here], np.full(here.sum(), grain), ".", color=hues[component], ms=5)
        first, last = here.argmax(), len(x) - 1 - here[::-1].argmax()
        if tracks.origin[grain] >= 0:
            _join(ax, x[[first - 1, first]], (tracks.origin[grain], grain))
        if tracks.ends[grain] == "merges":
            _join(ax, x[[last, last + 1]], (grain, tracks.goes[grain]))
    ax.set(xlabel=tracks.label, ylabel="grain", ylim=(len(tracks) - 0.4, -0.6))
    if tracks.label == "scan":
        whole_numbers(ax.xaxis)
    if len(tracks) <= _MOST_NUMBERED:
        ax.set_yticks(range(len(tracks)))
    used = sorted({*tracks.component.tolist()})
    handles = [ax.plot([], [], color=hues[i], lw=4, label=tracks.names[i])[0] for i in used]
    ax.legend(handles=handles, fontsize=TEXT, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, title="component")
    open_frame(ax)
    return ax


def _join(ax, x, grains):
    ax.plot(x, grains, color=colours.QUIET, lw=0.8, ls=":", zorder=0)
