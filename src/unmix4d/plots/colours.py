"""Every colour of a figure, and the colours of components. Maps of colours are perceptually uniform."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

__all__ = [
    "colour_map", "component_colours", "composite_image", "map_colours", "mixed", "overlap_colours", "pale", "rgb",
    "told_apart",
]  # fmt: skip

# Maps of colours.
INTENSITIES, MAPS, SIGNED = "inferno", "viridis", "RdBu_r"
LIKENESS, UNLIKENESS = "viridis", "viridis_r"  # brighter is more alike
ANGLES, MISORIENTATIONS = "twilight", "cividis"  # cyclic; beside maps, and not to be taken for one
GREY_IMAGE = "gray"

# What is not there.
EXCLUDED = "0.55"
NOT_INDEXED = "0.25"
NO_COMPONENT = "0.94"

# Lines and markers on white.
MARK, FIRST, SECOND = "#b5179e", "#21918c", "#d9822b"  # what is recommended; what is measured; what is set against it
FIRST_PALE = "#a8d8d5"
QUIET, FAINT, POINTS = "0.45", "0.75", "0.6"
BAND, GRID, RULE = "0.93", "0.92", "0.7"  # behind what is drawn
POSITION, THRESHOLD, EDGE, WORDS, LIMIT = "0.2", "0.3", "0.3", "0.35", "0.5"
MERGED, STABLE, AGREEMENT = "#2f5d8a", "#7fa6c9", "#7a2f2f"
ALONE, TOGETHER = "#3b528b", "#e07b39"  # positions of one component, and of several
BARS = (0.36, 0.5, 0.66)  # of components that have no colour of their own

CLUSTERS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")  # Okabe and Ito: told apart by all
# Found by a search for the palette whose two most alike colours differ most, to all three kinds of colour-blind people too
# (tests/plots/test_colour_blindness.py): of maps, the first ones most apart; of thin lines on white; on a grey image.
COMPONENTS = (
    "#ede134", "#6e63ad", "#c87752", "#00f8db", "#5b9bfe", "#816b1e", "#00b177", "#ffb3f6", "#b04d56", "#a2dc79", "#bb73b2",
    "#f88c92",
)  # fmt: skip
GROUPS = ("#6e42aa", "#b2a926", "#05472e", "#b55d57", "#198295", "#745415", "#a899f7", "#5bb78c")
GRAINS = ("#7fd2ee", "#f8ed15", "#fa7da8", "#79a328", "#978ae6", "#f5bb81", "#c0f5cc")
PAIR = ((0.1, 0.62, 0.35), (0.2, 0.45, 0.95))  # green and blue, neither like the colours of an overlap

_DARK, _LIGHT = (62.0, 62.0), (84.0, 44.0)  # lightness and chroma (CIELAB) of every second hue
_GREY = 55.0
_FIRST_HUE = 25.0
_BRIGHT = 99.5  # percentile of the summed weights that is as bright as it gets
_PALE = 0.45  # how much of its colour a region has below an overlap


def rgb(colour: str) -> np.ndarray:
    """Red, green and blue (3,), 0 to 1, of a colour by any of its names."""
    import matplotlib.colors

    return np.array(matplotlib.colors.to_rgb(colour))


def colour_map(name: str | Colormap) -> Colormap:
    """The colour map of this name, or one that is given, with the grey of what is excluded for NaN."""
    import matplotlib

    if isinstance(name, str) and name not in matplotlib.colormaps:
        raise ValueError(f"cmap must be a colour map of matplotlib, got {name!r}")
    return (matplotlib.colormaps[name] if isinstance(name, str) else name).with_extremes(bad=EXCLUDED)


def told_apart(palette: Sequence[str], n: int) -> np.ndarray:
    """Colours (n, 3) of which no two are the same: those of the palette, or hues evenly apart where it has not enough."""
    return np.array([rgb(colour) for colour in palette[:n]]) if n <= len(palette) else component_colours(n)


def component_colours(k: int, grey: Sequence[int] = ()) -> np.ndarray:
    """Colours of components: a palette that colour-blind people tell apart too; of more than it has, hues evenly apart.

    As many hues are not told apart by everyone: every second one is lighter, and names and numbers have to help.

    grey: Components without a hue, as those spread over the scan.
    Returns ndarray (k, 3): sRGB, 0 to 1.
    """
    from skimage.color import lab2rgb

    coloured = [i for i in range(k) if i not in set(grey)]
    if len(coloured) <= len(COMPONENTS):
        out = np.tile(lab2rgb([[[_GREY, 0.0, 0.0]]])[0], (k, 1))
        out[coloured] = [rgb(colour) for colour in COMPONENTS[: len(coloured)]]
        return out
    lab = np.zeros((k, 3))
    lab[:, 0] = _GREY
    for n, i in enumerate(coloured):
        lightness, chroma = (_DARK, _LIGHT)[n % 2]
        angle = math.radians(_FIRST_HUE + 360 * n / len(coloured))
        lab[i] = lightness, chroma * math.cos(angle), chroma * math.sin(angle)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of colours just outside of what a screen shows: they are clipped
        return np.clip(lab2rgb(lab[None])[0], 0, 1)


def map_colours(maps: np.ndarray, kept: np.ndarray | None, background: Sequence[int] = ()) -> np.ndarray:
    """Colours of components by their maps (k, scan_row, scan_col): grey where spread over the scan, unless all are.

    background: Those that are grey in any case.
    """
    from ..maps import is_spread

    grey = [i for i in range(len(maps)) if i in background or is_spread(maps[i], kept)]
    return component_colours(len(maps), grey if len(grey) < len(maps) else ())


def composite_image(maps: np.ndarray, kept: np.ndarray, background: Sequence[int] = ()) -> tuple[np.ndarray, np.ndarray]:
    """The image alone (scan_row, scan_col, 3), each map up to its own maximum, and the colours of the maps (k, 3).

    maps (ndarray (k, scan_row, scan_col)): NaN where excluded.
    kept (ndarray of bool (scan_row, scan_col)): False where excluded.
    background: Maps that are grey.
    """
    weights = np.maximum(np.nan_to_num(maps), 0).astype(float)
    tops = weights.max(axis=(1, 2))
    weights /= np.where(tops > 0, tops, 1)[:, None, None]
    hues = map_colours(weights, kept, background)
    return mixed(weights, hues, kept), hues


def mixed(weights: np.ndarray, hues: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Colours added as lights are: in linear intensity, then as a screen wants them (scan_row, scan_col, 3)."""
    light = np.where(hues <= 0.04045, hues / 12.92, ((hues + 0.055) / 1.055) ** 2.4)
    total = weights.sum(axis=0)[kept]
    full = float(np.percentile(total, _BRIGHT)) if total.size else 0.0
    mixed = np.tensordot(weights, light, axes=(0, 0)) / (full if full > 0 else 1)
    # What is brighter than white keeps its hue.
    mixed /= np.maximum(mixed.max(axis=2, keepdims=True), 1)
    screen = np.where(mixed <= 0.0031308, 12.92 * mixed, 1.055 * np.maximum(mixed, 1e-12) ** (1 / 2.4) - 0.055)
    screen[~kept] = rgb(EXCLUDED)
    return np.clip(screen, 0, 1)


def overlap_colours(n: int) -> np.ndarray:
    """From light to dark red-violet: light where the overlap is loose, dark where the two are equal."""
    import matplotlib

    return matplotlib.colormaps[INTENSITIES](np.linspace(0.82, 0.28, n) if n > 1 else [0.55])[:, :3]


def pale(colour: ArrayLike) -> np.ndarray:
    """A colour mixed with white, for what lies below something."""
    return 1 - _PALE * (1 - np.asarray(colour))
