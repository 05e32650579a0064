"""Figures of fuzzy clusters: loadings with contours of membership, and indices of validity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..clustering.validity import INDICES
from ..core import checks
from . import colours
from .axes import new_axes, open_frame, whole_numbers
from .layout import title_of
from .style import SMALL, TINY, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


__all__ = ["scatter", "validity"]

_DRAWN = 20000  # positions that are drawn at most: more hide one another
_LEVELS = (0.5, 0.7, 0.9)
_GRID = 160


@figure_style()
def scatter(result: Any, x: int = 0, y: int = 1, ax: Axes | None = None) -> Axes:
    """Plot the positions in the plane of two loadings, with contours of membership (Martineau 2019, Fig. 3c).

    Memberships depend on all loadings, but the figure shows only two. Contours are therefore those in the plane through the
    cluster centres, or in the plane closest to them.

    Parameters
    ----------
    result : FuzzyClusters
        The clusters.
    x, y : int
        Numbers of the two loadings.
    ax : matplotlib Axes, optional
        Axes to draw on. By default a figure is created.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> line = phantoms.martineau_fig5()
    >>> clusters = Unmix(line.data, centre=line.centre).fuzzy_cmeans(2, random_state=0)
    >>> clusters.plot_scatter().get_xlabel()
    'loading 0'
    """
    d = len(result.loadings)
    if d < 2:
        raise ValueError(f"a scatter needs at least two loadings, and this result has {d}: cluster with n_svd=2 or more")
    x = checks.count(x, "x", minimum=0, maximum=d - 1)
    y = checks.count(y, "y", minimum=0, maximum=d - 1)
    if x == y:
        raise ValueError(f"y must be another loading than x, got {y} for both")
    ax = new_axes(ax)
    points = result.geometry.from_maps(result.loadings)
    labels = result.geometry.from_maps(result.memberships).argmax(1)
    hues = colours.told_apart(colours.CLUSTERS, result.k)
    shown = np.arange(len(points))
    if len(points) > _DRAWN:
        shown = np.sort(np.random.default_rng(0).choice(len(points), _DRAWN, replace=False))
    ax.scatter(points[shown, x], points[shown, y], s=5, c=hues[labels[shown]], alpha=0.35, lw=0, rasterized=True)
    _contours(result, points, x, y, hues, ax)
    for i, centre in enumerate(result.loading_centres):
        called = title_of(result, i, "cluster")
        ax.plot(centre[x], centre[y], "o", ms=8, mfc=hues[i], mec="white", mew=1.5, label=called, zorder=5)
    ax.set(xlabel=f"loading {x}", ylabel=f"loading {y}")
    ax.ticklabel_format(style="sci", scilimits=(-2, 4))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    open_frame(ax)
    return ax


def _contours(result, points, x, y, hues, ax):
    if result.k < 2:
        return
    low, high = points[:, [x, y]].min(0), points[:, [x, y]].max(0)
    margin = 0.06 * np.maximum(high - low, 1e-12 * np.abs(points).max() + np.finfo(float).tiny)
    across, up = (np.linspace(a - m, b + m, _GRID) for a, b, m in zip(low, high, margin))
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    memberships = result.membership_at(_in_the_plane(grid, result.loading_centres, x, y))
    for i in range(result.k):
        one, widths = memberships[..., i], (0.8, 0.8, 1.1)
        ax.contour(across, up, one, levels=_LEVELS, colors=[hues[i]], linewidths=widths, zorder=3)
    ax.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))


def _in_the_plane(grid, centres, x, y):
    """Full loadings of points of which two are given: the smallest way from the mean centre within what the centres span."""
    middle = centres.mean(0)
    ways = centres - middle
    to_full = np.linalg.pinv(ways[:, [x, y]], rcond=1e-6) @ ways
    full = middle + (grid - middle[[x, y]]) @ to_full
    full[..., [x, y]] = grid
    return full


@figure_style()
def validity(result: Any, ax: Sequence[Axes] | None = None) -> np.ndarray:
    """Plot the validity indices against the number of clusters, with the best value of each marked.

    Parameters
    ----------
    result : FuzzyValidity
        The validity indices.
    ax : sequence of four matplotlib Axes, optional
        Axes to draw on. By default a figure is created.

    Returns
    -------
    ndarray of matplotlib Axes

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> line = phantoms.martineau_fig5()
    >>> validity = Unmix(line.data, centre=line.centre).fuzzy_validity(range(2, 4), random_state=0)
    >>> len(validity.plot())
    4
    """
    ax = np.ravel(new_axes(ax, 1, len(INDICES), figsize=(9, 2.4)))
    if len(ax) != len(INDICES):
        raise ValueError(f"ax must be {len(INDICES)} axes, one per index, got {len(ax)}")
    numbers, votes = result.table["n_clusters"], result.votes
    for panel, (name, better) in zip(ax, INDICES.items()):
        panel.plot(numbers, result.table[name], "o-", color=colours.POINTS, ms=4, lw=1)
        best = numbers == votes[name]
        panel.plot(numbers[best], result.table[name][best], "o", color=colours.MARK, ms=6)
        panel.set_title(f"{name.replace('_', ' ')}\n({better} is better)", fontsize=SMALL)
        panel.set_xlabel("clusters")
        whole_numbers(panel.xaxis)
        open_frame(panel, labels=SMALL, ticks=TINY)
    return ax
