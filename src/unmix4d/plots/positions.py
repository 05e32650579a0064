"""The figure of one position: where it is, its pattern, the reconstruction, the residual, the shares, and one component."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import colours
from .axes import open_frame, outline
from .composite import composite
from .images import draw_image, intensity_colours, intensity_norm, scan_map
from .layout import image_height, is_line, kept_positions, short, title_of
from .style import LABEL, SMALL, figure_style

__all__ = ["PositionFigure"]

_MAP_INCHES, _PANEL_INCHES, _BARS_INCHES = 3.0, 1.85, 1.3  # together as wide as a cell of a notebook
_LEAST_BARS, _MOST_BARS = 8, 40


class PositionFigure:
    """Draws once, and then only changes what depends on the position.

    Parameters
    ----------
    result : Decomposition
    sentence : str
        Written below the panels.

    Attributes
    ----------
    figure : matplotlib Figure
    map : matplotlib Axes
        Where a position is chosen.
    shares : matplotlib Axes
        Where a component is chosen.
    component : int or None
        The one whose map and pattern are shown; None: the maps of all.
    """

    @figure_style()
    def __init__(self, result: Any, sentence: str = "") -> None:
        import matplotlib.pyplot as plt

        self.result, self._line, self.component = result, is_line(result.geometry.scan_shape), None
        geometry, calibration = result.geometry, result.geometry.calibration
        above = image_height(geometry.detector_shape, calibration.pixel_size, _PANEL_INCHES)
        below = max(_BARS_INCHES, min(above, _PANEL_INCHES))
        self.figure = plt.figure(figsize=(_MAP_INCHES + 3 * _PANEL_INCHES, above + below + 0.7))
        axes = self.figure.subplot_mosaic(
            [["map", "measured", "reconstruction", "residual"], ["map", "shares", "shares", "component"]],
            height_ratios=[above, below], width_ratios=[_MAP_INCHES, *[_PANEL_INCHES] * 3],
        )  # fmt: skip
        self.map, self.shares, self._axes = axes["map"], axes["shares"], axes
        self._place: tuple[int, int] | None = None
        self._colours, self._order = _component_colours(result), np.arange(0)
        self.choose(None)
        if sentence:
            self.figure.supxlabel(sentence, fontsize=SMALL, color=colours.WORDS)

    @figure_style()
    def choose(self, component: int | None) -> None:
        """Show the map and the pattern of one component, or the maps of all."""
        self.component = component
        self.map.clear()
        _draw_map(self.result, self.map, component)
        self._mark = self._marker()
        if component is None:
            self._image("component", None, None, "", "", "")
        else:
            image = np.asarray(self.result.patterns[component], float)
            norm, signed = intensity_norm(image)
            self._image("component", image, norm, intensity_colours(signed), title_of(self.result, component), "")
        if self._place is not None:
            self._move_mark(*self._place)
            self._shares(*self._place)

    def _marker(self):
        if self._line:
            return self.map.axvline(0, color=colours.POSITION, lw=1)
        (mark,) = self.map.plot([0], [0], "s", ms=8, mfc="none", mec="white", mew=1.5, zorder=10)
        mark.set_path_effects(outline(3, "black"))
        return mark

    def position_at(self, x: float, y: float) -> tuple[int, int]:
        """The position (row, column) below a point of the map, in its data coordinates; the nearest one of the scan."""
        (rows, cols), step = self.result.geometry.scan_shape, self.result.geometry.calibration.step
        row, col = y, x
        if self._line:
            row, col = (x / step[0], 0) if cols == 1 else (0, x / step[1])
        return int(np.clip(round(row), 0, rows - 1)), int(np.clip(round(col), 0, cols - 1))

    @figure_style()
    def show(self, row: int, col: int, measured: np.ndarray | None) -> None:
        """Draw one position; `measured` is its pattern (det_row, det_col), or None where there are no data.

        An excluded position has a pattern, but neither a reconstruction nor shares.
        """
        result, self._place = self.result, (row, col)
        self._move_mark(row, col)
        known = self._known(row, col)
        fitted = result.reconstruct(row, col) if known else None
        shown = [image for image in (measured, fitted) if image is not None]
        norm, signed = intensity_norm(np.concatenate([np.asarray(image, float).ravel() for image in shown] or [np.zeros(1)]))
        name = intensity_colours(signed)
        self._image("measured", measured, norm, name, "measured", "no data linked")
        self._image("reconstruction", fitted, norm, name, "reconstruction", "excluded")
        self._residual(measured, fitted)
        self._shares(row, col)

    def _known(self, row, col):
        return bool(np.isfinite(self.result.maps[:, row, col]).all())

    def component_at(self, x: float) -> int | None:
        """The component whose bar is at this place along the axis of the shares."""
        bar = round(x)
        return int(self._order[bar]) if 0 <= bar < len(self._order) else None

    def _move_mark(self, row, col):
        if not self._line:
            self._mark.set_data([col], [row])
        else:
            along = 0 if self.result.geometry.scan_shape[1] == 1 else 1
            self._mark.set_xdata([(row, col)[along] * self.result.geometry.calibration.step[along]] * 2)
        shown = "" if self.component is None else f"{title_of(self.result, self.component)}, "
        self.map.set_title(f"{shown}row {row}, column {col}", pad=3)

    def _image(self, name, image, norm, colour_map, title, missing):
        ax, calibration = self._axes[name], self.result.geometry.calibration
        ax.clear()
        if image is None:
            ax.axis("off")
            ax.text(0.5, 0.5, missing, transform=ax.transAxes, ha="center", va="center", fontsize=LABEL, color=colours.WORDS)
            ax.set_title(title, pad=3)
            return
        draw_image(ax, np.asarray(image, float), norm, colour_map, calibration.pixel_size, calibration.pixel_unit, title)

    def _residual(self, measured, fitted):
        from matplotlib.colors import Normalize

        both = measured is not None and fitted is not None
        difference = np.asarray(measured, float) - fitted if both else None
        top = 1.0
        if both:
            sizes = np.abs(difference[np.isfinite(difference)])
            top = float(np.percentile(sizes, 99.5)) or float(sizes.max()) or 1.0
        title = f"residual, ± {top:.3g}" if both else "residual"
        self._image("residual", difference, Normalize(-top, top), colours.SIGNED, title, "")

    def _shares(self, row, col):
        ax, result, known = self.shares, self.result, self._known(row, col)
        ax.clear()
        shared = not result.signed
        values = result.intensities if shared else result.maps
        weights = values[:, row, col] if known else np.full(result.k, np.nan)
        if shared:
            total = np.nansum(np.maximum(weights, 0))
            weights = weights / total if total > 0 else np.nan_to_num(weights)
        weights = np.nan_to_num(weights)
        order = np.sort(np.argsort(-np.abs(weights), kind="stable")[:_MOST_BARS])
        self._order = order
        widths = np.where(order == self.component, 2.0, 0.5)
        ax.bar(np.arange(len(order)), weights[order], color=self._colours[order], edgecolor=colours.EDGE, lw=widths)
        ax.set_xticks(np.arange(len(order)), [short(result, i) for i in order], fontsize=SMALL, rotation=_tilt(result))
        ax.set_xlim(-0.6, max(len(order), _LEAST_BARS) - 0.4)
        if shared:
            ax.set_ylim(0, 1)
        ax.set(xlabel="component", ylabel=result.meaning.share)
        open_frame(ax, labels=SMALL, ticks=SMALL)


def _tilt(result):
    """Names need more room than numbers."""
    return 30 if any(result.settings.get("names", ())) else 0


def _component_colours(result):
    """Those of the map, for the bars; of signed components one colour."""
    if result.meaning.signed_maps:
        return np.tile(colours.BARS, (result.k, 1))
    maps, apart = np.maximum(np.nan_to_num(result.maps), 0).astype(float), result.settings.get("background", ())
    return colours.map_colours(maps, kept_positions(result.geometry), apart)


def _draw_map(result, ax, component):
    """The map of a component; else all maps in colours, or of signed components the total intensity."""
    calibration = result.geometry.calibration
    if component is None and not result.meaning.signed_maps:
        composite(result, legend=False, ax=ax)
        return
    if component is None and result.totals is not None:
        image = result.totals
    else:
        image = result.maps[component or 0]
    scan_map(image, step=calibration.step, unit=calibration.step_unit, ax=ax)
