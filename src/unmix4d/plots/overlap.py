"""Figures of overlapping components: where two are together, and a profile across it. pyplot is imported inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks
from . import colours
from .axes import bare, open_frame, outline, scan_axes
from .images import draw_colours, framed_pattern, pattern
from .layout import aspect, chosen_components, innermost, is_line, kept_positions, short, tight, title_of
from .style import SMALL, TINY, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


__all__ = ["overlap", "profile"]

_PATTERN_INCHES = 1.25


@figure_style()
def overlap(
    found: Any,
    ax: Axes | None = None,
    *,
    components: tuple[int, int] | None = None,
    numbers: bool = True,
    scale_bar: bool = True,
) -> Axes:
    """Plot the overlap for each threshold over a map of the components (Cao 2025, Fig. 5a and c).

    Parameters
    ----------
    ax : matplotlib Axes, optional
        Axes to draw on. By default a figure is created.
    components : (int, int), optional
        Two components whose regions and overlap are shown. By default all, and each position has the (pale) colour of its
        strongest component.
    numbers : bool
        Whether to draw the number of each component in its largest region.
    scale_bar : bool
        Whether to draw a scale bar.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the components are not two of those compared, or the scan is a line.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> wire = phantoms.bicrystal_in_vacuum(scan_shape=(24, 12), detector_shape=(40, 36), overlap=6, seed=0)
    >>> overlap = Unmix(wire.data, step=2.0, step_unit="nm").nmf(3, random_state=0).overlap(thresholds=(0.2, 0.5))
    >>> ax = overlap.plot()
    >>> len(ax.images)
    1
    """
    from matplotlib.patches import Patch

    shape, calibration = found.geometry.scan_shape, found.geometry.calibration
    if is_line(shape):
        raise ValueError(f"overlap of a line scan has no image: this scan has the shape {shape}, use plot_profile")
    pair = _pair(components, found)
    hues = colours.component_colours(len(found.weights), found.background)
    shown = np.isfinite(found.ratio)
    if pair is not None:
        shown &= np.isin(found.first, pair) & np.isin(found.second, pair)
        hues[pair] = colours.PAIR  # the others are not shown
    image = _pale_regions(found, hues, pair)
    one, entries = float(np.prod(calibration.step)), []
    for colour, level in zip(colours.overlap_colours(len(found.thresholds)), found.thresholds):
        where = shown & (found.ratio >= level)
        image[where] = colour
        label = f"≥ {level:g}   {np.count_nonzero(where) * one:.4g} {found.area_unit}"
        entries.append(Patch(color=colour, label=label))  # type: ignore[arg-type]
    if pair is not None:
        entries = [Patch(color=colours.pale(hues[i]), label=title_of(found.result, i)) for i in pair] + entries  # type: ignore[arg-type]
    ax = _wide(shape, calibration.step) if ax is None else ax
    draw_colours(ax, image, calibration, with_scale_bar=scale_bar)
    if numbers:
        _numbers(ax, found, pair, calibration.step)
    ax.legend(handles=entries, title="second / first", loc="upper left", bbox_to_anchor=(1.01, 1),
              borderaxespad=0, handlelength=1.2)  # fmt: skip
    return ax


def _numbers(ax, found, pair, step):
    from scipy.ndimage import label

    for i in range(len(found.weights)) if pair is None else pair:
        regions, n = label(found.first == i)
        if n:
            largest = 1 + int(np.argmax(np.bincount(regions.ravel())[1:]))
            row, col = innermost(regions == largest, step)
            edge = outline(2, "white")
            ax.text(col, row, short(found.result, i), fontsize=SMALL, ha="center", va="center", path_effects=edge)


def _wide(shape, step):
    """Axes with the aspect of the scan and room for a legend beside it."""
    ax = scan_axes(shape, step)
    width, height = ax.figure.get_size_inches()
    ax.figure.set_size_inches(width + 2.0, max(height, 1.6))
    ax.set_anchor("W")
    return ax


def _pair(components, found):
    if components is None:
        return None
    chosen = chosen_components(components, len(found.weights))
    if len(set(chosen)) != 2 or len(chosen) != 2 or set(chosen) & set(found.background):
        raise ValueError(f"components must be two different numbers, none of them background, got {components!r}")
    return chosen


def _pale_regions(found, hues, pair):
    """Every position in the pale colour of its strongest component; light grey elsewhere, grey where excluded."""
    image = np.tile(colours.rgb(colours.NO_COMPONENT), (*found.geometry.scan_shape, 1))
    use = found.first >= 0
    if pair is not None:
        use &= np.isin(found.first, pair)
    image[use] = colours.pale(hues)[found.first[use]]
    image[~kept_positions(found.geometry)] = colours.rgb(colours.EXCLUDED)
    return image


@figure_style()
def profile(
    found: Any,
    start: tuple[int, int],
    stop: tuple[int, int],
    *,
    points: int | Sequence[int] = 4,
    components: Sequence[int] | str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot weights along a line, and at some points the pattern and its two components (Cao 2025, Fig. 5b and d).

    Parameters
    ----------
    start, stop : (int, int)
        First and last position, (row, column).
    points : int or sequence of int
        Number of evenly spaced points at which patterns are drawn, or a list of points, counted from the start.
    components : sequence of int or "all", optional
        Components whose weights are drawn. By default the two largest along the line, without the background.
    ax : matplotlib Axes, optional
        Axes for the weights alone. By default a figure with the patterns is created.

    Returns
    -------
    matplotlib Axes
        Axes of the weights.

    Raises
    ------
    ValueError, TypeError
        If a position, a point or a component does not exist.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> wire = phantoms.bicrystal_in_vacuum(scan_shape=(24, 12), detector_shape=(40, 36), overlap=6, seed=0)
    >>> overlap = Unmix(wire.data, step=2.0, step_unit="nm").nmf(3, random_state=0).overlap(thresholds=(0.2, 0.5))
    >>> overlap.plot_profile((0, 6), (23, 6), points=2).get_xlabel()
    'distance from (0, 6) (nm)'
    """
    line = found.profile(start, stop)
    chosen = _along(found, line, components)
    numbers = _points(points, len(line["row"]))
    top = None
    if ax is None:
        ax, top = _profile_figure(found, len(numbers))
    hues = colours.component_colours(len(found.weights), found.background)
    for i in chosen:
        label = title_of(found.result, i, most=_LEGEND)
        ax.plot(line["distance"], line["weights"][i], color=0.85 * hues[i], lw=1.6, label=label)
    _mark(ax, line, numbers)
    unit = found.geometry.calibration.step_unit
    ax.set_xlabel(f"distance from {tuple(map(int, (line['row'][0], line['col'][0])))} ({unit})")
    ax.set_ylabel(_WEIGHT.get(found.settings.get("scale", ""), "weight"))
    ax.margins(x=0.03)
    ax.set_ylim(bottom=0)
    open_frame(ax)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0, handlelength=1.2,
              ncols=1 + (len(chosen) - 1) // 12)  # fmt: skip
    if top is not None:
        for column, n in zip(top, numbers):
            _parts(found, line, n, column, hues, first=column is top[0], number=numbers.index(n) + 1)
    return ax


_ABOVE, _LEGEND = 12, 16  # letters of a name that fit above a pattern, and in a legend that leaves the patterns their room
_WEIGHT = {"intensity": "intensity", "minmax": "map, 0 to 1", "memberships": "membership"}


def _along(found, line, components):
    """Components whose weights are drawn; by default the two that are largest along the line."""
    if isinstance(components, str):
        checks.choice(components, "components", ("all",))
        return list(range(len(found.weights)))
    if components is not None:
        return chosen_components(components, len(found.weights))
    mean = np.nan_to_num(line["weights"].astype(float)).mean(axis=1)
    mean[list(found.background)] = -1
    return sorted(np.argsort(-mean, kind="stable")[:2].tolist())


def _points(points, n):
    if np.ndim(points) == 0:
        count = min(checks.count(points, "points", maximum=12), n)
        return sorted({int(i) for i in np.linspace(0, n - 1, count).round()}) if count > 1 else [n // 2]
    chosen = [checks.count(i, "points", minimum=0, maximum=n - 1) for i in points]
    if not 1 <= len(set(chosen)) <= 12:
        raise ValueError(f"points must be 1 to 12 places along the line, got {len(set(chosen))}")
    return sorted(set(chosen))


def _profile_figure(found, n):
    """Axes of the weights and, below them, three patterns for every point."""
    import matplotlib.pyplot as plt

    geometry = found.geometry
    size = _PATTERN_INCHES if n > 2 else 1.6
    high = size * min(max(aspect(geometry.detector_shape, geometry.calibration.pixel_size), 0.3), 2.0)
    figure = plt.figure(figsize=(max(n * size, 4.2) + 0.8, 2.2 + 3 * (high + 0.15) + 0.2))
    grid = figure.add_gridspec(4, n, height_ratios=[2.2, high, high, high])
    ax = figure.add_subplot(grid[0, :])
    columns = [[figure.add_subplot(grid[1 + row, column]) for row in range(3)] for column in range(n)]
    tight(figure)
    return ax, columns


def _mark(ax, line, numbers):
    for label, n in enumerate(numbers, start=1):
        at = line["distance"][n]
        ax.axvline(at, color=colours.RULE, lw=0.8, zorder=0)
        ax.annotate(str(label), (at, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=SMALL)


def _parts(found, line, n, axes, hues, *, first, number):
    """The pattern of a position, and its two strongest components with the intensity they have there."""
    result, cal = found.result, found.geometry.calibration
    row, col = int(line["row"][n]), int(line["col"][n])
    weights = result.maps[:, row, col]
    ratio = line["ratio"][n]
    if first:
        for ax, text in zip(axes, ("reconstruction", "strongest", "second")):
            ax.set_ylabel(text, fontsize=TINY)
    if np.isnan(weights).any():
        for ax in axes:
            bare(ax)
        axes[0].set_title(f"{number}: excluded", fontsize=SMALL, pad=3)
        return
    whole = np.einsum("k,krc->rc", weights, result.patterns)
    title = f"{number}" + ("" if np.isnan(ratio) else f": ratio {ratio:.2f}")
    norm = pattern(whole, ax=axes[0], title=title, pixel_size=cal.pixel_size, unit=cal.pixel_unit).norm
    for ax, component in zip(axes[1:], (found.first[row, col], found.second[row, col])):
        if component < 0:
            bare(ax)
            continue
        framed_pattern(ax, weights[component] * result.patterns[component], norm, cal.pixel_size, hues[component])
        ax.set_title(title_of(result, component, most=_ABOVE), fontsize=TINY, pad=2)
