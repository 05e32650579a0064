"""Figures of groups of rotated copies. pyplot is imported inside the functions."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import colours
from .axes import colour_bar, new_axes, open_frame
from .images import draw_image, pattern, pattern_above_map
from .layout import chosen_components, is_line
from .style import MOST_COLUMNS, SMALL, TEXT, TINY, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize


__all__ = ["angles", "dendrogram", "groups", "similarity"]

_MOST_NUMBERS = 60


@figure_style()
def groups(
    found: Any,
    groups: Sequence[int] | None = None,
    *,
    cmap: str | Colormap | None = None,
    norm: Normalize | None = None,
    map_cmap: str | Colormap | None = None,
    map_norm: Normalize | None = None,
    scale_bar: bool = True,
) -> np.ndarray:
    """Plot the average pattern of each group, with its members rotated back, and its map.

    Parameters
    ----------
    groups : sequence of int, optional
        Groups to plot. By default all.
    cmap, norm, map_cmap, map_norm, scale_bar
        As for `Decomposition.plot`.

    Returns
    -------
    ndarray of matplotlib Axes (2, n)
        Axes of the patterns and of the maps.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.rotated_phases(n_phases=1, scan_shape=(4, 4), detector_shape=(64, 64), dose=3e3, seed=0)
    >>> Unmix(film.data, centre=film.centre).group_rotated(1).plot().shape
    (2, 1)
    """
    import matplotlib.pyplot as plt

    chosen = chosen_components(groups, len(found))
    calibration = found.geometry.calibration
    columns = min(len(chosen), MOST_COLUMNS)
    rows = math.ceil(len(chosen) / columns)
    panels = plt.subplots(2 * rows, columns, figsize=(columns * 1.9, rows * 4.1), squeeze=False)[1]
    # One column for each place: patterns in row 0, maps in row 1.
    axes = panels.reshape(rows, 2, columns).swapaxes(0, 1).reshape(2, -1)
    for n, (top, bottom) in enumerate(axes.T):
        if n < len(chosen):
            i = chosen[n]
            pattern_above_map(
                top, bottom, found.patterns[i], found.maps[i], calibration, _name(found, i), pattern_colours=(cmap, norm),
                map_colours=(map_cmap, map_norm), scale_bar=scale_bar,
            )  # fmt: skip
        else:
            top.axis("off")
            bottom.axis("off")
    return axes[:, : len(chosen)]


def _name(found, i):
    what = "amorphous" if found.amorphous[i] else f"{found.symmetry[i]}-fold"
    return f"{i}   {what}, {found.sizes[i]}"


@figure_style()
def dendrogram(found: Any, ax: Axes | None = None) -> Axes:
    """Plot the dendrogram with the average pattern of each group (Kimoto 2025, Fig. 9c, d).

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.rotated_phases(n_phases=2, scan_shape=(6, 6), detector_shape=(64, 64), dose=3e3, seed=0)
    >>> Unmix(film.data, centre=film.centre).group_rotated().plot_dendrogram().get_ylabel()
    'distance, 1 - similarity'
    """
    import matplotlib.pyplot as plt
    from scipy.cluster import hierarchy

    n_leaves = len(found.linkage) + 1
    if n_leaves < 2:
        raise ValueError("there is no tree to draw: a single component or part was grouped")
    if ax is None:
        # Room for the insets is left below.
        width = min(max(5.0, 0.22 * n_leaves, 1.25 * len(found)), 10.0)
        ax = plt.figure(figsize=(width, 4.6), layout="none").add_axes((0.11, 0.43, 0.87, 0.53))
    branches = _branch_colours(found)
    open_frame(ax, hidden=("top", "right", "bottom"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a tree without height, whose leaves are all alike
        drawn = hierarchy.dendrogram(
            found.linkage, ax=ax, link_color_func=branches.__getitem__, no_labels=n_leaves > _MOST_NUMBERS,
            leaf_font_size=TINY, leaf_rotation=0 if n_leaves <= 30 else 90,
        )  # fmt: skip
    if not found.linkage[:, 2].max() > 0:
        ax.set_ylim(0, 1)
    ax.axhline(found.height, color=colours.POINTS, lw=0.8, ls="--")
    ax.set_ylim(bottom=-0.01 * ax.get_ylim()[1])
    ax.set_ylabel("distance, 1 - similarity")
    _insets(found, ax, np.asarray(drawn["leaves"]))
    return ax


def _branch_colours(found):
    """Colour of every merge: that of its group below the cut, grey where groups meet."""
    from matplotlib.colors import to_hex

    n = len(found.linkage) + 1
    group, apart = dict(enumerate(found.leaf_labels)), colours.told_apart(colours.GROUPS, len(found))
    hues = {}
    for i, (left, right, *_) in enumerate(found.linkage):
        one, other = group[int(left)], group[int(right)]
        group[n + i] = one if one == other else -1
        hues[n + i] = colours.QUIET if group[n + i] < 0 else to_hex(apart[one])
    return hues


def _insets(found, ax, leaves):
    """Patterns in a row below the tree, in the order of its leaves, each joined to the middle of its group."""
    labels = found.leaf_labels[leaves]
    shown = list(dict.fromkeys(labels[labels >= 0].tolist()))
    middles = [np.flatnonzero(labels == g).mean() / len(leaves) + 0.5 / len(leaves) for g in shown]
    slot = 1.0 / len(shown)
    # Slots follow the branches where there is room, and never overlap.
    size = min(slot * 0.94, 0.32)
    lefts = np.clip(np.asarray(middles) - size / 2, 0, 1 - size)
    for i in range(1, len(lefts)):
        lefts[i] = max(lefts[i], lefts[i - 1] + size * 1.04)
    lefts -= max(lefts[-1] + size - 1, 0)
    for i in range(len(lefts) - 2, -1, -1):
        lefts[i] = min(lefts[i], lefts[i + 1] - size * 1.04)
    calibration, apart = found.geometry.calibration, colours.told_apart(colours.GROUPS, len(found))
    for g, middle, left in zip(shown, middles, lefts):
        colour = apart[g]
        inset = ax.inset_axes((left, -0.78, size, 0.54))
        size_of = {"pixel_size": calibration.pixel_size, "unit": calibration.pixel_unit}
        pattern(found.patterns[g], **size_of, ax=inset, title=_name(found, g))
        inset.title.set_color(colour)
        inset.title.set_fontsize(SMALL)
        ax.annotate(
            "", (left + size / 2, -0.155), (middle, -0.09), xycoords="axes fraction", textcoords="axes fraction",
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 1.2}, annotation_clip=False,
        )  # fmt: skip


@figure_style()
def similarity(found: Any, ax: Axes | None = None, *, by_group: bool = False, cmap: str | Colormap | None = None) -> Axes:
    """Plot the diffraction similarity of all pairs, and the plain cosine similarity (Kimoto 2025, Fig. 9a, b).

    Parameters
    ----------
    ax : matplotlib Axes, optional
        Axes for the diffraction similarity alone. By default a figure is created.
    by_group : bool
        Whether leaves are sorted as in the tree.
    cmap : str or matplotlib Colormap, optional
        Colour map.

    Returns
    -------
    matplotlib Axes
        Axes of the diffraction similarity.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.rotated_phases(n_phases=1, scan_shape=(4, 4), detector_shape=(64, 64), dose=3e3, seed=0)
    >>> groups = Unmix(film.data, centre=film.centre).group_rotated(1)
    >>> groups.plot_similarity().images[0].get_array().shape == groups.similarity.shape
    True
    """
    from scipy.cluster import hierarchy

    n = len(found.similarity)
    order = hierarchy.leaves_list(np.array(found.linkage)) if by_group and n > 1 else np.arange(n)
    if ax is None and found.cosine is not None:
        first, ax = new_axes(None, 1, 2, figsize=(8.2, 3.9))
        _matrix(first, found.cosine[np.ix_(order, order)], order, "cosine similarity", 1.0, cmap)
    ax = new_axes(ax)
    top = max(float(found.similarity.max()), 1e-30)
    top = top if top > 1.01 else 1.0
    drawn = _matrix(ax, found.similarity[np.ix_(order, order)], order, "diffraction similarity", top, cmap)
    colour_bar(drawn, ticks=TEXT, shrink=0.85)
    return ax


def _matrix(ax, values, order, title, top, cmap):
    cmap = colours.colour_map(cmap or colours.LIKENESS)
    drawn = ax.imshow(values, vmin=0, vmax=top, cmap=cmap, origin="upper", interpolation="nearest")
    step = math.ceil(len(order) / 16)
    ticks = np.arange(0, len(order), step)
    ax.set_xticks(ticks, order[ticks], fontsize=TINY)
    ax.set_yticks(ticks, order[ticks], fontsize=TINY)
    ax.set_title(title, pad=4)
    return drawn


@figure_style()
def angles(
    found: Any, ax: Axes | None = None, *, group: int | None = None, cmap: str | Colormap | None = None,
    scale_bar: bool = True,
) -> Axes:  # fmt: skip
    """Plot a map of the in-plane rotation in cyclic colours.

    Parameters
    ----------
    ax : matplotlib Axes, optional
        Axes to draw on. By default a figure is created.
    group : int, optional
        Group to plot. By default all, and colours are then fractions of the period of each group.
    cmap : str or matplotlib Colormap, optional
        Cyclic colour map.
    scale_bar : bool
        Whether to draw a scale bar.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.rotated_phases(n_phases=1, scan_shape=(4, 4), detector_shape=(64, 64), dose=3e3, seed=0)
    >>> ax = Unmix(film.data, centre=film.centre).group_rotated(1).plot_angles(group=0)
    >>> ax.images[0].get_array().shape
    (4, 4)
    """
    from matplotlib.colors import Normalize

    shape, calibration = found.geometry.scan_shape, found.geometry.calibration
    if is_line(shape):
        raise ValueError(f"the rotation over a line scan is not an image: this scan has the shape {shape}, use .angle_map()")
    image = found.angle_map(group)
    where = found.orientation(group)[1]
    present = set(where[where >= 0].tolist())
    if not present:
        raise ValueError("no group with an angle is present anywhere: there is no rotation to draw")
    orders = {int(found.symmetry[g]) for g in present}
    if len(orders) == 1:
        period, label = 360.0 / orders.pop(), "in-plane rotation (degrees)"
    else:
        image = image * np.maximum(found.symmetry, 1)[where] / 360.0
        period, label = 1.0, "in-plane rotation / (360 degrees / symmetry)"
    ax = new_axes(ax)
    place = calibration.step, calibration.step_unit, None, scale_bar
    drawn = draw_image(ax, image, Normalize(0, period), cmap or colours.ANGLES, *place)
    colour_bar(drawn, label, shrink=0.85).set_ticks(np.linspace(0, period, 5))
    ax.set_title(f"group {group}" if group is not None else "", pad=3)
    return ax
