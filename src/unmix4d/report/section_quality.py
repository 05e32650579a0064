"""Sections of how good the result is: residuals, convergence, and components compared with the raw data."""

from __future__ import annotations

from ..core.errors import ChangedData
from . import page
from .figures import figure, figures

__all__ = ["fit", "quality"]

_TO_A_FIGURE, _MOST = 6, 60
_WORDS = {
    "component": "component", "n_positions": "positions", "ssim": "SSIM", "psnr": "PSNR (dB)", "gmsd": "GMSD",
    "mdsi": "MDSI", "cross_correlation": "cross-correlation", "noise_mean": "noise of the mean",
    "noise_single": "noise of one pattern",
}  # fmt: skip


def fit(parts) -> str:
    """Residual map, and the convergence of iterative methods."""
    from .. import plots

    result, made = parts.result, []
    try:
        calibration = result.geometry.calibration
        drawn = plots.scan_map(result.residual_map(), step=calibration.step, unit=calibration.step_unit)
        _with_colours(drawn)
        caption = "Root mean square of data minus reconstruction at every position, in the unit of the data."
        made.append(figure(drawn.axes, "residual map", caption))
    except ChangedData:
        raise
    except ValueError as error:
        made.append(page.paragraph(f"The residual map is left out: {error}.", "left-out"))
    if result.convergence:
        caption = "Error of the weighted and compressed data above the lowest, and how much patterns and maps still change."
        made.append(figure(result.plot_convergence(), "convergence of every start", caption))
    return "\n".join(made)


def _with_colours(drawn):
    """A colour bar, where the map is an image and no line."""
    if hasattr(drawn, "get_cmap"):
        drawn.axes.figure.colorbar(drawn, ax=drawn.axes, shrink=0.8)


def quality(parts) -> str:
    """Each component beside the mean raw pattern it stands for, and how alike the components are."""
    result, made = parts.result, []
    try:
        made += _beside_raw(result.report_quality())
    except ChangedData:
        raise
    except ValueError as error:
        made.append(page.paragraph(f"The comparison with the raw data is left out: {error}.", "left-out"))
    if result.k > 1:
        likeness = result.pattern_similarity("cross_correlation", scale="sqrt")
        caption = "Cross-correlation of all pairs of component patterns, on square roots: 1 is the same pattern."
        made.append(figure(likeness.plot(), "similarity of the patterns", caption))
    return "\n".join(made)


def _beside_raw(report):
    table = page.table({word: report.table[name] for name, word in _WORDS.items()})
    caption = "Mean raw pattern of each label, its reconstruction, and their difference."
    return [table, *figures(report.plot, len(report), _TO_A_FIGURE, "quality of components", caption, _MOST)]
