"""Panel to edit a result in a notebook: buttons call the methods of the result, and the code of the edits is shown."""

from __future__ import annotations

import dataclasses
import html
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.messages import UnmixWarning
from ..editing.arguments import require_editable
from ..hosts.navigator import follow
from ..preparation.region import inside_outline
from .explorer import measured_pattern
from .lasso import clickable, corners_of, drawn, overlay
from .panel import Parts, style_of, thumbnail, with_shares
from .thumbnails import data_url, mixed_maps, pattern_thumbnail

__all__ = ["Editor", "edit"]

_PAGE = 18  # components that are shown at a time
_NO_WIDGETS = (
    "edit needs ipywidgets, which cannot be imported ({}): pip install unmix4d[notebook], or call r.merge([0, 1]), "
    ".split(0), .drop([0]), .rename({{0: 'matrix'}}), .background([0]) and .undo(), which need no notebook"
)
_numbers = itertools.count()


def edit(result: Any) -> Editor:
    """Edit the result in a notebook with the mouse or the keyboard: merge, split, drop and rename components.

    Click on a component to select it, and again to deselect it. The buttons call the methods of the same name for the
    selected components. Click on the image of all maps to see the pattern of that position and the shares of the
    components. Draw around an area there with the mouse, or with the sliders and "Add corner", to select it with a lasso:
    ``panel.region`` is that part of the scan. ``panel.link(signal)`` links the position with the navigator of a plotted
    HyperSpy signal. The edits are shown below as code for the next cell. This result is not changed; ``panel.result`` is
    the edited one. The panel works in JupyterLab and Notebook (not tested in VS Code), and only needs ipywidgets
    (``pip install unmix4d[notebook]``).

    If the scan is not in memory, "refit at once" is off at first, and nothing is read: edits divide and add what is known,
    and the button Refit fits everything to the scan in two or three passes. It is also off at first for a consensus, whose
    maps are averages over runs.

    Returns
    -------
    Editor
        The panel, which a cell shows; ``.result`` is the edited result.

    Raises
    ------
    ValueError
        If components have both signs.
    ImportError
        If ipywidgets is not installed.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> panel = result.edit()
    >>> panel.result.k, panel.code
    (3, '# nothing edited yet')
    """
    require_editable(result, "edit")
    try:
        import ipywidgets
    except ImportError as error:
        raise ImportError(_NO_WIDGETS.format(error)) from error
    return Editor(result, ipywidgets)


class Editor:
    """Panel that is returned by `edit`.

    Parameters
    ----------
    result : Decomposition
        The result to edit.
    widgets : module
        ipywidgets.

    Attributes
    ----------
    result : Decomposition
        The edited result.
    selected : list of int
        The selected components.
    outline : list of (float, float)
        Corners of the lasso, (row, col). Empty if there is none.
    box : ipywidgets VBox
        The widget that a notebook shows.
    parts : Parts
        The widgets in it, by name.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> panel = result.edit()
    >>> panel.result is result, panel.selected
    (True, [])
    """

    def __init__(self, result: Any, widgets: Any) -> None:
        self.result, self._page, self.selected = result, 0, list[int]()
        self.outline, self._followers = list[tuple[float, float]](), list[Callable[[int, int], None]]()
        self._source, self._view, self._begun = result.source, result._view, len(result.edits)
        self._place = _brightest(result)
        self.parts = Parts(widgets, next(_numbers), _PAGE, result.geometry.scan_shape, self._place)
        # Of a consensus the maps are means over runs, which a fit would give up.
        averaged = "consensus" in result.settings
        self.parts.at_once.value = result.source is not None and _in_memory(result.source) and not averaged
        self.parts.at_once.disabled = result.source is None
        self._connect()
        self.box = self.parts.box
        self.box.editor = self  # kept alive as long as it is shown
        self._show()

    def _repr_mimebundle_(self, **how: Any) -> Any:
        return self.box._repr_mimebundle_(**how)

    @property
    def code(self) -> str:
        """The edits as one chain of calls, and the part of the scan inside the lasso."""
        done = self.result.edits[self._begun :]
        part = [f"part = r.source.region(outline={self.outline})"] if len(self.outline) > 2 else []
        return "\n".join(([f"r = {done.code}"] if len(done) else []) + part) or "# nothing edited yet"

    @property
    def region(self) -> Any:
        """View of the part of the scan inside the lasso, as returned by `Unmix.region`."""
        if self._source is None:
            raise ValueError("region needs the scan, which is not part of a saved result: unmix4d.load(path, data=scan)")
        if len(self.outline) < 3:
            raise ValueError(f"region needs a lasso of 3 corners or more, drawn on the maps, got {len(self.outline)}")
        return self._source.region(outline=self.outline)

    def link(self, signal: Any) -> None:
        """Link the position of this panel with the navigator of a plotted HyperSpy signal, in both directions.

        Parameters
        ----------
        signal : hyperspy signal
            A signal with the navigation shape of the scan: the scan itself, its maps or another of its signals.

        Examples
        --------
        >>> from unmix4d import phantoms
        >>> signal = phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).to_pyxem()  # doctest: +SKIP
        >>> panel = signal.unmix.nmf(2, random_state=0).edit()  # doctest: +SKIP
        >>> panel.link(signal)  # doctest: +SKIP
        >>> panel.go(2, 5)  # doctest: +SKIP
        >>> signal.axes_manager.indices  # doctest: +SKIP
        (5, 2)
        """
        go = follow(signal, self.result.geometry.scan_shape, self.go)
        self._followers.append(go)
        go(*self._place)

    def go(self, row: int, col: int) -> None:
        """Show another position.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
        >>> panel = result.edit()
        >>> panel.go(2, 5)
        >>> panel.parts.row.value, panel.parts.col.value
        (2, 5)
        """
        self._waiting = True  # one drawing for both
        self.parts.row.value, self.parts.col.value = row, col
        self._waiting = False
        self._moved(None)

    def select(self, components: list[int]) -> None:
        """Select these components and deselect all others.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
        >>> panel = result.edit()
        >>> panel.select([2, 0])
        >>> panel.selected
        [0, 2]
        """
        self.selected = sorted(components)
        self._show_selection()

    def _connect(self):
        parts = self.parts
        calls: dict[str, Callable[[Any], Any]] = {
            "merge": lambda r: r.merge(self.selected, **self._refit()),
            "split": lambda r: r.split(self._one("split"), by="regions" if parts.by_regions.value else "intensity",
                                       random_state=0, **self._refit()),
            "drop": lambda r: r.drop(self.selected, **({} if r.meaning.memberships else self._refit())),
            "background": lambda r: r.background(self._toggled_background()),
            "name": lambda r: r.rename({self._one("name"): parts.name.value}),
            "undo": lambda r: r.undo(),
            "refit": lambda r: r.refit(),
        }  # fmt: skip
        for name, call in calls.items():
            parts.buttons[name].on_click(lambda _, name=name, call=call: self._do(name, call))
        parts.buttons["clear"].on_click(lambda _: self.select([]))
        parts.buttons["suggest"].on_click(self._suggest)
        parts.buttons["corner"].on_click(lambda _: self._drew([*self.outline, tuple(map(float, self._place))]))
        parts.buttons["open"].on_click(lambda _: self._drew([]))
        parts.buttons["before"].on_click(lambda _: self._turn(-1))
        parts.buttons["next"].on_click(lambda _: self._turn(1))
        parts.suggestions.observe(self._take_suggestion, names="value")
        for slot, thumb in enumerate(parts.thumbs):
            thumb.observe(lambda change, slot=slot: self._clicked(slot, change["new"]), names="value")
        parts.click.observe(self._went, names="value")
        for slider in (parts.row, parts.col):
            slider.observe(self._moved, names="value")

    # ------------------------------------------------------------------------------------------------------ what is done

    def _do(self, name, call):
        """One edit: the answer that it makes, or the sentence that says why not."""
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                result = call(self._linked(name))
        except (ValueError, TypeError, OSError) as error:
            self._say(str(error), wrong=True)
            return
        self.result, self.selected = result, self._selected_after(name)
        self._say(" ".join(str(one.message) for one in said if issubclass(one.category, UnmixWarning)))
        self._show()

    def _linked(self, name):
        """The answer with its scan where this edit may read it."""
        reads = self.parts.at_once.value or name == "refit" or (name == "split" and not self.parts.by_regions.value)
        if self._source is None or name == "undo":
            return self.result
        source, view = (self._source, self._view) if reads else (None, None)
        if self.result.source is source:
            return self.result
        return dataclasses.replace(self.result, source=source, _view=view)

    def _refit(self):
        return {} if self.parts.at_once.value else {"refit": False}

    def _one(self, what):
        if len(self.selected) != 1:
            raise ValueError(f"{what} needs one component that is selected, got {len(self.selected)}")
        return self.selected[0]

    def _toggled_background(self):
        if not self.selected:
            raise ValueError("background needs a component that is selected, got none")
        return sorted(set(self.result.settings.get("background", ())) ^ set(self.selected))

    def _selected_after(self, name):
        return self.selected if name in ("name", "background", "refit") else []

    def _suggest(self, _):
        linked = self._linked("refit" if self.parts.at_once.value else "merge")
        found = linked.suggest()
        options = [(f"{one.certainty:.2f}  {one.code}  {one.reason}", one.components) for one in found]
        self.parts.suggestions.options = [(f"{len(options)} suggestions", ()), *options]
        self.parts.suggestions.value = ()
        self._say(found.note)

    def _take_suggestion(self, change):
        if change["new"]:
            self.select(list(change["new"]))
            self._turn(self.selected[0] // _PAGE - self._page)

    # ------------------------------------------------------------------------------------------------------ what is shown

    def _clicked(self, slot, pressed):
        i = self._page * _PAGE + slot
        if self._waiting or i >= self.result.k:
            return
        self.selected = sorted({*self.selected, i} if pressed else {*self.selected} - {i})
        self._show_selection()

    _waiting = False

    def _turn(self, by):
        pages = -(-self.result.k // _PAGE)
        self._page = min(max(self._page + by, 0), pages - 1)
        self._show_thumbnails()

    def _went(self, change):
        """A click on the image of all maps, or a line that was drawn there."""
        line = drawn(change["new"], self.result.geometry.scan_shape)
        if len(line) > 1:
            self._drew(corners_of(line))
        elif line:
            self.go(*(int(np.clip(np.floor(x + 0.5), 0, n - 1)) for x, n in zip(line[0], self.result.geometry.scan_shape)))

    def _drew(self, corners):
        self.outline = corners
        self._show_position()
        self._show_area()

    def _moved(self, _):
        place = self.parts.row.value, self.parts.col.value
        if not self._waiting and place != self._place:
            self._place = place
            self._show_position()
            for go in self._followers:
                go(*place)

    def _say(self, text, wrong=False):
        self.parts.message.value = f'<span role="{"alert" if wrong else "status"}">{html.escape(text)}</span>'

    def _show(self):
        result, parts = self.result, self.parts
        image, self._hues = mixed_maps(result)
        parts.composite.value = clickable(parts.key, data_url(image), result.geometry.scan_shape)
        loss = f"{result.loss:.6g}" if np.isfinite(result.loss) else "not known until Refit"
        last = f"; last edit {html.escape(str(result.edits[-1]))}" if len(result.edits) > self._begun else ""
        parts.loss.value = f"<b>{result.k} {result.meaning.component}s, loss {loss}</b>{last}"
        self._page = min(self._page, (result.k - 1) // _PAGE)
        self._show_thumbnails()
        self._show_position()
        self._show_area()

    def _show_thumbnails(self):
        first, result, parts = self._page * _PAGE, self.result, self.parts
        shown = range(first, min(first + _PAGE, result.k))
        parts.style.value = style_of(parts.key, [thumbnail(result, i, self._hues[i]) for i in shown])
        parts.pages.value = f"{first} to {shown[-1]} of {result.k}"
        for slot, thumb in enumerate(parts.thumbs):
            thumb.layout.display = None if slot < len(shown) else "none"
        self._show_selection()

    def _show_selection(self):
        self._waiting = True
        first, result, apart = self._page * _PAGE, self.result, self.result.settings.get("background", ())
        for slot, thumb in enumerate(self.parts.thumbs):
            i = first + slot
            if i < result.k:
                chosen, share = i in self.selected, f"{100 * result.explained[i]:.2g} %"
                thumb.description = f"{'✓ ' * chosen}{result.names[i]}  {'background' if i in apart else share}"
                thumb.tooltip, thumb.value = f"component {i}, {result.names[i]}, {share}", chosen
        self._waiting = False
        names = ", ".join(result.names[i] for i in self.selected) or "none"
        self.parts.chosen.value = f"selected: {html.escape(names)}"

    def _show_position(self):
        row, col = self._place
        result, image, note = self.result, None, ""
        if result.source is not None and _in_memory(result.source):
            image, note = measured_pattern(result, row, col), "measured"
        elif np.isfinite(result.maps[:, row, col]).all():
            image, note = result.reconstruct(row, col), "reconstruction"
        picture = None if image is None else data_url(pattern_thumbnail(image))
        head = f"<b>row {row}, column {col}</b> {note}"
        self.parts.position.value = with_shares(result, result.intensities[:, row, col], head, self._hues, picture)
        self.parts.over.value = overlay(result.geometry.scan_shape, self._place, self.outline)

    def _show_area(self):
        self.parts.code.value, self.parts.area.value = self.code, ""
        if len(self.outline) > 2:
            there = inside_outline(self.outline, self.result.geometry.scan_shape)
            head = f"<b>lasso: {int(there.sum())} positions</b> panel.region"
            sums = np.nansum(self.result.intensities[:, there], axis=1)
            self.parts.area.value = with_shares(self.result, sums, head, self._hues)
        elif self.outline:
            self.parts.area.value = f"<b>lasso: {len(self.outline)} of at least 3 corners</b>"


def _in_memory(view):
    return isinstance(view.scan.patterns, np.ndarray) and not isinstance(view.scan.patterns, np.memmap)


def _brightest(result):
    totals = result.totals if result.totals is not None else np.nansum(result.intensities, axis=0)
    row, col = np.unravel_index(int(np.nanargmax(totals)), totals.shape)
    return int(row), int(col)
