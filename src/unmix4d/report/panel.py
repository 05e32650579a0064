"""The widgets of the editor, and the little HTML in them."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

from .thumbnails import data_url, map_thumbnail, pattern_thumbnail

__all__ = ["Parts", "style_of", "thumbnail", "with_shares"]

_WIDTH, _HEAD = 104, 22  # pixels of a thumbnail, and of its name
_MOST_SHARES = 8
_STYLE = """<style>
.{key}-grid {{ flex-wrap: wrap; overflow: visible; }}
.{key}-thumb {{ width: {width}px !important; height: {height}px !important; padding: 0 2px !important;
  background: no-repeat center {head}px / {inside}px auto #fff !important; color: #111 !important;
  font-size: 11px !important;
  line-height: {head}px !important; border: 3px solid #ddd !important; align-items: flex-start !important;
  display: inline-flex; justify-content: center; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
  box-sizing: border-box !important; image-rendering: pixelated; margin: 2px !important; box-shadow: none !important; }}
.{key}-thumb.mod-active {{ border-color: #d55e00 !important; font-weight: bold; }}
.{key}-thumb:focus-visible {{ outline: 3px solid #0072b2 !important; outline-offset: 1px; }}
.{key}-hidden {{ position: absolute !important; width: 1px !important; height: 1px !important; overflow: hidden;
  clip-path: inset(50%); }}
.{key}-stage {{ position: relative; overflow: visible; }}
.{key}-over {{ position: absolute !important; left: 0; top: 0; pointer-events: none; }}
{images}</style>"""


class Parts:
    """The widgets, by name.

    Parameters
    ----------
    widgets : module
        ipywidgets.
    number : int
        Of the panel, among all of this kernel.
    page : int
        Thumbnails of one page.
    shape : (int, int)
        Of the scan.
    place : (int, int)
        The first position that is shown.
    """

    def __init__(self, widgets: Any, number: int, page: int, shape: tuple[int, int], place: tuple[int, int]) -> None:
        self.key = f"unmix4d-edit-{number}"
        self._widgets = widgets
        self.style, self.composite, self.position = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.over, self.area = widgets.HTML(), widgets.HTML()
        self.over.add_class(f"{self.key}-over")
        self.loss, self.message, self.chosen = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.pages = widgets.Label()
        self.thumbs = [self._thumb(slot) for slot in range(page)]
        self.buttons = {name: self._button(name, *words) for name, words in _BUTTONS.items()}
        self.by_regions = widgets.Checkbox(description="by regions", indent=False, layout={"width": "auto"})
        self.at_once = widgets.Checkbox(description="refit at once", indent=False, layout={"width": "auto"})
        # Sent when one is done: what is sent while typing can arrive after the click on the button.
        self.name = widgets.Text(placeholder="name", continuous_update=False, layout={"width": "150px"})
        self.suggestions = widgets.Dropdown(options=[("no suggestions yet", ())], layout={"width": "420px"})
        self.code = widgets.Textarea(layout={"width": "720px", "height": "52px"})
        self.row, self.col = (
            widgets.IntSlider(
                value=value, min=0, max=size - 1, description=name, disabled=size == 1, layout={"width": "320px"}
            )
            for name, size, value in zip(("row", "column"), shape, place)
        )
        self.row.add_class("unmix4d-row")
        self.col.add_class("unmix4d-column")
        self.click = widgets.Text(continuous_update=True)
        self.click.add_class(f"{self.key}-click")
        self.click.add_class(f"{self.key}-hidden")
        self.box = self._arranged()

    def _thumb(self, slot):
        made = self._widgets.ToggleButton()
        made.add_class(f"{self.key}-thumb")
        made.add_class(f"{self.key}-{slot}")
        return made

    def _button(self, name, text, tooltip):
        made = self._widgets.Button(description=text, tooltip=tooltip, layout={"width": "auto"})
        made.add_class(f"unmix4d-{name}")
        return made

    def _arranged(self):
        row, column, b = self._widgets.HBox, self._widgets.VBox, self.buttons
        grid = row(self.thumbs)
        grid.add_class(f"{self.key}-grid")
        tools = [
            row([b["merge"], b["split"], self.by_regions, b["drop"], b["background"], self.name, b["name"], b["undo"],
                 b["refit"], self.at_once]),
            row([b["suggest"], self.suggestions, b["clear"], self.chosen]),
        ]  # fmt: skip
        for tool in tools:
            tool.layout.flex_flow = "row wrap"
        stage = column([self.composite, self.over])
        stage.add_class(f"{self.key}-stage")
        lasso = row([b["corner"], b["open"]])
        view = row([column([stage, self.row, self.col, lasso]), self.position, self.area])
        view.layout.flex_flow = "row wrap"
        turn = row([b["before"], self.pages, b["next"]])
        return column([self.style, *tools, self.loss, self.message, grid, turn, view, self.click, self.code])


_BUTTONS = {
    "merge": ("Merge", "one component of those that are selected"),
    "split": ("Split", "two components of the one that is selected"),
    "drop": ("Drop", "take those that are selected out"),
    "background": ("Background", "those that are selected are background, or no longer"),
    "name": ("Name", "call the one that is selected so"),
    "undo": ("Undo", "the answer as it was before"),
    "refit": ("Refit", "fit maps and patterns to the scan again"),
    "suggest": ("Suggest", "look for what might be one, two, noise or background"),
    "clear": ("Select none", "select no component"),
    "corner": ("Add corner", "the position of the sliders is a corner of the lasso"),
    "open": ("No lasso", "take the lasso away"),
    "before": ("◀", "the components before"),
    "next": ("▶", "the next components"),
}


def style_of(key: str, pictures: list[str]) -> str:
    """The style of a panel with the pictures of its thumbnails."""
    images = "\n".join(f".{key}-{slot} {{ background-image: url({url}) !important; }}" for slot, url in enumerate(pictures))
    height = _HEAD + 2 * (_WIDTH - 10) + 16
    return _STYLE.format(key=key, width=_WIDTH, height=height, head=_HEAD, inside=_WIDTH - 10, images=images)


def thumbnail(result: Any, i: int, hue: np.ndarray) -> str:
    """The address of a picture of one component: its pattern above its map, with its colour between them."""
    pattern, map_ = (_square(image) for image in (pattern_thumbnail(result.patterns[i]), map_thumbnail(result.maps[i])))
    bar = np.broadcast_to(hue, (6, pattern.shape[1], 3))
    return data_url(np.concatenate([pattern, bar, map_]))


_SIDE = _WIDTH - 10


def _square(image):
    """An image in a white square, enlarged to whole pixels of it."""
    rows, cols = image.shape[:2]
    scale = _SIDE / max(rows, cols)
    down, across = (np.minimum((np.arange(max(1, round(n * scale))) / scale).astype(int), n - 1) for n in (rows, cols))
    out = np.ones((_SIDE, _SIDE, 3))
    top, left = (_SIDE - len(down)) // 2, (_SIDE - len(across)) // 2
    out[top : top + len(down), left : left + len(across)] = image[np.ix_(down, across)]
    return out


def with_shares(result: Any, weights: np.ndarray, head: str, hues: np.ndarray, picture: str | None = None) -> str:
    """What the components have at a position, or in an area: their intensities (k,), below a line of HTML and a pattern."""
    weights = np.maximum(np.nan_to_num(weights), 0)
    total = float(weights.sum())
    image = (
        ""
        if picture is None
        else f'<img src="{picture}" alt="pattern of this position" style="width:220px;image-rendering:pixelated">'
    )
    lines = []
    for i in np.argsort(-weights, kind="stable")[:_MOST_SHARES]:
        if total > 0 and weights[i] > 0:
            share, colour = weights[i] / total, "rgb({:.0f},{:.0f},{:.0f})".format(*(255 * hues[i]))
            # The outline is that of the text: a light bar is seen on white, a dark one on black.
            bar = (
                f'<span style="display:inline-block;height:9px;width:{120 * share:.0f}px;background:{colour};'
                'outline:1px solid currentColor"></span>'
            )
            lines.append(f"<tr><td>{html.escape(result.names[i])}</td><td>{100 * share:.3g} %</td><td>{bar}</td></tr>")
    words = head if lines else f"{head}: excluded, or nothing there"
    return f'<div>{words}<br>{image}<table style="font-size:12px">{"".join(lines)}</table></div>'
