"""Editing an answer in a notebook: the methods of the answer behind buttons, and what they did as code to be copied."""

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
from .explorer import measured_pattern
from .panel import Parts, click_image, style_of, thumbnail, with_shares
from .thumbnails import data_url, mixed_maps, pattern_thumbnail

__all__ = ["Editor", "edit"]

_PAGE = 18  # components that are shown at a time
_NO_WIDGETS = (
    "edit needs ipywidgets, which cannot be imported ({}): pip install unmix4d[notebook], or call r.merge([0, 1]), "
    ".split(0), .drop([0]), .rename({{0: 'matrix'}}), .background([0]) and .undo(), which need no notebook"
)
_numbers = itertools.count()


def edit(result: Any) -> Editor:
    """Edit the answer in a notebook, with the mouse or the keyboard: merge, split, drop, name, and see it at once.

    A click on a component selects it, or takes it out of the selection; the buttons do what the methods of the same name do,
    on those that are selected. A click on the image of all maps shows the pattern of that position and the shares of the
    components. Below stands what was done, as code for the next cell. This answer stays as it is: the edited one is
    ``panel.result``. In JupyterLab, Notebook and VS Code, with ipywidgets (``pip install unmix4d[notebook]``) and nothing
    else.

    Of a scan that is not in memory nothing is read as long as "refit at once" is off, as it then is at first: edits divide
    and add what is known, and the button Refit fits everything to the scan, in two passes or three.

    Returns
    -------
    Editor
        What a cell that ends in it shows; ``.result`` is the answer as it is now.

    Raises
    ------
    ValueError
        When components have both signs.
    ImportError
        When ipywidgets is not installed.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> panel = result.edit()
    >>> panel.result.k, panel.code
    (3, '# nothing was done yet')
    """
    require_editable(result, "edit")
    try:
        import ipywidgets
    except ImportError as error:
        raise ImportError(_NO_WIDGETS.format(error)) from error
    return Editor(result, ipywidgets)


class Editor:
    """The panel of `edit`.

    Parameters
    ----------
    result : Decomposition
    widgets : module
        ipywidgets.

    Attributes
    ----------
    result : Decomposition
        As it is now.
    selected : list of int
        Components that are selected.
    box : ipywidgets VBox
        What is shown.
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
        self._source, self._view, self._begun = result.source, result._view, len(result.edits)
        self._place = _brightest(result)
        self.parts = Parts(widgets, next(_numbers), _PAGE, result.geometry.scan_shape, self._place)
        self.parts.at_once.value = result.source is not None and _in_memory(result.source)
        self.parts.at_once.disabled = result.source is None
        self._connect()
        self.box = self.parts.box
        self.box.editor = self  # kept alive as long as it is shown
        self._show()

    def _repr_mimebundle_(self, **how: Any) -> Any:
        return self.box._repr_mimebundle_(**how)

    @property
    def code(self) -> str:
        """What was done here, as one chain of calls."""
        done = self.result.edits[self._begun :]
        return f"r = {done.code}" if len(done) else "# nothing was done yet"

    def select(self, components: list[int]) -> None:
        """Select these components, and no others.

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
        """A click on the image of all maps: "row,column", of 0 to 1."""
        try:
            row, col = (float(part) for part in change["new"].split(",")[:2])
        except ValueError:
            return
        rows, cols = self.result.geometry.scan_shape
        self._waiting = True  # one drawing for both
        self.parts.row.value = int(np.clip(int(row * rows), 0, rows - 1))
        self._waiting = False
        self.parts.col.value = int(np.clip(int(col * cols), 0, cols - 1))
        self._moved(None)

    def _moved(self, _):
        if not self._waiting:
            self._place = self.parts.row.value, self.parts.col.value
            self._show_position()

    def _say(self, text, wrong=False):
        self.parts.message.value = f'<span role="{"alert" if wrong else "status"}">{html.escape(text)}</span>'

    def _show(self):
        result, parts = self.result, self.parts
        image, self._hues = mixed_maps(result)
        parts.composite.value = click_image(parts.key, data_url(image), result.geometry.scan_shape)
        loss = f"{result.loss:.6g}" if np.isfinite(result.loss) else "not known until Refit"
        last = f"; last edit {html.escape(str(result.edits[-1]))}" if len(result.edits) > self._begun else ""
        parts.loss.value = f"<b>{result.k} {result.meaning.component}s, loss {loss}</b>{last}"
        parts.code.value = self.code
        self._page = min(self._page, (result.k - 1) // _PAGE)
        self._show_thumbnails()
        self._show_position()

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
        self.parts.position.value = with_shares(result, row, col, picture, note, self._hues)


def _in_memory(view):
    return isinstance(view.scan.patterns, np.ndarray) and not isinstance(view.scan.patterns, np.memmap)


def _brightest(result):
    totals = result.totals if result.totals is not None else np.nansum(result.intensities, axis=0)
    row, col = np.unravel_index(int(np.nanargmax(totals)), totals.shape)
    return int(row), int(col)
