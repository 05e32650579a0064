"""Figures of the choice of the number of components. pyplot is imported inside the functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks
from . import colours
from .axes import colour_bar, new_axes, open_frame, text_sizes, whole_numbers
from .style import LABEL, SMALL, TEXT, TINY, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


__all__ = ["criteria", "image_quality", "loss", "similarity", "votes"]


@figure_style()
def criteria(choice: Any, ax: Axes | None = None) -> np.ndarray | Axes:
    """Plot the criteria against the number of components, their votes and the recommendation.

    Parameters
    ----------
    ax : matplotlib Axes, optional
        Axes for the votes alone. By default a figure with all criteria is created.

    Returns
    -------
    ndarray of matplotlib Axes (5,), or Axes where `ax` is given
        The axes. The last one shows the votes.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=2, scan_shape=(10, 10), detector_shape=(32, 32), background=0, seed=0)
    >>> choice = Unmix(film.data, centre=film.centre).choose_k([2, 3], random_state=0)
    >>> choice.plot().shape
    (5,)
    """
    if ax is not None:
        return votes(choice, ax)
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(9, 7.6))
    grid = figure.add_gridspec(3, 2, height_ratios=[1, 1, 0.85])
    panels = [figure.add_subplot(grid[i, j]) for i in (0, 1) for j in (0, 1)]
    for panel, draw in zip(panels, (loss, _held_out, _sizes, _components)):
        draw(choice, panel)
        _finish(panel, choice)
    panels.append(votes(choice, figure.add_subplot(grid[2, :])))
    figure.suptitle(f"{choice.recommended} components, {choice.confidence}", fontsize=11)
    return np.array(panels)


def _finish(ax, choice):
    ax.axvline(choice.recommended, color=colours.MARK, lw=1.2, ls="--", zorder=0)
    whole_numbers(ax.xaxis)
    open_frame(ax, labels=LABEL, ticks=SMALL)


@figure_style()
def loss(choice: Any, ax: Axes | None = None) -> Axes:
    """K-component loss with its knee and the region of interest (Cao 2025, Fig. 3a)."""
    ax = new_axes(ax)
    ax.axvspan(choice.region[0], choice.region[1], color=colours.BAND, zorder=0, label="knee ± 4")
    ax.plot(choice.ks, choice.table["loss"], "o-", color=colours.QUIET, ms=3.5, lw=1)
    knee = choice.votes["loss_knee"]
    if knee is not None:
        at = np.flatnonzero(choice.ks == knee)[0]
        ax.plot(knee, choice.table["loss"][at], "o", color=colours.SECOND, ms=6, label=f"knee at {knee}")
    ax.legend()
    ax.set(xlabel="components", ylabel="loss, mean |X - MP|")
    text_sizes(ax, labels=LABEL)
    return ax


def _held_out(choice, ax):
    ax.set(xlabel="components", ylabel="held-out counts: behind the\nbest (standard errors)")
    if "held_out" not in choice.table:
        middle = {"ha": "center", "va": "center", "transform": ax.transAxes}
        ax.text(0.5, 0.5, "no counts held out", fontsize=LABEL, color=colours.QUIET, **middle)
        ax.set_xlim(choice.ks[0] - 0.5, choice.ks[-1] + 0.5)
        ax.set_yticks([])
        return
    # Upside down and compressed: what counts is which numbers come close to the best, not how bad the worst are.
    behind, best = choice.table["held_out_behind"], choice.votes["held_out"]
    ax.axhspan(-0.3, 2, color=colours.BAND, zorder=0, label="within 2")
    ax.plot(choice.ks, behind, "o-", color=colours.QUIET, ms=3.5, lw=1)
    ax.plot(best, 0, "o", color=colours.FIRST, ms=6, label=f"best: {best}")
    ax.set_yscale("symlog", linthresh=2)
    ax.set_ylim(max(np.nanmax(behind) * 1.3, 5), -0.3)
    ax.set_xlim(choice.ks[0] - 0.5, choice.ks[-1] + 0.5)
    ax.legend()


def _sizes(choice, ax):
    sizes = choice.sizes[: int(choice.ks[-1]) + 2]
    numbers = np.arange(1, len(sizes) + 1)
    shown = np.isfinite(sizes) & (sizes > 0)
    above = sizes > 1
    ax.axhline(1, color=colours.QUIET, lw=0.8, label="what noise alone reaches")
    ax.semilogy(numbers[shown & ~above], sizes[shown & ~above], "o", color=colours.FAINT, ms=3.5)
    label = f"above: {int(above.sum())}"
    ax.semilogy(numbers[shown & above], sizes[shown & above], "o", color=colours.FIRST, ms=4.5, label=label)
    ax.legend()
    ax.set(xlabel="singular value", ylabel="size over noise")


def _components(choice, ax):
    lines = (
        ("worst_stability", "least stable over starts", colours.FIRST, "o-"),
        ("worst_coherence", "least coherent map", colours.SECOND, "s-"),
        ("cosine_sqrt_worst", "most similar pair of patterns", colours.QUIET, "^-"),
    )
    for name, label, colour, style in lines:
        values = choice.table[name]
        if np.isfinite(values).any():
            ax.plot(choice.ks, values, style, color=colour, ms=3.5, lw=1, label=label)
    ax.set_ylim(-0.75, 1.05)
    ax.legend(loc="lower left")
    ax.set(xlabel="components", ylabel="worst component")


@figure_style()
def votes(choice: Any, ax: Axes | None = None) -> Axes:
    """What each criterion alone says, a line each."""
    ax = new_axes(ax)
    names = list(choice.votes)[::-1]
    ax.axvline(choice.recommended, color=colours.MARK, lw=1.2, ls="--", zorder=0, label=f"recommended: {choice.recommended}")
    for row, name in enumerate(names):
        vote = choice.votes[name]
        if vote is None:
            ax.text(choice.ks[0], row, "no opinion", fontsize=SMALL, color=colours.QUIET, va="center")
            continue
        ax.plot(vote, row, "o", color=colours.MARK if vote == choice.recommended else colours.QUIET, ms=7)
    ax.set_yticks(range(len(names)), [name.replace("_", " ") for name in names], fontsize=SMALL)
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.set_xlim(choice.ks[0] - 0.5, choice.ks[-1] + 0.5)
    ax.grid(axis="y", color=colours.GRID)
    ax.set_axisbelow(True)
    ax.set_xlabel("components")
    whole_numbers(ax.xaxis)
    # Above the lines: any place on them may be that of a vote.
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0)
    open_frame(ax, labels=LABEL, ticks=SMALL, hidden=("top", "right", "left"))
    return ax


@figure_style()
def similarity(choice: Any, k: int | None = None, metric: str = "cosine_sqrt", ax: Axes | None = None) -> Axes:
    """Plot the similarity of all pairs of patterns of one factorisation.

    Parameters
    ----------
    k : int, optional
        Number of components. By default the recommended one.
    metric : str
        Name of the metric, a key of ``choice.similarities[k]``.
    ax : matplotlib Axes, optional
        Axes to draw on. By default a figure is created.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the number was not tried, or there is no such metric.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=2, scan_shape=(10, 10), detector_shape=(32, 32), background=0, seed=0)
    >>> choice = Unmix(film.data, centre=film.centre).choose_k([2, 3], random_state=0)
    >>> choice.plot_similarity(3, "ssim").images[0].get_array().shape
    (3, 3)
    """
    k = choice.recommended if k is None else k
    checks.choice(k, "k", list(choice.similarities))
    tables = choice.similarities[k]
    checks.choice(metric, "metric", list(tables))
    return _matrix(tables[metric], metric.replace("_", " of ").replace("of sqrt", "of square roots"), new_axes(ax), (0, 1))


@figure_style()
def image_quality(choice: Any, axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """Plot the image quality metrics of ``rule="cao2025"``: SSIM, GMSD and MDSI between all components.

    Parameters
    ----------
    axes : sequence of 3 matplotlib Axes, optional
        Axes to draw on. By default a figure is created.

    Returns
    -------
    sequence of matplotlib Axes

    Raises
    ------
    ValueError
        If another rule was used.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(12, 12), detector_shape=(32, 32), background=0, seed=0)
    >>> choice = Unmix(film.data, centre=film.centre).choose_k(range(2, 6), rule="cao2025", random_state=0)
    >>> len(choice.plot_image_quality())
    3
    """
    if choice.details is None:
        raise ValueError(f"choice must be made with rule='cao2025', got one of rule {choice.settings['rule']!r}")
    axes = new_axes(axes, 1, 3, figsize=(11, 3.6))
    for ax, (name, table) in zip(axes, choice.details.matrices.items()):
        _matrix(table, f"{name.upper()}: {choice.details.chosen[name]}", ax, None, first=1)
        inside = [e + s for e, s in zip(choice.details.region, (-0.5, 0.5))]
        ax.axvspan(*inside, fill=False, ec=colours.SECOND, lw=1.5)
    return axes


def _matrix(table, title, ax, limits, first=0):
    low, high = limits or (np.nanmin(table), np.nanmax(table))
    n = len(table)
    extent = (first - 0.5, first + n - 0.5, first + n - 0.5, first - 0.5)
    drawn = ax.imshow(table, cmap=colours.LIKENESS, vmin=low, vmax=high if high > low else low + 1, extent=extent)
    colour_bar(drawn, ticks=TEXT, shrink=0.85)
    if n <= 8:
        for (i, j), value in np.ndenumerate(table):
            colour = "white" if value < (low + high) / 2 else "black"
            ax.text(first + j, first + i, f"{value:.2f}", ha="center", va="center", fontsize=TINY, color=colour)
    whole_numbers(ax.xaxis, ax.yaxis)
    ax.set(xlabel="component", ylabel="component", title=title)
    text_sizes(ax, labels=LABEL)
    return ax
