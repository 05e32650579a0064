"""Figures of orientations. pyplot is imported inside the functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks
from . import colours
from .axes import colour_bar, new_axes, open_frame, outline
from .images import draw_colours, draw_image
from .layout import aspect, is_line, kept_positions
from .style import SMALL, TINY, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


__all__ = ["comparison", "orientations"]

_DIRECTIONS = {"z": (0, 0, 1), "row": (1, 0, 0), "column": (0, 1, 0)}


@figure_style()
def orientations(
    found: Any, ax: Axes | None = None, *, direction: str = "z", which: str = "first", scale_bar: bool = True
) -> Axes:
    """Plot the orientations in inverse pole figure colours, with their key and a scale bar.

    Parameters
    ----------
    ax : matplotlib Axes, optional
        Axes to draw on. By default a figure is created.
    direction : {"z", "row", "column"}
        Direction of the laboratory for which the colours show the crystal direction.
    which : {"first", "second"}
        Whether to plot the first component of each position or the second one.
    scale_bar : bool
        Whether to draw a scale bar.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import numpy as np
    >>> from orix.crystal_map import Phase  # doctest: +SKIP
    >>> from unmix4d import Orientations
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> from unmix4d.orientation import Match, Painting, laue_rotations
    >>> first, none = np.array([[0, 0, -1], [0, 0, -1]]), np.full((2, 3), -1)
    >>> painting = Painting(first, none, np.ones((2, 3)), np.zeros((2, 3)), first, (first >= 0)[None])
    >>> match, cubic = Match(0, "single", 12, "silver", np.eye(3), 10.0, 0.9), {"silver": laue_rotations(np.eye(3))}
    >>> phases = {"silver": Phase("silver", point_group="m-3m")}  # doctest: +SKIP
    >>> found = Orientations("pyxem", (match,), painting, ScanGeometry((2, 3), (8, 8)), cubic, phases)  # doctest: +SKIP
    >>> found.plot(direction="z").get_title()  # doctest: +SKIP
    'direction along the beam'
    """
    checks.choice(direction, "direction", tuple(_DIRECTIONS))
    shape, calibration = found.geometry.scan_shape, found.geometry.calibration
    if is_line(shape):
        raise ValueError(f"orientations of a line scan have no map to draw: its shape is {shape}, use .matrices()")
    index = getattr(found, checks.choice(which, "which", ("first", "second")))
    kept = kept_positions(found.geometry)
    image = np.where(kept[..., None], colours.rgb(colours.NOT_INDEXED), colours.rgb(colours.EXCLUDED))
    drawn = []
    for match in found.matches:
        where = index == match.component
        if match.matched and where.any():
            along = match.matrix.T @ np.array(_DIRECTIONS[direction], float)
            image[where] = found.direction_colours(along[None], match.phase)[0]
            drawn.append(match.phase)
    ax, side = _sized(shape, calibration.step) if ax is None else (ax, None)
    draw_colours(ax, image, calibration, dark=True, with_scale_bar=scale_bar)
    _boundaries(ax, index)
    known = calibration.rotation_deg is not None
    what = {"z": "along the beam", "row": "along the rows", "column": "along the columns"}[direction]
    where = "" if known or direction == "z" else " of the detector"
    ax.set_title(f"direction {what}{where}" + (", second component" if which == "second" else ""), pad=3)
    names = [name for name in found.phases if name in drawn] or list(found.phases)[:1]
    for i, name in enumerate(names):
        _key(ax, side, found, name, i, len(found.phases) > 1)
    return ax


def _sized(shape, step):
    """Axes with the aspect of the scan, and empty ones to their right for the keys."""
    ratio = aspect(shape, step)
    width = min(4.2, 5.0 / ratio) if ratio <= 3 else 2.0
    height = max(width * min(ratio, 4), 2.0) + 0.3
    ax, side = new_axes(None, 1, 2, figsize=(width + 1.6, height), width_ratios=(width, 1.5))
    side.set_axis_off()
    return ax, side


def _boundaries(ax, index):
    """Thin lines between components: two of like colours are two all the same."""
    down, right = index[1:] != index[:-1], index[:, 1:] != index[:, :-1]
    segments = [((c - 0.5, r + 0.5), (c + 0.5, r + 0.5)) for r, c in np.argwhere(down)]
    segments += [((c + 0.5, r - 0.5), (c + 0.5, r + 0.5)) for r, c in np.argwhere(right)]
    from matplotlib.collections import LineCollection

    ax.add_collection(LineCollection(segments, colors="black", linewidths=0.4, alpha=0.7))


def _key(ax, side, found, name, position, several):
    """The key of one phase, in the axes for it or in a corner of the map."""
    image, extent, labels = found.colour_key(name)
    place = [0.7, 0.04 + 0.3 * position, 0.25, 0.22] if side is None else [0.16, 0.68 - 0.36 * position, 0.66, 0.24]
    inset = (ax if side is None else side).inset_axes(place)
    inset.imshow(image, extent=extent, origin="upper", interpolation="bilinear")  # and so is row 0 of the key
    inset.set_axis_off()
    middle = np.mean([xy for xy, _ in labels], axis=0) if labels else (0, 0)
    edge = [] if side is not None else outline(2, "white")
    for (x, y), text in labels:
        below = y <= middle[1] + 1e-9
        inset.annotate(
            text, (x, y), xytext=(0, -3 if below else 3), textcoords="offset points", fontsize=TINY,
            ha="center", va="top" if below else "bottom", path_effects=edge, annotation_clip=False,
        )  # fmt: skip
    if several:
        inset.set_title(name, fontsize=SMALL, pad=15, path_effects=edge)


@figure_style()
def comparison(compared: Any, axes: Sequence[Axes] | None = None) -> tuple[Axes, Axes]:
    """Plot a map of the misorientation, and its histogram for single and overlapping positions.

    Parameters
    ----------
    axes : pair of matplotlib Axes, optional
        Axes to draw on. By default a figure is created.

    Returns
    -------
    pair of matplotlib Axes

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import OrientationComparison
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> away, shared = np.array([[1.0, 2.0], [30.0, np.nan]]), np.array([[False, False], [True, False]])
    >>> comparison = OrientationComparison(away, away.copy(), shared, 5.0, (None, None), ScanGeometry((2, 2), (8, 8)))
    >>> len(comparison.plot())
    2
    """
    from matplotlib.colors import Normalize

    left, right = new_axes(axes, 1, 2, figsize=(7.6, 3.1), width_ratios=(1, 1.15))
    calibration, values = compared.geometry.calibration, compared.misorientation_deg
    finite = values[np.isfinite(values)]
    top = max(float(np.percentile(finite, 98)) if finite.size else 1.0, 2 * compared.agree_within)
    drawn = draw_image(
        left, values, Normalize(0, top), colours.MISORIENTATIONS, calibration.step, calibration.step_unit, "misorientation"
    )
    bar = colour_bar(drawn, "degrees", size=TINY, shrink=0.85, pad=0.02)
    bar.ax.axhline(compared.agree_within, color="white", lw=1.2)
    bins = np.linspace(0, max(float(finite.max()) if finite.size else 1.0, 2 * compared.agree_within), 31)
    parts = [("one component", ~compared.overlap, colours.ALONE), ("overlap", compared.overlap, colours.TOGETHER)]
    for label, where, colour in parts:
        one = values[where & np.isfinite(values)]
        share = f", {100 * np.mean(one <= compared.agree_within):.0f} % agree" if one.size else ""
        right.hist(one, bins, histtype="step", lw=1.4, color=colour, label=f"{label} ({one.size}{share})")  # type: ignore[arg-type]
    right.axvline(compared.agree_within, color=colours.LIMIT, lw=1, ls="--")
    right.set(xlabel="misorientation (degrees)", ylabel="positions")
    right.legend(fontsize=TINY)
    open_frame(right, labels=SMALL, ticks=TINY)
    return left, right
