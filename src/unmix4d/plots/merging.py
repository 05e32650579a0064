"""Figures of merging: the tree of a run, and what the runs agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import colours
from .axes import new_axes, text_sizes
from .layout import short
from .style import TINY, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


__all__ = ["history", "stability"]

_TREE_INCHES = 0.13  # of width for every part


@figure_style()
def history(result: Any, ax: Axes | None = None) -> Axes:
    """Plot the tree of the merges, with the similarity at which components were merged.

    Parameters
    ----------
    ax : matplotlib Axes, optional
        Axes to draw on. By default a figure is created.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the result is a consensus or was edited: it then has no tree.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=2, scan_shape=(12, 10), detector_shape=(32, 32), background=0, seed=0)
    >>> merged = Unmix(film.data).merge_nmf(4, n_runs=2, random_state=0)
    >>> ax = merged.plot_history()
    >>> ax.get_ylabel()
    'similarity'
    """
    if result.best < 0:
        raise ValueError(
            "history must be that of one run, which a consensus and an edited result do not have: draw that of the result "
            "it came from"
        )
    n_parts = sum(len(parts) for parts in result.members)
    ax = new_axes(ax, figsize=(float(np.clip(1.5 + _TREE_INCHES * n_parts, 4.5, 14)), 3.6))
    place: dict[int, float] = {part: x for x, part in enumerate(_leaves(result, n_parts))}
    height: dict[int, float] = dict.fromkeys(place, 1.0)
    for i, merge in enumerate(result.history):
        left, right = merge.nodes
        # A later merge may be more similar than an earlier one below it; a tree has to go down all the same.
        level = min(merge.similarity, height[left], height[right])
        colour = colours.SECOND if merge.reason == "fragment" else colours.MERGED
        xs = [place[left], place[left], place[right], place[right]]
        ax.plot(xs, [height[left], level, level, height[right]], color=colour, lw=1.1)
        place[n_parts + i], height[n_parts + i] = (place[left] + place[right]) / 2, level
    merged = {node for merge in result.history for node in merge.nodes}
    lowest = min([0.0, *height.values()])
    for node, x in place.items():
        if node not in merged:
            ax.plot([x, x], [height[node], lowest], color=colours.FAINT, lw=0.8)
    _label(ax, result, lowest)
    return ax


def _leaves(result, n_parts):
    """Parts in an order in which no branches cross, the components in theirs."""
    below = {n_parts + i: merge.nodes for i, merge in enumerate(result.history)}
    merged = {node for merge in result.history for node in merge.nodes}
    leaves_of = {}
    for root in (node for node in [*range(n_parts), *below] if node not in merged):
        leaves, waiting = [], [root]
        while waiting:
            node = waiting.pop()
            if node in below:
                waiting += below[node][::-1]
            else:
                leaves.append(node)
        leaves_of[min(leaves)] = leaves
    return [leaf for parts in result.members for leaf in leaves_of[min(parts)]]


def _label(ax, result, lowest):
    run = result.runs[result.best] if result.runs else None
    if run is not None:
        ax.axhline(run.threshold, color=colours.THRESHOLD, lw=0.8, ls="--", label=f"threshold {run.threshold:.2f}")
    ax.plot([], [], color=colours.MERGED, label="alike")
    ax.plot([], [], color=colours.SECOND, label="fragment")
    start, ticks = 0, []
    for parts in result.members:
        ticks.append(start + (len(parts) - 1) / 2)
        start += len(parts)
    text_sizes(ax)
    ax.set_xticks(ticks, range(len(ticks)), fontsize=TINY if len(ticks) < 40 else 5)
    ax.set(xlabel="component", ylabel="similarity", ylim=(1.02, lowest - 0.05), xlim=(-1, start))
    ax.set_title(f"{start} parts merged to {len(ticks)} components")
    ax.legend(fontsize=TINY, frameon=True, loc="upper right", framealpha=0.9)


@figure_style()
def stability(result: Any, ax: Axes | None = None) -> Axes:
    """Plot the stability and agreement of each component, and the probability that it is a grain.

    Parameters
    ----------
    ax : matplotlib Axes, optional
        Axes to draw on. By default a figure is created.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=2, scan_shape=(12, 10), detector_shape=(32, 32), background=0, seed=0)
    >>> merged = Unmix(film.data).merge_nmf(4, n_runs=2, random_state=0)
    >>> ax = merged.plot_stability()
    >>> ax.get_xlabel()
    'component'
    """
    ax = new_axes(ax)
    places = np.arange(result.k)
    grain = ~np.isin(places, result.no_grains)
    ax.bar(places[grain], result.stability[grain], color=colours.STABLE, width=0.8, label="share of the runs")
    if result.no_grains:
        shares = result.stability[~grain]
        ax.bar(places[~grain], shares, color=colours.FAINT, width=0.8, label="share of the runs, probably not a grain")
    if result.grain_probability is not None:
        ax.plot(
            places, result.grain_probability, "_", color=colours.SECOND, ms=9, mew=2, label="probability that it is a grain"
        )
    ax.plot(places, result.agreement, "o", color=colours.AGREEMENT, ms=3.5, label="correlation of their maps")
    ax.set(xlabel="component", ylim=(0, 1.05), xlim=(-0.7, result.k - 0.3))
    text_sizes(ax)
    if any(result.settings.get("names", ())):
        ax.set_xticks(places, [short(result, i) for i in places], rotation=30)
    else:
        ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_title(f"{result.k} components, {result.settings['n_runs']} runs")
    _legend_below(ax)
    return ax


def _legend_below(ax):
    """Below the label of the axis, for which tilted names leave less room than numbers do, in any layout."""
    from matplotlib.transforms import ScaledTranslation

    figure = ax.figure
    labels = ax.xaxis.get_tightbbox(figure.canvas.get_renderer())
    down = ScaledTranslation(0, (labels.y0 - ax.bbox.y0) / figure.dpi, figure.dpi_scale_trans)
    where = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "bbox_transform": ax.transAxes + down}
    ax.legend(fontsize=TINY, frameon=False, ncols=2, borderaxespad=0.3, **where)
