"""Walking through the positions of a scan in a notebook; without ipywidgets, the figure of one of them."""

from __future__ import annotations

import io
import time
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..core import checks
from ..results.data_of_a_result import require_pattern_of

__all__ = ["explore", "Explorer", "measured_pattern"]

_QUICK = 0.2  # seconds to read a pattern in which the mouse may be followed
_ALL = "all"  # of the components
_NO_WIDGETS = "One position only: to walk through the scan, install ipywidgets (pip install unmix4d[notebook])."
_NO_MOUSE = "To click on the map and on the bars: %matplotlib widget in a cell before this one"
_NO_IPYMPL = ", after pip install ipympl"
_NO_DATA = "The result was loaded without its data: unmix4d.load(path, data=scan) shows measured patterns as well."


def explore(result: Any, row: int | None = None, col: int | None = None) -> Any:
    """Explore the scan interactively: measured pattern, reconstruction, residual and shares of components.

    In a notebook with ipywidgets (``pip install unmix4d[notebook]``) there are sliders for the position and for the
    component whose map and pattern are shown. Arrow keys move the slider that you clicked last. With ``%matplotlib widget``
    you can also use the mouse: click on the map to choose a position (if a pattern is read in less than 0.2 s, the position
    follows the mouse), click on a bar to show that component, and click on it again to show all. The left and right arrow
    keys change the component. Only the pattern of the position is read. Without ipywidgets, the figure of one position is
    returned with a note.

    Parameters
    ----------
    row, col : int, optional
        Position to start at. By default the largest residual, or the middle of the scan if it is not known.

    Returns
    -------
    ipywidgets VBox, or ndarray of matplotlib Axes without ipywidgets

    Raises
    ------
    ValueError, TypeError
        If the position is outside the scan, or excluded.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
    >>> shown = result.explore(2, 3)
    """
    row, col = _start(result, row, col)
    said = [] if result.source is not None else [_NO_DATA]
    try:
        import ipywidgets
    except ImportError:
        from ..plots.positions import PositionFigure

        measured = measured_pattern(result, row, col)
        drawn = PositionFigure(result, "\n".join([*said, _NO_WIDGETS]))
        drawn.show(row, col, measured)
        return np.array(drawn.figure.axes)
    return Explorer(result, row, col, ipywidgets, " ".join(said)).box


def _start(result, row, col):
    """The position to begin with, checked."""
    rows, cols = result.geometry.scan_shape
    kept = result.geometry.kept_positions.reshape(rows, cols)
    if row is None and col is None:
        # Of features the residuals cost a pass over the scan: they are not computed for this.
        values = result.residuals if result.residuals is not None else result.totals
        values = np.where(kept, np.nan_to_num(values) if values is not None else 0.0, -np.inf)
        return tuple(int(i) for i in np.unravel_index(int(values.argmax()), (rows, cols)))
    row = checks.count(rows // 2 if row is None else row, "row", minimum=0, maximum=rows - 1)
    col = checks.count(cols // 2 if col is None else col, "col", minimum=0, maximum=cols - 1)
    if not kept[row, col]:
        raise ValueError(f"position ({row}, {col}) is excluded by the scan mask: choose another row and col")
    return row, col


def measured_pattern(result, row: int, col: int):
    """The pattern of one position of the view (det_row, det_col), NaN where excluded; None where no data are linked.

    Only the block that holds the position is read; refused where it is not what it was.
    """
    if result.source is None:
        return None
    patterns = result.source.scan.patterns[row, col]
    if hasattr(patterns, "compute"):
        patterns = patterns.compute(scheduler="threads")
    image = np.array(patterns, float)
    if result.geometry.detector_mask is not None:
        image[result.geometry.detector_mask] = np.nan
    require_pattern_of(result, row, col, image, "explore")
    return image


class Explorer:
    """Panel that is returned by `explore`: sliders and a figure, with the mouse if the canvas is interactive (ipympl).

    Parameters
    ----------
    result : Decomposition
        The result to explore.
    row, col : int
        Position to start at.
    widgets : module
        ipywidgets.
    sentence : str
        Text below the figure.

    Attributes
    ----------
    box : ipywidgets VBox
        The widget that a notebook shows.
    row, col : ipywidgets IntSlider
        The position.
    component : ipywidgets SelectionSlider
        Component whose map is shown, or "all".
    follows : bool
        Whether the figure follows the mouse. A click stops that and starts it again.
    """

    def __init__(self, result, row, col, widgets, sentence=""):
        from ..plots.positions import PositionFigure
        from ..plots.style import ready_pyplot

        self.result, plt = result, ready_pyplot()
        with plt.ioff():  # the box shows the figure, and nothing else should
            self._drawn = PositionFigure(result)
        figure = self._drawn.figure
        rows, cols = result.geometry.scan_shape
        sizes = {"row": rows, "column": cols}
        self.row, self.col = (
            widgets.IntSlider(value=value, min=0, max=size - 1, description=name, disabled=size == 1)
            for value, (name, size) in zip((row, col), sizes.items())
        )
        # Any other canvas cannot be put into a page: then the page holds a picture of it.
        options = [(_ALL, _ALL), *zip(result.names, range(result.k))]
        self.component = widgets.SelectionSlider(options=options, description="component")
        self._live = isinstance(figure.canvas, widgets.DOMWidget)
        self._picture = figure.canvas if self._live else widgets.Image(format="png")
        if self._live:
            figure.canvas.header_visible = False
        else:
            plt.close(figure)
            sentence = " ".join([sentence, _NO_MOUSE + ("." if find_spec("ipympl") else f"{_NO_IPYMPL}.")]).strip()
        parts = [widgets.HBox([self.row, self.col, self.component]), self._picture]
        self.box = widgets.VBox([*parts, widgets.Label(sentence)] if sentence else parts)
        self.box.explorer = self  # kept alive as long as it is shown
        start = time.perf_counter()
        self._read = (row, col), measured_pattern(result, row, col)
        self.follows = time.perf_counter() - start < _QUICK
        self._draw()
        for slider in (self.row, self.col):
            slider.observe(self._draw, names="value")
        self.component.observe(self._choose, names="value")
        figure.canvas.mpl_connect("motion_notify_event", self._moved)
        figure.canvas.mpl_connect("key_press_event", self._pressed)
        figure.canvas.mpl_connect("button_press_event", self._clicked)

    def go(self, row: int, col: int) -> None:
        """Show another position."""
        if (row, col) == (self.row.value, self.col.value):
            return
        self._waiting = True  # one drawing for both
        self.row.value = row
        self._waiting = False
        if self.col.value == col:
            self._draw()
        self.col.value = col

    _waiting = False

    def _draw(self, _=None):
        if self._waiting:
            return
        place = self.row.value, self.col.value
        if self._read[0] != place:
            self._read = place, measured_pattern(self.result, *place)
        self._drawn.show(*place, self._read[1])
        self._redraw()

    def _choose(self, _):
        chosen = self.component.value
        self._drawn.choose(None if chosen == _ALL else chosen)
        self._redraw()

    def _redraw(self):
        if self._live:
            self._drawn.figure.canvas.draw_idle()
        else:
            stream = io.BytesIO()
            self._drawn.figure.savefig(stream, format="png", dpi=100)
            self._picture.value = stream.getvalue()

    def _moved(self, event):
        if self.follows and event.inaxes is self._drawn.map:
            self.go(*self._drawn.position_at(event.xdata, event.ydata))

    def _clicked(self, event):
        if event.inaxes is self._drawn.map:
            self.follows = not self.follows and self._quick()
            self.go(*self._drawn.position_at(event.xdata, event.ydata))
        if event.inaxes is self._drawn.shares:
            clicked = self._drawn.component_at(event.xdata)
            self.component.value = _ALL if clicked in (None, self.component.value) else clicked

    def _pressed(self, event):
        if event.key in ("left", "right"):
            at = self.component.index + (1 if event.key == "right" else -1)
            self.component.index = at % len(self.component.options)

    def _quick(self):
        start = time.perf_counter()
        measured_pattern(self.result, self.row.value, self.col.value)
        return time.perf_counter() - start < _QUICK
