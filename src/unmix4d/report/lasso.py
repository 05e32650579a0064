"""A picture that tells where it was clicked, and what was drawn around with the mouse; no script but what stands here."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

__all__ = ["clickable", "corners_of", "drawn", "overlay"]

_LARGE = 320  # pixels of the picture
_MOST = 200  # corners of a line that are sent
_STRAIGHT = 0.4  # positions by which a line drawn by hand may be off
# ipywidgets reads a text field at its event "input": so what the mouse did arrives without any other package.
_PLACE = "var b=this.getBoundingClientRect(),p=[(event.clientY-b.top)/b.height,(event.clientX-b.left)/b.width];"
_DOWN = "event.preventDefault();this.setPointerCapture(event.pointerId);" + _PLACE + "this.way=[p];"
_MOVE = (
    "if(this.way){" + _PLACE + "this.way.push(p);this.querySelector('polyline').setAttribute('points',"
    "this.way.map(function(q){return 100*q[1]+','+100*q[0]}).join(' '));}"
)
_UP = (
    "var w=this.way,f=document.querySelector('.{key}-click input');this.way=null;if(w&&f){"
    "this.querySelector('polyline').setAttribute('points','');var b=this.getBoundingClientRect(),far=w.some(function(q){"
    "return Math.abs(q[0]-w[0][0])*b.height+Math.abs(q[1]-w[0][1])*b.width>6}),n=Math.ceil(w.length/{most});"
    "w=far?w.filter(function(q,i){return i%n==0}):w.slice(0,1);"
    "f.value=w.map(function(q){return q[0].toFixed(4)+','+q[1].toFixed(4)}).join(' ')+' '+Date.now();"
    "f.dispatchEvent(new Event('input',{bubbles:true}));f.dispatchEvent(new Event('change',{bubbles:true}));}"
)


def _size(shape):
    rows, cols = shape
    scale = _LARGE / max(rows, cols)
    return max(24, round(cols * scale)), max(24, round(rows * scale))


def clickable(key: str, url: str, shape: tuple[int, int]) -> str:
    """The image of all maps, which tells into the text field of this panel what the mouse did."""
    width, height = _size(shape)
    up = html.escape(_UP.replace("{key}", key).replace("{most}", str(_MOST)))
    return (
        f'<div style="position:relative;width:{width}px;height:{height}px;cursor:crosshair;touch-action:none;'
        'user-select:none" '
        f'onpointerdown="{html.escape(_DOWN)}" onpointermove="{html.escape(_MOVE)}" onpointerup="{up}">'
        f'<img class="{key}-composite" src="{url}" draggable="false" alt="all maps in colours; sliders choose a position" '
        f'style="width:{width}px;height:{height}px;image-rendering:pixelated;max-width:none;display:block">'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" style="{_OVER}">{_DRAWING}</svg></div>'
    )


_DRAWING = '<polyline fill="none" stroke="#fff" stroke-width="3" vector-effect="non-scaling-stroke"/>'
_OVER = "position:absolute;left:0;top:0;width:100%;height:100%;pointer-events:none"


def _lines(tag, points):
    """White on black: seen on every colour."""
    line = '<{} points="{}" fill="none" stroke="{}" stroke-width="{}" vector-effect="non-scaling-stroke"/>'
    return "".join(line.format(tag, points, colour, width) for colour, width in (("#000", 4), ("#fff", 2)))


def overlay(shape: tuple[int, int], place: tuple[int, int], corners: Sequence[tuple[float, float]]) -> str:
    """The position and the line, to be laid over the picture."""
    (width, height), (rows, cols), (row, col) = _size(shape), shape, place
    reach = max(rows, cols) / 25
    cross = (
        f"{col + 0.5 - reach},{row + 0.5} {col + 0.5 + reach},{row + 0.5}",
        f"{col + 0.5},{row + 0.5 - reach} {col + 0.5},{row + 0.5 + reach}",
    )
    around = " ".join(f"{c + 0.5:g},{r + 0.5:g}" for r, c in corners)
    parts = [_lines("polyline", one) for one in cross] + ([_lines("polygon", around)] if around else [])
    return (
        f'<svg viewBox="0 0 {cols} {rows}" preserveAspectRatio="none" width="{width}" height="{height}" '
        f'style="display:block;pointer-events:none" aria-hidden="true">{"".join(parts)}</svg>'
    )


def drawn(text: str, shape: tuple[int, int]) -> list[tuple[float, float]]:
    """What the picture told, as positions (row, col) whose centres are whole numbers; empty where it is nothing of ours.

    One place for a click, the corners of the line otherwise.
    """
    try:
        told = np.array([[float(x) for x in part.split(",")] for part in text.split()[:-1][:_MOST]])
    except ValueError:
        return []
    if told.ndim != 2 or told.shape[1] != 2 or not np.isfinite(told).all():
        return []
    return [(float(row), float(col)) for row, col in np.clip(told, 0, 1) * shape - 0.5]


def corners_of(line: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The corners of a line drawn by hand, without those that hardly change it."""
    from skimage.measure import approximate_polygon

    closed = np.array([*line, line[0]])
    return [(float(row), float(col)) for row, col in approximate_polygon(closed, _STRAIGHT)[:-1].round(1)]
