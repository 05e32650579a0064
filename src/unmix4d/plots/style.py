"""The one style of all figures: sizes are ours; fonts, dpi and the colours of axes stay the user's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["COLUMN_INCHES", "LABEL", "MOST_COLUMNS", "SMALL", "TEXT", "TINY", "TITLE", "figure_style",
           "ready_pyplot"]  # fmt: skip

TEXT, TITLE, LABEL, SMALL, TINY = 10, 9, 9, 8, 7  # points: alone in a figure; titles; panels of few, of many, of images
COLUMN_INCHES, MOST_COLUMNS = 1.75, 6  # of images in rows: what fits the width of a notebook

_SIZES: dict[Any, Any] = {
    "figure.figsize": (4.5, 3.5),
    "font.size": TEXT,
    "axes.labelsize": TEXT,
    "xtick.labelsize": TEXT,
    "ytick.labelsize": TEXT,
    "axes.titlesize": TITLE,
    "axes.titlepad": 6,
    "legend.fontsize": SMALL,
    "legend.title_fontsize": SMALL,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "figure.autolayout": False,
    "image.origin": "upper",  # row 0 is on top, whatever the user's own images do
    "image.aspect": "equal",
    "image.interpolation": "auto",
}


def ready_pyplot() -> Any:
    """pyplot, with its backend loaded: before a context that takes back what the backend of a notebook sets in there."""
    import matplotlib.pyplot as plt

    plt.draw_if_interactive()  # loads the backend, and draws nothing where there is no figure
    return plt


@contextmanager
def figure_style() -> Iterator[None]:
    """A context in which a figure is drawn; afterwards the settings of matplotlib are as they were.

    Every public figure function is decorated with it. matplotlib reads most sizes when an artist is made, but not those
    of axes that were given by the user: `axes.open_frame` and `axes.text_sizes` set them on the axes themselves.
    """
    from matplotlib import rcParams

    # Only ours are put back: a notebook's backend sets itself up (`interactive`) when the first figure is made, in here,
    # and shows nothing any more once that is taken back, as `matplotlib.rc_context` does.
    before = {name: rcParams[name] for name in _SIZES}
    rcParams.update(_SIZES)
    try:
        yield
    finally:
        rcParams.update(before)
