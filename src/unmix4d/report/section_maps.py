"""Sections of where components are: overlap, grains, groups, orientations."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import page
from .figures import figure, figures

__all__ = ["overlap", "grains", "groups", "orientations"]

_MOST_ROWS = 200
_TO_A_FIGURE = 12
_GRAIN_COLUMNS = ("grain", "component", "n_positions", "area", "equivalent_diameter", "feret_max", "feret_min",
                  "orientation_deg", "mean_weight", "overlap", "touches_edge")  # fmt: skip


def overlap(parts) -> str:
    """The colour image of all maps, the ratio of the two largest weights, and its areas."""
    found = parts.result.overlap()
    areas = dict(found.areas)
    columns = {
        "ratio at least": areas["threshold"], "positions": areas["n_positions"], f"area ({found.area_unit})": areas["area"],
        "share of the scan (%)": 100 * areas["share"],
    }  # fmt: skip
    caption = "All maps in one image, each up to its own maximum; components spread over the scan are grey."
    return "\n".join([
        figure(parts.result.composite(), "colour image of all maps", caption),
        figure(found.plot(), "ratio of the second largest to the largest weight", "Second largest over largest weight."),
        page.table(columns),
    ])  # fmt: skip


def grains(parts) -> str:
    """Figure, sizes and table of the grains."""
    given = parts.grains is not None
    found = parts.grains if given else parts.result.grains()
    how = f"threshold {found.settings['threshold']}, at least {found.settings['min_positions']} positions"
    made = [page.paragraph(f"{len(found)} grains ({how}{'' if given else ', the default'}).")]
    if found.background:
        names = ", ".join(found.result.names[i] for i in found.background)
        made.append(page.paragraph(f"Background, spread over the scan or said to be: component {names}."))
    if len(found) == 0:
        return "\n".join(made)
    made.append(figure(found.plot(), "boundaries of the grains", "Boundaries over the share of the strongest component."))
    if len(found) >= 5:
        made.append(figure(found.plot_sizes(), "histogram of the sizes", "Equivalent diameters."))
    table, units = found.table, found.units
    columns = [name for name in ("grain", "component", "name", *_GRAIN_COLUMNS[2:]) if name in table]
    made.append(page.table({_heading(name, units.get(name, "")): table[name][:_MOST_ROWS] for name in columns}))
    if len(found) > _MOST_ROWS:
        made.append(page.paragraph(f"The first {_MOST_ROWS} of {len(found)} grains: grains().to_csv(path) writes all."))
    return "\n".join(made)


def _heading(name, unit):
    words = {"n_positions": "positions", "orientation_deg": "orientation", "touches_edge": "touches an edge"}
    return words.get(name, name.replace("_", " ")) + (f" ({unit})" if unit else "")


def groups(parts) -> str:
    """The tree of rotated copies, the groups and their members."""
    given = parts.groups is not None
    found = parts.groups if given else parts.result.group_rotated()
    what = "components" if found.members is not None else "positions"
    how = "" if given else ", by the default rule"
    made = [page.paragraph(f"{len(found)} groups of {int(found.sizes.sum())} {what}{how}.")]
    if len(found.linkage):
        caption = "The tree of diffraction similarity, and the average pattern of each group."
        made.append(figure(found.plot_dendrogram(), "dendrogram", caption))
    caption = "Average patterns, members rotated back, above their maps."
    made += figures(found.plot, len(found), _TO_A_FIGURE, "groups", caption)
    columns: dict[str, Any] = {"group": range(len(found)), "members": found.sizes}
    if found.members is not None:
        columns["components"] = [", ".join(map(str, np.flatnonzero(found.labels == i))) for i in range(len(found))]
        columns["angles (°)"] = [_angles(found, i) for i in range(len(found))]
    columns["symmetry"] = ["amorphous" if order == 0 else f"{order}-fold" for order in found.symmetry]
    return "\n".join([*made, page.table(columns)])


def _angles(found, i):
    angles = found.angles_deg[found.labels == i]
    return ", ".join("–" if np.isnan(angle) else f"{angle:.1f}" for angle in angles)


def orientations(parts) -> str:
    """The map of orientations that was given."""
    if parts.orientations is None:
        raise ValueError("no orientations were given: report(path, orientations=result.orientations(...))")
    return figure(parts.orientations.plot(), "orientation map", "Orientation of the strongest component of each position.")
