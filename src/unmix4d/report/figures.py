"""Figures of a report: drawn unseen, in one style whatever the reader's own is, and kept as text."""

from __future__ import annotations

import base64
import io
from contextlib import contextmanager

from ..plots.axes import figure_of
from ..plots.style import ready_pyplot
from .page import paragraph, picture

__all__ = ["drawing", "figure", "figures"]

_DPI = 144  # one and a half of what CSS takes a pixel for: sharp on screens and on paper
_CSS_PIXELS = 96  # per inch


@contextmanager
def drawing():
    """A context in which figures are not shown, and are closed at the end.

    Sizes are those of `plots.style`; what that leaves to the user (fonts, colours of axes) is the default of matplotlib
    here, so that a report looks the same wherever it is made.
    """
    plt = ready_pyplot()
    before = set(plt.get_fignums())
    try:
        with plt.style.context("default"), plt.ioff():
            yield
    finally:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)


def figure(drawn, alt, caption=None) -> str:
    """HTML of a figure.

    drawn: matplotlib Axes, array of them, or Figure.
    alt (str): What it shows, for those who cannot see it.
    caption: str, optional.
    """
    drawn = figure_of(drawn)
    stream = io.BytesIO()
    # No name of a program and no address in it: the page is to be the same wherever it is made.
    drawn.savefig(stream, format="png", dpi=_DPI, facecolor="white", metadata={"Software": None})
    text = base64.b64encode(stream.getvalue()).decode("ascii")
    return picture(text, round(drawn.get_size_inches()[0] * _CSS_PIXELS), alt, caption)


def figures(draw, n: int, each: int, what: str, caption: str, most: int | None = None) -> list[str]:
    """HTML of the figures that `draw` makes of so many components each; only the first has the caption.

    Of more than `most` components the first ones are drawn, and a paragraph says so.
    """
    shown = range(n)[:most]
    parts = [list(shown[first : first + each]) for first in shown[::each]]
    made = [figure(draw(some), f"{what} {some[0]} to {some[-1]}", None if some[0] else caption) for some in parts]
    if most is not None and n > most:
        made.append(paragraph(f"Figures of the first {most} of {n} components; all are in the table."))
    return made
