"""All maps of a decomposition in one colour image, and the colours of components. pyplot is imported inside."""

from __future__ import annotations

import math
import warnings

import numpy as np

from ..core import checks
from .basic import _EXCLUDED, _axes, _chosen, _colours, _is_line, _profile, intensity_norm, scale_bar
from .grains import _sized

__all__ = ["component_colours", "composite"]

_DARK, _LIGHT = (62.0, 62.0), (84.0, 44.0)  # lightness and chroma (CIELAB) of every second hue
_GREY = 55.0
_FIRST_HUE = 25.0
_BRIGHT = 99.5  # percentile of the summed weights that is as bright as it gets


def component_colours(k: int, grey=()) -> np.ndarray:
    """Colours of components: hues evenly apart to the eye, every second one lighter.

    Parameters
    ----------
    k : int
    grey : sequence of int
        Components without a hue, as those spread over the scan.

    Returns
    -------
    ndarray (k, 3)
        sRGB, 0 to 1.
    """
    from skimage.color import lab2rgb

    coloured = [i for i in range(k) if i not in set(grey)]
    lab = np.zeros((k, 3))
    lab[:, 0] = _GREY
    for n, i in enumerate(coloured):
        lightness, chroma = (_DARK, _LIGHT)[n % 2]
        angle = math.radians(_FIRST_HUE + 360 * n / len(coloured))
        lab[i] = lightness, chroma * math.cos(angle), chroma * math.sin(angle)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of colours just outside of what a screen shows: they are clipped
        return np.clip(lab2rgb(lab[None])[0], 0, 1)


def composite(result, components=None, *, scale="each", legend=True, ax=None):
    """All maps in one colour image; a legend of the patterns beside it.

    Parameters
    ----------
    result : Decomposition
    components : sequence of int, optional
    scale : {"each", "intensity"}
    legend : bool
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        Of the image.

    Raises
    ------
    ValueError
        When there is no such component or scale, or the result has negative components.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
    >>> result.composite().images[0].get_array().shape
    (6, 8, 3)
    """
    from ..maps import is_spread

    if result.meaning.signed_maps:
        raise ValueError(f"composite needs components without negative values, which those of {result.method} have: use nmf")
    checks.choice(scale, "scale", ("each", "intensity"))
    chosen = _chosen(components, result.k)
    kept = result.geometry.kept_positions.reshape(result.geometry.scan_shape)
    weights = result.maps if scale == "each" else result.intensities
    weights = np.maximum(np.nan_to_num(weights[chosen]), 0).astype(float)
    tops = weights.max(axis=(1, 2)) if scale == "each" else np.full(len(weights), weights.max())
    weights /= np.where(tops > 0, tops, 1)[:, None, None]
    grey = [n for n in range(len(chosen)) if is_spread(weights[n], kept)]
    colours = component_colours(len(chosen), grey if len(grey) < len(chosen) else ())
    if ax is None:
        ax, frames = _composite_figure(result, len(chosen) if legend else 0)
        for legend_ax, colour, i in zip(frames, colours, chosen):
            _legend_pattern(legend_ax, result, i, colour)
    calibration = result.geometry.calibration
    if _is_line(result.geometry.scan_shape):
        _lines(ax, weights, kept, colours, chosen, calibration)
    else:
        _show(ax, _mixed(weights, colours, kept), calibration, dark=True)
    return ax


def _mixed(weights, colours, kept):
    """Colours added as lights are: in linear intensity, then as a screen wants them."""
    light = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    total = weights.sum(axis=0)[kept]
    full = float(np.percentile(total, _BRIGHT)) if total.size else 0.0
    mixed = np.tensordot(weights, light, axes=(0, 0)) / (full if full > 0 else 1)
    # What is brighter than white keeps its hue.
    mixed /= np.maximum(mixed.max(axis=2, keepdims=True), 1)
    screen = np.where(mixed <= 0.0031308, 12.92 * mixed, 1.055 * np.maximum(mixed, 1e-12) ** (1 / 2.4) - 0.055)
    screen[~kept] = float(_EXCLUDED)
    return np.clip(screen, 0, 1)


def _lines(ax, weights, kept, colours, chosen, calibration):
    for i, values, colour in zip(chosen, weights, colours):
        _profile(ax, np.where(kept, values, np.nan), calibration.step, calibration.step_unit, None).set_color(0.85 * colour)
        ax.lines[-1].set_label(f"{i}")


def _composite_figure(result, n):
    """Axes of the image and n small ones beside it, as many to a column as fit."""
    import matplotlib.pyplot as plt

    shape, step = result.geometry.scan_shape, result.geometry.calibration.step
    ax = _axes(None) if _is_line(shape) else _sized(shape, step)
    if n == 0:
        return ax, []
    width, height = ax.figure.get_size_inches()
    plt.close(ax.figure)
    height = max(height, 2.4)
    cell = min(max(height / n, 0.95), 1.7)
    columns = math.ceil(n / max(int(height / cell), 1))
    rows = math.ceil(n / columns)
    figure = plt.figure(figsize=(width + columns * cell + 0.1, height), layout="constrained")
    grid = figure.add_gridspec(rows, 1 + columns, width_ratios=[width, *[cell] * columns])
    ax = figure.add_subplot(grid[:, 0])
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
    return ax, [figure.add_subplot(grid[i % rows, 1 + i // rows]) for i in range(n)]


def _legend_pattern(ax, result, i, colour):
    image = result.patterns[i].astype(float)
    _small(ax, image, intensity_norm(image)[0], result.geometry.calibration.pixel_size, colour)
    ax.text(0.05, 0.95, str(i), transform=ax.transAxes, color="white", fontsize=8, ha="left", va="top")


def _show(ax, image, calibration, *, dark=False):
    step = calibration.step
    ax.imshow(image, interpolation="nearest", aspect=step[0] / step[1])
    _bare(ax)
    scale_bar(ax, image.shape[1], step[1], calibration.step_unit, dark=dark)


def _bare(ax):
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def _small(ax, image, norm, size, colour):
    """A pattern in a coloured geometry."""
    shown = np.ma.masked_invalid(image)
    ax.imshow(shown, cmap=_colours("inferno"), norm=norm, interpolation="nearest", aspect=size[0] / size[1])
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_color(colour)
        spine.set_linewidth(3)
