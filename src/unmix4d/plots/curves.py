"""Curves of a computation: the scree of a scan, the convergence of an iteration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import colours
from .axes import new_axes, open_frame, whole_numbers
from .style import TEXT, figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


__all__ = ["convergence", "scree"]

_NO_CHANGE = 1e-8  # of what is kept in single precision: what changes less is not drawn to its own size


@figure_style()
def scree(result: Any, ax: Axes | None = None) -> Axes:
    """Plot the explained fraction of each component on a log scale, with the elbow if there is one.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms, plots
    >>> scree = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).scree(10)
    >>> plots.scree(scree).get_yscale()
    'log'
    """
    ax = new_axes(ax)
    numbers = np.arange(1, len(result.explained) + 1)
    elbow = result.elbow
    ax.plot(numbers, result.explained, "o-", color=colours.POINTS, ms=4, lw=1)
    if (result.explained > 0).any():  # a scan of nothing has no logarithm
        ax.set_yscale("log")
    if elbow is not None:
        label = f"elbow after {elbow}"
        ax.plot(numbers[:elbow], result.explained[:elbow], "o", color=colours.MARK, ms=5, label=label)
        ax.legend(fontsize=TEXT)
    ax.set(xlabel="component", ylabel="fraction of the sum of squares")
    whole_numbers(ax.xaxis)
    ax.set_title("no clear elbow" if elbow is None else "")
    open_frame(ax)
    return ax


@figure_style()
def convergence(result: Any, ax: Axes | None = None) -> Axes:
    """Plot the error of every start per iteration, relative to the lowest one, and the change of patterns and maps.

    Parameters
    ----------
    result : Decomposition
        The result.
    ax : matplotlib Axes, optional
        Axes for the error alone. By default a figure with both panels is created.

    Returns
    -------
    matplotlib Axes
        Axes of the error.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms, plots
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, n_starts=2, random_state=0)
    >>> len(plots.convergence(result).lines) >= 2
    True
    """
    if not result.convergence:
        raise ValueError(f"{result.method} keeps no loss of its iterations: there is no convergence to plot")
    if ax is None and len(result.changes):
        ax, beside = new_axes(None, 1, 2, figsize=(8, 3.3))
        _changes(result, beside)
    ax = new_axes(ax)
    best = int(np.argmin(result.losses))
    floor = min(history.min() for history in result.convergence)
    # Noise-free data may be fitted exactly: then the first loss is the measure.
    scale = floor or max(history[0] for history in result.convergence) or 1.0
    for i, history in enumerate(result.convergence):
        label = f"start {i}" + (" (kept)" if i == best else "")
        ax.plot(np.arange(1, len(history) + 1), (history - floor) / scale, lw=2 if i == best else 1, label=label)
    ax.set_yscale("symlog", linthresh=1e-6)
    ax.set_ylabel("error above the lowest, relative" if floor else "error / first error")
    if len(result.convergence) <= 10:
        ax.legend()
    _iterations(ax)
    return ax


def _changes(result, ax):
    """Relative L1 change of patterns (full lines) and maps (dashed) per iteration (Kimoto 2025, Fig. 7b and c)."""
    best = int(np.argmin(result.losses))
    for i, changes in enumerate(result.changes):
        changes = np.where(changes > 0, np.maximum(changes, _NO_CHANGE), changes)
        steps, width = np.arange(1, len(changes) + 1), 2 if i == best else 1
        for column, (style, name) in enumerate((("-", "patterns"), ("--", "maps"))):
            ax.plot(steps, changes[:, column], style, color=f"C{i % 10}", lw=width, label=name if i == best else None)
    if any((changes > 0).any() for changes in result.changes):
        ax.set_yscale("log")
    tolerance = result.settings.get("tol")
    if tolerance:
        ax.axhline(tolerance, color=colours.POINTS, lw=0.8, zorder=0)
    ax.set_ylabel("relative change, sum of |differences|")
    ax.legend()
    _iterations(ax)


def _iterations(ax):
    ax.set_xscale("log")
    ax.set_xlabel("iteration")
    open_frame(ax)
