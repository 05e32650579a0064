"""Profiles of several maps across a boundary, in one axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks
from ..core.units import PIXELS, is_calibrated
from ..maps.line_profile import line_profile
from . import colours
from .axes import new_axes, open_frame
from .style import TINY, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


__all__ = ["profile"]

_STYLES = ("-", "--", ":", "-.")


@figure_style()
def profile(
    images: Mapping[str, Any | np.ndarray],
    start: tuple[float, float],
    stop: tuple[float, float],
    *,
    width: int = 1,
    step: float | tuple[float, float] | None = None,
    unit: str | None = None,
    normalise: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Plot profiles of maps, memberships and virtual dark-field images along a line (Martineau 2019, Fig. 4).

    Parameters
    ----------
    images : dict of str -> Decomposition or ndarray
        Results and single maps (scan_row, scan_col), by their names in the legend. All maps of a result are drawn, with one
        line style per result. Components whose maps match those of the first result have the same colour.
    start, stop : (float, float)
        First and last point of the line (row, column), in positions.
    width : int
        Number of positions across the line that are averaged.
    step : float or (float, float), optional
        Distance between positions. By default that of the first result, or 1.
    unit : str, optional
        Unit of the step.
    normalise : bool
        Whether to divide each map by its largest value on the line, for images in other units such as a virtual dark field.
        Single maps with values above 1.5 are always divided, which is noted in the legend.
    ax : matplotlib Axes, optional
        Axes to draw on. By default a figure is created.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError
        If `images` is not a dictionary of results and maps.
    ValueError
        If an end point is outside the scan, or the maps have different shapes.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms, plots
    >>> line = phantoms.martineau_fig5()
    >>> u = Unmix(line.data, centre=line.centre)
    >>> images = {"NMF": u.nmf(2, random_state=0), "fuzzy": u.fuzzy_cmeans(2, random_state=0)}
    >>> plots.profile(images, (1, 0), (1, 59)).get_ylabel()
    'weight'
    """
    if not isinstance(images, dict) or not images:
        got = "an empty one" if isinstance(images, dict) else type(images).__name__
        raise TypeError(f"images must be a dict of names and results or maps, got {got}")
    step, unit = _calibration(images, step, unit)
    ax = new_axes(ax)
    shape, first = None, None
    hues = colours.told_apart(colours.CLUSTERS, sum(len(image.maps) for image in images.values() if hasattr(image, "maps")))
    for n, (name, image) in enumerate(images.items()):
        maps, single = _maps(image, name)
        if shape is not None and maps.shape[1:] != shape:
            raise ValueError(f"images must have one shape, got {shape} and {maps.shape[1:]} for {name!r}")
        shape = maps.shape[1:]
        numbers, first = (range(1), first) if single else _colour_numbers(maps, first)
        for i, one in enumerate(maps):
            distances, values = line_profile(one, start, stop, width=width, step=step)
            label = name if single else f"{name} {image.names[i] if hasattr(image, 'names') else i}"
            top = np.nanmax(np.abs(values)) if np.isfinite(values).any() else 0
            if top > 0 and (normalise or (single and top > 1.5)):
                values, label = values / top, f"{label} (scaled)"
            colour = colours.QUIET if single else tuple(hues[numbers[i]])
            ax.plot(distances, values, _STYLES[n % len(_STYLES)], color=colour, lw=1.5, label=label)
    ax.set(xlabel=f"distance ({unit if is_calibrated(unit) else 'positions'})", ylabel="weight")
    ax.margins(x=0)
    ax.legend(fontsize=TINY, loc="center left", bbox_to_anchor=(1, 0.5))
    open_frame(ax)
    return ax


def _maps(image, name):
    """(k, scan_row, scan_col), and whether it is a single map."""
    if hasattr(image, "maps"):
        return np.asarray(image.maps), False
    try:
        image = np.asarray(checks.unwrap(image), float)
    except (TypeError, ValueError):
        image = np.empty(0)
    if image.ndim != 2:
        raise TypeError(f"images[{name!r}] must be a result or a map (scan_row, scan_col), got {image.ndim} dimensions")
    return image[None], True


def _colour_numbers(maps, first):
    """The colour of each map: that of the map of the first result that it is most like; and the first result's maps."""
    if first is None:
        return range(len(maps)), maps
    from ..scores import match_maps

    pairs, _ = match_maps(maps, first)
    numbers, rest = {}, iter(range(len(first), len(first) + len(maps)))
    for colour, i in enumerate(pairs):
        if i >= 0:
            numbers[int(i)] = colour
    return [numbers[i] if i in numbers else next(rest) for i in range(len(maps))], first


def _calibration(images, step, unit):
    known = next((image.geometry.calibration for image in images.values() if hasattr(image, "geometry")), None)
    if step is not None or known is None:
        return 1.0 if step is None else step, PIXELS if unit is None else unit
    return known.step, known.step_unit if unit is None else unit
