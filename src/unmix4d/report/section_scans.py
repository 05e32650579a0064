"""The section of several scans: the course of the components, the maps of each scan, and the grains through all of them."""

from __future__ import annotations

from functools import partial

from ..core.series import names_of
from ..plots.series import chosen_scans
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
    columns = {
        "scan": names,
        "positions (rows x columns)": [" x ".join(map(str, one.geometry.scan_shape)) for one in each],
        "mean squared error": [one.loss for one in each],
    }
    made.append(page.table(columns))
    drawn = chosen_scans(None, len(each))
    for i in drawn:
        made += _of_one(result, each[i], i, names[i])
    if len(drawn) < len(each):
        made.append(page.paragraph(f"{len(drawn)} of {len(each)} scans are drawn; all are in the tables."))
    tracks = result.track_grains()
    if len(tracks):
        caption = "Grains through the scans: as thick as they are large; dotted: splits, merges, is replaced."
        made.append(figure(tracks.plot(), "grains through the scans", caption))
        made.append(page.table({name: column[:_MOST_GRAINS] for name, column in tracks.table.items()}))
    return "\n".join(made)


def _of_one(result, own, i, name):
    """What one scan is, and its maps, on the scale that each component has in all scans."""
    geometry = own.geometry
    rows, cols = geometry.scan_shape
    shares = (f"{one}: {100 * share:.3g} %" for one, share in zip(result.names, own.explained))
    facts = page.facts([
        ("positions", f"{rows} x {cols}, {geometry.calibration.describe_step()}"),
        ("mean squared error", own.loss),
        (f"share of the {own.meaning.shares_of}", ", ".join(shares)),
    ])  # fmt: skip
    draw = partial(result.plot_series, scans=[i])
    made = figures(draw, result.k, _COLUMNS, f"maps of scan {i}", "One scale for each component, over all scans.")
    return [f"<h3>Scan {page.escape(name)}</h3>", facts, *made]
