"""The section of several scans: the course of the components, the maps of each scan, and the grains through all of them."""

from __future__ import annotations

import numpy as np

from ..core.series import names_of
from . import page
from .figures import figure, figures

__all__ = ["scans"]

_COLUMNS = 6  # of maps beside each other, in a page as wide as a notebook
_MOST_GRAINS = 100


def scans(parts) -> str:
    """What of each component is in which scan; one row of maps for each scan."""
    result = parts.result
    series, each, names = result.series(), result.scans, names_of(result.geometry, result.host)
    made = [figure(series.plot(), "amounts of the components", "Share of the intensity; open marks: not present.")]
    made.append(page.table({name: column for name, column in series.table.items()}))
    shapes = [" x ".join(map(str, one.geometry.scan_shape)) for one in each]
    columns = {
        "scan": names,
        "positions (rows x columns)": shapes,
        "mean squared error": np.array([one.loss for one in each]),
    }
    made.append(page.table(columns))
    caption = "Maps of every scan, one row each; one scale for each component."
    made += figures(result.plot_series, result.k, _COLUMNS, "maps of the scans", caption)
    tracks = result.track_grains()
    if len(tracks):
        caption = "Grains through the scans: as thick as they are large; dotted: splits, merges, is replaced."
        made.append(figure(tracks.plot(), "grains through the scans", caption))
        made.append(page.table({name: column[:_MOST_GRAINS] for name, column in tracks.table.items()}))
    return "\n".join(made)
